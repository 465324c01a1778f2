"""Metamorphic checks in whole runs: the real prompt is rendered again, the questions are paid, foreseen and stored like any other."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import evalkit
from evalkit.checks.base import CheckContext
from evalkit.config import load_config
from evalkit.harness.before.planning import Planner
from evalkit.model.calls import Response

SUITE = """\
suite: hello
variants: {one: {prompt: hello:v1}, two: {prompt: hello:v2}}
cases:
  - {id: ana, vars: {customer: Ana}}
checks:
  - recased: {var: customer, to: [upper]}
"""


@pytest.fixture
def project_of_shouters(project, monkeypatch):
    """Version 1 answers everybody alike, version 2 shouts back at those who shout."""
    monkeypatch.delitem(sys.modules, "own_model", raising=False)
    project.write(
        "own_model.py",
        "def answer(request):\n"
        "    system, user = request.messages\n"
        "    return 'WHAT?' if 'very' in system.content and 'ANA' in user.content else 'Hello!'\n",
    )
    page = "[tool.evalkit]\n[tool.evalkit.providers.scripted]\nfunction = 'own_model:answer'\n"
    project.write("pyproject.toml", page)
    project.suite(SUITE)
    return project


def test_each_variant_is_asked_again_with_its_own_prompt(project_of_shouters):
    """The check is one, the prompts are two: the changed question has the version's own words around it."""
    done = evalkit.run()
    found = {result.trial.variant.name: result for result in done.report.results}
    assert found["one"].status == "pass"
    assert found["two"].status == "fail"
    for name, tone in (("one", "Be kind."), ("two", "Be very kind.")):
        (followup,) = found[name].followups
        assert [message.content for message in followup.request.messages] == [tone, "I am ANA."]
    (verdict,) = found["two"].verdicts
    assert (
        verdict.reason
        == "the same answer 0 of 1 times; not with upper case in customer ('ANA'): 'WHAT?' instead of 'Hello!'"
    )


def test_the_questions_are_foreseen(project_of_shouters):
    """`evalkit estimate` counts them without a call: two answers, two changed questions."""
    ran = project_of_shouters.evalkit("estimate", "--json")
    assert ran.code == 0, ran.err
    counted = [(row["variant"], row["purpose"], row["scripted"]) for row in json.loads(ran.out)["rows"]]
    assert counted == [
        ("one-scripted/m", "answers", 1),
        ("one-scripted/m", "checks", 1),
        ("two-scripted/m", "answers", 1),
        ("two-scripted/m", "checks", 1),
    ]
    assert not (project_of_shouters.root / "reports" / "journal").exists()


def test_a_variant_at_a_git_revision_keeps_its_text(project_of_shouters):
    """What is asked again is what was asked, not what stands on disk now."""
    root = project_of_shouters.root
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    project_of_shouters.prompt("v1", tone="brief")
    project_of_shouters.suite(SUITE.replace("one: {prompt: hello:v1}", "one: {prompt: hello:v1, at: HEAD}"))
    done = evalkit.run()
    found = {result.trial.variant.name: result for result in done.report.results}
    assert found["one"].followups[0].request.messages[0].content == "Be kind."


def test_a_prompt_that_is_edited_during_the_run_is_asked_again_as_it_was(project_of_shouters):
    """The two answers compared are those of one text."""
    planner = Planner(load_config(project_of_shouters.root))
    plan = planner.plan(project_of_shouters.root / "suites" / "hello.yaml")
    project_of_shouters.prompt("v1", tone="rude")
    trial = plan.tests[0].trials[0]
    (check,) = planner.checks_of(plan.tests[0])
    context = CheckContext("Hello!", Response("Hello!"), trial.request, vars=trial.case.vars, variant=trial.variant)
    (request,) = check.followups(context)
    assert [message.content for message in request.messages] == ["Be kind.", "I am ANA."]


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("misspelled: {var: custmer}", "custmer"),
        ("reordered: {var: customer}", "customer"),
        ("not: {misspelled: {var: custmer}}", "custmer"),
    ],
)
def test_a_question_that_cannot_be_asked_is_found_before_anything_is_spent(project_of_shouters, check, said):
    """What is asked depends on the case, not on its answer: a mistake in it is the suite's, with its line, and nothing is called."""
    project_of_shouters.suite(SUITE.replace("recased: {var: customer, to: [upper]}", check))
    ran = project_of_shouters.evalkit("run")
    assert ran.code == 2
    assert "suites/hello.yaml:6" in ran.out
    assert said in ran.out
    assert "for case 'ana'" in ran.out
    assert project_of_shouters.journal() == []
