"""How many answers came from a fallback, in a sentence per variant: a reader of the pass rate has to know."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalkit.model.calls import Response
from evalkit.model.results import PRIMARY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.model.results import Result


def fallback_notes(results: Sequence[Result]) -> tuple[str, ...]:
    """One sentence per suite and variant that others answered for: how many of its answers, and who served them."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for result in results:
        if isinstance(result.reply, Response):
            key = (result.trial.suite, result.trial.variant.label)
            found.setdefault(key, Counter())[result.served] += 1
    return tuple(
        _sentence(suite, label, served) for (suite, label), served in found.items() if set(served) != {PRIMARY}
    )


def _sentence(suite: str, label: str, served: Counter[str]) -> str:
    others = {name: number for name, number in served.most_common() if name != PRIMARY}
    shown = ", ".join(f"{name} {number}" for name, number in others.items())
    return (
        f"{suite} {label}: {sum(others.values())} of {served.total()} answers came from a fallback: {shown}; they count as "
        "the variant's own unless a check says served_by: primary"
    )
