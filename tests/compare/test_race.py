"""A race of variants: the best survive as often as promised, however often one looks, and losers go early."""

from __future__ import annotations

import random

import pytest
from compare_rows import row

from benchmarks.coverage.races import simulate
from evalkit.compare.races.race import Race
from evalkit.compare.races.result import race_result

CASES = [f"c{number}" for number in range(60)]


def measured(label: str, case: str, status: str, **more):
    """One measurement of ``label``."""
    return row(case, status[0].upper(), variant=label, label=label, **more)


def run(outcome, labels=("a", "b", "c"), *, order=CASES, repeats=1, confidence=0.95):
    """Race ``labels`` over ``order``; ``outcome(label, case)`` is a status. Variants that were dropped are asked no more."""
    race, rows = Race(CASES, labels, confidence=confidence, repeats=repeats), {label: [] for label in labels}
    for case in order:
        for label in labels:
            for repeat in range(repeats):
                if label in race.left and len(race.left) > 1:
                    found = measured(label, case, outcome(label, case), repeat=repeat)
                    rows[label].append(found)
                    race.heard(found)
    return race, rows


def test_a_clear_loser_goes_early_and_the_best_wins():
    """Only a passes: b and c are dropped after a dozen cases, and a is named with what the others lost."""
    race, rows = run(lambda label, _: "pass" if label == "a" else "fail")
    assert race.winner == "a"
    assert {drop.label for drop in race.drops} == {"b", "c"}
    assert all(
        drop.better == "a" and drop.won == drop.n < 15 and drop.lost == 0 and drop.e > 120 for drop in race.drops
    )
    found = race_result(race, rows, suite="s", confidence=0.95)
    assert found.sentence.startswith("a is the best of 3 variants; the others were dropped after")
    assert found.winner == "a"
    assert [one.label for one in found.ranking.standings][0] == "a"


def test_the_order_in_which_answers_come_changes_nothing():
    """Answers in any order give the same drops, at the same look."""
    source = random.Random(5)
    answers = {(label, case): "pass" if source.random() < rate else "fail"
               for case in CASES for label, rate in (("a", 0.9), ("b", 0.5), ("c", 0.3))}  # fmt: skip
    straight, mixed = Race(CASES, "abc"), Race(CASES, "abc")
    rows = [measured(label, case, status) for (label, case), status in answers.items()]
    for one in rows:
        straight.heard(one)
    source.shuffle(rows)
    for one in rows:
        mixed.heard(one)
    assert straight.drops == mixed.drops
    assert straight.drops


def test_nobody_is_dropped_while_its_answers_are_errors():
    """b is an error all along: an outage is not a worse variant."""
    race, _ = run(lambda label, _: {"a": "pass", "b": "error", "c": "fail"}[label])
    race.last_look()
    assert {drop.label for drop in race.drops} == {"c"}
    assert race.left == ("a", "b")


def test_equal_variants_stay_and_the_result_says_what_would_help():
    """Nothing tells them apart: all are left, and it is said that they do as well as each other."""
    race, rows = run(lambda _, case: "pass" if case.endswith("1") else "fail")
    race.last_look()
    found = race_result(race, rows, suite="s", confidence=0.95)
    assert found.winner is None
    assert race.left == ("a", "b", "c")
    assert "after all 60 cases; the first two passed as often as each other" in found.sentence


def test_the_last_look_finds_what_the_early_ones_could_not():
    """12 flips of 60 to 1 are not enough for an early drop of one of two, but enough for the score test at the end."""
    better = set(CASES[:17])
    worse = {CASES[40], CASES[50]}
    race, rows = run(
        lambda label, case: (
            "pass" if (label == "a" and case not in worse) or (label == "b" and case not in better) else "fail"
        ),
        labels=("a", "b"),
        confidence=0.98,
    )
    early = race.winner
    if early is None:
        race.last_look()
    assert race.winner == "a"
    assert race_result(race, rows, suite="s", confidence=0.98).winner == "a"


def test_a_race_cut_short_says_how_much_is_missing():
    """Ten of sixty cases were asked: nobody won, and fifty cases were not looked at."""
    from evalkit.compare.gates.sequential import place

    race, rows = run(lambda _, case: "pass", order=sorted(CASES, key=place)[:10])
    with pytest.raises(ValueError, match="50 cases have not been looked at"):
        race.last_look()
    assert "50 cases were not looked at" in race_result(race, rows, suite="s", confidence=0.95).sentence


def test_repeats_are_raced_by_their_means():
    """Three repeats a case: a passes two of three, b none; b is dropped."""
    race, _ = run(lambda label, _: "pass" if label == "a" else "fail", labels=("a", "b"), repeats=3)
    assert race.winner == "a"


def test_a_case_that_is_left_out_is_not_waited_for():
    """The first case in the order is skipped by somebody: the race goes on without it."""
    from evalkit.compare.gates.sequential import place

    first = min(CASES, key=place)
    race = Race(CASES, "ab")
    race.left_out(first)
    for case in CASES:
        if case != first:
            race.heard(measured("a", case, "pass"))
            race.heard(measured("b", case, "fail"))
    assert race.winner == "a"
    assert race.waiting > 0


@pytest.mark.parametrize("confidence", [0.0, 1.0, float("nan")])
def test_a_confidence_outside_0_and_1_is_refused(confidence):
    """There is no race that is sure, and none that is never right."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        Race(CASES, "ab", confidence=confidence)


def test_simulated_error_rates():
    """Seeded races: among equals nobody is dropped more often than promised (5%, and what chance allows); losers save calls."""
    equal = simulate("2 variants, alike", rounds=60)
    assert equal.wrong <= 0.05 + 3 * (0.05 * 0.95 / 60) ** 0.5
    clear = simulate("6 variants, one better by 30 pp", rounds=10)
    assert clear.wrong == 0.0
    assert clear.won == 1.0
    assert clear.saved > 0.5


def clustered(outcome, *, size=3, order=CASES, labels=("a", "b", "c")):
    """A race whose cases come in clusters of ``size``; ``outcome(label, case, cluster)`` is a status."""
    names = {case: f"k{number // size}" for number, case in enumerate(CASES)}
    race, rows = Race(CASES, labels, clusters=names), {label: [] for label in labels}
    for case in order:
        for label in labels:
            found = measured(label, case, outcome(label, case, names[case]), cluster=names[case])
            rows[label].append(found)
            race.heard(found)
    return race, rows


def test_a_cluster_is_one_look():
    """Three cases that are alike are one piece of evidence: who loses all of them is dropped by clusters, later than by cases."""
    race, rows = clustered(lambda label, *_: "pass" if label == "a" else "fail")
    alone, _ = run(lambda label, _: "pass" if label == "a" else "fail")
    assert race.winner == alone.winner == "a"
    assert all(drop.clustered and drop.better == "a" and drop.won == drop.n <= 14 for drop in race.drops)
    assert race.looked == 3 * race.drops[-1].n > alone.looked
    found = race_result(race, rows, suite="s", confidence=0.95)
    assert f"dropped after {race.drops[-1].n} clusters" in found.sentence


def test_clusters_that_agree_are_not_counted_by_case():
    """One bad cluster in the first looks condemns nobody, though it holds more cases than would drop a variant if they stood alone."""
    bad = {f"c{number}" for number in range(30)}
    names = dict.fromkeys(bad, "one") | {case: case for case in CASES if case not in bad}

    def outcome(label, case):
        return "fail" if label == "b" and case in bad else "pass"

    together, apart = Race(CASES, "ab", clusters=names), Race(CASES, "ab")
    for race in (together, apart):
        for case in CASES:
            for label in "ab":
                race.heard(measured(label, case, outcome(label, case)))
    assert apart.winner == "a"
    assert together.winner is None
    together.last_look()
    assert together.winner is None, "thirty cases of one cluster are one difference among thirty-one"


def test_the_order_of_a_clusters_answers_changes_nothing():
    """Members of a cluster may answer in any order, and one that nobody is asked does not hold the others up."""
    source = random.Random(8)
    names = {case: f"k{number // 2}" for number, case in enumerate(CASES)}
    answers = {(label, case): source.random() < rate for case in CASES[1:] for label, rate in (("a", 0.9), ("b", 0.2))}
    races = []
    for mixed in (False, True):
        rows = [measured(label, case, "pass" if passed else "fail") for (label, case), passed in answers.items()]
        if mixed:
            source.shuffle(rows)
        races.append(Race(CASES, "ab", clusters=names))
        races[-1].left_out(CASES[0])
        for one in rows:
            races[-1].heard(one)
    assert races[0].drops == races[1].drops
    assert races[0].winner == "a"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("4 variants, all alike, clusters of 5", 0.12), ("6 variants, one better by 30 pp, clusters of 5", 0.0)],
)
def test_races_of_clusters_keep_the_promise(name, wrong):
    """Forty seeded races of whole clusters that go up and down together: hardly one drops one of the best, and the best may be found."""
    found = simulate(name, rounds=40)
    assert found.wrong <= wrong
    assert found.won >= (0.3 if "better" in name else 0.0)
