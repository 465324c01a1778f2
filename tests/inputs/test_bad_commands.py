"""Commands with words that make no sense: one message, exit 2, and nothing is called, written or left behind."""

from __future__ import annotations

import re

import pytest
from bad_input import GOOD, write
from fakes.eval_project import Project

TRACE = re.compile(r"Traceback|INTERNALERROR|evalkit itself failed")
WRONG = [
    ("", "Usage: evalkit"),
    ("nope", "there is no command 'nope'"),
    ("rnu", "did you mean 'run'"),
    ("--nope", "No such option '--nope'"),
    ("run nope.yaml", "there is no nope.yaml"),
    ("run suites/s.yaml::nope", "nope"),
    ("run suites/nope.yaml suites/s.yaml", "did you mean 'suites/s.yaml'"),
    ("run /etc/passwd", "/etc/passwd"),
    ("run --mode x", "'x' is not one of"),
    ("run --max-cost abc", "'abc'"),
    ("run --max-cost nan", "nan"),
    ("run --max-cost -1", "-1"),
    ("run --max-calls 1.5", "'1.5'"),
    ("run --max-tokens -1", "-1"),
    ("run --concurrency 0", "0 is not in the range"),
    ("run --baseline nope", "no such file"),
    ("run --resume", "no batches"),
    ("run --wait", "--mode batch"),
    ("run --nope", "unrecognized arguments: --nope"),
    ("run --mdoe live", "did you mean --mode"),
    ("run -k nomatch", "no case was found or selected"),
    ("run -k ((", "Wrong expression"),
    ("run --config nope.toml", "nope.toml"),
    ("estimate nope.yaml", "there is no nope.yaml"),
    ("estimate ../x", "there is no ../x"),
    ("estimate pyproject.toml", "not valid YAML"),
    ("estimate --mode x", "'x' is not one of"),
    ("estimate --max-cost nan", "nan"),
    ("compare", "name two sides"),
    ("compare a b", "no runs"),
    ("compare ../x y", "no runs"),
    ("prompts", "Usage: evalkit prompts"),
    ("prompts nope", "nope"),
    ("prompts show", "Missing argument"),
    ("prompts show nope", "not a prompt reference"),
    ("prompts show nope:v1", "no prompt 'nope'"),
    ("prompts show p:v9", "no version 'v9'"),
    ("prompts show ../p:v1", "not a prompt reference"),
    ("prompts diff p:v1 p:v9", "no version 'v9'"),
    ("prompts release nope:v1", "no prompt 'nope'"),
    ("prompts check x", "unexpected extra argument"),
    ("check", "Missing argument"),
    ("check nope pyproject.toml", "no check named 'nope'"),
    ("check contains: nope.txt", "nope.txt"),
    ("checks nope", "no check named 'nope'"),
    ("rescore nope", "no runs"),
    ("history nope", "'nope'"),
    ("ingest nope", "unexpected extra argument"),
    ("cache", "Usage: evalkit cache"),
    ("cache nope", "No such command 'nope'"),
    ("baseline nope", "No such command 'nope'"),
    ("baseline save nope", "no runs"),
    ("calibrate nope.csv", "no runs"),
    ("schema nope", "unexpected extra argument"),
    ("schema --output suites", "is a directory"),
    ("init pyproject.toml", "cannot write"),
    ("export nope", "no runs"),
    ("report nope", "no runs"),
    ("merge nope", "'nope'"),
    ("purge", "--older-than"),
    ("purge --older-than x", "no age"),
    ("doctor x", "unexpected extra argument"),
    ("serve --port x", "'x'"),
    ("serve --port 99999", "99999"),
]


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, GOOD)
    project = Project.__new__(Project)
    project.root = tmp_path
    return project


@pytest.mark.parametrize(("words", "told"), WRONG, ids=[words or "nothing" for words, _ in WRONG])
def test_a_wrong_command_is_one_message(project, words, told):
    """It names the word, and what would be right."""
    ran = project.evalkit(*words.split())
    assert ran.code == 2, ran.out + ran.err
    assert told in ran.err, ran.err
    assert not TRACE.search(ran.out + ran.err)
    assert not list(project.root.glob("reports/journal/*")), "nothing was called"


def test_a_bug_is_one_message_and_not_a_failed_case(project, monkeypatch):
    """Exit 3, because nothing was measured; with --debug it is raised as it is."""

    def broken(**_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("evalkit.cli.estimate.chosen_config", broken)
    ran = project.evalkit("estimate")
    assert ran.code == 3
    assert ran.err.startswith("error: evalkit itself failed: ZeroDivisionError: a bug\n  hint: evalkit --debug")
    with pytest.raises(ZeroDivisionError):
        project.evalkit("--debug", "estimate")


def test_debug_shows_where_a_mistake_was_found(project):
    """For a suite, in a run: pytest's traceback instead of the message alone."""
    write(project.root, {"suites/s.yaml": "suite: s\n"})
    plain = project.evalkit("run", "-p", "no:cacheprovider")
    debug = project.evalkit("--debug", "run", "-p", "no:cacheprovider")
    assert (plain.code, debug.code) == (2, 2)
    assert "raise_any" not in plain.out
    assert "raise_any" in debug.out
