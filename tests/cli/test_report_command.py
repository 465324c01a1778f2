"""``evalkit report``: a run's page again from its journals, and the list of all runs."""

from __future__ import annotations

import json
import re
import webbrowser

from fakes.eval_project import cases

from evalkit.report.page import index_page

SUITE = f"""suite: hello
variants:
  one: {{prompt: hello:v1}}
  two: {{prompt: hello:v2}}
repeats: 2
{cases("Ana", "Bob", "Cyd")}
checks: [contains: Hello]
gates: [pass_rate == 1]
"""


def runs(project):
    return sorted(path.name for path in (project.root / "reports" / "journal").iterdir())


def page(project, run):
    return project.root / "reports" / run / "index.html"


def test_the_page_is_the_same_again(project):
    """Comparisons, gates, notes and figures come back as they were, though suites and prompts are gone."""
    project.configure(answers={"Bob": "no", "default": "Hello"})
    project.suite(SUITE)
    assert project.evalkit("run", "--evalkit-json", "then.json").code == 1
    (run,) = runs(project)
    then = page(project, run).read_bytes()
    for path in ("suites/hello.yaml", "prompts/hello/v1.j2", "prompts/hello/v2.j2", f"reports/{run}/index.html"):
        (project.root / path).unlink()
    ran = project.evalkit("report", "--json", "now.json", "--markdown", "now.md")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"{page(project, run)}\n"
    assert page(project, run).read_bytes() == then
    assert (project.root / "now.json").read_text() == (project.root / "then.json").read_text()
    assert "two against one" in (project.root / "now.md").read_text()


def test_a_killed_run_says_that_nothing_was_concluded(project):
    """Without its end a run is INCOMPLETE: its trials are shown, and nobody may take it for green."""
    project.suite(SUITE)
    assert project.evalkit("run").code == 0
    (run,) = runs(project)
    (ending,) = (project.root / "reports" / "journal" / run).glob("end-*.jsonl")
    ending.unlink()
    assert project.evalkit("report", run[:12], "--json", "now.json").code == 0
    document = json.loads((project.root / "now.json").read_text())
    assert document["outcome"] == "unmeasured"
    assert "INCOMPLETE; 12 of 12 planned trials measured" in document["verdict"]
    assert "the run ended before it was judged" in document["notes"][0]
    assert "It ended before it was judged." in (project.root / "reports/index.html").read_text()


def test_a_run_of_an_older_evalkit_still_has_a_page(project):
    """A journal that ended without a conclusion: gates decide as they did, and a note says what is not known."""
    project.suite(SUITE)
    project.configure(answers={"Bob": "no", "default": "Hello"})
    project.evalkit("run")
    (run,) = runs(project)
    (ending,) = (project.root / "reports" / "journal" / run).glob("end-*.jsonl")
    lines = [line for line in ending.read_bytes().splitlines(keepends=True) if b'{"t":"conclusion"' not in line]
    assert len(lines) == 3
    ending.write_bytes(b"".join(lines))
    assert project.evalkit("report", "--json", "now.json").code == 0
    document = json.loads((project.root / "now.json").read_text())
    assert (document["outcome"], document["comparisons"]) == ("failed", [])
    assert "evalkit compare" in document["notes"][0]
    assert [variant["passed"] for variant in document["variants"]] == [4, 4]


def test_every_run_is_a_line_of_the_index(project):
    """After each run the list has it first: verdict in words, pass rates with denominators, and a link that leads to its page."""
    project.suite(SUITE)
    project.configure(answers={"Bob": "no", "default": "Hello"})
    assert project.evalkit("run").code == 1
    project.configure(answers={"default": "Hello"}, mode="live")
    assert project.evalkit("run").code == 0
    assert project.evalkit("run", "--evalkit-no-report").code == 0
    assert project.evalkit("report", "--index").out == f"{project.root}/reports/index.html\n"
    first, second, third = runs(project)
    html = (project.root / "reports/index.html").read_text()
    assert [html.index(run) for run in (third, second, first)] == sorted(
        html.index(run) for run in (first, second, third)
    )
    assert re.findall(r'href="([^"]+/index.html)"', html) == [f"{second}/index.html", f"{first}/index.html"]
    assert "<b>100.0%</b> <span>6/6 (errors 0, skipped 0)</span>" in html
    assert "<b>66.7%</b> <span>4/6" in html
    assert html.count("✓") == 2
    assert html.count("✗") == 1


def test_the_index_has_an_end(project, monkeypatch):
    """Of very many runs the newest are listed, and it says how many are not."""
    project.suite(SUITE)
    for _ in range(3):
        assert project.evalkit("run").code == 0
    monkeypatch.setattr(index_page, "MOST_RUNS", 2)
    project.evalkit("report", "--index")
    html = (project.root / "reports/index.html").read_text()
    assert "1 older run not shown" in html
    assert [run in html for run in runs(project)] == [False, True, True]


def test_the_index_reads_no_run_as_a_whole(project):
    """What stands in the middle of a journal is not read: a damaged record there does not cost the line."""
    project.suite(SUITE)
    assert project.evalkit("run").code == 0
    (run,) = runs(project)
    (journal,) = (project.root / "reports" / "journal" / run).glob("main-*.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0], b"garbage\n" * 50, *lines[1:]]))
    assert project.evalkit("report", "--index").code == 0
    assert "<b>100.0%</b> <span>6/6" in (project.root / "reports/index.html").read_text()
    damaged = project.evalkit("report")
    assert damaged.code == 3
    assert "record 2 at byte" in damaged.err


def test_open_starts_the_browser_on_the_page(project, monkeypatch):
    """``--open`` hands the page's address to the browser; without one it says so."""
    asked = []
    monkeypatch.setattr(webbrowser, "open", lambda address: asked.append(address) or len(asked) == 1)
    project.suite(SUITE)
    project.evalkit("run")
    (run,) = runs(project)
    assert project.evalkit("report", "--open").err == ""
    assert asked == [page(project, run).as_uri()]
    assert "no browser" in project.evalkit("report", "--index", "--open").err


def test_a_project_without_runs_has_an_index_and_no_report(project):
    """The list says how to make a run; a page of a run that is not there is a usage error."""
    assert project.evalkit("report", "--index").code == 0
    assert "No runs yet" in (project.root / "reports/index.html").read_text()
    assert project.evalkit("report").code == 2
    assert project.evalkit("report", "latest2", "--index").code == 2
