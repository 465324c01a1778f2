"""A run's report made again from its journals, and the few figures of it that the list of runs shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit.errors import StoreError
from evalkit.harness.after.accounting import account_of
from evalkit.harness.after.summaries import call_counts, variant_summaries
from evalkit.harness.after.verdict import OUTCOMES, ExitCode, exit_code, verdict_sentence
from evalkit.harness.comparing.sides import History
from evalkit.report.values import Conclusion, RunReport
from evalkit.store.journal.codec import decode
from evalkit.store.journal.reader import read_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.config import Config
    from evalkit.harness.after.verdict import Account
    from evalkit.model.calls import JSON
    from evalkit.store.journal.reader import RunRecords

_MOST_VARIANTS = 100


@dataclass(frozen=True, slots=True)
class Retold:
    """A report out of the journals; ``problems`` say what of them could not be read."""

    report: RunReport
    problems: tuple[str, ...]


def stored_report(config: Config, run: str) -> Retold:
    """Return the report of a stored run: ``latest``, an id or a unique beginning of one.

    What was concluded at its end (comparisons, verdict) is told as it was, nothing is judged again. A run that was killed, or that an older
    evalkit made, has no conclusion: its figures are counted anew and a note says what is not known. Raises ConfigError for an
    unknown run, StoreError for a damaged journal.
    """
    records = read_run(config.journals / History(config).run_id(run))
    return Retold(report_of(records), records.damage)


def report_of(records: RunRecords) -> RunReport:
    """The report of a run that was read. Raises StoreError for a conclusion that cannot be read."""
    concluded = records.conclusion
    conclusion = _counted(records) if concluded is None else _decoded(concluded)
    return RunReport(
        run=records.run,
        results=records.results,
        prompts=records.prompts,
        gates=records.gates,
        comparisons=conclusion.comparisons,
        variants=conclusion.variants,
        calls=conclusion.calls,
        verdict=conclusion.verdict,
        outcome=conclusion.outcome,
        notes=conclusion.notes,
        rankings=conclusion.rankings,
    )


def conclusion_of(report: RunReport) -> Conclusion:
    """What of ``report`` the journal does not hold elsewhere."""
    return Conclusion(
        outcome=report.outcome,
        verdict=report.verdict,
        comparisons=report.comparisons,
        variants=report.variants,
        calls=report.calls,
        notes=report.notes,
        rankings=report.rankings,
    )


def with_summary(report: RunReport) -> RunReport:
    """The report with the figures that the list of runs shows noted on its run, where they are found without reading all of it."""
    summary: Mapping[str, JSON] = {
        "outcome": report.outcome,
        "verdict": report.verdict,
        "paid_usd": report.calls.paid_usd,
        "variants": [
            [one.suite, one.label, one.passed, one.failed, one.errors, one.skipped, one.missing]
            for one in report.variants[:_MOST_VARIANTS]
        ],
        "more_variants": max(0, len(report.variants) - _MOST_VARIANTS),
    }
    return replace(report, run=replace(report.run, extra={**report.run.extra, "summary": summary}))


def _decoded(concluded: Mapping[str, JSON]) -> Conclusion:
    try:
        return decode(Conclusion, concluded)
    except StoreError as error:
        raise StoreError(
            f"what was concluded of the run cannot be read: {error.message}",
            hint=error.hint or "'evalkit rescore' judges its answers again",
        ) from error


def _counted(records: RunRecords) -> Conclusion:
    """The figures of a run without a conclusion. Where gates were judged, they alone decide about their suites."""
    account = account_of(records, ())
    gated = {gate.suite_path for gate in records.gates if gate.status != "not_judged"}
    if gated:
        account = replace(account, failed_tests=_failed_elsewhere(records, gated))
    complete = records.run.complete
    code = exit_code(account, records.gates, on_undecided="fail") if complete else ExitCode.NOT_MEASURED
    return Conclusion(
        outcome=OUTCOMES[code],
        verdict=verdict_sentence(account, records.gates, code, complete=complete),
        comparisons=(),
        variants=variant_summaries(records, ()),
        calls=call_counts(records),
        notes=(_why(records, account),),
    )


def _failed_elsewhere(records: RunRecords, gated: set[str]) -> int:
    passed: dict[str, bool] = {}
    for result in records.results:
        if result.trial.suite_path not in gated and result.status != "error":
            passed[result.trial.test_id] = passed.get(result.trial.test_id, False) or result.status == "pass"
    return sum(not one for one in passed.values())


def _why(records: RunRecords, account: Account) -> str:
    if records.run.complete:
        return "an evalkit made this run that did not store comparisons: 'evalkit compare' makes them, 'evalkit rescore' judges the run again"
    return f"the run ended before it was judged: {account.measured + account.errors} of {account.planned} planned trials have a result, and there are no comparisons"
