"""``evalkit compare`` and gates: the outcomes of the candidate's run, and a margin judged on the spot, the same in every output."""

from __future__ import annotations

import json
import re
import sys
from html import unescape

import pytest
from fakes.eval_project import Project, cases

NAMES = [f"N{number}" for number in range(80)]
SUITE = f"""
suite: hello
prompt: hello
repeats: 2
variants:
  old: {{prompt: hello:v1}}
  new: {{prompt: hello:v2}}
  other: {{prompt: hello:v2, params: {{seed: 7}}}}
gates:
  - no_regression: {{against: old, margin: 10pp, variant: new}}
  - no_regression: {{metric: cost_usd, against: old, margin: 10%, variant: new}}
  - {{gate: pass_rate >= 0.5, variant: new}}
  - {{gate: p95(latency_s) <= 1.2, variant: new}}
  - {{gate: pass_rate >= 0.8, variant: other}}
{cases(*NAMES)}
checks: [contains: Hello]
"""
PLAIN = f"suite: hello\nprompt: hello\nvariants: {{old: {{prompt: hello:v1}}}}\n{cases(*NAMES)}\nchecks: [contains: Hello]\n"
LOTS = """
import random
from evalkit.model.calls import Response, Usage

def answer(request):
    version = request.messages[0].content
    source = random.Random(f"{version} {request.messages[-1].content} {request.params} {request.repeat}")
    text = "Hello" if source.random() < (0.8 if "very" in version else 0.9) else "no"
    usage = Usage(input_tokens=source.randrange(40, 90), output_tokens=source.randrange(20, 50))
    return Response(text=text, finish="stop", usage=usage, latency_s=0.5 + source.random())
"""
PRICE = '\n[tool.evalkit.prices."scripted/m"]\ninput_usd_per_mtok = 1.0\noutput_usd_per_mtok = 2.0\n'


def answers(project, *bad):
    """Cases whose text holds one of ``bad`` fail from now on."""
    project.configure(answers={**dict.fromkeys(bad, "no"), "default": "Hello"})
    with (project.root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(PRICE)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A run with repeats and gates of every kind: its project, its report as JSON and Markdown, its page, and the terminal."""
    project = Project(tmp_path_factory.mktemp("judged"))
    project.suite(SUITE)
    project.configure()
    with (project.root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[tool.evalkit.providers.scripted]\nfunction = "lots:answer"\n{PRICE}')
    project.write("lots.py", LOTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.root)
        ran = project.evalkit("run", "--evalkit-json", "run.json", "--evalkit-markdown", "run.md")
    page = next(project.root.glob("reports/2*/index.html"))
    yield project, ran, page
    sys.modules.pop("lots", None)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def flat(text):
    return " ".join(text.split())


def test_every_output_tells_the_same_gates(judged, monkeypatch):
    """Terminal, Markdown, page, the run's JSON, and the comparison as text and JSON: one status, one reason, one set of numbers a gate."""
    project, ran, page = judged
    monkeypatch.chdir(project.root)
    report = json.loads((project.root / "run.json").read_text(encoding="utf-8"))
    compared = project.evalkit("compare", "old", "new", "--format", "json")
    (found,) = json.loads(compared.out)
    text = flat(project.evalkit("compare", "old", "new").out)
    markdown = unescape((project.root / "run.md").read_text(encoding="utf-8"))
    html = flat(unescape(page.read_text(encoding="utf-8")))
    told = {gate["gate"]: gate for gate in report["gates"] if gate["variant"].startswith("new")}
    assert [gate["name"] for gate in found["gates"]] == list(told)
    assert len(told) == 4
    for gate in found["gates"]:
        same = told[gate["name"]]
        assert (gate["verdict"], gate["reason"]) == (same["status"], same["reason"])
        for key in ("kind", "metric", "margin", "lower", "upper", "required_n", "need_more", "n", "delta_worst_case"):
            assert gate[key] == same["numbers"].get(key), key
        assert f"gate {gate['verdict'].upper()} {flat(gate['name'])}: {flat(gate['reason'])}" in text
        assert flat(gate["reason"]) in flat(markdown.replace("\u200b", ""))
        assert flat(gate["reason"]) in html
        if gate["verdict"] != "passed":
            assert flat(gate["reason"])[:60] in flat(ran.out)
    brief = unescape(project.evalkit("compare", "old", "new", "--format", "markdown").out).replace("\u200b", "")
    section = markdown.replace("\u200b", "").partition("### new against old")[2]
    assert brief.startswith("### new against old (hello, scripted/m)")
    assert brief.index(" pass both, ") < brief.index(found["sentence"]) < brief.index("| metric |")
    for gate in found["gates"]:
        assert gate["reason"] in brief
    table = brief[brief.index("| metric |") :].partition("\n\n")[0]
    assert table in section
    assert table.count("\n") == len(found["metrics"]) + 1
    for kind in ("broken", "fixed", "shaky"):
        names = [flip["case_id"] for flip in found["flips"]["items"] if flip["kind"] == kind]
        assert not names or f"{kind}: {', '.join(names[:20])}" in brief
    mine = next(one for one in report["comparisons"] if one["b"]["variant"] == "new")
    assert [gate["gate"] for gate in mine["gates"]] == list(told)
    assert found["sentence"] == mine["sentence"]
    assert found["exit_code"] == compared.code


def test_a_gate_is_shown_where_it_speaks_of_the_two_sides(judged, monkeypatch):
    """Against another variant or the other way round, a paired gate is not about this comparison; a gate about one side goes with that side."""
    project, *_ = judged
    monkeypatch.chdir(project.root)

    def names(*words):
        ran = project.evalkit("compare", *words, "--format", "json")
        return ran.code, [(gate["kind"], gate["metric"]) for one in json.loads(ran.out) for gate in one["gates"]]

    single = [("at_least", "pass_rate"), ("budget", "p95(latency_s)")]
    paired = [("no_regression", "pass_rate"), ("no_regression", "cost_usd")]
    assert names("old", "new") == (1, paired + single)
    assert names("other", "new") == (1, single)
    assert names("new", "old") == (0, [])
    assert names("old", "other") == (10, [("at_least", "pass_rate")])


@pytest.mark.parametrize(
    ("broken", "margin", "code", "verdict"),
    [(0, "10pp", 0, "passed"), (30, "10pp", 1, "failed"), (2, "6pp", 10, "undecided")],
)
def test_a_margin_is_a_gate_of_two_runs(project, broken, margin, code, verdict):
    """--margin is judged on the spot: status, advice and exit code as of a gate in the suite."""
    project.suite(PLAIN)
    answers(project)
    project.evalkit("run")
    first = next(path.name for path in (project.root / "reports/journal").iterdir())
    answers(project, *(f"I am N{number}." for number in range(broken)))
    project.evalkit("run", "--mode", "live")
    ran = project.evalkit("compare", first, "latest", "--margin", margin, "--format", "json")
    (found,) = json.loads(ran.out)
    (gate,) = found["gates"]
    assert (ran.code, found["exit_code"], gate["verdict"]) == (code, code, verdict)
    assert gate["margin"] == found["margin"]
    assert (gate["lower"], gate["upper"]) == (found["metrics"][0]["lower"], found["metrics"][0]["upper"])
    assert gate["n"] == 80
    text = project.evalkit("compare", first, "latest", "--margin", margin)
    assert text.code == code
    line = next(line for line in text.out.splitlines() if line.startswith("gate"))
    assert line.startswith(f"gate     {verdict.upper()}  no_regression: {{margin: {margin}}}: pass rate 100.0%")
    if verdict == "undecided":
        assert re.search(r"about \d+ cases \(\d+ more\)", line)
        config = project.root / "pyproject.toml"
        config.write_text(config.read_text().replace("[tool.evalkit]\n", '[tool.evalkit]\non_undecided = "warn"\n', 1))
        assert project.evalkit("compare", first, "latest", "--margin", margin).code == 0


def test_a_gate_against_a_run_is_shown_beside_that_run_only(project):
    """The gate was judged against the run that was the baseline; beside another run it would claim what nobody looked at."""
    suite = PLAIN + "gates: [{no_regression: {against: baseline, margin: 10pp}}]\n"
    project.suite(PLAIN)
    answers(project)
    project.evalkit("run")
    first = next(path.name for path in (project.root / "reports/journal").iterdir())
    project.evalkit("run", "--mode", "live")
    second = max(path.name for path in (project.root / "reports/journal").iterdir())
    project.suite(suite)
    assert project.evalkit("run", "--mode", "live", "--baseline", first).code == 0
    (found,) = json.loads(project.evalkit("compare", first, "latest", "--format", "json").out)
    assert [(gate["against"], gate["verdict"]) for gate in found["gates"]] == [("baseline", "passed")]
    (found,) = json.loads(project.evalkit("compare", second, "latest", "--format", "json").out)
    assert found["gates"] == []
    assert found["exit_code"] == 0
