"""``evalkit`` itself: help, version, unknown words, errors, and the page that documents every command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from evalkit import __version__
from evalkit.cli.main import cli
from evalkit.cli.reference import commands, reference_markdown
from evalkit.errors import did_you_mean

ROOT = Path(__file__).parents[2]


def test_the_first_help_shows_every_command_and_how_to_begin(project):
    """Every command with its summary, and examples to copy."""
    shown = project.evalkit("--help")
    assert shown.code == 0
    lines = shown.out.splitlines()
    for name in cli.list_commands(click.Context(cli)):
        (line,) = [line for line in lines if line.startswith(f"  {name} ")]
        assert len(line.split()) > 3, line
    assert "evalkit run --mode replay" in shown.out
    assert "pytest suites" in shown.out
    assert project.evalkit("-h").out == shown.out


@pytest.mark.parametrize(
    ("context", "command"), [pytest.param(*found, id=found[0].command_path) for found in commands()]
)
def test_every_command_has_help_with_an_example(context, command):
    """What it does in one sentence, and a line that can be copied."""
    text = command.get_help(context)
    assert command.get_short_help_str(limit=200).endswith(".")
    if not isinstance(command, click.Group):
        lines = [line.strip().removeprefix("Example: ") for line in text.splitlines()[1:]]
        assert any(line.startswith(context.command_path) for line in lines), "show how it is used"
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help or isinstance(option.type, click.Choice), f"say what {option.opts} is for"


def test_the_reference_page_is_up_to_date():
    """docs/reference/cli.md is what the commands say of themselves."""
    page = ROOT / "docs" / "reference" / "cli.md"
    assert page.read_text(encoding="utf-8") == reference_markdown(), (
        "write it again with: python -m evalkit.cli.reference docs/reference/cli.md"
    )


def test_the_version_is_the_packages(project):
    """``evalkit --version`` names the tool and its version."""
    assert project.evalkit("--version").out == f"evalkit, version {__version__}\n"


def test_version_is_fast_because_nothing_is_loaded():
    """Neither pytest nor a database nor an SDK is imported to print a version."""
    code = (
        "import sys\nfrom evalkit.cli.main import main\n"
        "try:\n    main(['--version'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('pytest', 'duckdb', 'openai', 'pydantic', 'jinja2', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["comapre"], "there is no command 'comapre'; did you mean 'compare'?"),
        (["history", "--numbr", "3"], "--numbr"),
        (["history", "-n", "0"], "0 is not in the range x>=1"),
        (["compare", "one"], "name two sides, or one and --baseline"),
    ],
)
def test_a_wrong_word_is_exit_2_and_says_what_there_is(project, words, said):
    """The message is on stderr and names what was meant."""
    ran = project.evalkit(*words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_an_error_is_a_message_and_with_debug_a_traceback(project):
    """The default names the mistake, its place and what to do; --debug, before or behind the command, raises it."""
    project.write("pyproject.toml", "[tool.evalkit]\nmdoe = 'replay'\n")
    ran = project.evalkit("history")
    assert ran.code == 2
    assert ran.err.startswith(
        "error: pyproject.toml:2: unknown key 'mdoe' in [tool.evalkit]\n  hint: did you mean 'mode' or 'models'?"
    )
    assert "Traceback" not in ran.err
    for words in (["--debug", "history"], ["history", "--debug"]):
        done = subprocess.run(
            [Path(sys.executable).with_name("evalkit"), *words],
            cwd=project.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "Traceback" in done.stderr
        assert "ConfigError" in done.stderr


def test_what_cannot_be_read_is_exit_3(project):
    """A store in disorder is not a mistake of the user."""
    project.write("reports/evalkit.duckdb", "not a database")
    ran = project.evalkit("sql", "select 1")
    assert ran.code == 3
    assert "ingest --rebuild" in ran.err


def test_an_error_cannot_write_to_the_terminal(project):
    """A run's name from a hostile file is shown with its control characters written out."""
    project.suite("suite: hello\nprompt: hello:v1\ncases: [{vars: {customer: Ana}}]\nchecks: [contains: Hello]\n")
    assert project.evalkit("run").code == 0
    assert "\x1b" not in project.evalkit("compare", "a\x1b[2Jb", "c").err


def test_summaries_are_sentences_to_their_end(project):
    """The lists of commands cut no sentence."""
    for group in ([], ["prompts"], ["baseline"], ["cache"]):
        listed = project.evalkit(*group, "--help").out.partition("Commands:")[2]
        assert "..." not in listed
        assert listed.rstrip().endswith(".")


def test_a_hint_with_long_names_is_still_read():
    """Test ids are long: few of them are listed, and the number of all; short names are listed up to forty."""
    ids = [
        f"suites/refund-replies.yaml::a-case-with-a-name-{number}[candidate-openai/gpt-5-mini]" for number in range(80)
    ]
    said = did_you_mean(ids[7].replace("case", "cse"), ids)
    assert ids[7] in said.partition("? valid: ")[0]
    assert len(said) < 900
    assert said.endswith(", … (80 in all)")
    assert did_you_mean("x", ["a" * 5000]) == f"valid: {'a' * 5000}"
    assert did_you_mean("x", [f"n{number}" for number in range(40)]).count(",") == 39


def test_nobody_who_reads_on_is_not_a_failed_case(project):
    """A pipe that closes is 141, as of a program that SIGPIPE ended, and not 1."""
    words = f"{Path(sys.executable).with_name('evalkit')} schema | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", words], cwd=project.root, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("141\n", "")


def test_a_closed_pipe_ends_quietly(project):
    """``evalkit schema | head -1`` leaves no traceback."""
    words = f"{Path(sys.executable).with_name('evalkit')} schema | head -c 10"
    done = subprocess.run(["bash", "-c", words], cwd=project.root, capture_output=True, text=True, check=False)
    assert len(done.stdout) == 10
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_the_package_is_a_command_too():
    """Where the script is not on the path."""
    words = [sys.executable, "-m", "evalkit", "--version"]
    assert (
        subprocess.run(words, check=True, capture_output=True, text=True).stdout == f"evalkit, version {__version__}\n"
    )
