"""The pictures: drawn where there is something to show, from the same numbers that stand beside them."""

from __future__ import annotations

import json
import math
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from browsing import Visit, one_answer
from sample_report import HOSTILE, build_report, make_case, make_result, summarise, variant

import evalkit.report.page.html as page_module
from evalkit.compare.statistics.interval import Interval
from evalkit.compare.statistics.intervals import wilson
from evalkit.compare.stats import rogan_gladen
from evalkit.report.calibration import Calibration, CorrectedVariant, Share
from evalkit.report.history import Point, SuiteHistory
from evalkit.report.page.charts import chart_data, rate_mark
from evalkit.report.page.heat import heat_of
from evalkit.report.page.history_page import render_history
from evalkit.report.page.html import render_html, write_html
from evalkit.report.page.spread import spreads
from evalkit.report.page.trend import MOST_RUNS, trend_of

VENDOR = Path(page_module.__file__).parent / "assets" / "vendor"
LABELS = ("baseline-openai/gpt-5-mini", "candidate-openai/gpt-5-mini")


def point(run: int, label: str, passed: int, *, changed: bool = False) -> Point:
    return Point(
        run_id=f"run-{run:03d}", started_at=f"2026-11-{run % 28 + 1:02d}T09:12:44+00:00", mode="live", git_revision="9a48619c1f0b",
        git_branch="main", label=label, prompt="refund-reply:v2", model="openai/gpt-5-mini", trials=60, passed=passed, errors=1, fresh=60,
        interval=wilson(passed, 60), cost_usd=0.0004, latency_p50_s=1.1, latency_p95_s=2.0, changed=changed,
    )  # fmt: skip


def history(*runs: int) -> SuiteHistory:
    points = [point(run, label, 50 + run % 7, changed=run == 3) for run in runs for label in LABELS]
    return SuiteHistory("refund-replies", tuple(points), (), None, (), (), ())


def calibration() -> Calibration:
    corrected = CorrectedVariant(LABELS[1], 48, 60, rogan_gladen(48, 60, 38, 40, 17, 20), None)
    return Calibration(
        suite="refund-replies", check="rubric", both_pass=38, person_pass_judge_fail=2, person_fail_judge_pass=3, both_fail=17, errors=1,
        split=2, agreement=55 / 60, kappa=0.81, kappa_interval=None, sensitivity=Share(38, 40, wilson(38, 40)),
        specificity=Share(17, 20, wilson(17, 20)), youden_j=0.8, variants=(corrected,),
    )  # fmt: skip


@pytest.fixture(scope="module")
def full(report):
    """The sample run with earlier runs and a judge beside people: every picture is there."""
    return replace(report, histories=(history(1, 2, 3, 4),), calibrations=(calibration(),))


@pytest.fixture(scope="module")
def drawn(browser, full, tmp_path_factory):
    """The page of ``full``, drawn."""
    found = Visit(browser, write_html(full, tmp_path_factory.mktemp("full")).as_uri())
    yield found
    found.context.close()


def test_every_picture_is_drawn_and_the_policy_has_nothing_to_complain_about(drawn):
    """Intervals, axes, spreads and the trend hold marks; the strict policy and Trusted Types refused nothing."""
    kinds = drawn.page.evaluate(
        "[...document.querySelectorAll('[data-chart]')].map((n) => [n.dataset.chart, n.querySelectorAll('svg *').length])"
    )
    assert {kind for kind, _ in kinds} == {"interval", "axis", "spread", "trend"}
    assert all(marks > 0 for _, marks in kinds)
    assert drawn.complaints == []


def test_every_picture_has_a_text_alternative(full):
    """An image has a label with its numbers; what has no label is hidden from a screen reader."""
    for tag in re.findall(r'<div class="chart [^>]*>', render_html(full)):
        assert 'aria-hidden="true"' in tag or re.search(r'role="img" aria-label="[^"]{12,}"', tag), tag


def test_intervals_of_one_axis_can_be_compared_by_eye(drawn):
    """Where a point stands follows from its value, "no change" is in the middle, and the shade ends at the gate's margin."""
    marks = drawn.page.evaluate(
        """() => [...document.querySelectorAll('[data-chart=interval]')].map((node) => ({
          ...JSON.parse(node.dataset.values), cx: parseFloat(node.querySelector('.point')?.getAttribute('cx')),
          zero: node.querySelector('.zero')?.getAttribute('x1'), margin: parseFloat(node.querySelector('.margin')?.getAttribute('x1')),
          shade: parseFloat(node.querySelector('.beyond')?.getAttribute('width')) }))"""
    )
    axes = {mark["axis"] for mark in marks}
    assert {"glance-pass_rate", "rates-0", "ratios-0", "rate"} <= axes
    for axis in axes:
        known = [mark for mark in marks if mark["axis"] == axis and mark["value"] is not None]
        ours = sorted(known, key=lambda mark: mark["value"])
        assert [mark["cx"] for mark in ours] == sorted(mark["cx"] for mark in ours)
        middles = {mark["zero"] and round(float(mark["zero"].rstrip("%")), 6) for mark in ours}
        assert middles == ({None} if axis == "rate" else {50.0})
    (gated,) = [mark for mark in marks if mark["axis"] == "glance-pass_rate"]
    assert gated["edge"] == -0.02
    assert gated["shade"] == gated["margin"] < 50
    assert (gated["cx"] < 50) == (gated["value"] < 0)


def test_a_rate_that_rises_by_more_than_half_stands_at_its_place(browser, report, tmp_path):
    """+85 pp is not drawn at +50, and its interval is a line; the axis is as long as it takes."""
    (comparison,) = report.comparisons
    metric = replace(comparison.metrics[0], change=0.85, interval=Interval(0.552, 0.948, 0.95, "newcombe"))
    far = replace(report, comparisons=(replace(comparison, metrics=(metric, *comparison.metrics[1:])),))
    found = Visit(browser, write_html(far, tmp_path).as_uri())
    x1, x2, cx = found.page.evaluate(
        """(() => { const node = [...document.querySelectorAll('[data-chart=interval]')].find((n) => JSON.parse(n.dataset.values).value === 0.85);
        const line = node.querySelector('.range'); return [line.getAttribute('x1'), line.getAttribute('x2'), node.querySelector('.point').getAttribute('cx')].map(parseFloat); })()"""
    )
    found.context.close()
    assert x1 < cx < x2 < 96
    assert math.isclose((cx - 50) / (x2 - 50), 0.85 / 0.948, abs_tol=1e-6)


def test_the_pictures_follow_the_width_of_the_screen(drawn):
    """On a phone a chart is as wide as its card, and nothing is drawn outside."""
    drawn.page.set_viewport_size({"width": 390, "height": 844})
    drawn.page.wait_for_function("document.querySelector('.chart.spread svg').viewBox.baseVal.width < 390")
    assert drawn.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    outside = """() => [...document.querySelectorAll('.chart.spread text, .chart.trend text')].filter((text) => {
      const [box, room] = [text.getBoundingClientRect(), text.closest('.chart').getBoundingClientRect()];
      return box.width && (box.left < room.left - 1 || box.right > room.right + 1); }).map((text) => text.textContent)"""
    assert drawn.page.evaluate(outside) == []
    drawn.page.set_viewport_size({"width": 1440, "height": 1000})


def test_without_scripts_the_numbers_of_the_pictures_are_there(browser, full, tmp_path):
    """Quantiles, rates by tag, runs and the judge's table are plain HTML."""
    context = browser.new_context(java_script_enabled=False)
    shown = context.new_page()
    shown.goto(write_html(full, tmp_path).as_uri())
    text = shown.locator("main").text_content()
    for words in (
        "Pass rate by tag",
        "weakest first",
        "The numbers",
        "people fail",
        "17/20",
        "2026-11-05 09:12",
        "new prompt or model",
    ):
        assert words in text
    context.close()


def test_what_has_nothing_to_show_is_not_drawn():
    """No tags, one answer, no earlier run, no label: no empty frames."""
    small = build_report(cases=1, repeats=1, hostile=False, topics=0)
    untagged = [replace(r, trial=replace(r.trial, case=replace(r.trial.case, tags=frozenset()))) for r in small.results]
    html = render_html(replace(small, results=tuple(untagged), histories=(history(4),)))
    for word in ("Pass rate by tag", 'data-chart="spread"', 'data-chart="trend"', "beside people"):
        assert word not in html


def test_a_spread_tells_the_quantiles_of_what_is_known(report):
    """101 quantiles from the least to the most; calls without an answer are in the denominator only."""
    ours = [result for result in report.results if result.trial.suite == "refund-replies"]
    latency, cost = spreads(ours, LABELS)
    assert (latency.metric, cost.metric) == ("latency_s", "cost_usd")
    known = sorted(
        r.reply.latency_s for r in ours if r.trial.variant.label == LABELS[1] and hasattr(r.reply, "latency_s")
    )
    curve = latency.curves[1]
    assert curve.known == len(known) < curve.trials
    assert len(curve.values) == 101
    assert [curve.values[0], curve.values[-1]] == [known[0], known[-1]]
    assert math.isclose(curve.values[50], known[len(known) // 2], rel_tol=0.01)
    assert curve.figures[2] == curve.values[50]
    assert list(curve.values) == sorted(curve.values)


def test_the_heat_map_counts_every_trial_of_a_tag(report):
    """Weakest tag first; an errored trial did not pass; a tag of which everything passed is named, not drawn."""
    ours = [result for result in report.results if result.trial.suite == "refund-replies"]
    heat = heat_of(ours, LABELS)
    for row in heat.rows:
        for label, cell in zip(LABELS, row.cells, strict=True):
            found = [r.status for r in ours if row.tag in r.trial.case.tags and r.trial.variant.label == label]
            assert (cell.passed, cell.trials) == (found.count("pass"), len(found))
    rates = [row.cells[-1].rate for row in heat.rows]
    assert rates == sorted(rates)
    assert not {row.tag for row in heat.rows} & set(heat.clean)
    good = [result for result in ours if result.status == "pass"]
    assert heat_of(good, LABELS).rows == ()
    assert heat_of([], LABELS) is None


def test_the_shade_of_a_cell_follows_its_rate(drawn):
    """A lower rate never has a lighter shade, and the cell says the rate and its counts."""
    cells = drawn.page.evaluate(
        "[...document.querySelectorAll('.heat:not(.people) tbody td')].map((cell) => [cell.className, cell.innerText])"
    )
    steps = sorted((float(text.split("%")[0]), int(name[1])) for name, text in cells)
    assert [step for _, step in steps] == sorted(step for _, step in steps)
    assert all(re.fullmatch(r"[\d.]+%\s\d+/\d+", text) for _, text in cells)


def test_the_trend_needs_two_runs_and_shows_the_newest():
    """One run is no trend; a long history is cut to the newest runs, each in its place."""
    assert trend_of(history(4)) is None
    trend = trend_of(history(*range(MOST_RUNS + 5)))
    assert len(trend.runs) == MOST_RUNS
    assert [at.run for at in trend.lines[0].points] == list(range(MOST_RUNS))
    assert trend.lines[0].points[-1].rate == (50 + (MOST_RUNS + 4) % 7) / 60


@pytest.mark.parametrize("payload", HOSTILE)
def test_names_in_a_picture_are_data(payload):
    """The attribute is ASCII, and what a script reads from it has no hidden characters; it stands for the same name."""
    text = chart_data({"label": payload, "mark": rate_mark(None, None)})
    assert text.isascii()
    found = json.loads(text)
    assert found["mark"]["value"] is None
    assert not {"\x1b", "\u202e", "\u200b", "\x00"} & set(found["label"])
    found["label"].encode()


def test_hostile_names_in_the_pictures_run_nothing(browser, full, tmp_path):
    """A variant, a tag and a prompt called like an attack are text in legends, tables and titles."""
    spoiled = history(1, 2, 3)
    points = tuple(replace(at, label=HOSTILE[1], prompt=HOSTILE[0]) for at in spoiled.points)
    found = Visit(browser, write_html(replace(full, histories=(replace(spoiled, points=points),)), tmp_path).as_uri())
    assert "<img src=x onerror=" in " ".join(found.page.locator(".legend").all_inner_texts())
    assert found.page.evaluate("window.__pwned") is None
    assert found.complaints == []
    found.context.close()


def test_the_history_page_is_drawn_under_the_same_policy(browser, tmp_path):
    """The trend and an interval per run, no complaint, nothing asked of the network."""
    path = tmp_path / "history.html"
    path.write_text(
        render_history(history(1, 2, 3), home="../index.html", links={"run-002": "../run-002/index.html"}),
        encoding="utf-8",
    )
    context = browser.new_context()
    shown, complaints = context.new_page(), []
    shown.on("console", lambda message: complaints.append(message.text))
    shown.on("pageerror", lambda error: complaints.append(str(error)))
    shown.goto(path.as_uri())
    shown.wait_for_selector(".trend svg path.band")
    assert shown.locator(".history .interval .point").count() == 6
    shown.set_viewport_size({"width": 390, "height": 844})
    assert shown.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert complaints == []
    context.close()


def test_the_library_is_what_its_manifest_says():
    """The committed bundle names the versions of ``package.json``, its licences are there, and it evaluates no strings."""
    manifest = json.loads((VENDOR / "package.json").read_text(encoding="utf-8"))
    bundle = (VENDOR / "d3.min.js").read_text(encoding="utf-8")
    licences = (VENDOR / "LICENSES.txt").read_text(encoding="utf-8")
    for name, version in manifest["devDependencies"].items():
        if name != "esbuild":
            assert f"{name} {version}" in bundle.split("\n", 1)[0]
            assert f"{name} {version}\n" in licences
    assert bundle.isascii()
    assert len(bundle) < 100_000
    assert not re.search(r"new Function|\beval\(|\bfetch\(|XMLHttp|</script", bundle)


def test_our_use_of_the_library_makes_no_markup_of_data():
    """The scripts of the pictures set text and attributes only."""
    folder = VENDOR.parent / "charts"
    assert sorted(page_module.CHARTS) == sorted(path.name for path in folder.glob("*.js"))
    for path in folder.glob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|\.html\(|insertAdjacentHTML|\beval\b|\bfetch\b", path.read_text(encoding="utf-8")
        )


def test_a_heat_map_of_twelve_variants_does_not_widen_the_page(visit, tmp_path):
    """It scrolls within its card, on a screen as on a phone, and fits on paper."""
    rng = random.Random(5)
    found = [
        make_result(
            make_case(case, rng, tags=frozenset({"slow", "new"})),
            variant(f"variant-number-{n}", 1),
            0,
            rng,
            good=case > 1,
        )
        for n in range(12)
        for case in range(12)
    ]
    report = replace(one_answer("a"), results=tuple(found), variants=summarise(found))
    page = write_html(report, tmp_path).as_uri()
    for width in (1440, 390):
        seen = visit(page=page, width=width).page
        assert seen.locator(".heat thead th").count() == 13
        assert seen.evaluate("document.documentElement.scrollWidth") <= width
        looks = (
            seen
            .locator(".legend")
            .first.locator("li")
            .evaluate_all(
                "lines => lines.map(line => { const style = getComputedStyle(line); return style.getPropertyValue('--ink-of') + style.getPropertyValue('--dash'); })"
            )
        )
        assert len(set(looks)) == 12, "no two lines look alike"
    paper = visit(page=page, width=794).page
    paper.emulate_media(media="print")
    assert paper.evaluate("document.documentElement.scrollWidth") <= 794
    paper.emulate_media(media="screen")
