"""``evalkit history <suite>``: what an answer cost and took, with its interval, told alike in the terminal, in JSON and on the page."""

from __future__ import annotations

import json
import math
import sys
from html import unescape

import pytest
from fakes.eval_project import cases

from evalkit.compare.quantiles import quantile_interval
from evalkit.compare.stats import mean_interval
from evalkit.store import history as stored

ANSWERS = """
import random
from evalkit.model.calls import Response, Usage

def answer(request):
    source = random.Random(f"{request.messages[-1].content} {request.repeat}")
    usage = Usage(input_tokens=source.randrange(10, 90), output_tokens=source.randrange(10, 90))
    return Response(text="Hello", finish="stop", usage=usage, latency_s=0.1 + source.random())
"""
SUITE = (
    f"suite: hello\nprompt: hello:v1\nrepeats: 3\n{cases(*(f'N{i}' for i in range(40)))}\nchecks: [contains: Hello]\n"
)
PRICED = """
[tool.evalkit.providers.scripted]
function = "priced:answer"
[tool.evalkit.prices."scripted/m"]
input_usd_per_mtok = 10.0
output_usd_per_mtok = 20.0
"""


@pytest.fixture
def ran(project):
    """A project with one run of repeats, whose answers have a price and a latency each."""
    project.suite(SUITE)
    project.configure()
    with (project.root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(PRICED)
    project.write("priced.py", ANSWERS)
    assert project.evalkit("run", "--evalkit-json", "run.json").code == 0
    yield project
    sys.modules.pop("priced", None)


def test_time_and_cost_have_intervals_that_know_repeats(ran):
    """The cost is Student's over cases, the quantiles are order statistics of what the trials are worth; every output has the same."""
    results = json.loads((ran.root / "run.json").read_text(encoding="utf-8"))["results"]
    units = [one["case"]["id"] for one in results]
    costs = mean_interval([one["call"]["cost_usd"] for one in results], units).interval
    times = [one["call"]["response"]["latency_s"] for one in results]
    (point,) = json.loads(ran.evalkit("history", "hello", "--format", "json").out)["points"]
    told = [(point["cost_interval"][end], getattr(costs, end)) for end in ("lower", "upper")]
    for share in (50, 95):
        expected = quantile_interval(times, share / 100, clusters=units)
        found = point[f"latency_p{share}_interval"]
        told += [(found[end], getattr(expected, end)) for end in ("lower", "upper")]
        assert found["lower"] < point[f"latency_p{share}_s"]
    assert [here for here, _ in told] == pytest.approx([there if math.isfinite(there) else None for _, there in told])
    median = point["latency_p50_interval"]
    shown = f"[{median['lower'] * 1000:.0f} ms, {median['upper'] * 1000:.0f} ms]"
    text = ran.evalkit("history", "hello").out
    assert shown in text
    assert f"a trial [${costs.lower:.5f}, ${costs.upper:.5f}]" in text
    assert ran.evalkit("history", "hello", "--html").code == 0
    page = unescape((ran.root / "reports/history/hello.html").read_text(encoding="utf-8"))
    assert shown in page
    assert f"[${costs.lower:.5f}, ${costs.upper:.5f}]" in page


def test_runs_that_are_too_far_back_have_figures_without_intervals(ran, monkeypatch):
    """The trials of the newest runs are read, no more than a bound: of an older run the sums of the database stay."""
    assert ran.evalkit("run").code == 0
    monkeypatch.setattr(stored, "_MOST_TRIALS", 200)
    older, newer = json.loads(ran.evalkit("history", "hello", "--format", "json").out)["points"]
    assert older["latency_p50_s"] == newer["latency_p50_s"]
    assert (older["latency_p50_interval"], older["cost_interval"]) == (None, None)
    assert newer["latency_p50_interval"] is not None


def test_a_suite_that_only_ran_in_part_is_told_so(project):
    """It is no typo: the hint does not suggest the name that was given."""
    project.suite(SUITE)
    project.evalkit("run", "-k", "n1")
    said = project.evalkit("history", "hello").err
    assert "its runs were cut short, or of a part of it" in said
    assert "did you mean" not in said
