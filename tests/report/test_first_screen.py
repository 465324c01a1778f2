"""What the first screen says of unusual runs, and where its links lead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sample_report import build_report, summarise

from evalkit.compare.text import comparison_text
from evalkit.compare.values import Side
from evalkit.model.calls import CallFailure
from evalkit.report.markdown import markdown_summary
from evalkit.report.page.html import write_html
from evalkit.report.page.view import page_view
from evalkit.report.text import terminal_summary

if TYPE_CHECKING:
    from evalkit.model.results import GateOutcome, Result
    from evalkit.report.values import RunReport

CANDIDATE = "candidate-openai/gpt-5-mini"


def _gate(report: RunReport, **numbers: object) -> GateOutcome:
    facts = {"kind": "at_least", "metric": "pass_rate", "slice": None, "against": None, **numbers}
    return replace(report.gates[1], variant=CANDIDATE, status="failed", numbers=facts)


def _elsewhere(result: Result) -> Result:
    side = result.trial.variant
    other = replace(side, model="openai/gpt-5-nano", label=f"{side.name}-openai/gpt-5-nano")
    return replace(result, trial=replace(result.trial, variant=other))


@pytest.fixture(scope="module")
def two_models() -> RunReport:
    """The same two prompts on two models: the variants' names alone say nothing."""
    report = build_report(cases=20, repeats=1, hostile=False, topics=0)
    results = (*report.results, *map(_elsewhere, report.results))
    first = report.comparisons[0]
    sides = (Side(side.variant, f"{side.variant}-openai/gpt-5-nano") for side in (first.a, first.b))
    second = replace(first, **dict(zip("ab", sides, strict=True)))
    return replace(report, results=results, variants=summarise(list(results)), comparisons=(first, second))


def test_comparisons_of_the_same_variants_on_other_models_are_told_apart(visit, tmp_path, two_models):
    """On the page, in the terminal and in Markdown each names its model, and its link goes to its own part."""
    page = visit(page=write_html(two_models, tmp_path).as_uri()).page
    links = page.locator(".overview tbody th a")
    assert links.all_inner_texts() == ["candidate · openai/gpt-5-mini", "candidate · openai/gpt-5-nano"]
    assert "refund-reply:v1 → v2 · openai/gpt-5-nano" in page.locator(".overview").inner_text()
    places = links.evaluate_all("found => found.map((link) => document.querySelector(link.hash).innerText)")
    assert ["gpt-5-nano" in place for place in places] == [False, True]
    titles = [line for line in markdown_summary(two_models).splitlines() if line.startswith("### candidate")]
    assert [title.endswith(f"openai/gpt-5-{size})") for title, size in zip(titles, ("mini", "nano"), strict=True)] == [
        True,
        True,
    ]
    text = terminal_summary(two_models, width=200)
    assert text.count("  openai/gpt-5-mini: candidate: ") == text.count("  openai/gpt-5-nano: candidate: ") == 1
    assert "gpt-5-mini: candidate" not in terminal_summary(build_report(cases=20, repeats=1), width=200)


def test_a_gate_that_failed_leads_to_its_cases(visit, tmp_path, report):
    """Of a comparison to what broke, of a rate to what did not pass, of a part to that part, of a budget to the dearest first; the list is that long."""
    kinds = [
        _gate(report, kind="no_regression", against="baseline"),
        _gate(report),
        _gate(report, slice="tag:json"),
        _gate(report, slice="check:contains"),
        _gate(report, kind="budget", metric="p95(latency_s)"),
        _gate(report, kind="budget", metric="mean(cost_usd)"),
    ]
    found = visit(page=write_html(replace(report, gates=tuple(kinds)), tmp_path).as_uri())
    links = found.page.locator(".gates .reason a")
    broken = page_view(report).comparisons[0].outcomes.broken
    assert links.all_inner_texts() == [
        f"{broken} broken cases", "Cases that did not pass", "Cases that did not pass", "Cases that did not pass",
        "Answers, slowest first", "Answers, dearest first",
    ]  # fmt: skip
    counts = []
    for number in range(len(kinds)):
        links.nth(number).click()
        counts.append(int(found.count.split()[0]))
    results = [one for one in report.results if one.trial.variant.label == CANDIDATE]
    bad = {one.trial.case.id for one in results if one.status != "pass"}
    everything = {one.trial.case.id for one in results}
    assert counts[:2] == [broken, len(bad)]
    assert counts[2] == len({one.trial.case.id for one in results if "json" in one.trial.case.tags} & bad)
    assert 0 < counts[3] < len(bad)
    assert counts[4:] == [len(everything)] * 2
    assert found.complaints == []


def test_a_gate_without_cases_to_show_has_no_link(report):
    """Passed, about a score, about nobody the run knows, or about a variant without a fault: there is nothing to look at."""
    clean = tuple(replace(one, failed=0, errors=0, passed=10) for one in report.variants)
    for gate, variants in (
        (replace(_gate(report), status="passed"), report.variants),
        (_gate(report, metric="score(rubric)"), report.variants),
        (replace(_gate(report), variant="nobody"), report.variants),
        (_gate(report), clean),
        (_gate(report, metric="p95(latency_s)"), tuple(replace(one, failed=0, passed=0) for one in report.variants)),
    ):
        view = page_view(replace(report, gates=(gate,), variants=variants))
        shown = view.urgent or view.suites[0].gates
        assert (shown[0].link, shown[0].filters) == ("", {})


def test_a_run_of_errors_says_what_the_provider_said(visit, tmp_path):
    """The message stands in the first screen and in the list; nothing is called unchanged, and no interval is drawn of nothing."""
    report = build_report(cases=12, repeats=1, hostile=False, topics=0)
    said = CallFailure("server", "the model is being loaded", 3, "wait")
    results = tuple(replace(one, call=replace(one.call, reply=said), verdicts=()) for one in report.results)
    names = [one.trial.case.id for one in results[::2]]
    comparison = replace(
        report.comparisons[0], both_pass=0, fixed=0, broken=0, both_fail=12, flips=(), errors_a=12, errors_b=12, trials_a=12, trials_b=12,
        extra={"error_cases_a": names, "error_cases_b": names}, only_b=(),
    )  # fmt: skip
    variants = tuple(replace(one, passed=0, failed=0, errors=12) for one in report.variants)
    broken = replace(report, results=results, comparisons=(comparison,), variants=variants, gates=())
    page = visit(page=write_html(broken, tmp_path).as_uri()).page
    assert "(server 12). The first said: the model is being loaded." in page.locator(".verdict").inner_text()
    assert page.locator("#case-list .row .why").nth(1).inner_text() == "no answer: server the model is being loaded"
    text = page.inner_text("main")
    assert "12 of 12 paired cases could not be measured" in text
    assert "No case changed" not in text
    assert page.locator(".metrics tbody [data-chart]").count() == 0


def test_what_costs_nothing_before_and_after_has_not_changed(report):
    """A model of one's own costs $0: that is no unknown change."""
    free = tuple(replace(one, a=0.0, b=0.0, change=None, interval=None) for one in report.comparisons[0].metrics)
    comparison = replace(report.comparisons[0], metrics=free)
    rows = page_view(replace(report, comparisons=(comparison,))).comparisons[0].headline
    assert {row.change for row in rows if row} == {"no difference"}


def test_the_run_says_how_long_it_took(report):
    """Beside its start; a run that has not ended says nothing."""
    assert dict(page_view(report).facts)["Started"] == "2026-11-21 09:12:44 UTC, took 1 min 18 s"
    running = replace(report, run=replace(report.run, finished_at=None))
    assert dict(page_view(running).facts)["Started"] == "2026-11-21 09:12:44 UTC"


def test_what_a_doubter_asks_stands_beside_the_figures(visit, tmp_path):
    """P-values with what is left of them among their neighbours, how many clusters the cases come from, and which margin they could show: on the page, in print and in the terminal."""
    report = build_report(cases=12, repeats=1, hostile=False, topics=0)
    first, second, *rest = report.comparisons[0].metrics
    metrics = (
        replace(first, p=0.0204, detail={"mde": 0.175}),
        replace(second, p=0.0004, p_adjusted=0.121, adjust="Benjamini-Hochberg"),
        *rest,
    )
    comparison = replace(report.comparisons[0], metrics=metrics, extra={"n_clusters": 4})
    page = visit(page=write_html(replace(report, comparisons=(comparison,)), tmp_path).as_uri()).page
    readings = page.locator(".metrics .reading").all_inner_texts()
    assert [reading.splitlines()[-1] for reading in readings[:2]] == ["p 0.020", "p < 0.001, q 0.121"]
    text = page.inner_text("main")
    assert "12 paired cases in 4 clusters" in text
    assert "If nothing changed, a margin of 17.5 pp has an 80% chance to pass with these cases." in text
    assert "q is p corrected over the metrics that are only explored." in text
    said = comparison_text(comparison)
    assert "12 paired cases in 4 clusters" in said
    assert "sample   if nothing changed, a margin of 17.5 pp has an 80% chance to pass" in said
    plain = replace(comparison, metrics=rest, extra={})
    assert "sample" not in comparison_text(plain)
