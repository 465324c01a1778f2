"""Accounting for a run: every planned trial is measured, errored, skipped or missing, and nothing vanishes."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING

from evalkit.harness.after.verdict import Account

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.harness.before.planning import SuitePlan
    from evalkit.store.journal.reader import RunRecords


def trials_of(plan: SuitePlan) -> int:
    """How many trials the whole suite has."""
    return sum(len(test.trials) for test in plan.tests)


def planned_of(records: RunRecords, plan: SuitePlan) -> int:
    """How many trials of a suite were selected for this run."""
    selected = set(records.planned_tests)
    return sum(len(test.trials) for test in plan.tests if test.test_id in selected)


def account_of(
    records: RunRecords,
    plans: Sequence[SuitePlan],
    *,
    racing: bool = False,
    unsent: Mapping[str, str] = MappingProxyType({}),
) -> Account:
    """Put every planned trial into one drawer. Trials of tests written in Python are planned when they are measured.

    In a race no test fails: a case that fails is what tells the variants apart. ``unsent`` says why a pending request is in no batch, by its key.
    """
    planned_tests = set(records.planned_tests)
    extra = sum(result.trial.test_id not in planned_tests for result in records.results)
    planned = records.planned + extra
    statuses = Counter("pending" if result.pending else result.status for result in records.results)
    measured = sum(statuses.values())
    skipped = sum(records.skipped.values())
    failed_tests = 0 if racing else _failed_tests(records, plans)
    return Account(
        planned=planned,
        passed=statuses["pass"],
        failed=statuses["fail"],
        errors=statuses["error"],
        skipped=skipped,
        missing=max(0, planned - measured - skipped),
        failed_tests=failed_tests,
        tests=len({result.trial.test_id for result in records.results if not result.pending}),
        pending=statuses["pending"],
        unsent=_unsent(records, unsent),
    )


def _unsent(records: RunRecords, why: Mapping[str, str]) -> Mapping[str, int]:
    """How many trials wait for what could not be handed in, by why; a trial that waits for several things counts once."""
    reasons = (next((why[key] for key in result.pending_keys() if key in why), None) for result in records.results)
    return Counter(reason for reason in reasons if reason is not None)


def _failed_tests(records: RunRecords, plans: Sequence[SuitePlan]) -> int:
    """Tests in which too few repeats passed, of suites whose gates do not decide: those without, and those run in part."""
    gated = {plan.spec.path for plan in plans if plan.spec.gates and planned_of(records, plan) == trials_of(plan)}
    require = {test.test_id: test.require for plan in plans for test in plan.tests}
    passes: Counter[str] = Counter()
    errored = set()
    for result in records.results:
        test_id = result.trial.test_id
        if result.trial.suite_path not in gated:
            passes[test_id] += result.status == "pass"
            if result.status == "error" or result.pending:
                errored.add(test_id)
    return sum(passed < require.get(test_id, 1) for test_id, passed in passes.items() if test_id not in errored)
