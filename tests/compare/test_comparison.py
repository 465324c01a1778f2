"""A comparison puts flips first, pairs by content, and says the same numbers as sentence, text and JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from statistics import mean, variance

import pytest
from compare_rows import row, side, table
from hypothesis import given
from hypothesis import strategies as st

from evalkit.compare.as_json import comparison_json
from evalkit.compare.compare import compare, pairs_of_variants
from evalkit.compare.pair import flips, pair
from evalkit.compare.slices import narrow
from evalkit.compare.statistics.paired import mcnemar, prob_better
from evalkit.compare.statistics.sizes import required_cases, smallest_margin
from evalkit.compare.text import comparison_text
from evalkit.compare.values import Side

A, B = Side("baseline", "baseline"), Side("candidate", "candidate")


def of(a, b, **more):
    return compare(a, b, a_side=A, b_side=B, suite="refunds", **more)


def test_the_sentence():
    """Word, flips, rates, change and interval, with true minus signs."""
    found = of(*table(150, 9, 24, 17))
    assert found.sentence == (
        "candidate is worse: 24 broken, 9 fixed; pass rate 87.0% → 79.5%, −7.5 pp (95% interval −13.4 to −2.0)"
    )


@pytest.mark.parametrize(
    ("cells", "margin", "begins"),
    [
        ((150, 24, 9, 17), None, "candidate is better: 9 broken, 24 fixed"),
        ((40, 2, 3, 5), 0.05, "no clear difference between candidate and baseline: 3 broken"),
        ((240, 10, 12, 38), 0.05, "candidate is equivalent to baseline: 12 broken"),
        ((240, 10, 12, 38), None, "no clear difference between"),
        ((59, 6, 16, 80), 0.15, "candidate is worse:"),
    ],
)
def test_the_word(cells, margin, begins):
    """Better and worse exclude zero, equivalent needs a margin, and a tolerated drop is still worse."""
    assert of(*table(*cells), margin=margin).sentence.startswith(begins)


def test_nothing_in_common():
    """No case on both sides: no numbers, said plainly, and still valid text and JSON."""
    found = of(side({"c1": "P"}, "baseline"), side({"c2": "P"}, "candidate"))
    assert found.sentence == "nothing to compare between candidate and baseline: no case was run on both sides"
    assert found.metric("pass_rate").word == "undefined"
    assert (found.only_a, found.only_b) == (("c1",), ("c2",))
    assert "c1" in comparison_text(found)
    json.dumps(comparison_json(found), allow_nan=False)
    assert of([], []).n_paired == 0


def test_a_changed_case_is_not_paired():
    """The same id with other content is listed, not compared with its old self."""
    a, b = table(10, 0, 0, 0)
    found = of(a, [replace(b[0], case_digest="edited"), *b[1:]])
    assert found.changed == ("c0000",)
    assert found.n_paired == 9
    assert (found.only_a, found.only_b) == ((), ())


def test_flips_come_in_order_of_urgency():
    """Broken before fixed before shaky; critical first, then the larger drop, then the id."""
    a = side({"c1": "PPP", "c2": "PPP", "c3": "PPP", "c4": "FFF", "c5": "PPP", "c6": "PPP"}, "baseline")
    b = side({"c1": "PFF", "c2": "FFF", "c4": "PPP", "c5": "PPF", "c6": "PPP"}, "candidate")
    b += side({"c3": "PFF"}, "candidate", tags=frozenset({"critical"}))
    found = flips(pair(a, b).cases)
    assert [(flip.case_id, flip.kind) for flip in found] == [
        ("c3", "broken"), ("c2", "broken"), ("c1", "broken"), ("c4", "fixed"), ("c5", "shaky"),
    ]  # fmt: skip
    assert (found[2].a, found[2].b) == ((3, 3), (1, 3))
    text = comparison_text(of(a, b))
    assert "flips    3 broken   1 fixed   2 pass both   0 fail both   (1 of them shaky)" in text
    assert comparison_json(of(a, b))["flips"]["shaky"] == 1
    assert text.index("c3  3/3 → 1/3  (critical)") < text.index("c2  3/3 → 0/3") < text.index("pass_rate")


def test_the_noise_floor():
    """Three of four cases pass 2 of 3: two single runs differ on 2p(1−p)·K/(K−1) of them; unknown with one run."""
    a = side({"c1": "PPF", "c2": "PFP", "c3": "FPP", "c4": "PPP"}, "baseline")
    found = of(a, side({"c1": "P", "c2": "P", "c3": "P", "c4": "P"}, "candidate"))
    assert found.expected_flips == pytest.approx(3 * 2 * (2 / 3) * (1 / 3) * 3 / 2)
    assert "flakiness alone would flip about 2" in found.sentence
    assert of(*table(5, 1, 1, 1)).expected_flips is None
    assert "unknown with one run" in comparison_text(of(*table(5, 1, 1, 1)))


def test_shared_answers_are_no_new_evidence():
    """Repeats that shared one answer count once; with none fresh, one stands for all."""
    a = [row("c1", variant="baseline", repeat=i, fresh=i == 0) for i in range(3)]
    b = [row("c1", "F", repeat=i, fresh=False) for i in range(3)]
    (case,) = pair(a, b).cases
    assert (case.a_draws, case.b_draws) == ((1.0,), (0.0,))


def test_skipped_trials_are_no_failures():
    """A skipped trial was not run: its case is unpaired, not failed."""
    found = of(side({"c1": "P", "c2": "P"}, "baseline"), side({"c1": "P", "c2": "S"}, "candidate"))
    assert found.only_a == ("c2",)
    assert found.metric("pass_rate").b == 1.0


def test_errors_count_as_failures_and_are_said():
    """An error is neither hidden nor dropped from the denominator."""
    found = of(side({"c1": "P", "c2": "P"}, "baseline"), side({"c1": "P", "c2": "E"}, "candidate"))
    assert (found.errors_a, found.errors_b, found.trials_b) == (0, 1, 2)
    assert found.metric("pass_rate").b == 0.5
    assert found.flips[0].error
    assert "0 of 2 trials before and 1 of 2 after could not be measured" in found.sentence
    assert "error   c2" in comparison_text(found)


def test_few_errors_are_counted_and_many_leave_no_verdict():
    """One error in 100 trials counts as a failure and is said; with more than 2% of errors nobody is called better or worse."""
    cases = {f"c{number}": "P" for number in range(100)}
    few = of(side(cases, "baseline"), side(cases | {"c1": "E"}, "candidate"))
    assert "0 errors before and 1 after count as failures" in few.sentence
    many = of(side(cases, "baseline"), side(cases | {f"c{number}": "E" for number in range(60)}, "candidate"))
    assert many.sentence.startswith("candidate cannot be compared with baseline: ")


def test_repeats_and_clusters_choose_the_method():
    """One run each is Tango; repeats or shared clusters are effective counts; clusters of one are no clusters."""
    single = of(*table(30, 4, 3, 3)).metric("pass_rate")
    assert (single.interval.method, single.n_eff) == ("Tango score", None)
    a, b = table(30, 4, 3, 3)
    lonely = of([replace(r, cluster=r.case_id) for r in a], [replace(r, cluster=r.case_id) for r in b])
    assert lonely.metric("pass_rate").interval == single.interval
    grouped = of([replace(r, cluster=r.case_id[:4]) for r in a], [replace(r, cluster=r.case_id[:4]) for r in b])
    assert grouped.metric("pass_rate").interval.method == "score on effective counts"
    assert grouped.extra["n_clusters"] == 4
    repeated = of(side({"c1": "PPF", "c2": "FFP"}, "baseline"), side({"c1": "PFF", "c2": "PFP"}, "candidate"))
    assert repeated.metric("pass_rate").interval.method == "score on effective counts"


def verdicts(status, *, check="pii", family="safety", severity="fail"):
    return ((check, family, status, severity),)


def test_family_rates():
    """Each check family has its own rate, over the cases that have such checks."""
    a = [row("c1", variant="baseline", checks=verdicts("pass")), row("c2", variant="baseline")]
    b = [row("c1", "F", checks=verdicts("fail")), row("c2")]
    metric = of(a, b).metric("pass_rate(family:safety)")
    assert (metric.a, metric.b, metric.n) == (1.0, 0.0, 1)


def test_slices():
    """A tag narrows the cases; a check or family takes its own verdicts; an unanswered trial of such a case is an error."""
    rows = [
        row("c1", checks=verdicts("pass"), tags=frozenset({"smoke"})),
        row("c1", "E", repeat=1, tags=frozenset({"smoke"})),
        row("c2", checks=verdicts("pass", check="json", family="shape")),
        row("c2", "E", repeat=1),
        row("c3", "E"),
        row("c1", "E", repeat=2, checks=verdicts("error", check="json", family="shape")),
        row("c4", checks=verdicts("fail", severity="warn")),
    ]
    assert [r.case_id for r in narrow(rows, "tag:smoke")] == ["c1", "c1"]
    by_check = narrow(rows, "check:pii")
    assert [(r.case_id, r.status) for r in by_check] == [
        ("c1", "pass"),
        ("c1", "error"),
        ("c3", "error"),
        ("c4", "fail"),
    ]
    by_family = narrow(rows, "family:safety")
    assert [(r.case_id, r.status) for r in by_family] == [("c1", "pass"), ("c1", "error"), ("c3", "error")]
    assert narrow(rows, None) == rows
    with pytest.raises(ValueError):
        narrow(rows, "smoke")


def test_unknown_costs_stay_unknown():
    """Cases without a known cost are left out of the ratio and counted; all unknown is undefined, never 0."""
    a, b = table(20, 0, 0, 0)
    a = [replace(r, cost_usd=0.001 + i % 3 / 1e4) for i, r in enumerate(a)]
    b = [replace(r, cost_usd=None if i < 2 else 0.0011 + i % 4 / 1e4) for i, r in enumerate(b)]
    found = of(a, b)
    assert (found.metric("cost_usd").n, found.metric("cost_usd").note) == (18, "unknown for 2 cases of 20")
    assert found.metric("latency_s").word == "undefined"
    assert found.metric("latency_s").a is None


def test_half_of_the_repeats_is_a_pass_for_the_eye():
    """One of two counts as passing, so falling from two of two to one of two is shaky, not broken."""
    found = of(side({"c1": "PP"}, "baseline"), side({"c1": "PF"}, "candidate"))
    assert (found.both_pass, found.broken, found.flips[0].kind) == (1, 0, "shaky")


def test_no_word_when_a_few_cases_decide():
    """The top 5% of the cases carry most of the change: the interval is shown, the word is not dared."""
    a, b = table(40, 0, 0, 0)
    a = [replace(r, cost_usd=1.0) for r in a]
    b = [replace(r, cost_usd=1.002 + (0.05 if i < 2 else 0.001 * (i % 2))) for i, r in enumerate(b)]
    metric = of(a, b).metric("cost_usd")
    assert metric.interval.lower > 1
    assert (metric.word, metric.note) == ("no clear difference", "driven by few cases")


def labelled(variant, cell, model="openai/m"):
    return row("c1", variant=variant, label=f"{variant}-{cell}", cell=cell, model=model)


def test_variants_are_paired_within_cells():
    """Models are not mixed; a variant with its own model meets every baseline that differs only in the model."""
    rows = [
        labelled("baseline", "openai/x t=0", "openai/x"),
        labelled("baseline", "openai/y t=0", "openai/y"),
        labelled("v2", "openai/y t=0", "openai/y"),
        labelled("own", "t=0", "anthropic/z"),
        labelled("stray", "t=1", "anthropic/z"),
    ]
    found = [(a, b) for a, b, _, _ in pairs_of_variants(rows, "baseline")]
    assert found == [
        ("baseline-openai/y t=0", "v2-openai/y t=0"),
        ("baseline-openai/x t=0", "own-t=0"),
        ("baseline-openai/y t=0", "own-t=0"),
    ]
    alone = [labelled("baseline", "", "openai/x"), labelled("v2", "t=1", "openai/y")]
    assert [(a, b) for a, b, _, _ in pairs_of_variants(alone, "baseline")] == [("baseline-", "v2-t=1")]


def test_two_runs_of_one_variant_are_told_apart():
    """The same variant in two runs is named by its run."""
    a, b = table(5, 0, 0, 0)
    same = [Side("v1", "v1", run_id=name) for name in ("r1", "r2")]
    found = compare(a, b, a_side=same[0], b_side=same[1], suite="refunds")
    assert "between v1 of r2 and v1 of r1" in found.sentence


@given(st.lists(st.tuples(st.sampled_from("PFE"), st.sampled_from("PFE"), st.integers(1, 3)), max_size=12))
def test_sentence_text_and_json_agree(cases):
    """Whatever happened, the three forms carry the same counts, the JSON is strict, and no form says 'significant'."""
    a = side({f"c{i}": before * k for i, (before, _, k) in enumerate(cases)}, "baseline")
    b = side({f"c{i}": after for i, (_, after, _) in enumerate(cases)}, "candidate")
    found = of(a, b, margin=0.1)
    plain = json.loads(json.dumps(comparison_json(found), allow_nan=False))
    text = comparison_text(found)
    assert plain["schema"] == "evalkit.compare/1"
    assert plain["sentence"] == found.sentence
    assert found.sentence in text
    flips_ = plain["flips"]
    assert (
        sum(flips_[kind] for kind in ("broken", "fixed", "both_pass", "both_fail")) == plain["n_paired"] == len(cases)
    )
    lost = [item["kind"] for item in flips_["items"] if item["error"]]
    broken, fixed = (flips_[kind] - lost.count(kind) for kind in ("broken", "fixed"))
    assert f"{broken} broken   {fixed} fixed" in text
    assert (f"{flips_['unmeasured']} not measured" in text.split("verdict")[0]) == (flips_["unmeasured"] > 0)
    assert sum(item["kind"] == "broken" for item in flips_["items"]) == flips_["broken"]
    assert "significant" not in (text + json.dumps(plain)).lower()


def test_hostile_ids_cannot_drive_a_terminal():
    """Control characters in a case id are replaced, and a long one is cut."""
    bad = "c\x1b[2J" + "x" * 200
    text = comparison_text(of(side({bad: "P"}, "baseline"), side({bad: "F"}, "candidate")))
    assert "\x1b" not in text
    assert "x" * 80 not in text


def test_long_lists_are_cut():
    """Twenty flips of a kind by name, the rest by number."""
    text = comparison_text(of(*table(0, 0, 30, 0)))
    assert text.count("broken  c") == 20
    assert "and 10 more" in text


def test_json_has_limits_beside_the_estimates():
    """Who reads one level deep finds limits, method, confidence and the verdict; they are those of the interval."""
    found = comparison_json(of(*table(150, 9, 24, 17)))
    metric = found["metrics"][0]
    assert (metric["lower"], metric["upper"], metric["method"]) == (
        metric["interval"]["lower"],
        metric["interval"]["upper"],
        "Tango score",
    )
    assert metric["a"]["lower"] == metric["a"]["interval"]["lower"]
    assert (metric["confidence"], found["verdict"], found["cluster_by"]) == (0.95, "worse", None)
    assert comparison_json(of([], []))["metrics"][0]["lower"] is None


def test_json_says_what_stands_behind_single_runs():
    """The exact p, the chance that B is better, and what the sample can detect; Tango's interval has no degrees of freedom."""
    found = comparison_json(of(*table(150, 9, 24, 17), margin=0.05))
    metric = found["metrics"][0]
    assert (metric["df"], metric["sd_between"], metric["within_share"]) == (None, None, None)
    assert (metric["p_exact"], metric["prob_better"]) == (mcnemar(9, 24).p_exact, prob_better(9, 24))
    assert metric["resolution"] == 200 / required_cases(0.05, flip_rate=34 / 202)
    assert metric["mde"] == smallest_margin(200, flip_rate=34 / 202)
    assert {name: metric[name] for name in ("p_exact", "mde", "resolution")} == {
        name: found[name] for name in ("p_exact", "mde", "resolution")
    }


def test_json_says_what_stands_behind_repeats():
    """Student's degrees of freedom, and the variance of the changes taken apart: between the cases, and what repeats could remove."""
    before = {f"c{i}": ("PPPF", "PPFF", "PPPP", "FFFF")[i % 4] for i in range(12)}
    after = {f"c{i}": ("PFFF", "PPPP", "PPPP", "FFPF", "FFFF")[i % 5] for i in range(12)}
    rows = side(before, "baseline"), side(after, "candidate")
    metric = comparison_json(of(*rows))["metrics"][0]
    sides = [[[float(letter == "P") for letter in letters] for letters in one.values()] for one in (before, after)]
    within = sum(variance(draws) / 4 for one in sides for draws in one) / 12
    spread = variance([mean(b) - mean(a) for a, b in zip(*sides, strict=True)])
    assert metric["df"] == 11
    assert metric["sd_between"] ** 2 == pytest.approx(spread - within)
    assert metric["within_share"] == pytest.approx(within / spread)
    assert (metric["p_exact"], metric["prob_better"], metric["resolution"]) == (None, None, None)
