"""Does a request fit? A refusal is sure, a doubt is only a doubt."""

from __future__ import annotations

import pytest

from evalkit.metrics.tokens import TokenCount
from evalkit.metrics.windows import ContextWindow, Windows, fit

STATED = ContextWindow(1000, stated=True)
TABLE = ContextWindow(1000, stated=False)


@pytest.mark.parametrize(
    ("window", "method", "tokens", "expected"),
    [
        (STATED, "tokenizer", 1000, "fits"),
        (STATED, "tokenizer", 1050, "unsure"),
        (STATED, "tokenizer", 1051, "overflow"),
        (TABLE, "tokenizer", 1100, "unsure"),
        (TABLE, "tokenizer", 1103, "overflow"),
        (STATED, "estimate", 1500, "unsure"),
        (STATED, "estimate", 1501, "overflow"),
        (TABLE, "estimate", 1570, "unsure"),
        (TABLE, "estimate", 1576, "overflow"),
    ],
)
def test_a_refusal_is_beyond_every_doubt(window: ContextWindow, method: str, tokens: int, expected: str) -> None:
    """An estimate may be half as much again, a tokenizer and the table 5% each: only what is above all of that is refused."""
    assert fit(TokenCount(tokens, method), window) == expected  # type: ignore[arg-type]


def test_room_for_the_answer_is_a_doubt_only() -> None:
    """Providers differ in whether a limit on the answer must fit as well."""
    count = TokenCount(900, "tokenizer")
    assert fit(count, STATED, output_tokens=100) == "fits"
    assert fit(count, STATED, output_tokens=5000) == "unsure"


def test_the_projects_window_wins() -> None:
    """Then the table's, for providers it knows; nobody knows a window of one's own server or of a script."""
    windows = Windows({"openai/gpt-4o": {"context_window": 5}, "local/m": {"context_window": 7}, "local/n": {}})
    assert windows.of("openai/gpt-4o") == ContextWindow(5, stated=True)
    assert windows.of("local/m") == ContextWindow(7, stated=True)
    assert windows.of("openai/gpt-4") == ContextWindow(8192, stated=False)
    assert [windows.of(model) for model in ("local/n", "scripted/m", "openai/no-such")] == [None, None, None]
