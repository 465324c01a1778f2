"""Whether a request fits a model's context window, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evalkit.metrics.table import find_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.metrics.tokens import TokenCount

Fit = Literal["fits", "unsure", "overflow"]

_MARGINS = {"tokenizer": 1.05, "estimate": 1.5}
"""How far a count may be above the truth: providers frame messages and rewrite schemas; a text may have six bytes per token."""

_TABLE_MARGIN = 1.05
"""The table rounds some windows down (1,047,576 tokens are 1,000,000 there)."""


@dataclass(frozen=True, slots=True)
class ContextWindow:
    """How many tokens a model reads. ``stated``: the project says so; else the table of ``genai-prices`` does."""

    tokens: int
    stated: bool


class Windows:
    """Context windows by ``provider/model``, looked up once per model.

    ``models`` is ``[tool.evalkit.models]``; its ``context_window`` wins over the table of the package ``genai-prices``.
    """

    def __init__(self, models: Mapping[str, Mapping[str, int]]) -> None:
        self._models = models
        self._known: dict[str, ContextWindow | None] = {}

    def of(self, model: str) -> ContextWindow | None:
        """The window of ``model``; None if nobody knows it."""
        if model not in self._known:
            self._known[model] = self._look_up(model)
        return self._known[model]

    def stated(self, model: str) -> bool:
        """Whether the project itself gives the window of ``model``."""
        return "context_window" in self._models.get(model, {})

    def _look_up(self, model: str) -> ContextWindow | None:
        if self.stated(model):
            return ContextWindow(self._models[model]["context_window"], stated=True)
        found = None if model.startswith("scripted/") else find_model(model)
        tokens = None if found is None else found.context_window
        return None if tokens is None else ContextWindow(tokens, stated=False)


def fit(count: TokenCount, window: ContextWindow, *, output_tokens: int = 0) -> Fit:
    """Say whether an input of ``count`` tokens and an answer of ``output_tokens`` fit ``window``.

    ``overflow`` only if the input alone is too long even after the margin of the count (5% for a tokenizer, half as much again for an
    estimate) and of the table (5%): whoever is refused must be sure not to have fitted.
    """
    if count.tokens + output_tokens <= window.tokens:
        return "fits"
    margin = _MARGINS[count.method] * (1.0 if window.stated else _TABLE_MARGIN)
    return "overflow" if count.tokens > window.tokens * margin else "unsure"
