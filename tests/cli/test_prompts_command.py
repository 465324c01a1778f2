"""``evalkit prompts``: what each command prints and how it exits."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from evalkit.cli.prompts import prompts_group
from evalkit.errors import ConfigError, PromptChangedError, PromptError


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command inside a project with two versions of one prompt, started from a sub-folder."""
    (tmp_path / "pyproject.toml").write_text("[tool.evalkit]\n")
    folder = tmp_path / "prompts" / "reply"
    folder.mkdir(parents=True)
    (folder / "v1.j2").write_text("---\ndescription: First reply.\n---\n{% system %}be {{ how }}{% endsystem %}\n")
    (folder / "v2.j2").write_text("Hi {{ how }}")
    monkeypatch.chdir(folder)

    def run(*args: str):
        result = CliRunner().invoke(prompts_group, list(args))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    run.folder = folder
    return run


def test_list_shows_state_digest_and_description(run):
    """One line per version; a changed release and a broken file are marked and hide nothing."""
    run("release", "reply:v1")
    (run.folder / "v3.j2").write_text("{{ oh")
    lines = run("list").output.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["reply:v1", "released"],
        ["reply:v2", "draft"],
        ["reply:v3", "BROKEN"],
    ]
    assert lines[0].endswith("First reply.")
    (run.folder / "v1.j2").write_text("edited")
    assert run("list").output.split()[:2] == ["reply:v1", "CHANGED"]


def test_list_without_prompts_says_how_to_begin(tmp_path, monkeypatch):
    """An empty project is no error."""
    monkeypatch.chdir(tmp_path)
    assert "prompts/NAME/v1.j2" in CliRunner().invoke(prompts_group, ["list"]).output


def test_show_prints_the_source_or_the_messages(run):
    """--vars renders; control characters from a variable are shown, not sent to the terminal."""
    assert "{% system %}be {{ how }}" in run("show", "reply:v1").output
    output = run("show", "reply:v1", "--vars", '{"how": "kind\\u001b[2J"}').output
    assert output == "[system]\nbe kind\\x1b[2J\n"


@pytest.mark.parametrize("variables", ["{how: 1}", "[1]", "", "[" * 100_000])
def test_show_refuses_vars_that_are_no_json_object(run, variables):
    """The error says how to write it."""
    with pytest.raises(ConfigError, match="--vars is not"):
        run("show", "reply:v1", "--vars", variables)


def test_show_at_a_revision_needs_a_repository(run, monkeypatch):
    """Errors of the library reach the caller as they are."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(run.folder.parents[2]))
    with pytest.raises(PromptError, match="needs a git repository"):
        run("show", "reply:v1", "--at", "main")


def test_diff_prints_a_unified_diff(run):
    """Old and new lines are there; no difference says so."""
    output = run("diff", "reply:v1", "reply:latest").output
    assert "--- prompts/reply/v1.j2\n+++ prompts/reply/v2.j2" in output
    assert "+Hi {{ how }}" in output
    assert run("diff", "reply:v1", "reply:v1").output == "no difference\n"


def test_release_then_edit_fails_release_and_check(run):
    """check exits 0 when all is well, 1 for a changed release, 2 for a prompt that does not load."""
    assert run("release", "reply:latest").output.startswith("released reply:v2 ")
    good = run("check")
    assert good.exit_code == 0
    assert good.output == "2 prompt versions, 1 released, no problems\n"
    (run.folder / "v2.j2").write_text("edited")
    bad = run("check")
    assert bad.exit_code == 1
    assert "reply:v2 was released and has changed" in bad.output
    with pytest.raises(PromptChangedError):
        run("release", "reply:v2")
    (run.folder / "v1.j2").write_text("{{ oh")
    assert run("check").exit_code == 2


@pytest.mark.parametrize("command", ["list", "show", "diff", "release", "check"])
def test_every_command_has_help_with_an_example(run, command):
    """--help says what it does and shows one line to copy."""
    assert f"Example: evalkit prompts {command}" in run(command, "--help").output
