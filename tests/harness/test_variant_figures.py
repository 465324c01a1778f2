"""The table of variants: its intervals count cases, not repeats, and stand beside pass rates and latencies in every output."""

from __future__ import annotations

import json
import sys
from html import unescape

import pytest
from fakes.eval_project import Project, cases

from evalkit.compare.stats import effective_sample, wilson

ANSWERS = """
import random
from evalkit.model.calls import Response

def answer(request):
    case = random.Random(request.messages[-1].content)
    text = "Hello" if case.random() < 0.7 else "no"
    return Response(text=text, finish="stop", latency_s=1 + case.random())
"""
SUITE = (
    f"suite: hello\nprompt: hello:v1\nrepeats: 5\n{cases(*(f'N{i}' for i in range(40)))}\nchecks: [contains: Hello]\n"
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A run of forty cases whose five repeats always agree: its JSON, its Markdown, the terminal, the page, and the baseline kept of it."""
    project = Project(tmp_path_factory.mktemp("agreed"))
    project.suite(SUITE + "gates: [p95(latency_s) <= 2]\n")
    project.configure()
    with (project.root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write('\n[tool.evalkit.providers.scripted]\nfunction = "agreeing:answer"\n')
    project.write("agreeing.py", ANSWERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.root)
        found = project.evalkit("run", "--evalkit-json", "run.json", "--evalkit-markdown", "run.md")
        project.evalkit("baseline", "save")
        kept = project.evalkit("baseline", "show", "--baseline", "baselines")
    sys.modules.pop("agreeing", None)
    report = json.loads((project.root / "run.json").read_text(encoding="utf-8"))
    page = next(project.root.glob("reports/2*/index.html")).read_text(encoding="utf-8")
    return report, (project.root / "run.md").read_text(encoding="utf-8"), found.out, unescape(page), kept.out


def test_repeats_that_agree_are_no_more_cases(ran):
    """200 trials of 40 cases give the interval of 40 cases: pooled, it would be half as wide as what is known."""
    report, markdown, _, page, kept = ran
    (variant,) = report["variants"]
    passed = variant["passed"] // 5
    rate, worth = effective_sample([[1.0] * 5] * passed + [[0.0] * 5] * (40 - passed))
    assert 36 < worth < 40, "the cases, less what Student's t asks for"
    lower, upper = wilson(rate * worth, worth)
    assert (variant["interval"]["lower"], variant["interval"]["upper"]) == (pytest.approx(lower), pytest.approx(upper))
    shown = f"{100 * lower:.1f}%", f"{100 * upper:.1f}%"
    for text in (unescape(markdown), page):
        assert f"[{shown[0]}, {shown[1]}]" in text
    assert f"95% interval {shown[0]} to {shown[1]}" in kept


def test_a_latency_stands_with_its_interval(ran):
    """p50 and p95 say where that of all such answers lies; a p95 of 40 cases has no upper limit. Every output has the same numbers."""
    report, markdown, terminal, page, _ = ran
    (variant,) = report["variants"]
    p50, p95 = variant["latency_p50_interval"], variant["latency_p95_interval"]
    assert 1.0 < p50["lower"] < variant["latency_p50_s"] < p50["upper"] < 2.0
    assert (p95["upper"], p95["lower"] < variant["latency_p95_s"]) == (None, True)
    told = f"[{p95['lower']:.3g} s, …]"
    assert f"p95 {variant['latency_p95_s']:.3g} s {told}" in " ".join(terminal.split())
    assert told in unescape(markdown)
    assert told in page
    assert f"[{p50['lower']:.3g} s, {p50['upper']:.3g} s]" in page
    (gate,) = report["gates"]
    assert gate["numbers"]["lower"] == p95["lower"], "the budget says the same interval"
