"""Paired gates on a pass rate: no worse by more than a margin, or better by at least so much."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.estimate import rate_change
from evalkit.compare.gates.contest import POWER, cases_to_show, show_advice
from evalkit.compare.gates.single import nothing_run, rate_name
from evalkit.compare.statistics.sizes import min_cases, required_cases, smallest_margin

if TYPE_CHECKING:
    from evalkit.compare.estimate import RateChange
    from evalkit.compare.gates.contest import Contest
    from evalkit.compare.gates.finding import Finding
    from evalkit.model.calls import JSON


def judge_rate(contest: Contest) -> Finding:
    """``no_regression`` or ``better_than`` on a pass rate, by the paired score interval."""
    found = rate_change(contest.cases, contest.gate.confidence)
    return nothing_run(contest.gate) if found is None else judge_change(contest, found)


def judge_change(contest: Contest, found: RateChange) -> Finding:
    """The change of a mean in [0, 1], by its interval; as :func:`judge_rate`."""
    facts = (
        f"{rate_name(contest.gate)} {words.percent(found.a.rate)} → {words.percent(found.b.rate)}, "
        f"{words.points(found.change)} ({words.points_interval(found.interval)}) {contest.coverage}"
    )
    numbers: dict[str, JSON] = {
        "change": found.change,
        "lower": found.interval.lower,
        "upper": found.interval.upper,
        "n_eff": found.n_eff,
        "p": found.p,
        "p_worse": found.p_worse,
    }
    judge = _better_than if contest.gate.kind == "better_than" else _no_regression
    return judge(contest, found, facts, numbers)


def _no_regression(contest: Contest, found: RateChange, facts: str, numbers: dict[str, JSON]) -> Finding:
    margin, interval = contest.margin, found.interval
    needs = Needs.of(found, margin=margin, confidence=contest.gate.confidence)
    numbers |= {
        "floor_n": needs.floor,
        "required_n": needs.required,
        "need_more": 0 if interval.lower > -margin or interval.upper < 0.0 else max(0, needs.required - found.n),
        "smallest_margin": needs.smallest_margin,
        "repeats_needed": repeats_needed(found, margin=margin, confidence=contest.gate.confidence),
    }
    if interval.lower > -margin:
        text = f"a drop of {words.size(margin)} or more is ruled out"
        if interval.upper < 0.0:
            text = f"passed, but {contest.b_name} is worse than {contest.a_name}, within the margin of {words.size(margin)}"
        return contest.finding("passed", facts, text, numbers=numbers, fail_p=found.p_worse)
    if interval.upper < 0.0:
        extent = f"and a drop beyond {words.size(margin)} is not ruled out"
        if interval.upper < -margin:
            extent = f"by more than the allowed {words.size(margin)}"
        text = f"{contest.b_name} is worse than {contest.a_name}, {extent}"
        return contest.finding("failed", facts, text, numbers=numbers, fail_p=found.p_worse)
    text = f"a drop of more than {words.size(margin)} cannot be ruled out; {needs.advice(contest, found)}"
    return contest.finding("undecided", facts, text, numbers=numbers, fail_p=found.p_worse)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a ``no_regression`` gate needs to pass.

    ``floor``: cases (clusters, where there are any) without which no flip-free run can pass. ``required``: cases for an 80% chance if
    B is truly equal. ``smallest_margin``: what the present cases have an 80% chance to pass.
    """

    floor: int
    required: int
    smallest_margin: float

    @classmethod
    def of(cls, found: RateChange, *, margin: float, confidence: float) -> Needs:
        """Compute the needs from the observed flip rate. Above 1 (clusters that move together) it scales the cases instead."""
        spread, factor = min(1.0, found.flip_rate), max(1.0, found.flip_rate)
        required = required_cases(margin, flip_rate=spread, confidence=confidence, power=POWER)
        smallest = smallest_margin(found.n / factor, flip_rate=spread, confidence=confidence, power=POWER)
        return cls(min_cases(margin, confidence), math.ceil(factor * required), smallest)

    def advice(self, contest: Contest, found: RateChange) -> str:
        """What would decide the gate: more cases, more repeats, or a wider margin."""
        units, noun = (found.n, "case") if found.n_clusters is None else (found.n_clusters, "cluster")
        parts = []
        scored = contest.gate.scored is not None
        if units < self.floor:
            still = "if no score changes" if scored else "without a single flip"
            parts.append(f"{words.number_of(units, noun)} cannot pass this gate even {still} ({self.floor} needed)")
        if self.required > found.n:
            parts.append(
                f"{'if scores go on to vary like this,' if scored else 'at this flip rate'} about {self.required} cases ({self.required - found.n} more) give an 80% chance to "
                f"pass if {contest.b_name} is really no worse"
            )
        elif not parts:
            parts.append(f"{found.n} cases would have been enough if {contest.b_name} were no worse; more would tell")
        if self.smallest_margin > contest.margin:
            parts.append(f"or set a margin of {words.size(math.ceil(self.smallest_margin * 1000) / 1000)}")
        gate = contest.gate
        return "; ".join([*parts, *_repeat_advice(found, margin=contest.margin, confidence=gate.confidence)])


_MOST_REPEATS = 64


def repeats_needed(found: RateChange, *, margin: float, confidence: float) -> int | None:
    """The fewest repeats per case, doubling from today's, that give these cases an 80% chance to pass if B is truly equal.

    None without repeats to judge by, or if no number up to 64 does: what varies between cases stays.
    """
    share, repeats = found.noise_share, found.repeats
    if share is None or repeats is None:
        return None
    more = 2 * repeats
    while more <= _MOST_REPEATS:
        spread = found.flip_rate * (1.0 - share + share * repeats / more)
        if required_cases(margin, flip_rate=min(1.0, spread), confidence=confidence, power=POWER) <= found.n:
            return more
        more *= 2
    return None


def _repeat_advice(found: RateChange, *, margin: float, confidence: float) -> list[str]:
    share = found.noise_share
    if share is None:
        return []
    text = f"{share:.0%} of the uncertainty is repeats disagreeing"
    enough = repeats_needed(found, margin=margin, confidence=confidence)
    if enough is not None and share >= 0.5:
        return [f"{text}, so more repeats help: {enough} each would do with these cases"]
    spread = min(1.0, found.flip_rate * (1.0 - share))
    least = smallest_margin(found.n, flip_rate=spread, confidence=confidence, power=POWER)
    limit = f"repeats alone cannot get below a margin of {words.size(math.ceil(least * 1000) / 1000)}"
    return [f"{text}: more cases help most" + ("" if enough is not None else f", and {limit}")]


def _better_than(contest: Contest, found: RateChange, facts: str, numbers: dict[str, JSON]) -> Finding:
    by, a, b = contest.margin, contest.a_name, contest.b_name
    extent = f" by more than {words.size(by)}" if by else ""
    if found.interval.lower > by:
        return contest.finding("passed", facts, f"{b} is better than {a}{extent}", numbers=numbers)
    if found.interval.upper < by:
        text = f"{b} is not better than {a}{extent}" if by else f"{b} is worse than {a}"
        return contest.finding("failed", facts, text, numbers=numbers)
    half_width = found.change - found.interval.lower
    required = cases_to_show(
        found.n, half_width=half_width, distance=found.change - by, confidence=contest.gate.confidence
    )
    numbers |= {"required_n": required, "need_more": None if required is None else required - found.n}
    text = f"it cannot be told whether {b} is better{extent}; {show_advice(required, found.n)}"
    return contest.finding("undecided", facts, text, numbers=numbers)
