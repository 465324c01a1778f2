"""Does a request fit? A refusal is sure, a doubt is only a doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evalkit.config import load_config
from evalkit.errors import ConfigError
from evalkit.metrics.tokens import TokenCount
from evalkit.metrics.windows import ContextWindow, Windows, fit

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.mark.parametrize("value", ["0", "-5", "1.5", "true", '"8k"'])
def test_a_window_is_a_whole_number(tmp_path: Path, value: str) -> None:
    """Anything else in the configuration is a mistake that names the model."""
    (tmp_path / "pyproject.toml").write_text(f'[tool.evalkit.models."local/m"]\ncontext_window = {value}\n', "utf-8")
    with pytest.raises(ConfigError, match="local/m.*not a whole number above 0"):
        load_config(tmp_path)


@pytest.mark.parametrize("value", ["-1", "inf", "nan", "true", '"1"'])
def test_a_price_is_a_number(tmp_path: Path, value: str) -> None:
    """Neither negative nor endless."""
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.evalkit.prices."local/m"]\ninput_usd_per_mtok = {value}\n', "utf-8"
    )
    with pytest.raises(ConfigError, match="local/m.*not a price"):
        load_config(tmp_path)
