"""Every bad input is one clear message: what, where, what to do; the documented exit code; nothing called, nothing lost."""

from __future__ import annotations

import os
import re
import signal
import sys
from typing import TYPE_CHECKING

import bad_data
import bad_projects
import bad_prompts
import bad_suites
import pytest
from bad_input import GOOD, HEAD, PROJECT, PROMPT, SUITE, BadInput, fifo, link, write
from fakes.eval_project import Project
from fakes.llm_server import LLMServer

if TYPE_CHECKING:
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


@pytest.mark.parametrize(
    "entry", [entry for entry in ENTRIES if entry.command == ("estimate",)][::61], ids=lambda entry: entry.id
)
def test_a_run_says_the_same(entry, tmp_path, monkeypatch):
    """`evalkit run` finds it while pytest collects: the same words and place, exit 2, nothing called."""
    ran = met(entry, tmp_path, monkeypatch, "run", "-p", "no:cacheprovider")
    said = ran.err + ran.out
    assert ran.code == 2, said
    assert not TRACE.search(said), said
    for word in entry.says:
        assert word.lower() in said.lower(), said
    assert entry.at is None or entry.at in said, said
    assert "hint: " in said, said
    assert not (tmp_path / "reports" / "journal").exists(), "nothing was called"


def test_every_entry_has_a_name_of_its_own():
    """A table with two rows of one name would hide one of them."""
    ids = [entry.id for entry in ENTRIES]
    assert len(set(ids)) == len(ids) > 500


@pytest.mark.parametrize(
    "files",
    [
        {SUITE: b"\xef\xbb\xbf" + GOOD[SUITE].encode()},
        {SUITE: GOOD[SUITE].replace("\n", "\r\n")},
        {PROMPT: b"\xef\xbb\xbf" + GOOD[PROMPT].encode()},
        {
            SUITE: f"{HEAD}checks: [contains: hi]\ncases: [{{file: d.csv}}]\n",
            "suites/d.csv": b"\xef\xbb\xbfid,q\r\na,hi\r\n",
        },
        {SUITE: f"{HEAD}checks: [contains: hi]\ncases: [{{file: d.csv}}]\n", "suites/d.csv": 'id,q\na,"h\ni"\n'},
        {
            SUITE: f"{HEAD}checks: [contains: hi]\ncases: [{{file: d.jsonl}}]\n",
            "suites/d.jsonl": '{"id": 7, "q": "h\u2028i"}',
        },
        {SUITE: f"{HEAD}cases:\n  - {{id: a, vars: {{q: no}}, checks: [contains: hi]}}\n"},
        {SUITE: f"{HEAD}cases:\n  - {{id: a, vars: {{q: 2026-11-21}}, checks: [contains: hi]}}\n"},
        {SUITE: f"{HEAD}cases:\n  - {{id: 012, vars: {{q: '{{{{ 7*7 }}}}'}}, checks: [contains: hi]}}\n"},
        {"suites/t.yaml": link("s.txt"), "suites/s.txt": GOOD[SUITE].replace("suite: s", "suite: t")},
    ],
)
def test_what_only_looks_odd_is_accepted(files, tmp_path, monkeypatch):
    """Marks and line ends of Windows, text that YAML 1.1 would guess a type for, links inside the project."""
    ran = met(BadInput("fine", files, ()), tmp_path, monkeypatch)
    assert ran.code == 0, ran.err


def test_data_is_never_rendered(tmp_path, monkeypatch):
    """What a case holds reaches the model as it was written, template or not."""
    entry = BadInput(
        "data",
        {SUITE: f"{HEAD}cases: [{{id: a, vars: {{q: '{{{{ 7*7 }}}} ${{HOME}}'}}, checks: [contains: hi]}}]\n"},
        (),
    )
    assert met(entry, tmp_path, monkeypatch, "run", "-q", "-p", "no:cacheprovider").code == 0
    journals = "".join(path.read_text() for path in tmp_path.glob("reports/journal/*/*.jsonl"))
    assert '"content":"{{ 7*7 }} ${HOME}"' in journals


def test_a_variable_that_nothing_uses_is_noted(tmp_path, monkeypatch):
    """Most likely it is misspelt; one line for the suite, with the first place of each."""
    rows = "  - {id: a, vars: {q: hi, typo: x}}\n  - {id: b, vars: {q: ho, typo: x, shown: y}}\n"
    entry = BadInput(
        "unused",
        {
            SUITE: f"{HEAD}checks: [contains: hi, {{equals: {{value: '{{{{ shown | default(q) }}}}', severity: warn}}}}]\ncases:\n{rows}"
        },
        (),
    )
    ran = met(entry, tmp_path, monkeypatch, "run", "-q", "-p", "no:cacheprovider")
    said = " ".join(ran.out.split())
    assert f"uses 'typo' ({SUITE}:5)" in said, ran.out
    assert "shown'" not in said


def test_a_key_is_needed_only_for_what_is_not_cached(tmp_path, monkeypatch):
    """The second run of the same cases needs no key; one more case does, and says so before anything is sent."""
    with LLMServer(lambda asked: "hi") as server:
        asked = {
            PROJECT: f'[tool.evalkit.providers.acme]\nkind = "openai"\nbase_url = "{server.url}/v1"\n',
            PROMPT: "---\ndefaults: {model: acme/m}\n---\n{{ q }}",
        }
        monkeypatch.setattr("evalkit.providers.transport.connection._LOOPBACK", frozenset())
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
        words = ("run", "-q", "-p", "no:cacheprovider")
        assert met(BadInput("first", asked, ()), tmp_path, monkeypatch, *words).code == 0
        monkeypatch.delenv("OPENAI_API_KEY")
        assert met(BadInput("again", asked, ()), tmp_path, monkeypatch, *words).code == 0
        more = {**asked, SUITE: GOOD[SUITE] + "  - {id: b, vars: {q: ho}, checks: [contains: hi]}\n"}
        ran = met(BadInput("more", more, ()), tmp_path, monkeypatch, *words)
        assert (ran.code, len(server.requests)) == (2, 1)
        assert "OPENAI_API_KEY is not set" in ran.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    """With the suite's name and what to do."""
    write(tmp_path, GOOD)
    (tmp_path / SUITE).chmod(0)
    ran = met(BadInput("unreadable", {}, ()), tmp_path, monkeypatch)
    assert ran.code == 2
    assert "cannot read the file: Permission denied" in ran.err


def test_pytest_itself_says_the_same(pytester):
    """Without evalkit's command line: a suite that is wrong is exit 2, a setting 4, and neither shows a traceback."""
    write(pytester.path, {**GOOD, SUITE: fifo})
    result = pytester.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "suites")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"{SUITE}: the file is a FIFO, not a regular file"])
    write(pytester.path, {PROJECT: "[tool.evalkit]\nmodle = 'live'\n"})
    result = pytester.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "suites")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: pyproject.toml:2: unknown key 'modle' in [[]tool.evalkit[]]"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*def *")


def test_a_mistake_in_a_python_test_is_one_message(pytester):
    """A prompt or a variable that is misspelt in `evalkit.ask` is told at the test's line, without evalkit's own code around it."""
    body = "def test_a(evalkit):\n    evalkit.ask('p:v9', q='hi')\n\n\ndef test_b(evalkit):\n    evalkit.ask('p:v1', qq='hi')\n"
    write(pytester.path, {**GOOD, "test_mine.py": body})
    result = pytester.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_mine.py")
    result.stdout.fnmatch_lines([
        "test_mine.py:2: *no version 'v9'*",
        "  hint: *v1*",
        "test_mine.py:6: *needs the variable 'q'*",
    ])
    result.stdout.no_fnmatch_line("*raise *")
    full = pytester.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--full-trace", "test_mine.py")
    full.stdout.fnmatch_lines(["*raise *"])
