"""The page of a run shows what the database knows: earlier runs of its suites, and its judges beside people."""

from __future__ import annotations

from fakes.eval_project import cases
from test_calibrate_command import ASK, ROWS, configure, label, suite


def page(project) -> str:
    newest = max((project.root / "reports").glob("2*/index.html"), key=lambda path: path.stat().st_mtime_ns)
    return newest.read_text(encoding="utf-8")


def test_the_second_run_of_a_suite_has_a_trend(project):
    """The first run shows none; the second shows both with their counts; another suite's runs are not in it."""
    project.suite(f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bo')}\nchecks: [contains: Hello]\n")
    project.configure(answers={"default": "Hello"})
    assert project.evalkit("run").code == 0
    assert "Pass rate over runs" not in page(project)
    project.configure(answers={"I am Bo.": "no", "default": "Hello"})
    assert project.evalkit("run").code == 1
    text = page(project)
    assert text.count('data-chart="trend"') == 1
    assert "2/2 hello:v1" in text
    assert "1/2 hello:v1" in text


def test_labels_of_an_earlier_run_put_the_judge_beside_people(project):
    """The same answers come from the cache, so what people said of them counts in the next run's page."""
    configure(project)
    project.suite(suite(ASK))
    project.evalkit("run")
    assert "beside people" not in page(project)
    assert label(project, ROWS).code == 0
    project.evalkit("run")
    text = page(project)
    assert "rubric beside people" in text
    assert "16 labelled answers" in text
    assert "of what people pass, the check passes: 77.8% (7 of 9" in text
