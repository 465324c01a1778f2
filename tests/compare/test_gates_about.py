"""Which gates of a run speak about two given sides."""

from __future__ import annotations

import pytest

from evalkit.compare.gates.compared import gates_about, gates_code
from evalkit.compare.values import Side
from evalkit.model.results import GateOutcome

OLD, NEW = Side("old", "old-m", "run1"), Side("new", "new-m", "run1")


def outcome(kind, status="passed", *, variant="new-m", **numbers):
    return GateOutcome("a gate", "s", "suites/s.yaml", variant, status, "because", {"kind": kind, **numbers})


@pytest.mark.parametrize(
    ("gate", "a", "about"),
    [
        (outcome("at_least"), OLD, True),
        (outcome("budget", variant="old-m"), OLD, False),
        (outcome("no_regression", against="old"), OLD, True),
        (outcome("no_regression", against="old"), Side("old", "old-m", "run0"), False),
        (outcome("no_regression", against="third"), OLD, False),
        (outcome("better_than", against="old", variant="new-m against old-m"), OLD, True),
        (outcome("better_than", against="old", variant="new-m against old-n"), OLD, False),
        (outcome("no_regression", against="baseline", baseline_run="run0"), Side("new", "new-m", "run0"), True),
        (outcome("no_regression", against="baseline", baseline_run="run0"), Side("baseline", "b-m", "run1"), False),
        (outcome("no_regression", against="baseline", baseline_run=None), Side("old", "old-m"), False),
    ],
)
def test_a_gate_speaks_of_what_it_was_judged_by(gate, a, about):
    """Alone about its variant; paired about the variant it names in the same run, or the run that was the stored baseline."""
    assert bool(gates_about(a, NEW, [gate], suite="s")) is about
    assert gates_about(a, NEW, [gate], suite="other") == ()


def test_a_failure_outranks_what_is_undecided():
    """1, else 10, else 0, as the project says; what was not judged counts for nothing."""
    failed, open_, idle = (outcome("at_least", status) for status in ("failed", "undecided", "not_judged"))
    first = outcome("no_regression", "undecided", no_baseline=True)
    assert gates_code([open_, failed, idle]) == 1
    assert gates_code([open_, idle]) == 10
    assert gates_code([idle]) == gates_code([]) == gates_code([open_], on_undecided="warn") == 0
    assert gates_code([failed], on_undecided="warn") == 1
    assert gates_code([first], on_undecided="allow_no_baseline") == 0
    assert gates_code([first, open_], on_undecided="allow_no_baseline") == 10
