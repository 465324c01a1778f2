"""Suites whose models may be silent, and suites where some cases go first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fakes.llm_server import LLMServer, error

if TYPE_CHECKING:
    import pytest
    from fakes.eval_project import PytestProject

KEY = "sk-test-0123456789"
CASES = "cases:\n" + "".join(f"  - {{id: c{number}, vars: {{customer: N{number}}}}}\n" for number in range(6))
SUITE = f"suite: hello\nprompt: hello:v1\n{CASES}fallbacks: [scripted/m, {{answer: Hello from nobody}}]\n"


def served(project: PytestProject) -> set[str]:
    return {trial["served"] for trial in json.loads((project.root / "run.json").read_text("utf-8"))["results"]}


def test_a_refused_key_does_not_stop_a_run_with_a_fallback(
    project: PytestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every case is answered by the fallback; the provider is asked only until it is known; the run passes and says who served."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with LLMServer(lambda asked: error(401, "no")) as server:
        project.live(server.url, concurrency=2)
        with (project.root / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write('[tool.evalkit.providers.scripted]\nanswers = {default = "Hello!"}\n')
        project.suite(SUITE + "checks: [contains: Hello]\n")
        result = project.run_here("suites", "--evalkit-json", "run.json")
        assert result.ret == 0
        result.assert_outcomes(passed=6)
        assert len(server.requests) <= 2
        assert served(project) == {"scripted/m"}
        shown = " ".join(result.stdout.str().split())
        assert "note: hello v1-openai/gpt-5-mini: 6 of 6 answers came from a fallback: scripted/m 6" in shown
        project.suite(SUITE + "checks: [contains: Hello, served_by: primary]\n")
        project.run_here("suites", "--evalkit-json", "run.json").assert_outcomes(failed=6)


def test_the_answer_of_last_resort(project: PytestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no model answers, the canned answer is what is judged, and the database says so."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with LLMServer(lambda asked: error(400, "no")) as server:
        project.live(server.url)
        project.suite(SUITE.replace("scripted/m", "openai/other") + "checks: [contains: Hello]\n")
        result = project.run_here("suites", "--evalkit-json", "run.json")
        assert result.ret == 0
        assert served(project) == {"canned answer"}
        ran = project.evalkit("sql", "select distinct served, count(*) from trials group by 1")
        assert "canned answer" in ran.out


def test_a_canned_answer_does_not_hide_a_wrong_key(project: PytestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newcomer's run with a wrong key was green: every case had been answered by the suite itself."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with LLMServer(lambda asked: error(401, "Incorrect API key")) as server:
        project.live(server.url)
        project.suite(SUITE.replace("scripted/m", "openai/other") + "checks: [contains: Hello]\n")
        result = project.run_here("suites")
        assert result.ret == 3
        result.stdout.fnmatch_lines(["*auth*"])
        assert "passed" not in result.parseoutcomes()


def test_cases_with_a_priority_tag_run_first(project: PytestProject) -> None:
    """Across suites and before Python tests; the others keep their order; -k and the rest work as ever."""
    plain = "suite: {0}\nprompt: hello:v1\nmodels: [scripted/m]\nchecks: [contains: Hello]\n"
    urgent = "cases:\n  - {id: a, vars: {customer: A}}\n  - {id: b, vars: {customer: B}, tags: [smoke]}\n"
    project.configure(answers={"default": "Hello!"})
    project.suite(plain.format("one") + urgent, name="one")
    project.suite(plain.format("two") + urgent + "priority: [smoke]\n", name="two")
    project.write("suites/test_own.py", "def test_own():\n    pass\n")
    lines = project.run_here("suites", "-v").stdout.lines
    order = [line.split("::")[1].partition("[")[0].split()[0] for line in lines if "::" in line and "PASSED" in line]
    files = [line.partition("::")[0] for line in lines if "::" in line and "PASSED" in line]
    assert (files[0], order[0]) == ("suites/two.yaml", "b")
    assert sorted(order[1:]) == ["a", "a", "b", "test_own"]
    assert order.index("a") < len(order) - 1
