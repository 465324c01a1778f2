"""`evalkit checks` and `evalkit schema`: what an author can look up, and what an editor can complete."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest
import yaml
from click.testing import CliRunner

from evalkit.checks.catalog import CHECKS
from evalkit.cli.checks import checks_command
from evalkit.cli.schema import schema_command
from evalkit.errors import ConfigError

OWN = '''
from evalkit import check

@check("polite")
def polite(answer: str, *, word: str = "please") -> bool:
    """The answer says please."""
    return word in answer
'''

SUITE = """
suite: demo
prompt: reply
cases:
  - vars: {name: Ana}
    checks:
      - json
      - contains: "{{ name }}"
      - length: {words: {max: "{{ 20 }}"}, lines: 3}
      - number: {select: $.total, equals: 12.5}
      - not: {contains: {any: [sorry], ignore_case: true}}
      - any_of: [{json_schema: schemas/reply.json}, {json_schema: {schema: {type: object}}}]
      - polite: thanks
        severity: warn
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a check of its own; what it registers is gone after the test."""
    monkeypatch.setattr(CHECKS, "_things", dict(CHECKS._things))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.evalkit]\ncheck_modules = ["demo_own_checks"]\n', encoding="utf-8")
    (tmp_path / "demo_own_checks.py").write_text(OWN, encoding="utf-8")
    yield tmp_path
    import sys

    sys.modules.pop("demo_own_checks", None)


def test_the_list_names_every_check_the_projects_own_included(project):
    """One line per check, with its family's heading above."""
    shown = CliRunner().invoke(checks_command, [], standalone_mode=False)
    assert shown.exception is None
    for text in ("shape\n", "  contains ", "  polite ", "The answer says please.", "  pii "):
        assert text in shown.output


def test_one_check_shows_parameters_example_and_source(project):
    """What a parameter means, its type and default, and an example to copy."""
    shown = CliRunner().invoke(checks_command, ["similarity"], standalone_mode=False).output
    for text in (
        "similarity (content):",
        "min: the least score",
        "a number; required",
        "- similarity: {to:",
        "Levenshtein",
    ):
        assert text in shown
    assert "- polite\n" in CliRunner().invoke(checks_command, ["polite"], standalone_mode=False).output


def test_an_unknown_check_is_an_error_that_helps(project):
    """The nearest name is suggested."""
    with pytest.raises(ConfigError, match="did you mean 'contains'"):
        CliRunner().invoke(checks_command, ["contain"], standalone_mode=False, catch_exceptions=False)


def test_the_printed_schema_takes_a_good_suite_and_refuses_a_typo(project):
    """An editor that uses the schema underlines what the loader would refuse, and nothing else."""
    printed = CliRunner().invoke(schema_command, [], standalone_mode=False).output
    validator = jsonschema_rs.validator_for(json.loads(printed))
    suite = yaml.safe_load(SUITE)
    assert validator.is_valid(suite), [error.message for error in validator.iter_errors(suite)]
    for bad in (
        {"contians": "x"},
        {"contains": {"vlaue": "x"}},
        {"length": {"words": {"mni": 1}}},
        {"regex": 5},
        "contains",
    ):
        suite["cases"][0]["checks"] = [bad]
        assert not validator.is_valid(suite), bad


def test_the_schema_can_be_written_to_a_file(project):
    """`--output` writes the same text and says where; a folder that is not there is a clear error."""
    result = CliRunner().invoke(schema_command, ["--output", "suite.schema.json"], standalone_mode=False)
    assert "wrote suite.schema.json" in result.output
    assert json.loads((project / "suite.schema.json").read_text(encoding="utf-8"))["title"] == "evalkit suite"
    with pytest.raises(ConfigError, match="cannot write"):
        CliRunner().invoke(
            schema_command, ["--output", "no/such/folder.json"], standalone_mode=False, catch_exceptions=False
        )
