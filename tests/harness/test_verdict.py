"""The exit code and the sentence: pure, so every row of the table is a test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalkit.harness.after.verdict import Account, ExitCode, exit_code, verdict_sentence
from evalkit.model.results import GateOutcome, GateStatus

FINE = Account(planned=10, passed=10, failed=0, errors=0, skipped=0, missing=0, failed_tests=0, tests=10)


def gate(status: GateStatus) -> GateOutcome:
    return GateOutcome("pass_rate >= 0.9", "s", "suites/s.yaml", "v1", status, "because")


@pytest.mark.parametrize(
    ("account", "gates", "code"),
    [
        (FINE, [], 0),
        (FINE, ["passed"], 0),
        (FINE, ["not_judged"], 0),
        (replace(FINE, passed=9, failed=1, failed_tests=1), [], 1),
        (replace(FINE, passed=9, failed=1, failed_tests=1), ["not_judged"], 1),
        (replace(FINE, passed=9, failed=1), ["passed"], 0),
        (FINE, ["passed", "failed"], 1),
        (FINE, ["failed", "undecided"], 1),
        (FINE, ["undecided", "passed"], 10),
        (replace(FINE, passed=9, errors=1), ["passed"], 3),
        (replace(FINE, passed=9, errors=1), ["undecided"], 3),
        (replace(FINE, passed=9, errors=1), ["failed"], 1),
        (replace(FINE, passed=9, missing=1), ["failed"], 3),
        (replace(FINE, passed=9, skipped=1), ["passed"], 0),
    ],
)
def test_every_outcome_has_its_exit_code(account: Account, gates: list[GateStatus], code: int) -> None:
    """0 only when everything was measured and met; a missing trial outranks all, a failure outranks an error."""
    assert exit_code(account, [gate(status) for status in gates], on_undecided="fail") == code


def test_undecided_may_be_a_warning() -> None:
    """``on_undecided = "warn"`` turns 10 into 0 and nothing else."""
    assert exit_code(FINE, [gate("undecided")], on_undecided="warn") == ExitCode.OK
    assert exit_code(FINE, [gate("undecided"), gate("failed")], on_undecided="warn") == ExitCode.FAILED


def test_only_a_missing_baseline_is_allowed() -> None:
    """``allow_no_baseline`` forgives the gate that has nothing stored to be judged against, and no other."""
    none = replace(gate("undecided"), numbers={"n": 0, "no_baseline": True})
    other = replace(gate("undecided"), numbers={"n": 0, "no_baseline": False})
    assert exit_code(FINE, [none], on_undecided="allow_no_baseline") == ExitCode.OK
    assert exit_code(FINE, [none, other], on_undecided="allow_no_baseline") == ExitCode.UNDECIDED
    assert exit_code(FINE, [none, gate("failed")], on_undecided="allow_no_baseline") == ExitCode.FAILED
    assert exit_code(FINE, [none], on_undecided="fail") == ExitCode.UNDECIDED


def test_the_sentence_has_every_denominator() -> None:
    """Errors, skips and missing trials are named, and gates are counted by outcome."""
    account = replace(FINE, passed=5, failed=1, errors=2, skipped=1, missing=1)
    sentence = verdict_sentence(account, [gate("passed"), gate("undecided")], ExitCode.NOT_MEASURED)
    assert sentence == (
        "COULD NOT MEASURE: 1 of 2 gates is undecided (pass_rate >= 0.9 in s), 1 passed; "
        "6 of 10 planned trials measured (2 errors, 1 skipped, 1 missing)"
    )


def test_failed_tests_come_before_gates_that_were_not_judged() -> None:
    """A selection of cases that fail: what failed is the news, that the gates say nothing comes after."""
    account = replace(FINE, passed=8, failed=2, failed_tests=2)
    sentence = verdict_sentence(account, [gate("not_judged")], ExitCode.FAILED)
    assert sentence.startswith(f"FAILED: 2 of {account.tests} tests failed; 1 gate not judged")


def test_a_run_of_errors_alone_says_that_first() -> None:
    """Undecided gates are what follows of it, not the news."""
    account = replace(FINE, passed=0, failed=0, errors=10)
    sentence = verdict_sentence(account, [gate("undecided")], ExitCode.NOT_MEASURED)
    assert sentence.startswith("COULD NOT MEASURE: nothing was measured; 1 of 1 gate is undecided")


@pytest.mark.parametrize(
    ("gates", "words"),
    [
        (["passed"], "the gate passed"),
        (["passed"] * 3, "all 3 gates passed"),
        (["failed"], "1 of 1 gate failed (pass_rate >= 0.9 in s)"),
        (
            ["undecided", "undecided", "passed"],
            "2 of 3 gates are undecided (pass_rate >= 0.9 in s, for 2 variants), 1 passed",
        ),
        (
            ["passed", "undecided", "failed", "not_judged"],
            "1 of 3 gates failed (pass_rate >= 0.9 in s), 1 is undecided (pass_rate >= 0.9 in s), 1 passed",
        ),
    ],
)
def test_the_sentence_reads_as_one(gates: list[GateStatus], words: str) -> None:
    """What failed comes first, with how many there are; the words agree with the numbers."""
    sentence = verdict_sentence(FINE, [gate(status) for status in gates], ExitCode.OK)
    assert sentence == f"PASSED: {words}; 10 of 10 planned trials measured"
