"""Gates have three outcomes, say why with denominators, and never turn green on data that cannot carry it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from compare_rows import PATH, gate, judge_gates, row, side, table
from golden_items import golden

from evalkit.compare.gates.feasible import feasibility
from evalkit.compare.gates.judge import SuiteGates, judge_run
from evalkit.compare.statistics.sizes import required_cases
from evalkit.compare.stats import paired_scores

VERDICTS = {"pass": "passed", "fail": "failed", "inconclusive": "undecided"}


def judge(gates, rows, *, planned=None, partial=False):
    given = gates if isinstance(gates, list) else [gates]
    planned = len(rows) if planned is None else planned
    return judge_gates(given, rows, planned=planned, partial=partial)


def one(gate_, rows, **more):
    (outcome,) = judge(gate_, rows, **more)
    assert "significant" not in outcome.reason.lower()
    assert outcome.reason.endswith(".")
    return outcome


@pytest.mark.parametrize("item", golden("gate_"))
def test_no_regression_as_published(item):
    """Every worked example gets its verdict, interval, and number of cases."""
    given, expected = item["inputs"], item["expected"]
    a, b = table(*(given[key] for key in ("both_pass", "fixed", "broken", "both_fail")))
    spec = gate("no_regression", against="baseline", margin=given["margin"], confidence=given["conf"])
    found = one(spec, a + b)
    assert found.status == VERDICTS[expected["verdict"]]
    assert found.numbers["lower"] == pytest.approx(expected["lower"], abs=item["tol"])
    assert found.numbers["upper"] == pytest.approx(expected["upper"], abs=item["tol"])
    assert found.numbers["floor_n"] == expected["min_cases_if_nothing_changes"]
    assert found.numbers["required_n"] == expected["required_n"]
    assert found.numbers["need_more"] == expected["need_more"]


def test_an_undecided_gate_says_what_would_decide_it():
    """Fifty cases: the floor, the cases that would do, and the margin that would."""
    a, b = table(40, 2, 3, 5)
    found = one(gate("no_regression", against="baseline", margin=0.05), a + b)
    assert found.reason == (
        "pass rate 86.0% → 84.0%, −2.0 pp (95% interval −13.0 to +8.6) over 50 paired cases (errors 0/50 and 0/50, "
        "unpaired 0): a drop of more than 5 pp cannot be ruled out; 50 cases cannot pass this gate even without a single "
        "flip (73 needed); at this flip rate about 394 cases (344 more) give an 80% chance to pass if candidate is really "
        "no worse; or set a margin of 16.3 pp."
    )
    assert (found.gate, found.variant, found.line) == ("the no_regression gate", "candidate", 7)


def test_worse_within_the_margin_is_green_and_says_so():
    """A drop that is real but tolerated passes, with the word worse in the reason."""
    a, b = table(59, 6, 16, 80)
    found = one(gate("no_regression", against="baseline", margin=0.15), a + b)
    assert found.status == "passed"
    assert "candidate is worse than baseline, within the margin of 15 pp" in found.reason


def test_holm_keeps_a_chance_failure_among_many_gates_undecided():
    """Alone the drop fails; beside nineteen other gates on the same cases the corrected p does not."""
    a, b = table(59, 6, 16, 80)
    spec = gate("no_regression", against="baseline", margin=0.02)
    assert one(spec, a + b).status == "failed"
    several = judge([replace(spec, text=f"gate {i}") for i in range(20)], a + b)
    assert {found.status for found in several} == {"undecided"}
    assert "of 20 gates judged together" in several[0].reason
    assert several[0].numbers["p_adjusted"] == pytest.approx(20 * several[0].numbers["p_worse"])


@pytest.mark.parametrize(("fixed", "broken", "status"), [(24, 9, "passed"), (9, 24, "failed"), (10, 9, "undecided")])
def test_better_than(fixed, broken, status):
    """Better is shown, refuted, or neither."""
    a, b = table(150, fixed, broken, 17)
    found = one(gate("better_than", against="baseline"), a + b)
    assert found.status == status
    if status == "undecided":
        assert found.numbers["need_more"] > 0
        assert f"about {found.numbers['required_n']} cases" in found.reason


@pytest.mark.parametrize(
    ("passes", "value", "status"),
    [(36, 0.9, "passed"), (35, 0.9, "undecided"), (20, 0.9, "failed"), (36, 0.95, "undecided")],
)
def test_at_least(passes, value, status):
    """36 of 36 show a rate above 90%, 35 of 35 do not, and 20 of 36 show that it is below."""
    n = 36 if status != "undecided" or value == 0.95 else 35
    rows = side({f"c{i}": "P" if i < passes else "F" for i in range(n)}, "candidate")
    found = one(gate("at_least", value=value), rows)
    assert found.status == status
    assert f"{min(passes, n)}/{n} (errors 0, skipped 0)" in found.reason
    if status == "undecided":
        assert f"({36 if value == 0.9 else 72} needed)" in found.reason


def test_repeats_are_not_more_cases():
    """Ten cases answered alike ten times each are ten cases: 100 passes of 100 do not show 90%."""
    rows = side({f"c{i}": "P" * 10 for i in range(10)}, "candidate")
    found = one(gate("at_least", value=0.9), rows)
    assert found.status == "undecided"
    assert found.numbers["n_eff"] == 10


def test_must_pass():
    """All pass, one failure fails it by name, an error leaves it undecided, a failure outranks an error."""
    ok = {"c1": "PPP", "c2": "PPP"}
    passed = one(gate("must_pass"), side(ok, "candidate"))
    assert passed.status == "passed"
    assert "3/3 shows a pass probability above 37%" in passed.reason
    failed = one(gate("must_pass"), side(ok | {"c3": "PFP", "c4": "E"}, "candidate"))
    assert failed.status == "failed"
    assert failed.reason.endswith("1 trial failed where every one must pass: c3.")
    unsure = one(gate("must_pass"), side(ok | {"c4": "PEP"}, "candidate"))
    assert unsure.status == "undecided"
    assert "1 trial could not be measured: c4" in unsure.reason


def costs(*values, **more):
    return [row(f"c{i}", cost_usd=value, **more) for i, value in enumerate(values)]


def test_budgets_judge_this_run():
    """Mean, sum, max and quantiles against a limit; the wording claims nothing beyond the run."""
    rows = costs(0.001, 0.002, 0.003, 0.01)
    for stat, limit, status in (
        ("mean", 0.004, "passed"), ("mean", 0.0039, "failed"), ("sum", 0.016, "passed"), ("max", 0.009, "failed"),
        ("p50", 0.0025, "passed"), ("p95", 0.0089, "failed"), ("p95", 0.009, "passed"),
    ):  # fmt: skip
        found = one(gate("budget", metric="cost_usd", stat=stat, op="<=", value=limit), rows)
        assert found.status == status, (stat, limit, found.reason)
        assert "over 4 trials (errors 0) of this run" in found.reason
    assert one(gate("budget", metric="cost_usd", stat="max", op="<", value=0.01), rows).status == "failed"


def test_a_quantile_has_an_interval():
    """Beside a p95 stand two of the sorted values, between which the p95 of all such answers lies; the limit is still about this run."""
    rows = [row(f"c{i:03}", latency_s=i / 10) for i in range(1, 101)]
    found = one(gate("budget", metric="latency_s", stat="p95", op="<=", value=9.6), rows)
    assert (found.status, found.numbers["lower"], found.numbers["upper"]) == ("passed", 9.0, 10.0)
    assert "95% interval 9.00 s to 10.00 s for all answers like these" in found.reason
    few = one(gate("budget", metric="latency_s", stat="p95", op="<=", value=9.6), rows[:30])
    assert (few.numbers["lower"], few.numbers["upper"]) == (2.6, None)
    assert "95% interval above 2.60 s for all" in few.reason
    assert "interval" not in one(gate("budget", metric="latency_s", stat="mean", op="<=", value=9.6), rows).reason


def test_a_call_that_timed_out_may_have_been_the_slowest():
    """Without a latency a trial counts as fast for the lower limit and as slower than all for the upper one."""
    rows = [row(f"c{i:03}", latency_s=i / 10) for i in range(1, 101)]
    lost = [*rows[:98], *(row(f"e{i}", "E") for i in range(2))]
    p95 = gate("budget", metric="latency_s", stat="p95", op="<=", value=99)
    whole, part = one(p95, rows), one(p95, lost)
    assert part.status == "undecided"
    assert (whole.numbers["lower"], whole.numbers["upper"]) == (9.0, 10.0)
    assert (part.numbers["lower"], part.numbers["upper"]) == (8.8, None)


def test_unknown_cost_is_not_zero():
    """An unknown price leaves a budget undecided and says for how many, unless the known costs already break it."""
    rows = costs(0.001, None, 0.003)
    found = one(gate("budget", metric="cost_usd", stat="sum", op="<=", value=1.0), rows)
    assert found.status == "undecided"
    assert "unknown for 1 of 3 trials" in found.reason
    assert one(gate("budget", metric="cost_usd", stat="sum", op="<=", value=0.0035), rows).status == "failed"
    assert one(gate("budget", metric="cost_usd", stat="mean", op="<=", value=0.0015), rows).status == "undecided"


def test_too_many_errors_cap_both_ways():
    """Above 2% errors neither a pass nor a fail stands; up to 2% they count as failures and are printed."""
    a, b = table(150, 9, 24, 17)
    spec = gate("no_regression", against="baseline", margin=0.05)
    four = [replace(r, status="error") if i < 4 else r for i, r in enumerate(b)]
    found = one(spec, a + four)
    assert found.status == "failed"
    assert "errors 0/200 and 4/200" in found.reason
    five = [replace(r, status="error") if i < 5 else r for i, r in enumerate(b)]
    found = one(spec, a + five)
    assert found.status == "undecided"
    assert "it would fail, but 0 of 200 and 5 of 200 trials could not be measured" in found.reason
    rows = side({f"c{i}": "P" for i in range(97)} | {f"e{i}": "E" for i in range(3)}, "candidate")
    assert one(gate("at_least", value=0.5), rows).status == "undecided"


def test_uneven_errors_cap():
    """Errors on one side only, few but lopsided, leave the gate undecided: an outage is no regression."""
    a, b = table(1000, 0, 0, 0)
    broken = [replace(r, status="error") if i < 12 else r for i, r in enumerate(b)]
    found = one(gate("no_regression", against="baseline", margin=0.05), a + broken)
    assert found.status == "undecided"
    assert "errors are uneven (0 cases only before, 12 only after)" in found.reason


def test_unpaired_cases_cap():
    """More than 5% of the cases without a partner: the pairs may not speak for the suite."""
    a, b = table(100, 0, 0, 0)
    spec = gate("no_regression", against="baseline", margin=0.1)
    assert one(spec, a + b[:96]).status == "passed"
    found = one(spec, a + b[:94])
    assert found.status == "undecided"
    assert "6 of 100 cases could not be paired" in found.reason


def test_missing_results_never_turn_green():
    """Planned trials without a result undo a pass, but not a failure that nothing could undo."""
    rows = side({f"c{i}": "P" for i in range(40)}, "candidate")
    found = one(gate("at_least", value=0.8), rows, planned=41)
    assert found.status == "undecided"
    assert "1 of 41 planned trials of this suite have no result" in found.reason
    failed = one(gate("must_pass"), [*rows, row("bad", "F")], planned=99)
    assert failed.status == "failed"


def test_a_partial_run_is_not_judged():
    """With -k nothing is said about the whole suite, whatever the part looks like."""
    rows = side({"c1": "F"}, "candidate")
    found = one(gate("must_pass"), rows, planned=400, partial=True)
    assert found.status == "not_judged"
    assert "1 of 400 trials were run" in found.reason


def test_no_baseline_is_undecided():
    """A baseline without results is never green."""
    found = one(gate("no_regression", against="basline", margin=0.1), side({"c1": "P"}, "candidate"))
    assert found.status == "undecided"
    assert "no baseline: the variant 'basline' has no results" in found.reason


def test_an_empty_slice_is_undecided():
    """Nothing to judge is not a pass."""
    for spec in (gate("must_pass", slice="tag:smoke"), gate("at_least", value=0.5, slice="check:pii")):
        found = one(spec, side({"c1": "P"}, "candidate"))
        assert found.status == "undecided"
        assert f"no case of {spec.slice} was run" in found.reason


def test_whom_a_gate_concerns():
    """Every variant but those compared against, or only the one it names; other suites' rows are not its business."""
    rows = [r for name in ("baseline", "v2", "v3") for r in side({f"c{i}": "P" for i in range(80)}, name)]
    rows.append(row("c1", "F", variant="v2", suite_path="suites/other.yaml"))
    paired = gate("no_regression", against="baseline", margin=0.1)
    outcomes = judge([paired, gate("must_pass"), gate("must_pass", variant="baseline")], rows, planned=240)
    assert [(found.gate, found.variant) for found in outcomes] == [
        ("the no_regression gate", "v2"), ("the no_regression gate", "v3"), ("the must_pass gate", "v2"),
        ("the must_pass gate", "v3"), ("the must_pass gate", "baseline"),
    ]  # fmt: skip
    assert {found.status for found in outcomes} == {"passed"}


def ratio_sides(factor, *, metric="cost_usd", n=40, spread=0.1):
    a = [row(f"c{i:03}", variant="baseline", **{metric: 1.0 + spread * (i % 7)}) for i in range(n)]
    b = [row(f"c{i:03}", **{metric: factor * (1.0 + spread * ((i + i // 7) % 7))}) for i in range(n)]
    return a + b


@pytest.mark.parametrize("metric", ["cost_usd", "latency_s"])
@pytest.mark.parametrize(("factor", "status"), [(0.9, "passed"), (1.5, "failed"), (1.06, "undecided")])
def test_cost_and_latency_gates(metric, factor, status):
    """A rise of 10% is ruled out, shown, or neither; cost is judged by the mean, latency by the typical case."""
    found = one(
        gate("no_regression", against="baseline", margin=0.1, metric=metric), ratio_sides(factor, metric=metric)
    )
    assert found.status == status, found.reason
    assert found.reason.startswith("mean" if metric == "cost_usd" else "typical")
    if status == "undecided":
        assert found.numbers["required_n"] > 40
        assert re.search(r"about \d+ cases \(\d+ more\)", found.reason)


def test_a_dearer_variant_within_the_margin():
    """Shown to cost more, but within what was allowed: green, and said."""
    found = one(gate("no_regression", against="baseline", margin=0.5, metric="cost_usd"), ratio_sides(1.2))
    assert found.status == "passed"
    assert "needs more than baseline, within the margin of 50%" in found.reason


def test_cheaper_by():
    """better_than on cost asks for less."""
    spec = gate("better_than", against="baseline", margin=0.1, metric="cost_usd")
    assert one(spec, ratio_sides(0.7)).status == "passed"
    assert one(spec, ratio_sides(1.0)).status == "failed"


def test_a_few_dear_cases_decide_nothing():
    """When one case in twenty carries most of the change, no verdict is dared below 100 cases."""
    a = [row(f"c{i:02}", variant="baseline", cost_usd=1.0 + i % 3 / 10) for i in range(40)]
    b = [row(f"c{i:02}", cost_usd=1.0 + i % 3 / 10 + (1.0 if i < 2 else 0.001 * (i % 5))) for i in range(40)]
    found = one(gate("no_regression", against="baseline", margin=0.5, metric="cost_usd"), a + b)
    assert found.status == "undecided"
    assert "a few cases carry most of the change" in found.reason


def test_unknown_costs_leave_a_ratio_gate_undecided():
    """No price on either side, or for more than 5% of the cases: not judged as if it were nothing."""
    spec = gate("no_regression", against="baseline", margin=0.5, metric="cost_usd")
    rows = ratio_sides(1.0)
    assert one(spec, [replace(r, cost_usd=None) for r in rows]).status == "undecided"
    some = one(spec, [replace(r, cost_usd=None) if r.case_id < "c003" else r for r in rows])
    assert some.status == "undecided"
    assert "unknown for 3 of 40 cases" in some.reason


def test_repeats_say_whether_they_help():
    """With repeats that disagree, an undecided gate says that more repeats help too."""
    cases = [f"c{i}" for i in range(30)]
    a = side({case: ("PFP", "FPF", "PPF")[i % 3] for i, case in enumerate(cases)}, "baseline")
    b = side({case: ("FPP", "FFP", "PFP", "PPP")[i % 4] for i, case in enumerate(cases)}, "candidate")
    found = one(gate("no_regression", against="baseline", margin=0.01), a + b)
    assert found.status == "undecided"
    assert "repeats disagreeing" in found.reason
    draws = [[[float(r.status == "pass") for r in rows if r.case_id == case] for case in cases] for rows in (a, b)]
    paired = paired_scores(*draws)
    spread = (paired.up + paired.down - paired.delta**2) * paired.n / paired.n_eff
    assert found.numbers["required_n"] == pytest.approx(required_cases(0.01, flip_rate=spread), abs=1)


def test_feasibility_before_anything_is_spent():
    """Gates that cannot pass are complaints with line and way out; those that can, or are allowed, are not."""
    gates = [
        gate("no_regression", against="baseline", margin=0.05),
        gate("at_least", value=0.95),
        gate("at_least", value=0.9, slice="tag:smoke"),
        gate("better_than", against="baseline", margin=0.5),
        gate("no_regression", against="baseline", margin=0.05, allow_infeasible=True),
        gate("no_regression", against="baseline", margin=0.05, metric="cost_usd"),
        gate("must_pass"),
        gate("budget", metric="cost_usd", stat="max", op="<=", value=1),
    ]
    found = feasibility(gates, cases={None: 50, "tag:smoke": 3})
    assert [str(error).split("\n")[0] for error in found] == [
        f"{PATH}:7: the gate 'the no_regression gate' cannot pass with 50 cases even if nothing changes",
        f"{PATH}:7: the gate 'the at_least gate' cannot pass with 50 cases even if all pass",
        f"{PATH}:7: the gate 'the at_least gate' cannot pass with 3 cases even if all pass",
    ]
    assert "use 73 cases or more, or a margin of 7.2 pp or more, or set allow_infeasible: true" in str(found[0])
    assert "use 72 cases or more" in str(found[1])
    assert feasibility(gates, cases={None: 73, "tag:smoke": 36}) == []
    assert len(feasibility([gate("better_than", against="baseline", margin=0.5)], cases={None: 3})) == 1


@pytest.mark.parametrize(("margin", "value"), [(0.05, 0.9), (0.013, 0.97), (0.2, 0.55)])
def test_what_feasibility_suggests_really_works(margin, value):
    """The suggested number of cases, with no flips and no failures, passes the gate; one fewer does not."""
    for spec in (gate("no_regression", against="baseline", margin=margin), gate("at_least", value=value)):
        (error,) = feasibility([spec], cases={None: 2})
        needed = int(re.search(r"use (\d+) cases", error.hint)[1])
        for n, status in ((needed, "passed"), (needed - 1, "undecided")):
            a, b = table(n, 0, 0, 0)
            assert judge(spec, a + b)[-1].status == status


def test_holm_counts_the_gates_of_all_suites():
    """Twelve suites with a gate each are twelve chances to fail by chance, as twelve gates of one suite are."""
    a, b = table(100, 10, 24, 16)
    rule = gate("no_regression", against="baseline", margin=0.05)
    alone = one(rule, a + b)
    assert alone.status == "failed"
    suites = []
    for index in range(12):
        path = f"suites/{index}.yaml"
        rows = [
            replace(each, suite_path=path)
            for each in a + (b if index == 0 else [replace(r, variant="candidate", label="candidate") for r in a])
        ]
        suites.append(SuiteGates((rule,), rows, "refunds", path, planned=len(rows)))
    found = judge_run(suites)
    assert found[0].status == "undecided"
    assert found[0].numbers["family_size"] == 12
    assert "of 12 gates judged together" in found[0].reason
    assert found[0].numbers["need_more"] == found[0].numbers["required_n"] - found[0].numbers["n"]


def test_a_gate_about_a_model():
    """It concerns the variants that ask this model, and no others."""
    rows = [
        *side({f"c{i}": "P" for i in range(40)}, "good", model="openai/good", label="v-good"),
        *side({f"c{i}": "F" for i in range(40)}, "bad", model="openai/bad", label="v-bad"),
    ]
    found = one(gate("at_least", value=0.9, slice="model:openai/good"), rows)
    assert (found.variant, found.status) == ("v-good", "passed")


def test_how_many_repeats_would_do():
    """Where repeats are the noise, the gate says how many are enough; where cases differ, it says what repeats cannot reach."""
    noisy_a = side({f"c{i}": ("PF", "FP")[i % 2] for i in range(100)}, "baseline")
    noisy_b = side({f"c{i}": ("FP", "PF", "PP", "FF")[i % 4] for i in range(100)}, "candidate")
    found = one(gate("no_regression", against="baseline", margin=0.08), noisy_a + noisy_b)
    assert found.status == "undecided"
    repeats = found.numbers["repeats_needed"]
    assert repeats in {4, 8, 16, 32, 64}
    assert f"more repeats help: {repeats} each would do with these cases" in found.reason
    firm_a = side({f"c{i}": ("PP", "FF")[i % 2] for i in range(100)}, "baseline")
    firm_b = side({f"c{i}": ("PP", "FF", "FF", "PP")[i % 4] for i in range(100)}, "candidate")
    found = one(gate("no_regression", against="baseline", margin=0.05), firm_a + firm_b)
    assert found.numbers["repeats_needed"] is None
    assert "repeats alone cannot get below a margin of" in found.reason


def test_errors_left_out_are_said_beside_errors_as_failures():
    """``errors: exclude``: the rate is of what was measured, and the reason and the numbers also say what it is with errors as failures."""
    rows = side({f"c{i:03}": "P" for i in range(300)}, "candidate") + side(
        {f"e{i}": "E" for i in range(5)}, "candidate"
    )
    counted, left_out = (one(gate("at_least", value=0.985, errors=policy), rows) for policy in ("fail", "exclude"))
    assert (counted.status, left_out.status) == ("undecided", "passed")
    assert "errors left out: pass rate 100.0%, 300/300" in left_out.reason
    assert "with errors as failures: pass rate 98.4%, 300/305 (errors 5, skipped 0)" in left_out.reason
    assert left_out.numbers["errors_as_failures"]["rate"] == pytest.approx(300 / 305)


def test_errors_left_out_of_a_comparison():
    """The pairs that hold an error are left out; both intervals are said. Above 2% errors the gate is undecided all the same."""
    a = side({f"c{i:03}": "P" for i in range(300)}, "baseline")
    few = side({f"c{i:03}": "E" if i < 6 else "P" for i in range(300)}, "candidate")
    many = side({f"c{i:03}": "E" if i < 30 else "P" for i in range(300)}, "candidate")
    rule = gate("no_regression", against="baseline", margin=0.03, errors="exclude")
    strict = gate("no_regression", against="baseline", margin=0.03)
    assert one(strict, [*a, *few]).status == "undecided"
    found = one(rule, [*a, *few])
    assert found.status == "undecided"  # six errors against none are uneven
    assert "errors left out: pass rate 100.0% → 100.0%" in found.reason
    assert "with errors as failures: pass rate 100.0% → 98.0%" in found.reason
    even = side({f"c{i:03}": "E" if i in {297, 298, 299} else "P" for i in range(300)}, "baseline")
    fewer = side({f"c{i:03}": "E" if i < 3 else "P" for i in range(300)}, "candidate")
    assert one(rule, [*even, *fewer]).status == "passed"
    assert one(rule, [*a, *many]).status == "undecided"
    assert "more than 2%" in one(rule, [*a, *many]).reason


def test_a_slice_of_two_slices():
    """``tag:critical & family:safety`` is about the safety checks of critical cases, and nothing else."""
    fine, bad = ("pii", "safety", "pass", "fail"), ("pii", "safety", "fail", "fail")
    other = ("contains", "content", "fail", "fail")
    rows = [
        row("c1", "F", tags=frozenset({"critical"}), checks=(fine, other)),
        row("c2", "F", checks=(bad,)),
        row("c3", "P", tags=frozenset({"critical"}), checks=(fine,)),
    ]
    found = one(gate("must_pass", op="==", value=1.0, slice="tag:critical & family:safety"), rows)
    assert found.status == "passed"
    assert found.numbers["trials"] == 2
