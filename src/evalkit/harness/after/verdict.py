"""The verdict on a run and its exit code: pure, from counts and gate outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.gates.compared import gates_code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.config import OnUndecided
    from evalkit.model.results import GateOutcome
    from evalkit.report.outcomes import Outcome


class ExitCode(IntEnum):
    """What ``evalkit run`` returns. Under plain pytest the same numbers, where pytest has none of its own."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_MEASURED = 3
    UNDECIDED = 10
    SIGHUP = 129
    SIGINT = 130
    SIGTERM = 143


OUTCOMES: dict[ExitCode, Outcome] = {
    ExitCode.OK: "passed",
    ExitCode.FAILED: "failed",
    ExitCode.UNDECIDED: "undecided",
    ExitCode.NOT_MEASURED: "unmeasured",
}
"""What an exit code says of a run as a whole."""


@dataclass(frozen=True, slots=True)
class Account:
    """Every planned trial is in exactly one of these. ``failed_tests`` counts failing tests of suites without gates.

    ``pending`` trials wait for a batch: they are neither measured nor an error. ``unsent`` counts those among them that are in no batch, or
    may be in none, by why.
    """

    planned: int
    passed: int
    failed: int
    errors: int
    skipped: int
    missing: int
    failed_tests: int
    tests: int
    pending: int = 0
    unsent: Mapping[str, int] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether nothing is still to come."""
        return not self.missing and not self.pending

    @property
    def measured(self) -> int:
        """Trials with a pass or a fail."""
        return self.passed + self.failed


def exit_code(account: Account, gates: Sequence[GateOutcome], *, on_undecided: OnUndecided) -> ExitCode:
    """What the run means for CI.

    An incomplete run could not measure, whatever it saw. A definite failure outranks single errors, errors outrank an undecided gate.
    With ``allow_no_baseline`` a gate that has nothing stored to be judged against yet counts for nothing.
    """
    of_gates = ExitCode(gates_code(gates, on_undecided=on_undecided))
    if not account.whole or (account.planned and account.skipped == account.planned):
        return ExitCode.NOT_MEASURED
    if account.failed_tests or of_gates is ExitCode.FAILED:
        return ExitCode.FAILED
    if account.errors:
        return ExitCode.NOT_MEASURED
    return of_gates


_WORDS = {
    ExitCode.OK: "PASSED",
    ExitCode.FAILED: "FAILED",
    ExitCode.NOT_MEASURED: "COULD NOT MEASURE",
    ExitCode.UNDECIDED: "UNDECIDED",
}


def verdict_sentence(account: Account, gates: Sequence[GateOutcome], code: ExitCode, *, complete: bool = True) -> str:
    """The run in one sentence: what was decided first, then what it rests on, with denominators."""
    nothing = ["nothing was measured"] if account.errors and not account.measured and account.whole and gates else []
    decided = [*_gate_parts(gates), *_test_parts(account)]
    if all(gate.status == "not_judged" for gate in gates):
        decided.reverse()  # what failed is the news
    parts = [*_incomplete(account, complete=complete), *nothing, *decided, _measured(account)]
    return f"{_WORDS[code]}: {'; '.join(parts)}"


def _incomplete(account: Account, *, complete: bool) -> list[str]:
    waiting = account.pending - sum(account.unsent.values())
    parts = [f"{words.number_of(trials, 'trial')} {why}" for why, trials in account.unsent.items()]
    if waiting:
        parts.append(f"waiting for batches ({waiting} trials)")
    return parts or ([] if complete else ["INCOMPLETE"])


def _gate_parts(gates: Sequence[GateOutcome]) -> list[str]:
    judged = [gate for gate in gates if gate.status != "not_judged"]
    if not judged:
        return (
            [f"{words.number_of(len(gates), 'gate')} not judged, because only some of the cases were run"]
            if gates
            else []
        )
    passed = sum(gate.status == "passed" for gate in judged)
    if passed == len(judged):
        return [f"all {passed} gates passed" if passed > 1 else "the gate passed"]
    counts = [_counted([gate for gate in judged if gate.status == status]) for status in ("failed", "undecided")]
    first, *more = [*filter(None, counts), *([f"{passed} passed"] if passed else [])]
    number, _, rest = first.partition(" ")
    return [", ".join([f"{number} of {words.number_of(len(judged), 'gate')} {rest}", *more])]


def _counted(gates: Sequence[GateOutcome]) -> str:
    """``2 failed (no_regression in refunds, and 1 more)``, ``2 failed (no_regression in refunds, for 2 variants)``; empty if there is none."""
    if not gates:
        return ""
    alike = len({(gate.gate, gate.suite) for gate in gates}) == 1
    more = (f", for {len(gates)} variants" if alike else f", and {len(gates) - 1} more") if len(gates) > 1 else ""
    name = gates[0].gate.partition(": {")[0]
    undecided = "are undecided" if len(gates) > 1 else "is undecided"
    return f"{len(gates)} {'failed' if gates[0].status == 'failed' else undecided} ({name} in {gates[0].suite}{more})"


def _test_parts(account: Account) -> list[str]:
    return [f"{account.failed_tests} of {account.tests} tests failed"] if account.failed_tests else []


def _measured(account: Account) -> str:
    rest = [
        f"{count} {word}"
        for count, word in ((account.errors, "errors"), (account.skipped, "skipped"), (account.missing, "missing"))
        if count
    ]
    return f"{account.measured} of {account.planned} planned trials measured" + (
        f" ({', '.join(rest)})" if rest else ""
    )
