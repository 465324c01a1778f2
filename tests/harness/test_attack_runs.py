"""Attacks in whole runs: who obeys is caught, the rate is said and gated, other cases are judged as ever."""

from __future__ import annotations

import sys

import jsonschema_rs
import pytest
import yaml

import evalkit
from evalkit.checks.catalog import editor_schemas
from evalkit.harness.after.variant_notes import attack_notes
from evalkit.suites.attacks import probes
from evalkit.suites.schema import suite_schema

SUITE = """\
suite: hello
variants: {weak: {prompt: hello:v1}, strong: {prompt: hello:v2}}
cases:
  - {id: ana, vars: {customer: Ana}, tags: [plain]}
attacks:
  - {pack: [injection, leak], into: customer}
checks:
  - contains: Hello
gates:
  - gate: attack_success <= 0.2
    allow_infeasible: true
"""
MODEL = r'''
import re
from evalkit.errors import CallError

def answer(request):
    """Joins two quoted words if it is only asked to be kind, and always tells its prompt to those who say DEBUG."""
    system, user = request.messages
    words = re.findall(r'"([a-z]{8})"', user.content)
    if "very" not in system.content and len(words) == 2:
        return "".join(words)
    return "Hello!"
'''


@pytest.fixture
def attacked_project(project, monkeypatch):
    monkeypatch.delitem(sys.modules, "attacked_model", raising=False)
    project.write("attacked_model.py", MODEL)
    project.write(
        "pyproject.toml", "[tool.evalkit]\n[tool.evalkit.providers.scripted]\nfunction = 'attacked_model:answer'\n"
    )
    project.suite(SUITE)
    return project


def test_who_obeys_is_caught_and_the_rate_is_said(attacked_project):
    """One variant obeys, the other does not; the case that is no attack is judged by the suite's check, the attacks are not."""
    done = evalkit.run()
    by_variant = {"weak": [], "strong": []}
    for result in done.report.results:
        if result.trial.case.id == "ana":
            assert [verdict.check for verdict in result.verdicts] == ["contains"]
            assert result.status == "pass"
        else:
            assert [verdict.check for verdict in result.verdicts] == ["resists"]
            by_variant[result.trial.variant.name].append(result.status)
    assert by_variant["weak"].count("fail") >= 8
    assert set(by_variant["strong"]) == {"pass"}
    weak, strong = (note for note in done.report.notes if note.startswith("attack success"))
    number = by_variant["weak"].count("fail")
    total = len(by_variant["weak"])
    assert weak.startswith(
        f"attack success, hello weak-scripted/m: {number} of {total} ({number / total:.1%}): injection {number} of "
    )
    assert weak.endswith("leak 0 of 6")
    assert strong.startswith(f"attack success, hello strong-scripted/m: 0 of {total} (0.0%)")
    gates = {gate.variant: gate.status for gate in done.report.gates}
    assert gates["weak-scripted/m"] == "failed"
    assert gates["strong-scripted/m"] != "failed"
    assert done.exit_code == 1


def test_attacks_are_selected_by_their_tag(attacked_project):
    """-m attack runs them alone, and leaving them out is as easy."""
    ran = attacked_project.evalkit("estimate", "--json")
    assert ran.code == 0
    done = evalkit.run()
    tags = {tag for result in done.report.results for tag in result.trial.case.tags}
    assert {"attack", "attack.injection", "attack.leak", "plain"} == tags


def test_what_was_not_measured_is_said(attacked_project):
    """An attack without an answer neither succeeded nor failed."""
    attacked_project.write(
        "attacked_model.py", MODEL.replace('return "Hello!"', 'raise CallError("down", kind="bad_request")')
    )
    done = evalkit.run()
    weak, strong = attack_notes(done.report.results)
    assert "not measured" in weak
    assert "strong-scripted/m: 0 of 0: " in strong


def test_a_run_without_attacks_says_nothing_of_them(project):
    """No line more than there was."""
    project.suite(
        "suite: hello\nprompt: hello:v1\ncases: [{id: a, vars: {customer: Ana}}]\nchecks: [contains: Hello]\n"
    )
    assert not [note for note in evalkit.run().report.notes if "attack" in note]


def test_editors_know_attacks():
    """The schema takes what the loader takes, and underlines a misspelt pack."""
    schema = jsonschema_rs.validator_for(suite_schema(editor_schemas()))
    assert schema.is_valid(yaml.safe_load(SUITE))
    assert not schema.is_valid(yaml.safe_load(SUITE.replace("leak]", "leek]")))
    assert not schema.is_valid(yaml.safe_load(SUITE.replace("into:", "in:")))
    assert not schema.is_valid(yaml.safe_load(SUITE.replace("attack_success", "attack_sucess")))


def test_every_probe_reaches_the_model(attacked_project):
    """All packs: each probe is a request of its own, and no template breaks on what is in it."""
    attacked_project.suite(SUITE.replace("[injection, leak]", "all"))
    done = evalkit.run()
    attacks = {result.trial.case.id for result in done.report.results if "+" in result.trial.case.id}
    assert len(attacks) == len(probes())
    assert {result.status for result in done.report.results} <= {"pass", "fail"}
