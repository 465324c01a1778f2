"""The reference numbers, as parameters for tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ITEMS = json.loads((Path(__file__).parent / "data" / "golden.json").read_text(encoding="utf-8"))["items"]


def golden(*prefixes: str) -> list:
    """The items whose id begins with one of ``prefixes``; all without one."""
    items = [item for item in ITEMS if item["id"].startswith(prefixes or "")]
    assert items
    return [pytest.param(item, id=item["id"]) for item in items]


def counts(given: dict) -> tuple[int, int, int, int]:
    return tuple(given[key] for key in ("both_pass", "fixed", "broken", "both_fail"))
