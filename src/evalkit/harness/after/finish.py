"""The end of a run: account for every planned trial, judge the gates, compare, store, report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.gates.judge import judge_run
from evalkit.harness.after.accounting import account_of, planned_of, trials_of
from evalkit.harness.after.lookback import look_back
from evalkit.harness.after.outputs import store_run, write_page, write_recordings
from evalkit.harness.after.reporting import with_summary
from evalkit.harness.after.summaries import call_counts, variant_summaries
from evalkit.harness.after.variant_notes import attack_notes, fallback_notes
from evalkit.harness.after.verdict import OUTCOMES, ExitCode, exit_code, verdict_sentence
from evalkit.harness.comparing.suites import (
    compare_stored,
    compare_variants,
    ranking,
    suite_gates,
    wants_stored,
    with_gates,
)
from evalkit.harness.facts import utc_now
from evalkit.harness.racing import races_of
from evalkit.harness.spending import price_facts
from evalkit.metrics.cost import Prices
from evalkit.report.values import RunReport
from evalkit.store.journal.reader import read_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalkit.compare.stored import StoredBaseline
    from evalkit.config import Config
    from evalkit.harness.after.verdict import Account
    from evalkit.harness.before.planning import Planner, SuitePlan
    from evalkit.harness.racing import Raced
    from evalkit.model.results import GateOutcome
    from evalkit.store.journal.reader import RunRecords


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished run: the report as a value, the exit code, where the HTML is, what went wrong while finishing, and what was ``recorded``."""

    report: RunReport
    exit_code: ExitCode
    html: Path | None
    problems: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()

    def with_problems(self, problems: Sequence[str]) -> Finished:
        """The same run with something more that went wrong: it exits with 3."""
        return replace(self, exit_code=ExitCode.NOT_MEASURED, problems=(*self.problems, *problems))

    def closing_lines(self) -> list[str]:
        """The last lines of the terminal summary."""
        lines = [*self.recorded, *(f"problem: {problem}" for problem in self.problems)]
        return [*lines, f"report: {self.html}"] if self.html is not None else lines


def finish_run(  # noqa: PLR0913 - a run, and what its user asked for
    config: Config,
    planner: Planner,
    plans: Sequence[SuitePlan],
    *,
    run_id: str,
    interrupted: bool,
    record: bool = False,
    write_report: bool = True,
    race: float | None = None,
    notes: Sequence[str] = (),
    unsent: Mapping[str, str] = MappingProxyType({}),
) -> Finished:
    """Finish the run ``run_id`` from its journals, in the one process that owns it.

    ``plans`` are the suites this process collected; without any (an xdist controller) they are planned again. With ``record`` the
    live answers go to the suites' recordings; ``notes`` are shown with the run; ``unsent`` says why a request is in no batch. With ``race`` the run was one, at that confidence: who
    won takes the place of the gates. The gates and the final state are journaled, the
    database is brought up to date, the page is written. What cannot be written is a problem that the user sees, and exit code 3;
    the journal still holds everything.
    """
    known = (trial for plan in plans for test in plan.tests for trial in test.trials)
    records = read_run(config.journals / run_id, known=known)
    plans = plans or planner.plans_of(records.planned_tests)
    account = account_of(records, plans, racing=race is not None, unsent=unsent)
    raced = () if race is None else races_of(records, plans, confidence=race)
    whole = not interrupted and account.whole and race is None
    stored = _stored(config, plans, run_id=run_id)
    judged = judge_run([
        suite_gates(
            plan, records.results, whole=whole, planned=planned_of(records, plan), stored=stored.get(plan.spec.path)
        )
        for plan in plans
    ])
    if raced:
        why = "A race asks no more than it needs to find the best; evalkit run judges the gates."
        judged = tuple(replace(gate, reason=why) for gate in judged)
    gates = (*(one.outcome() for one in raced), *judged)
    code = exit_code(account, gates, on_undecided=config.on_undecided)
    if interrupted:
        code = ExitCode.NOT_MEASURED
    report = _report(records, plans, account=account, gates=gates, code=code, interrupted=interrupted, raced=raced)
    report = _as_race(report, raced) if raced else _beside_stored(report, plans, stored)
    report = replace(report, comparisons=with_gates(report.comparisons, gates))
    prices = price_facts(records, Prices(config.prices))
    run = replace(report.run, extra={**report.run.extra, "prices": prices})
    report = with_summary(replace(report, run=run, notes=(*report.notes, *notes)))
    problems = [*records.damage, *store_run(config, report, records)]
    html, trouble = write_page(config, look_back(config, report)) if write_report else (None, [])
    problems += trouble
    recorded, unwritten = write_recordings(config, records, plans) if record else ([], [])
    problems += unwritten
    return Finished(report, ExitCode.NOT_MEASURED if problems else code, html, tuple(problems), tuple(recorded))


def _report(
    records: RunRecords,
    plans: Sequence[SuitePlan],
    *,
    account: Account,
    gates: tuple[GateOutcome, ...],
    code: ExitCode,
    interrupted: bool,
    raced: Sequence[Raced],
) -> RunReport:
    complete = not interrupted and account.whole
    rankings = tuple(one.result.ranking for one in raced) or tuple(
        found for plan in plans if (found := ranking(plan, records.results)) is not None
    )
    run = replace(
        records.run,
        finished_at=utc_now().isoformat(timespec="seconds"),
        complete=complete,
        partial=any(planned_of(records, plan) < trials_of(plan) for plan in plans),
        planned=account.planned,
    )
    return RunReport(
        run=run,
        results=records.results,
        prompts=records.prompts,
        gates=gates,
        comparisons=tuple(c for plan in plans for c in compare_variants(plan, records.results)),
        rankings=rankings,
        variants=variant_summaries(records, plans),
        calls=call_counts(records),
        verdict=verdict_sentence(account, gates, code, complete=complete),
        outcome=OUTCOMES[code],
        notes=(
            *_notes(records),
            *fallback_notes(records.results),
            *attack_notes(records.results),
            *(note for plan in plans for note in plan.notes),
        ),
    )


def _as_race(report: RunReport, raced: Sequence[Raced]) -> RunReport:
    """The report of a race: nothing in it is about a variant that was asked only a part. It is no whole run: nobody compares with it."""
    word, measured = report.verdict.partition(":")[0], report.verdict.rpartition("; ")[2]
    return replace(
        report,
        run=replace(report.run, partial=True),
        comparisons=tuple(comparison for one in raced for comparison in one.comparisons),
        verdict=f"{word}: {'; '.join([*(one.result.sentence for one in raced), measured])}",
        notes=(*(one.note for one in raced), *report.notes),
    )


def _stored(config: Config, plans: Sequence[SuitePlan], *, run_id: str) -> dict[str, StoredBaseline]:
    """The stored baselines that are asked for, by the path of their suite."""
    wanted = [plan.spec for plan in plans if config.baseline is not None or wants_stored(plan.spec)]
    if not wanted:
        return {}
    from evalkit.harness.comparing.baselines import Baselines

    baselines = Baselines(config, run_id=run_id)
    return {spec.path: baselines.of(spec.name) for spec in wanted}


def _beside_stored(report: RunReport, plans: Sequence[SuitePlan], stored: Mapping[str, StoredBaseline]) -> RunReport:
    """The report with what the run looks like beside the stored baselines."""
    known = [(plan, stored[plan.spec.path]) for plan in plans if plan.spec.path in stored]
    more = [one for plan, baseline in known for one in compare_stored(plan, report.results, baseline)]
    notes = [
        f"{plan.spec.name} is compared with {baseline.source}"
        if baseline.rows
        else f"{plan.spec.name} has no baseline: {baseline.problem}"
        for plan, baseline in known
        if baseline.rows or not wants_stored(plan.spec)  # else its gates say so
    ]
    return replace(report, comparisons=(*report.comparisons, *more), notes=(*report.notes, *notes))


def _notes(records: RunRecords) -> tuple[str, ...]:
    return (*_redaction_notes(records), *_billing_notes(records))


def _redaction_notes(records: RunRecords) -> tuple[str, ...]:
    if not records.redacted:
        return ()
    number = words.number_of(len(records.redacted), "answer")
    return (
        f"secrets or personal data were taken out of {number} before storing: judged as given, not cached, not recorded",
    )


def _billing_notes(records: RunRecords) -> tuple[str, ...]:
    if not records.possibly_billed:
        return ()
    number = len(records.possibly_billed)
    if number == 1:
        return ("1 call was sent but its answer did not arrive; it may have been billed",)
    return (f"{number} calls were sent but their answers did not arrive; they may have been billed",)
