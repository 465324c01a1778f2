"""Judges in whole runs: their prompts are stored, their calls are cached, and what they say reaches the stored verdict."""

from __future__ import annotations

import json

import pytest

import evalkit

SUITE = """\
suite: hello
prompt: hello:v1
cases:
  - {id: ana, vars: {customer: Ana}}
  - {id: bob, vars: {customer: Bob}}
checks:
  - rubric: {ask: "Is it kind?", model: judge/j, votes: 3, include_prompt: false}
"""


@pytest.fixture
def judged_project(project):
    """Two cases; the judge likes the answer to Ana only, and its third vote never likes anything."""
    project.configure(answers={"I am Ana.": "Dear Ana!", "default": "What."})
    page = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    verdicts = {
        "Dear": json.dumps({"reason": "kind", "pass": True}),
        "What.": json.dumps({"reason": "curt", "pass": False}),
    }
    table = "\n".join(f"{json.dumps(key)} = {json.dumps(text)}" for key, text in verdicts.items())
    (project.root / "pyproject.toml").write_text(
        f"{page}\n[tool.evalkit.providers.judge]\nkind = 'scripted'\n[tool.evalkit.providers.judge.answers]\n{table}\n",
        encoding="utf-8",
    )
    project.suite(SUITE)
    return project


def test_votes_and_the_judges_prompt_are_stored(judged_project):
    """Each vote is a call of its own; the prompt's full text stands beside those of the suite."""
    done = evalkit.run()
    statuses = {result.trial.case.id: result.verdicts[0] for result in done.report.results}
    assert (statuses["ana"].status, statuses["bob"].status) == ("pass", "fail")
    assert statuses["bob"].detail.count("curt") == 3
    assert all(len(result.followups) == 3 for result in done.report.results)
    stored = {prompt.ref: prompt for prompt in done.report.prompts}
    assert set(stored) == {"hello:v1", "evalkit-rubric:v1"}
    assert "You grade one answer" in "".join(stored["evalkit-rubric:v1"].sources.values())
