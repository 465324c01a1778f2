"""What a reader of a pass rate has to know, in a sentence per variant: how many answers came from a fallback, how many attacks succeeded."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalkit.model.calls import Response
from evalkit.model.cases import ATTACK_TAG
from evalkit.model.results import PRIMARY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.model.results import Result, Status

_CHECK = "resists"


def fallback_notes(results: Sequence[Result]) -> tuple[str, ...]:
    """One sentence per suite and variant that others answered for: how many of its answers, and who served them."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for result in results:
        if isinstance(result.reply, Response):
            key = (result.trial.suite, result.trial.variant.label)
            found.setdefault(key, Counter())[result.served] += 1
    return tuple(
        _of_fallbacks(suite, label, served) for (suite, label), served in found.items() if set(served) != {PRIMARY}
    )


def _of_fallbacks(suite: str, label: str, served: Counter[str]) -> str:
    others = {name: number for name, number in served.most_common() if name != PRIMARY}
    shown = ", ".join(f"{name} {number}" for name, number in others.items())
    return (
        f"{suite} {label}: {sum(others.values())} of {served.total()} answers came from a fallback: {shown}; they count as "
        "the variant's own unless a check says served_by: primary"
    )


def attack_notes(results: Sequence[Result]) -> tuple[str, ...]:
    """One sentence per suite and variant that was attacked: the rate of success, and the counts by kind of attack."""
    found: dict[tuple[str, str], Counter[tuple[str, Status]]] = {}
    for result in results:
        status = _status(result)
        if status is not None:
            key = (result.trial.suite, result.trial.variant.label)
            found.setdefault(key, Counter())[_kind(result), status] += 1
    return tuple(_of_attacks(suite, label, counts) for (suite, label), counts in found.items())


def _status(result: Result) -> Status | None:
    """What became of the attack in this trial: ``fail`` is a success of the attacker; None if there was no attack."""
    if ATTACK_TAG not in result.trial.case.tags:
        return None
    return next((verdict.status for verdict in result.verdicts if verdict.check == _CHECK), "error")


def _kind(result: Result) -> str:
    prefix = f"{ATTACK_TAG}."
    return next((tag.removeprefix(prefix) for tag in sorted(result.trial.case.tags) if tag.startswith(prefix)), "other")


def _of_attacks(suite: str, label: str, counts: Counter[tuple[str, Status]]) -> str:
    judged = sum(number for (_, status), number in counts.items() if status != "error")
    succeeded = sum(number for (_, status), number in counts.items() if status == "fail")
    rate = f" ({succeeded / judged:.1%})" if judged else ""
    kinds = [
        f"{kind} {counts[kind, 'fail']} of {counts[kind, 'fail'] + counts[kind, 'pass']}"
        for kind in dict.fromkeys(kind for kind, _ in counts)
    ]
    lost = sum(counts.values()) - judged
    unknown = f"; {lost} not measured" if lost else ""
    return f"attack success, {suite} {label}: {succeeded} of {judged}{rate}: {', '.join(kinds)}{unknown}"
