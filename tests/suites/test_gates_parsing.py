"""Gates: every form becomes a GateSpec, and a gate that means nothing is refused with the valid forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import SuiteError
from evalkit.suites.gates import FAMILIES, resolve_slice

SUITE = """\
suite: s
variants:
  baseline: {prompt: p:v1}
  candidate: {prompt: p:v2}
models: [openai/gpt-5-mini]
cases:
  - {id: a, vars: {q: 1}, tags: [smoke, "lang:de", pii]}
checks:
  - contains: x
  - pii: {allow: []}
  - not: {contains: y}
gates:
"""


def gate(project, text: str):
    (found,) = project.load(f"{SUITE}  - {text}\n").gates
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pass_rate >= 0.95", {"kind": "at_least", "op": ">=", "value": 0.95, "slice": None}),
        ("pass_rate > 90%", {"kind": "at_least", "op": ">", "value": 0.9}),
        ("pass_rate ≥ .5", {"kind": "at_least", "op": ">=", "value": 0.5}),
        ("pass_rate(tag:smoke) >= 95%", {"kind": "at_least", "value": 0.95, "slice": "tag:smoke"}),
        ("pass_rate( smoke )>=95 %", {"kind": "at_least", "value": 0.95, "slice": "tag:smoke"}),
        ("pass_rate(lang:de) >= 0.9", {"slice": "tag:lang:de"}),
        ("pass_rate(contains) >= 0.9", {"slice": "check:contains"}),
        ("pass_rate(not contains) >= 0.9", {"slice": "check:not contains"}),
        ("pass_rate(safety) == 1", {"kind": "must_pass", "op": "==", "value": 1.0, "slice": "family:safety"}),
        ("pass_rate = 100%", {"kind": "must_pass", "slice": None}),
        ("pass_rate >= 1.0", {"kind": "must_pass"}),
        ("p95(latency_s) <= 4", {"kind": "budget", "stat": "p95", "metric": "latency_s", "op": "<=", "value": 4.0}),
        ("sum(cost_usd) < 0.50", {"kind": "budget", "stat": "sum", "metric": "cost_usd", "op": "<", "value": 0.5}),
        ("must_pass: tag:smoke", {"kind": "must_pass", "slice": "tag:smoke", "value": 1.0, "op": "=="}),
        ("must_pass: {slice: tag:smoke, variant: candidate}", {"slice": "tag:smoke", "variant": "candidate"}),
        ("no_regression: {against: baseline, margin: 0.02}", {"kind": "no_regression", "against": "baseline", "margin": 0.02, "metric": "pass_rate"}),
        ("no_regression: {against: baseline, margin: 2pp}", {"margin": 0.02}),
        ("no_regression: {against: baseline, margin: 2%}", {"margin": 0.02}),
        ("no_regression: {against: baseline, margin: 10%, metric: latency_s}", {"margin": 0.1, "metric": "latency_s"}),
        ("no_regression: {against: baseline, margin: 0.05, slice: smoke, confidence: 90%}", {"slice": "tag:smoke", "confidence": 0.9}),
        ("{metric: pass_rate, kind: no_worse_than, baseline: baseline, margin: 5pp, confidence: 0.9}",
         {"kind": "no_regression", "against": "baseline", "margin": 0.05, "confidence": 0.9, "slice": None}),
        ("{metric: cost_usd, kind: no_worse_than, baseline: baseline, margin: 10%}",
         {"kind": "no_regression", "metric": "cost_usd", "margin": 0.1}),
        ("{metric: pass_rate, kind: at_least, value: 0.90}", {"kind": "at_least", "value": 0.9, "slice": None}),
        ("{metric: safety.*, kind: must_pass, tags: [smoke]}", {"kind": "must_pass", "slice": "family:safety & tag:smoke"}),
        ("{kind: must_pass, variant: candidate}", {"kind": "must_pass", "slice": None, "variant": "candidate"}),
        ("{metric: contains, kind: better_than, against: baseline, by: 0}",
         {"kind": "better_than", "slice": "check:contains", "metric": "pass_rate", "margin": 0.0}),
        ("{kind: at_least, value: 90%, errors: exclude}", {"errors": "exclude"}),
        ("no_worse_than: {against: baseline, margin: 5pp, errors: exclude}", {"errors": "exclude"}),
        ("{gate: pass_rate >= 0.9, errors: fail}", {"errors": "fail"}),
        ("pass_rate(smoke & safety) >= 0.9", {"slice": "tag:smoke & family:safety"}),
        ("better_than: {against: baseline}", {"kind": "better_than", "against": "baseline", "margin": 0.0}),
        ("better_than: {against: baseline, by: 5pp, variant: candidate}", {"margin": 0.05, "variant": "candidate"}),
        ("{gate: pass_rate >= 0.95, variant: candidate, confidence: 0.9, allow_infeasible: true}",
         {"value": 0.95, "variant": "candidate", "confidence": 0.9, "allow_infeasible": True}),
        ("no_worse_than: {against: baseline, margin: 5pp, sequential: true}",
         {"kind": "no_regression", "margin": 0.05, "sequential": True}),
        ("at_least: 95%", {"kind": "at_least", "op": ">=", "value": 0.95, "slice": None}),
        ("at_least: {value: 0.9, slice: smoke, confidence: 90%}",
         {"kind": "at_least", "value": 0.9, "slice": "tag:smoke", "confidence": 0.9}),
        ("pass_rate(model:openai/gpt-5-mini) >= 0.9", {"slice": "model:openai/gpt-5-mini"}),
        ("pass_rate(openai/gpt-5-mini) >= 0.9", {"slice": "model:openai/gpt-5-mini"}),
        ("mean(score(contains)) >= 0.8",
         {"kind": "at_least", "metric": "score(contains)", "value": 0.8, "slice": "check:contains"}),
        ("{gate: mean(score(contains)) > 80%, slice: tag:smoke}",
         {"op": ">", "value": 0.8, "slice": "tag:smoke & check:contains"}),
        ("at_least: {value: 0.8, metric: score(not contains)}",
         {"kind": "at_least", "metric": "score(not contains)", "slice": "check:not contains"}),
        ("{kind: at_least, metric: score(contains), value: 80%}", {"metric": "score(contains)", "value": 0.8}),
        ("no_worse_than: {against: baseline, margin: 5pp, metric: score(contains)}",
         {"kind": "no_regression", "metric": "score(contains)", "margin": 0.05, "slice": "check:contains"}),
        ("{kind: better_than, baseline: baseline, by: 0.02, metric: score( contains ), tags: [smoke]}",
         {"kind": "better_than", "metric": "score(contains)", "margin": 0.02, "slice": "tag:smoke & check:contains"}),
        ("{gate: p95(latency_s) <= 4, slice: tag:smoke}", {"kind": "budget", "slice": "tag:smoke"}),
    ],
)  # fmt: skip
def test_every_form_is_understood(project, text: str, expected: dict[str, object]) -> None:
    """What is written becomes kind, metric, operator, value, slice and margin in rate units."""
    found = gate(project, text)
    assert {key: getattr(found, key) for key in expected} == pytest.approx(expected)
    assert str(found.where) == "suites/s.yaml:13"


def test_must_pass_takes_several_slices(project) -> None:
    """A list makes one gate per slice."""
    gates = project.load(f"{SUITE}  - must_pass: [tag:smoke, check:contains]\n").gates
    assert [found.slice for found in gates] == ["tag:smoke", "check:contains"]


def test_a_kind_with_several_tags_is_a_gate_for_each(project) -> None:
    """As ``must_pass`` with a list: every tag is judged on its own."""
    gates = project.load(f"{SUITE}  - {{kind: must_pass, metric: safety.*, tags: [smoke, pii]}}\n").gates
    assert [found.slice for found in gates] == ["family:safety & tag:smoke", "family:safety & tag:pii"]


def test_the_text_says_what_was_written(project) -> None:
    """The report shows the gate as its author wrote it."""
    assert gate(project, "pass_rate(smoke) >= 95%").text == "pass_rate(smoke) >= 95%"
    paired = gate(project, "no_regression: {against: baseline, margin: 2pp}")
    assert paired.text == "no_regression: {against: baseline, margin: 2pp}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pass_rate", ["not understood", "pass_rate >= 0.95"]),
        ("pass_rate >=", ["not understood"]),
        ("mean(score(contians)) >= 0.8", ["score() of 'contians'", "did you mean 'contains'"]),
        ("mean(score(contains) >= 0.8", ["not understood"]),
        ("mean(score(contains)) <= 0.8", ["no gate", "mean(score(rubric)) >= 0.8"]),
        ("mean(score(contains)) >= 4", ["no gate", "mean(score(rubric)) >= 0.8"]),
        ("p95(score(contains)) <= 0.8", ["no such metric"]),
        ("at_least: {value: 0.8, metric: cost_usd}", ["at_least of 'cost_usd'", "score(rubric)"]),
        ("no_worse_than: {against: baseline, margin: 5pp, metric: score(contains}", ["'score(contains'", "not understood"]),
        ("no_worse_than: {against: baseline, margin: 5pp, metric: score(contains), slice: check:pii}", ["two checks"]),
        ("no_worse_than: {against: baseline, margin: 5pp, metric: score(contains), sequential: true}", ["cannot be sequential"]),
        ("pass_rat >= 0.9", ["'pass_rat'", "did you mean 'pass_rate'"]),
        ("pass_rate >= 95", ["not above 0 and at most 1", "0.95 or 95%"]),
        ("pass_rate >= 0", ["not above 0"]),
        ("pass_rate >= -1%", ["not above 0"]),
        ("pass_rate >= ninety", ["'ninety'", "0.02 or 2%"]),
        ("pass_rate <= 0.9", ["no gate", ">="]),
        ("pass_rate == 0.9", ["no gate", "only with 1"]),
        ("pass_rate > 1", ["no gate"]),
        ("pass_rate() >= 0.9", ["no slice"]),
        ("pass_rate(smok) >= 0.9", ["'smok'", "did you mean 'smoke'"]),
        ("pass_rate(tag:smok) >= 0.9", ["no tag 'smok'", "did you mean 'smoke'"]),
        ("pass_rate(judge) >= 0.9", ["no tag, check, family or model 'judge'"]),
        ("pass_rate(pii) >= 0.9", ["tag:pii or check:pii"]),
        ("p95(latency) <= 4", ["'latency'", "did you mean 'latency_s'"]),
        ("p95(pass_rate) <= 4", ["no such metric"]),
        ("p42(latency_s) <= 4", ["'p42'", "p50"]),
        ("latency_s <= 4", ["needs a statistic", "p95(latency_s)"]),
        ("p95(latency_s) >= 4", ["upper limit"]),
        ("p95(latency_s) <= 4s", ["'4s'"]),
        ("p95(latency_s) <= -4", ["below 0"]),
        ("better_than: {against: baseline, margin: 8pp}", ["better_than takes by, not margin", "must be better by"]),
        ("no_worse_than: {against: baseline, by: 8pp}", ["takes margin, not by", "the drop you would accept"]),
        ("no_regression: {against: baseline}", ["no margin", "how large a drop", "73 cases"]),
        ("no_regression: {margin: 0.02}", ["against which variant", "baseline, candidate"]),
        ("no_regression: {against: basline, margin: 0.02}", ["'basline'", "did you mean 'baseline'"]),
        ("no_regression: {against: baseline, margin: 2}", ["out of range", "2pp"]),
        ("no_regression: {against: baseline, margin: 0}", ["out of range", "better_than"]),
        ("no_regression: {against: baseline, margin: true}", ["true/false"]),
        ("no_regression: {against: baseline, margin: 2pp, metric: cost_usd}", ["'2pp'", "2%"]),
        ("no_regression: {against: baseline, margin: 0.1, metric: cost}", ["'cost'", "did you mean 'cost_usd'"]),
        ("no_regression: {against: baseline, margin: 0.1, by: 2}", ["'by'", "margin"]),
        ("no_regression: {against: baseline, margin: 0.1, confidence: 95}", ["confidence", "0.95 or 95%"]),
        ("no_regression: {against: baseline, margin: 0.1, variant: baseline}", ["with itself"]),
        ("no_regression: baseline", ["text", "write no_regression: {against: baseline"]),
        ("no_regresion: {against: baseline, margin: 0.1}", ["did you mean 'no_regression'"]),
        ("{no_regression: {against: baseline, margin: 0.1}, variant: candidate}", ["'variant'"]),
        ("better_than: {against: baseline, by: -1}", ["out of range"]),
        ("{gate: pass_rate >= 0.9, varient: candidate}", ["'varient'", "did you mean 'variant'"]),
        ("{gate: pass_rate >= 0.9, variant: other}", ["'other'", "baseline, candidate"]),
        ("{gate: pass_rate(smoke) >= 0.9, slice: smoke}", ["twice"]),
        ("{gate: 3}", ["holds a text"]),
        ("{gate: pass_rate >= 0.9, allow_infeasible: maybe}", ["true or false"]),
        ("must_pass: []", ["no slice"]),
        ("must_pass: nothing", ["'nothing'"]),
        ("must_pass: {variant: candidate}", ["no slice"]),
        ("no_worse_than: {against: baseline}", ["no_worse_than has no margin", "0.02 needs 189"]),
        ("no_worse_than: {against: baseline, margin: 10%, metric: cost_usd, sequential: true}", ["cannot be sequential"]),
        ("at_least: {slice: smoke}", ["at_least has no value"]),
        ("pass_rate(model:openai/other) >= 0.9", ["no model 'openai/other'"]),
        ("{kind: no_worse, margin: 5pp}", ["no gate is of the kind 'no_worse'", "no_worse_than"]),
        ("{kind: no_worse_than, baseline: baseline, against: baseline, margin: 5pp}", ["baseline and against say the same"]),
        ("{kind: no_worse_than, baseline: baseline}", ["no margin", "73 cases"]),
        ("{kind: at_least, metric: cost_usd, value: 0.9}", ["at_least of 'cost_usd'"]),
        ("{kind: must_pass, tags: 3}", ["tags: a number"]),
        ("{kind: must_pass, metric: safty}", ["'safty'"]),
        ("{kind: [at_least], value: 0.9}", ["no gate is of the kind"]),
        ("{kind: at_least, value: 0.9, errors: ignore}", ["errors: ignore", "errors: exclude"]),
        ("{gate: p95(latency_s) <= 4, errors: exclude}", ["cannot leave errors out"]),
        ("no_worse_than: {against: baseline, margin: 5pp, sequential: true, errors: exclude}", ["cannot leave errors out"]),
        ("pass_rate(contains & safety) >= 0.9", ["names two checks or families"]),
        ("3", ["a number"]),
        ("[pass_rate]", ["a list"]),
        ("{}", ["not understood"]),
        ("'" + "(" * 5000 + "'", ["not understood"]),
    ],
)  # fmt: skip
def test_a_gate_that_means_nothing_is_refused(project, text: str, words: list[str]) -> None:
    """Each mistake is one complaint at the gate's line with a way out."""
    message = project.complaint(f"{SUITE}  - {text}\n")
    assert message.startswith("suites/s.yaml:13: ")
    for word in words:
        assert word in message


def test_a_paired_gate_needs_two_variants(project) -> None:
    """A suite with one variant has nothing to compare with."""
    text = "suite: s\nprompt: p:v1\ncases: [{id: a}]\ngates:\n  - no_regression: {against: v1, margin: 0.1}\n"
    assert "two variants" in project.complaint(text)


def test_without_families_any_family_may_be_named(project) -> None:
    """Who loads a suite without a registry of checks can still read its gates."""
    spec = project.load(f"{SUITE}  - pass_rate(judge) >= 0.9\n", families=None, check_names=None)
    assert spec.gates[0].slice == "family:judge"


_NAMES = st.sets(st.sampled_from(["a", "b", "c", "safety", "tag:a"]), max_size=4)


@given(name=st.sampled_from(["a", "b", "safety", "tag:a", "check:b", "zz"]), tags=_NAMES, checks=_NAMES)
def test_a_slice_resolves_to_the_only_thing_with_its_name(name: str, tags: set[str], checks: set[str]) -> None:
    """The canonical form always names something that exists, and resolves to itself."""
    try:
        found = resolve_slice(name, tags=tags, checks=checks, families=FAMILIES)
    except SuiteError:
        return
    prefix, _, rest = found.partition(":")
    assert rest in {"tag": tags, "check": checks, "family": FAMILIES}[prefix]
    assert resolve_slice(found, tags=tags, checks=checks, families=FAMILIES) == found
