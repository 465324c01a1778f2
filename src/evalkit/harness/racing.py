"""Races: which suites can be raced, whom to ask next, and what a finished race found, saved, and costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.compare import compare
from evalkit.compare.gates.sequential import place
from evalkit.compare.races.race import Race, unit_of
from evalkit.compare.races.result import dropped_because, race_result
from evalkit.compare.standing import corrected
from evalkit.compare.values import Side
from evalkit.errors import SuiteError
from evalkit.harness.spending import answered
from evalkit.metrics.summary import total
from evalkit.model.results import GateOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evalkit.compare.races.result import RaceResult
    from evalkit.compare.values import Comparison
    from evalkit.harness.before.planning import SuitePlan
    from evalkit.model.cases import PlannedTest
    from evalkit.model.results import Measurement, Result
    from evalkit.store.journal.reader import RunRecords

_MARK = "race: "
"""What the reasons of skipped cases begin with."""


class Races:
    """Every suite of a session as a race of its variants over ``tests``, by the suite's path.

    ``elsewhere`` brings what other processes measured since it was last asked. Raises SuiteError for a suite with one variant.
    """

    def __init__(
        self,
        plans: Iterable[SuitePlan],
        tests: Iterable[PlannedTest],
        *,
        confidence: float,
        elsewhere: Callable[[], Iterable[Result]] = list,
    ) -> None:
        self._elsewhere = elsewhere
        chosen: dict[str, list[PlannedTest]] = {}
        for test in tests:
            chosen.setdefault(test.trials[0].suite_path, []).append(test)
        self._suites = {
            plan.spec.path: _start(plan, chosen[plan.spec.path], confidence)
            for plan in plans
            if plan.spec.path in chosen
        }

    def place(self, test: PlannedTest) -> tuple[str, str] | None:
        """Where ``test`` stands among those of its suite: all variants of a case together, and all cases of a cluster, by a hash."""
        trial = test.trials[0]
        if trial.suite_path not in self._suites:
            return None
        return trial.suite_path, place(unit_of(trial.case.id, trial.case.cluster)) + place(trial.case.id)

    def heard(self, results: Iterable[Result]) -> None:
        """Take note of what was measured."""
        for result in results:
            race = self._suites.get(result.trial.suite_path)
            if race is not None:
                race.heard(result.measurement())

    def left_out(self, test: PlannedTest) -> None:
        """Take note that ``test`` was skipped by somebody else: its case is no part of the race."""
        race = self._suites.get(test.trials[0].suite_path)
        if race is not None:
            race.left_out(test.trials[0].case.id)

    def reason(self, test: PlannedTest) -> str | None:
        """Why ``test`` need not be asked; None if it must be."""
        race = self._suites.get(test.trials[0].suite_path)
        if race is None:
            return None
        self.heard(self._elsewhere())
        label = test.trials[0].variant.label
        drop = next((drop for drop in race.drops if drop.label == label), None)
        if drop is not None:
            return f"{_MARK}{words.shown(label)} was {dropped_because(drop)}"
        return f"{_MARK}decided, {words.shown(race.winner)} is the best" if race.winner else None


def _start(plan: SuitePlan, tests: Sequence[PlannedTest], confidence: float) -> Race:
    labels = list(dict.fromkeys(test.trials[0].variant.label for test in tests))
    if len(labels) < 2:
        raise SuiteError(
            "a race needs two variants or more, and here is one",
            hint="give the suite variants:, models: or a grid: of parameters",
            where=plan.spec.where,
        )
    cases = [test.trials[0].case for test in tests]
    clusters = {case.id: case.cluster for case in cases if case.cluster is not None}
    return Race(
        {case.id for case in cases}, labels, confidence=confidence, repeats=len(tests[0].trials), clusters=clusters
    )


@dataclass(frozen=True, slots=True)
class Raced:
    """A finished race of one suite: its ``result``, what it asked of what there was, and the comparisons of those that are left."""

    plan: SuitePlan
    result: RaceResult
    savings: str
    numbers: dict[str, int | float | None]
    comparisons: tuple[Comparison, ...]

    def outcome(self) -> GateOutcome:
        """The race as a gate: passed if there is a winner, else undecided."""
        found = self.result
        claim = "right" if found.winner else "the best is among those that are left"
        return GateOutcome(
            gate=f"race of {len(found.labels)} variants",
            suite=self.plan.spec.name,
            suite_path=self.plan.spec.path,
            variant=found.winner or f"{len(found.left)} of {len(found.labels)} left",
            status="passed" if found.winner else "undecided",
            reason=f"{found.sentence} ({claim} in at least {words.level(found.confidence)} of such races).",
            numbers={**found.numbers(), **self.numbers},
        )

    @property
    def note(self) -> str:
        """What it saved, for a reader of the run."""
        return f"race of {words.shown(self.plan.spec.name)}: {self.savings}"


def races_of(records: RunRecords, plans: Sequence[SuitePlan], *, confidence: float) -> tuple[Raced, ...]:
    """What the races of a run found, from its records: the same as was found while it ran. Suites of which nothing ran are left out."""
    return tuple(_raced(records, plan, confidence) for plan in plans if _selected(records, plan))


def _selected(records: RunRecords, plan: SuitePlan) -> list[PlannedTest]:
    chosen = set(records.planned_tests)
    return [test for test in plan.tests if test.test_id in chosen]


def _raced(records: RunRecords, plan: SuitePlan, confidence: float) -> Raced:
    tests = _selected(records, plan)
    race = _start(plan, tests, confidence)
    foreign = {skip.test_id for skip in records.skips if not skip.reason.startswith(_MARK)}
    for test in tests:
        if test.test_id in foreign:
            race.left_out(test.trials[0].case.id)
    results = [one for one in records.results if one.trial.suite_path == plan.spec.path and not one.pending]
    rows: dict[str, list[Measurement]] = {test.trials[0].variant.label: [] for test in tests}
    for result in results:
        row = result.measurement()
        rows[row.label].append(row)
        race.heard(row)
    if not race.waiting:
        race.last_look()
    found = race_result(race, rows, suite=plan.spec.name, confidence=confidence)
    planned = dict.fromkeys(rows, 0)
    for test in tests:
        planned[test.trials[0].variant.label] += len(test.trials)
    saved = _Saved.of(results, planned)
    return Raced(plan, found, str(saved), saved.numbers(), _beside_leader(plan, rows, found))


@dataclass(frozen=True, slots=True)
class _Saved:
    """What a race asked of what there was. Costs in US dollars, judges included, as answers cost or would have cost; None if unknown."""

    asked: int
    planned: int
    cost_usd: float | None
    saved_usd: float | None

    @classmethod
    def of(cls, results: Sequence[Result], planned: dict[str, int]) -> _Saved:
        """A trial that was not asked would have cost what the variant's others cost on average."""
        costs: dict[str, list[float | None]] = {label: [] for label in planned}
        for result in results:
            calls = [call for call in (result.call, *result.followups) if answered(call)]
            costs[result.trial.variant.label].append(total([0.0, *(call.cost_usd for call in calls)]))
        sums = {label: total(values) for label, values in costs.items()}
        saved = [
            None
            if cost is None or not costs[label]
            else cost / len(costs[label]) * (planned[label] - len(costs[label]))
            for label, cost in sums.items()
        ]
        return cls(len(results), sum(planned.values()), total(list(sums.values())), total(saved))

    def numbers(self) -> dict[str, int | float | None]:
        """For JSON and the report."""
        return {"asked": self.asked, "planned": self.planned, "cost_usd": self.cost_usd, "saved_usd": self.saved_usd}

    def __str__(self) -> str:
        left = self.planned - self.asked
        text = f"asked {self.asked:,} of {self.planned:,} trials, saved {left:,} ({left / self.planned:.0%})"
        if self.cost_usd is None or self.saved_usd is None:
            return f"{text}; what that saved is unknown, because a price is"
        everything = self.cost_usd + self.saved_usd
        if everything == 0.0:
            return text
        share = self.saved_usd / everything
        return f"{text}; about {words.usd(self.saved_usd)} saved of {words.usd(everything)} ({share:.0%})"


def _beside_leader(plan: SuitePlan, rows: dict[str, list[Measurement]], found: RaceResult) -> tuple[Comparison, ...]:
    """Of those that are left, the first against every other. Whoever was dropped has no interval: the race stopped when it liked what it saw."""
    if found.winner or found.waiting:
        return ()
    leader = rows[found.left[0]]
    return corrected([
        compare(
            rows[label],
            leader,
            a_side=Side(rows[label][0].variant, label),
            b_side=Side(leader[0].variant, found.left[0]),
            suite=plan.spec.name,
        )
        for label in found.left[1:]
    ])
