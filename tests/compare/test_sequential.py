"""Deciding early: the same answer in any order, at a price in errors that stays within the nominal level."""

from __future__ import annotations

import random

import pytest
from compare_rows import gate, judge_gates, table
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.coverage.early import CASES, NOMINAL, simulate
from evalkit.compare.gates.sequential import Sequential, Tally, decided, last_confidence, place

PATH = "suites/refunds.yaml"


def judge(rows, *, planned, **more):
    rule = gate("no_regression", against="baseline", margin=0.05, sequential=True, **more)
    return judge_gates((rule,), rows, planned=planned)[0]


@given(st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(source):
    """Answers come as they come; the gate looks at cases in an order of its own."""
    a, b = table(40, 2, 30, 8)
    rows = [*a, *b]
    expected = decided(rows, a="baseline", b="candidate", margin=0.05, confidence=0.95)
    source.shuffle(rows)
    found = decided(rows, a="baseline", b="candidate", margin=0.05, confidence=0.95)
    assert found.decision == expected.decision is not None
    assert found.seen == expected.seen


def test_the_order_is_a_hash_of_the_case():
    """Not the file's order, and not the answers'."""
    a, b = table(30, 0, 30, 0)
    found = decided([*a, *b], a="baseline", b="candidate", margin=0.05, confidence=0.95)
    assert found.seen == sorted(found.seen, key=place)
    assert found.seen != sorted(found.seen)


def test_a_pair_waits_for_those_before_it():
    """A case that answered fast must not count before one that is still out."""
    a, b = table(0, 0, 40, 0)
    first = min((row.case_id for row in a), key=place)
    early = Sequential({row.case_id for row in a}, a="baseline", b="candidate", margin=0.05)
    for row in (*a, *b):
        if row.case_id != first:
            early.heard(row)
    assert early.decision is None
    assert early.seen == []


def test_a_clear_drop_fails_with_the_pairs_it_needed():
    """The figures are those of the pairs that were looked at; what was never asked is said."""
    a, b = table(60, 0, 60, 0)
    found = judge([*a, *b], planned=300)
    assert found.status == "failed"
    assert found.numbers["looked_at"] == found.numbers["n"] < 60
    assert "decided early: candidate is worse than baseline; 60 of 300 trials were never asked" in found.reason


def test_other_gates_of_a_stopped_suite_are_not_judged():
    """They lack their cases on purpose: neither green nor undecided."""
    a, b = table(60, 0, 60, 0)
    early = gate("no_regression", against="baseline", margin=0.05, sequential=True)
    rules = (early, gate("at_least", value=0.1))
    found = judge_gates(rules, [*a, *b], planned=300)
    assert [one.status for one in found] == ["failed", "not_judged"]
    assert "another gate was decided early" in found[1].reason


def test_the_last_look_pays_for_the_early_ones():
    """Undecided to the end: the interval over all cases has a higher confidence."""
    assert last_confidence(0.95) == pytest.approx(0.96)
    a, b = table(60, 4, 5, 11)
    found = judge([*a, *b], planned=160)
    assert found.status == "undecided"
    assert found.numbers["confidence"] == pytest.approx(0.96)


def test_errors_stop_nothing_early():
    """An outage looks like a drop: while more than 2% of the pairs hold an error, nothing is decided."""
    tally = Tally.start(0.05)
    for _ in range(60):
        tally = tally.after(True, False, error=True)
    assert tally.decision() is None
    clean = Tally.start(0.05)
    for _ in range(60):
        clean = clean.after(True, False)
    assert clean.decision().status == "failed"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("no change, 20% flips", "failed"), ("-5 pp, 25% flips", "passed"), ("-5 pp, 5% flips", "passed")],
)
def test_errors_stay_within_the_nominal_level(name, wrong):
    """A fast part of benchmarks/coverage: false failures and false passes, with three standard errors for the simulation."""
    rounds = 250
    found = simulate(name, rounds=rounds)
    assert getattr(found, wrong) <= NOMINAL + 3 * (NOMINAL * (1 - NOMINAL) / rounds) ** 0.5


def test_a_clear_drop_saves_calls():
    """−15 pp at 400 cases: at least 40% of the calls are never made."""
    found = simulate("-15 pp, 25% flips", rounds=60)
    assert found.failed >= 0.98
    assert found.saved >= 0.4
    assert found.pairs < CASES


def test_looking_at_an_interval_instead_would_not_do():
    """Why there is a rule at all: the plain test at every tenth pair cries wolf far more often than 2.5%."""
    from evalkit.compare.statistics.paired import mcnemar

    source, alarms = random.Random(3), 0
    for _ in range(200):
        fixed = broken = 0
        for n in range(1, 401):
            draw = source.random()
            fixed, broken = fixed + (draw < 0.1), broken + (draw > 0.9)
            if n % 10 == 0 and broken > fixed and mcnemar(fixed, broken).p_asymptotic < 0.05:
                alarms += 1
                break
    assert alarms / 200 > 0.06
