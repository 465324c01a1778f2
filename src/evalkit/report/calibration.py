"""A judge beside people, as values, as lines for a terminal and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.compare.statistics.interval import Interval
    from evalkit.compare.stats import CorrectedRate, Rectified
    from evalkit.model.calls import JSON

FEW = 30
"""Below this many labels of one kind, sensitivity or specificity is little more than a guess."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its counts and interval."""

    count: int
    of: int
    interval: Interval

    def __str__(self) -> str:
        return (
            f"{words.percent(self.count / self.of)} ({self.count} of {self.of}, {words.rate_interval(self.interval)})"
        )


@dataclass(frozen=True, slots=True)
class CorrectedVariant:
    """One variant's rate as judged, and what it is likely to be.

    ``corrected`` is by sensitivity and specificity (Rogan & Gladen 1978), None if the judge is no better than chance or one of them is
    unknown; ``rectified`` by the labels on this variant's own answers (prediction-powered inference), None without any.
    """

    label: str
    judged_pass: int
    judged: int
    corrected: CorrectedRate | None
    rectified: Rectified | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """One check beside people: the four counts, and what follows. ``split`` labels are divided, ``errors`` verdicts could not be judged."""

    suite: str
    check: str
    both_pass: int
    person_pass_judge_fail: int
    person_fail_judge_pass: int
    both_fail: int
    errors: int
    split: int
    agreement: float
    kappa: float | None
    kappa_interval: Interval | None
    sensitivity: Share | None
    specificity: Share | None
    youden_j: float | None
    variants: tuple[CorrectedVariant, ...]

    @property
    def labelled(self) -> int:
        """Answers with a label and a verdict."""
        return self.both_pass + self.person_pass_judge_fail + self.person_fail_judge_pass + self.both_fail

    @property
    def kappa_words(self) -> str:
        """Kappa with its interval."""
        if self.kappa is None:
            return "unknown: everybody always says the same"
        interval = self.kappa_interval
        if interval is None:
            return f"{_hundredths(self.kappa)} (of a single case: nobody knows how cases vary)"
        limits = f"{_hundredths(interval.lower)} to {_hundredths(interval.upper)}"
        return f"{_hundredths(self.kappa)} ({words.level(interval.confidence)} interval {limits})"


def _hundredths(value: float) -> str:
    text = f"{abs(value):.2f}"
    return f"−{text}" if value < 0.0 and float(text) else text


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """Every labelled check of one run. ``stored`` labels were added just now."""

    run_id: str
    stored: int
    checks: tuple[Calibration, ...]


def calibration_lines(report: CalibrationReport) -> Iterator[str]:
    """The report as text, check by check."""
    if report.stored:
        yield f"{words.number_of(report.stored, 'label')} stored with run {report.run_id}"
    for one in report.checks:
        yield from _check_lines(one, report.run_id)


def _check_lines(one: Calibration, run_id: str) -> Iterator[str]:
    yield f"{one.check} in {one.suite}: {words.number_of(one.labelled, 'labelled answer')} of run {run_id}"
    if one.errors or one.split:
        yield f"  left out: {one.errors} that the check could not judge, {one.split} that people are divided about"
    yield "                 judge passes   judge fails"
    yield f"  people pass  {one.both_pass:14,} {one.person_pass_judge_fail:13,}"
    yield f"  people fail  {one.person_fail_judge_pass:14,} {one.both_fail:13,}"
    yield f"  agreement {words.percent(one.agreement)}, kappa {one.kappa_words}"
    yield f"  sensitivity {_share(one.sensitivity, 'passes')}"
    yield f"  specificity {_share(one.specificity, 'fails')}"
    yield f"  {_warning(one)}"
    for variant in one.variants:
        yield f"  {variant.label}: {_corrected(variant)}"


def _share(share: Share | None, kind: str) -> str:
    if share is None:
        return f"unknown: no answer that people say {kind} was labelled"
    few = f"; only {share.of} labels, {FEW} or more would tell" if share.of < FEW else ""
    return f"{share}{few}"


def _warning(one: Calibration) -> str:
    """What a gate on this check must know."""
    j = one.youden_j
    if j is None:
        return "how much of a true difference this judge shows is unknown: label passing and failing answers"
    if j <= 0:
        return f"J = {j:.2f}: this judge agrees with people no better than chance; nothing should depend on it"
    return (
        f"J = sensitivity + specificity − 1 = {j:.2f}: a true difference of 5 pp shows as {words.plain(round(5 * j, 1))} pp, so a "
        f"gate on this check needs {words.plain(round(5 * j, 1))}pp as its margin where you mean 5pp"
    )


def _corrected(variant: CorrectedVariant) -> str:
    raw = f"judged {words.percent(variant.judged_pass / variant.judged)} ({variant.judged_pass}/{variant.judged})"
    if variant.corrected is None:
        return f"{raw}, cannot be corrected"
    text = f"{raw} → corrected {words.percent(variant.corrected.corrected)} ({words.rate_interval(variant.corrected.interval)})"
    if variant.rectified is not None:
        found = variant.rectified
        text += f"; from its own labels {words.percent(found.mean)} ({words.rate_interval(found.interval)})"
    return text


def calibration_json(report: CalibrationReport) -> dict[str, JSON]:
    """The report as plain JSON, schema ``evalkit.calibration/1``. Unknown values are null."""
    return {
        "schema": "evalkit.calibration/1",
        "run_id": report.run_id,
        "stored": report.stored,
        "checks": [_check_json(one) for one in report.checks],
    }


def _check_json(one: Calibration) -> dict[str, JSON]:
    return {
        "suite": one.suite,
        "check": one.check,
        "both_pass": one.both_pass,
        "person_pass_judge_fail": one.person_pass_judge_fail,
        "person_fail_judge_pass": one.person_fail_judge_pass,
        "both_fail": one.both_fail,
        "errors": one.errors,
        "split": one.split,
        "agreement": one.agreement,
        "kappa": one.kappa,
        "kappa_interval": _interval(one.kappa_interval),
        "sensitivity": _share_json(one.sensitivity),
        "specificity": _share_json(one.specificity),
        "youden_j": one.youden_j,
        "variants": [
            {
                "label": variant.label,
                "judged_pass": variant.judged_pass,
                "judged": variant.judged,
                "corrected": None if variant.corrected is None else variant.corrected.corrected,
                "corrected_interval": None if variant.corrected is None else _interval(variant.corrected.interval),
                "rectified": None if variant.rectified is None else variant.rectified.mean,
                "rectified_interval": None if variant.rectified is None else _interval(variant.rectified.interval),
            }
            for variant in one.variants
        ],
    }


def _share_json(share: Share | None) -> JSON:
    if share is None:
        return None
    return {"rate": share.count / share.of, "count": share.count, "of": share.of, "interval": _interval(share.interval)}


def _interval(interval: Interval | None) -> JSON:
    if interval is None:
        return None
    return {"lower": interval.lower, "upper": interval.upper, "method": interval.method}
