"""Measurements for the stories: a suite's rows from letters, ``P`` pass, ``F`` fail, ``E`` error, ``S`` skip."""

from __future__ import annotations

from evalkit.compare.gates.judge import SuiteGates, judge_run
from evalkit.errors import Where
from evalkit.model.results import GateOutcome, Measurement
from evalkit.suites.spec import GateSpec

PATH = "suites/refunds.yaml"
STATUS = {"P": "pass", "F": "fail", "E": "error", "S": "skip"}


def row(case: str, status: str = "P", *, variant: str = "candidate", repeat: int = 0, **more) -> Measurement:
    fields = {
        "suite": "refunds",
        "suite_path": PATH,
        "case_id": case,
        "case_digest": f"digest of {case}",
        "variant": variant,
        "cell": "",
        "label": variant,
        "model": "openai/m",
        "repeat": repeat,
        "status": STATUS[status],
    }
    return Measurement(**(fields | more))


def side(outcomes: dict[str, str], variant: str, **more) -> list[Measurement]:
    """``{"c1": "PPF"}`` is one case with three repeats."""
    return [
        row(case, letter, variant=variant, repeat=index, **more)
        for case, letters in outcomes.items()
        for index, letter in enumerate(letters)
    ]


def table(both_pass: int, fixed: int, broken: int, both_fail: int) -> tuple[list[Measurement], list[Measurement]]:
    """Baseline and candidate rows with these paired counts, one run each."""
    cells = [("P", "P")] * both_pass + [("F", "P")] * fixed + [("P", "F")] * broken + [("F", "F")] * both_fail
    a = {f"c{i:04}": before for i, (before, _) in enumerate(cells)}
    b = {f"c{i:04}": after for i, (_, after) in enumerate(cells)}
    return side(a, "baseline"), side(b, "candidate")


def gate(kind: str, **more) -> GateSpec:
    return GateSpec(**({"kind": kind, "text": f"the {kind} gate", "where": Where(PATH, 7)} | more))


def judge_gates(gates, rows, *, planned: int, partial: bool = False) -> tuple[GateOutcome, ...]:
    """The gates of a suite that was run alone."""
    return judge_run([SuiteGates(gates, rows, "refunds", PATH, planned, partial)])
