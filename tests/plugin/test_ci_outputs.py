"""What CI systems read of a run: the step summary, remarks at lines, and a JUnit file that GitLab and Jenkins can show."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from fakes.eval_project import cases
from fakes.payloads import PAYLOADS

from evalkit.report.clean import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from fakes.eval_project import PytestProject as Project

SUITE = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bob')}\nchecks: [contains: Hello]\n"
BAD = "no [[ATTACHMENT|/etc/passwd]] \x1b[2J ::error::x sk-ant-0123456789abcdefghijklmnop"


@pytest.fixture
def job(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job of GitHub Actions that checked the project out in a folder of its repository; its step summary."""
    for name in ("CI_PROJECT_DIR", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    summary = project.root / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.root.parent))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    project.configure(answers={"Bob": BAD, "default": "Hello"})
    project.suite(SUITE)
    return summary


def commands(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if line.startswith("::")]


def test_a_failing_case_is_told_at_its_line(project: Project, job: Path) -> None:
    """One error at the case's line, the project's folder in front of the path, nothing that the model said as a command."""
    result = project.run_here("suites")
    (line,) = commands(result)
    place = f"file={project.root.name}/suites/hello.yaml,line=5"
    assert line == f"::error {place},title=bob [v1-scripted/m] failed::contains: 'Hello' not found"


def test_enough_passing_repeats_are_no_failure(project: Project, job: Path) -> None:
    """A test that passes by ``require`` has no remark, though a repeat failed."""
    project.write("pyproject.toml", '[tool.evalkit.providers.scripted]\nanswers = ["no", "Hello", "Hello"]\n')
    project.suite(SUITE.replace("prompt:", "repeats: 3\nrequire: 2\nprompt:"))
    result = project.run_here("suites")
    result.assert_outcomes(passed=2)
    assert commands(result) == []
    project.suite(SUITE.replace("prompt:", "repeats: 3\nrequire: 3\nprompt:"))
    assert len(commands(project.run_here("suites"))) == 2


def test_the_step_summary_grows_and_has_an_end(project: Project, job: Path) -> None:
    """What earlier steps wrote stays; at the limit the summary is cut and says so."""
    job.write_text("earlier\n", encoding="utf-8")
    project.run_here("suites")
    text = job.read_text(encoding="utf-8")
    assert text.startswith("earlier\n\n## ✗ evalkit: Failed")
    job.write_text("x" * 899_000, encoding="utf-8")
    project.run_here("suites")
    assert 899_000 < job.stat().st_size < 901_100
    assert "## ✗ evalkit: Failed" in job.read_text(encoding="utf-8")
    assert "cut here" not in job.read_text(encoding="utf-8")
    job.write_text("x" * 899_000, encoding="utf-8")
    project.configure(answers={"Bob": "y" * 2000, "default": "Hello"})
    project.run_here("suites")
    assert "cut here at 2,000 bytes" in job.read_text(encoding="utf-8")


def test_outside_of_github_nothing_is_said(project: Project, job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without GITHUB_ACTIONS there is no command, without GITHUB_STEP_SUMMARY no file."""
    monkeypatch.delenv("GITHUB_ACTIONS")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    assert commands(project.run_here("suites")) == []
    assert not job.exists()


def test_a_summary_that_cannot_be_written_is_a_problem(
    project: Project, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and the run exits with 3: a reviewer who reads the summary would miss it."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.root))
    result = project.run_here("suites")
    assert result.ret == 3
    result.stdout.fnmatch_lines(["*could not be written*"])


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_junit_has_properties_for_all_and_output_for_failures(
    project: Project, job: Path, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    """Answer, check, reason, cost and latency of each case as properties; of one that did not pass as system-out too, with the page linked."""
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_PROJECT_DIR", str(project.root))
    (project.run(*workers, "suites", "--junitxml=j.xml") if workers else project.run_here("suites", "--junitxml=j.xml"))
    tree = ET.parse(project.root / "j.xml")
    good, bad = sorted(tree.iter("testcase"), key=lambda case: case.attrib["name"])
    properties = {one.attrib["name"]: one.attrib["value"] for one in bad.iter("property")}
    assert properties["check"] == "contains"
    assert "'Hello'" in properties["reason"]
    assert properties["answer"].startswith(r"no [\[ATTACHMENT|/etc/passwd]] \x1b[2J \::error::x [REDACTED")
    assert {"prompt", "model", "variant", "cost_usd", "latency_s", "repeats_passed", "source"} <= set(properties)
    output = bad.findtext("system-out") or ""
    assert f"answer: {properties['answer']}" in output.splitlines()
    (attachment,) = [line for line in output.splitlines() if line.startswith("[[ATTACHMENT|")]
    page = attachment.removeprefix("[[ATTACHMENT|").removesuffix("]]")
    assert (project.root / page).name == "index.html"
    assert (project.root / page).is_file()
    assert good.find("system-out") is None
    assert {one.attrib["name"]: one.attrib["value"] for one in good.iter("property")}["answer"] == "Hello"


def test_hostile_answers_leave_junit_and_the_log_in_order(project: Project, job: Path) -> None:
    """Every payload as an answer, and as a gate's own words: the file parses, holds only legal characters, and the log obeys nothing."""
    payloads = [text for text in PAYLOADS if text.strip() and not re.search("[\ud800-\udfff]", text)]
    names = [f"case-{number:03d}" for number in range(len(payloads))]
    escaped = [
        "".join(f"\\U{ord(character):08X}" for character in text) for text in payloads
    ]  # TOML takes no control character
    answers = ", ".join(f'{name} = "{text}"' for name, text in zip(names, escaped, strict=True))
    project.write("pyproject.toml", f"[tool.evalkit.providers.scripted]\nanswers = {{{answers}}}\n")
    rows = "\n".join(f"  - {{id: {name}, vars: {{customer: {name}}}}}" for name in names)
    project.suite(f"suite: hello\nprompt: hello:v1\ncases:\n{rows}\nchecks: [contains: Hello]\n")
    result = project.run("suites", "--junitxml=j.xml")
    assert result.ret == 1
    tree = ET.parse(project.root / "j.xml")
    found = {case.attrib["name"].partition("[")[0]: case for case in tree.iter("testcase")}
    assert len(found) == len(payloads)
    for name, text in zip(names, payloads, strict=True):
        answer = next(one.attrib["value"] for one in found[name].iter("property") if one.attrib["name"] == "answer")
        assert answer.startswith(one_line(text, limit=500)[:100])
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\ufffe\uffff\ud800-\udfff]", (project.root / "j.xml").read_text(encoding="utf-8")
    )
    log = [line for line in result.outlines if re.match(r"\s*(::|##)", line)]
    assert len(log) == len(commands(result)) == 10
    assert all(line.startswith("::error file=") for line in log)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", result.stdout.str())


def test_without_a_junit_file_no_answer_is_kept(project: Project, job: Path) -> None:
    """Reports of a session hold no answers unless a file asks for them: they are kept in memory to the end."""
    project.write(
        "conftest.py", "def pytest_runtest_logreport(report):\n    print(sorted(dict(report.user_properties)))\n"
    )
    result = project.run_here("suites", "-s")
    assert "answer" not in "".join(line for line in result.outlines if line.startswith("["))
    assert os.environ["GITHUB_ACTIONS"] == "true"
