"""``evalkit init``: what it writes runs at once, and it never touches what is there."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from evalkit.cli.init import init_command, write_starter
from evalkit.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

STARTER = {
    ".gitignore",
    "pyproject.toml",
    "prompts/greeting/v1.j2",
    "prompts/greeting/v2.j2",
    "suites/greeting.yaml",
    "suites/recordings/greeting.jsonl",
}


def run_python(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, as a user would."""
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder``."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_the_example_runs_at_once_without_a_key(tmp_path: Path) -> None:
    """The first of the two commands that init names passes: both versions on all cases, nothing paid."""
    made = CliRunner().invoke(init_command, [str(tmp_path / "shop")], catch_exceptions=False)
    assert made.exit_code == 0
    assert "pytest suites --evalkit-mode replay" in made.output
    ran = run_python("-m", "pytest", "suites", "--evalkit-mode", "replay", cwd=tmp_path / "shop")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "8 passed" in ran.stdout
    assert "0 paid" in ran.stdout
    assert "baseline" in ran.stdout
    assert "candidate" in ran.stdout


def test_it_lists_every_file_that_it_wrote_and_writes_no_other(tmp_path: Path) -> None:
    """The list is the truth."""
    made = CliRunner().invoke(init_command, [str(tmp_path)], catch_exceptions=False)
    assert set(contents(tmp_path)) == STARTER
    for name in STARTER:
        assert f"wrote {(tmp_path / name).as_posix()}" in made.output


def test_the_commands_to_type_next_fit_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the current folder there is nothing to change into; elsewhere the command starts with cd."""
    monkeypatch.chdir(tmp_path)
    here = CliRunner().invoke(init_command, [], catch_exceptions=False)
    there = CliRunner().invoke(init_command, ["other"], catch_exceptions=False)
    assert "cd " not in here.output
    assert "cd other && pytest suites" in there.output


def test_a_second_init_refuses_and_changes_nothing(tmp_path: Path) -> None:
    """Edited files are somebody's work."""
    write_starter(tmp_path)
    (tmp_path / "suites" / "greeting.yaml").write_text("suite: mine\n", encoding="utf-8")
    before = contents(tmp_path)
    again = run_python("-c", "from evalkit.cli.main import main; main()", "init", cwd=tmp_path)
    assert again.returncode == 2
    assert "suites/greeting.yaml" in again.stderr
    assert "nothing was written" in again.stderr
    assert "Traceback" not in again.stderr
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", sorted(STARTER - {".gitignore", "pyproject.toml"}))
def test_one_file_that_is_there_stops_all(tmp_path: Path, name: str) -> None:
    """Even a link that leads nowhere: writing through it would create a file somewhere else."""
    target = tmp_path / name
    target.parent.mkdir(parents=True)
    target.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="nothing was written"):
        write_starter(tmp_path)
    assert contents(tmp_path) == {}


def test_an_existing_pyproject_is_left_alone_and_a_hint_says_what_to_add(tmp_path: Path) -> None:
    """A project that exists keeps its own files, learns what is missing, and the example still runs."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\n', encoding="utf-8")
    (tmp_path / ".gitignore").write_text("dist/\n", encoding="utf-8")
    made = CliRunner().invoke(init_command, [str(tmp_path)], catch_exceptions=False)
    assert "add to pyproject.toml: [tool.evalkit]" in made.output
    assert "add to .gitignore: reports/" in made.output
    assert contents(tmp_path)["pyproject.toml"] == b'[project]\nname = "shop"\n'
    assert contents(tmp_path)[".gitignore"] == b"dist/\n"
    ran = run_python("-m", "pytest", "suites", "--evalkit-mode", "replay", "-q", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_hint_when_nothing_is_missing(tmp_path: Path) -> None:
    """A hint that is not needed teaches people to ignore hints."""
    (tmp_path / "pyproject.toml").write_text("[tool.evalkit]\n", encoding="utf-8")
    (tmp_path / ".gitignore").write_text("reports/\n", encoding="utf-8")
    written, hints = write_starter(tmp_path)
    assert hints == []
    assert set(written) == STARTER - {"pyproject.toml", ".gitignore"}


def test_a_folder_that_cannot_be_written_to_is_one_message(tmp_path: Path) -> None:
    """A file in the place of the folder, say."""
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot write"):
        write_starter(tmp_path / "taken")


def test_the_answers_that_ship_with_the_starter_say_that_no_model_gave_them() -> None:
    """Nobody may take them for a model's."""
    recording = files("evalkit.cli") / "starter" / "suites" / "recordings" / "greeting.jsonl"
    lines = recording.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 8
    assert all("not a model's answer" in line for line in lines)
