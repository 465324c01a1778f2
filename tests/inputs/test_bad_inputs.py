"""Every bad input is one clear message: what, where, what to do; the documented exit code; nothing called, nothing lost."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import bad_data
import bad_projects
import bad_prompts
import bad_suites
import pytest
from bad_input import GOOD, write
from fakes.eval_project import Project

if TYPE_CHECKING:
    from bad_input import BadInput
    from fakes.eval_project import Ran

ENTRIES = (*bad_suites.ENTRIES, *bad_data.ENTRIES, *bad_prompts.ENTRIES, *bad_projects.ENTRIES)
LONGEST_S = 30
TRACE = re.compile(r"Traceback|^\s+File \"|INTERNALERROR|evalkit itself failed", re.MULTILINE)


@pytest.fixture(autouse=True)
def _not_for_ever():
    """An input that hangs is a bug, not a slow test."""

    def stop(*_):
        raise TimeoutError(f"no answer in {LONGEST_S} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def met(entry: BadInput, root, monkeypatch, *command: str) -> Ran:
    """What the command says about the input."""
    monkeypatch.chdir(root)
    project = Project.__new__(Project)
    project.root = root
    write(root, GOOD)
    write(root, entry.files)
    for name, value in entry.environment.items():
        monkeypatch.setenv(name, value)
    return project.evalkit(*(command or entry.command))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_one_clear_message(entry, tmp_path, monkeypatch):
    """The words, the place, a hint and the exit code of the table; no traceback, no call, no long text."""
    ran = met(entry, tmp_path, monkeypatch)
    said = ran.err + ran.out
    assert ran.code == entry.code, said
    assert not TRACE.search(said), said
    for word in entry.says:
        assert word.lower() in said.lower(), said
    if entry.at is not None:
        assert re.search(rf"(?:^|error: |\s){re.escape(entry.at)}(?=:? |: )", said), said
    assert entry.command[0] == "run" or re.match(r"error: \S|Usage: ", ran.err), said
    assert "hint: " in said, said
    told = "\n".join(line for line in ran.err.splitlines() if not line.startswith("  hint: "))
    assert str(tmp_path) not in told, "paths are shown relative to the project"
    assert len(said) < 4000, said
    assert not (tmp_path / "reports" / "journal").exists(), "nothing was called"
