"""The house rule behind the tables: whoever raises an error about a file also says what to do."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import evalkit

SOURCE = Path(evalkit.__file__).parent
ERRORS = {"EvalkitError", "ConfigError", "PromptError", "PromptChangedError", "SuiteError", "StoreError", "StoreLockedError", "RecordingError"}  # fmt: skip
ALLOWED = {
    "its checksum does not match",  # the reader that catches these adds where and what to do
    "it holds no record",
    "its call is missing",
    "record is not as it should be",
    "as JSON:",  # a value that evalkit itself made
    "could not judge:",  # the check's own reason says it
    "there is no prompt",  # no suite reaches this
    "problem",  # a whole sentence with what to do, from a provider
    "it is of run",
}


@cache
def without_hint() -> list[str]:
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS:
                names = {keyword.arg for keyword in node.keywords}
                if "hint" not in names and None not in names:
                    found.append(f"{path.relative_to(SOURCE)}:{node.lineno}: {' '.join(ast.unparse(node).split())}")
    return found


def test_every_error_says_what_to_do():
    """A message without a hint leaves its reader alone; the few without one are completed by their caller."""
    bare = [line for line in without_hint() if not any(part in line for part in ALLOWED)]
    assert not bare, "\n".join(bare)


@pytest.mark.parametrize("part", sorted(ALLOWED - {"problem"}))
def test_every_exception_to_the_rule_is_still_needed(part):
    """Else the list would grow into a way around the rule."""
    assert any(part in line for line in without_hint())
