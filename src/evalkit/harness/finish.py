"""The end of a run: account for every planned trial, judge the gates, compare, store, report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit.errors import EvalkitError
from evalkit.harness.comparing import compare_variants, judge_suite
from evalkit.harness.facts import utc_now
from evalkit.harness.recording import record_answers
from evalkit.harness.runner import journal_root
from evalkit.harness.summaries import call_counts, variant_summaries
from evalkit.harness.verdict import Account, ExitCode, exit_code, verdict_sentence
from evalkit.report.html import write_html
from evalkit.report.values import RunReport
from evalkit.store.database import DATABASE_FILE, ingest
from evalkit.store.journal import Journal
from evalkit.store.reader import read_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalkit.config import Config
    from evalkit.harness.planning import Planner, SuitePlan
    from evalkit.model.results import GateOutcome
    from evalkit.report.values import Outcome
    from evalkit.store.reader import RunRecords


_OUTCOMES: dict[ExitCode, Outcome] = {
    ExitCode.OK: "passed",
    ExitCode.FAILED: "failed",
    ExitCode.UNDECIDED: "undecided",
    ExitCode.NOT_MEASURED: "unmeasured",
}


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished run: the report as a value, the exit code, where the HTML is, and what went wrong while finishing."""

    report: RunReport
    exit_code: ExitCode
    html: Path | None
    problems: tuple[str, ...] = ()

    def closing_lines(self) -> list[str]:
        """The last lines of the terminal summary."""
        lines = [f"problem: {problem}" for problem in self.problems]
        return [*lines, f"report: {self.html}"] if self.html is not None else lines


def finish_run(
    config: Config,
    planner: Planner,
    plans: Sequence[SuitePlan],
    *,
    run_id: str,
    interrupted: bool,
    record: bool = False,
    write_report: bool = True,
    notes: Sequence[str] = (),
) -> Finished:
    """Finish the run ``run_id`` from its journals, in the one process that owns it.

    ``plans`` are the suites this process collected; without any (an xdist controller) they are planned again. With ``record`` the live answers go to the suites' recordings; ``notes`` are shown with the run. The gates and the final state are journaled, the database is brought up to date, the HTML is written. A database or report that
    cannot be written is a problem that the user sees and exit code 3; the journal still holds everything.
    """
    records = read_run(journal_root(config) / run_id)
    plans = plans or planner.plans_of(records.planned_tests)
    account = _account(records, plans)
    whole = not interrupted and not account.missing
    gates = tuple(
        gate
        for plan in plans
        for gate in judge_suite(plan, records.results, whole=whole, planned=_planned(records, plan))
    )
    code = exit_code(account, gates, on_undecided=config.on_undecided)
    if interrupted:
        code = ExitCode.NOT_MEASURED
    report = _report(records, plans, account=account, gates=gates, code=code, interrupted=interrupted)
    report = replace(report, notes=(*report.notes, *notes))
    problems = [*records.damage, *_store(config, report)]
    html, trouble = _write_html(config, report) if write_report else (None, [])
    problems += trouble
    if record:
        problems += _record(config, records, plans)
    return Finished(report, ExitCode.NOT_MEASURED if problems else code, html, tuple(problems))


def _report(
    records: RunRecords,
    plans: Sequence[SuitePlan],
    *,
    account: Account,
    gates: tuple[GateOutcome, ...],
    code: ExitCode,
    interrupted: bool,
) -> RunReport:
    complete = not interrupted and not account.missing
    run = replace(
        records.run,
        finished_at=utc_now().isoformat(timespec="seconds"),
        complete=complete,
        partial=any(_planned(records, plan) < _trials(plan) for plan in plans),
        planned=account.planned,
    )
    sentence = verdict_sentence(account, gates, code)
    return RunReport(
        run=run,
        results=records.results,
        prompts=records.prompts,
        gates=gates,
        comparisons=tuple(c for plan in plans for c in compare_variants(plan, records.results)),
        variants=variant_summaries(records, plans),
        calls=call_counts(records),
        verdict=sentence if complete else f"INCOMPLETE: {sentence}",
        outcome=_OUTCOMES[code],
        notes=_notes(records),
    )


def _notes(records: RunRecords) -> tuple[str, ...]:
    if not records.possibly_billed:
        return ()
    return (
        f"{len(records.possibly_billed)} calls were sent but their answers did not arrive; they may have been billed",
    )


def _trials(plan: SuitePlan) -> int:
    return sum(len(test.trials) for test in plan.tests)


def _planned(records: RunRecords, plan: SuitePlan) -> int:
    """How many trials of a suite were selected for this run."""
    selected = set(records.planned_tests)
    return sum(len(test.trials) for test in plan.tests if test.test_id in selected)


def _account(records: RunRecords, plans: Sequence[SuitePlan]) -> Account:
    """Put every planned trial into one drawer. Trials of tests written in Python are planned when they are measured."""
    planned_tests = set(records.planned_tests)
    extra = sum(result.trial.test_id not in planned_tests for result in records.results)
    planned = records.planned + extra
    statuses = Counter(result.status for result in records.results)
    measured = sum(statuses.values())
    skipped = sum(records.skipped.values())
    failed_tests = _failed_tests(records, plans)
    return Account(
        planned=planned,
        passed=statuses["pass"],
        failed=statuses["fail"],
        errors=statuses["error"],
        skipped=skipped,
        missing=max(0, planned - measured - skipped),
        failed_tests=failed_tests,
        tests=len({result.trial.test_id for result in records.results}),
    )


def _failed_tests(records: RunRecords, plans: Sequence[SuitePlan]) -> int:
    """Tests in which too few repeats passed, of suites whose gates do not decide: those without, and those run in part."""
    gated = {plan.spec.path for plan in plans if plan.spec.gates and _planned(records, plan) == _trials(plan)}
    require = {test.test_id: test.require for plan in plans for test in plan.tests}
    passes: Counter[str] = Counter()
    errored = set()
    for result in records.results:
        test_id = result.trial.test_id
        if result.trial.suite_path not in gated:
            passes[test_id] += result.status == "pass"
            if result.status == "error":
                errored.add(test_id)
    return sum(passed < require.get(test_id, 1) for test_id, passed in passes.items() if test_id not in errored)


def _store(config: Config, report: RunReport) -> list[str]:
    """Journal how the run ended and bring the database up to date. Returns what went wrong."""
    root = journal_root(config)
    try:
        journal = Journal(root, report.run, worker="end")
        journal.append_gates(report.gates)
        journal.close(report.run)
        ingest(root, config.folder("reports") / DATABASE_FILE)
    except EvalkitError as error:
        place = f"{error.where}: " if error.where else ""
        return [f"{place}{error.message}; nothing is lost: the journal holds it, and evalkit ingest catches up"]
    return []


def _record(config: Config, records: RunRecords, plans: Sequence[SuitePlan]) -> list[str]:
    try:
        record_answers(config, records.results, plans)
    except (OSError, EvalkitError) as error:
        return [
            f"the recordings could not be written: {error}; the answers are in the cache, so recording again costs nothing"
        ]
    return []


def _write_html(config: Config, report: RunReport) -> tuple[Path | None, list[str]]:
    reports = config.folder("reports")
    try:
        return write_html(report, reports), []
    except (OSError, EvalkitError) as error:
        return None, [f"the report could not be written to {reports}: {error}"]
