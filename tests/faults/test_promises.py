"""The page of promises names tests: they are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))


def test_the_page_names_tests() -> None:
    """Each promise and nearly each fault has one."""
    assert len(NAMED) > 40
    promises = [line for line in PAGE.splitlines() if re.match(r"\| P\d \|", line)]
    assert [line.split("|")[1].strip() for line in promises] == [f"P{number}" for number in range(1, 9)]
    assert all("`tests/" in line for line in promises)


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_what_is_named_exists(path: str, name: str) -> None:
    """The file, and the test in it."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert not name or name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
