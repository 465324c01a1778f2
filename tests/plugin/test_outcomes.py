"""What a user sees when cases pass, fail, cannot be measured, or gates decide."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from fakes.eval_project import cases

if TYPE_CHECKING:
    import pytest
    from fakes.eval_project import PytestProject

PLAIN = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bob')}\nchecks: [contains: Hello]\n"


def section(result: pytest.RunResult, header: str) -> list[str]:
    lines = result.stdout.lines
    start = next(number for number, line in enumerate(lines) if header in line)
    end = next((n for n, line in enumerate(lines[start + 1 :], start + 1) if line.startswith("====")), len(lines))
    return lines[start:end]


def test_a_failure_is_explained_in_ten_lines(project: PytestProject) -> None:
    """Prompt, answer, reason and suite line, without a traceback."""
    project.configure(answers={"Bob": "Go away", "default": "Hello"})
    project.suite(PLAIN)
    result = project.run_here("suites")
    result.assert_outcomes(passed=1, failed=1)
    shown = section(result, "= FAILURES =")
    assert len(shown) <= 10
    text = "\n".join(shown)
    for part in ("hello:v1", "Go away", "contains", "'Hello' not found", "suites/hello.yaml:5", "suites/hello.yaml:6"):
        assert part in text
    assert "Traceback" not in text
    assert "collect.py" not in text
    result.stdout.fnmatch_lines(["FAILED suites/hello.yaml::bob* - contains: 'Hello' not found*"])


def test_trouble_with_the_provider_is_an_error_not_a_failure(project: PytestProject) -> None:
    """No answer means E, exit code 3, and the pass rate shows it in its denominator."""
    project.configure(mode="replay")
    project.prompt("v1", tone="kind", model="openai/gpt-5-mini")
    project.suite(PLAIN)
    result = project.run_here("suites")
    result.assert_outcomes(errors=2)
    assert result.ret == 3
    result.stdout.fnmatch_lines(["*replay_miss*", "*0/2 (errors 2, skipped 0)*", "*COULD NOT MEASURE*"])


def test_a_check_that_raises_is_an_error(project: PytestProject) -> None:
    """A broken check neither passes nor fails its case."""
    project.write(
        "conftest.py",
        "import evalkit\n\n@evalkit.check('breaks')\ndef breaks(answer: str) -> bool:\n    '''Breaks.'''\n    raise ValueError('oops')\n",
    )
    project.suite(PLAIN.replace("contains: Hello", "breaks"))
    result = project.run("suites")
    assert result.ret == 3
    result.stdout.fnmatch_lines(["*breaks*the check raised ValueError: oops*", "*0/2 (errors 2, skipped 0)*"])


def test_repeats_pass_when_enough_of_them_do(project: PytestProject) -> None:
    """``require`` of ``repeats`` decides the item; every repeat is its own trial in the pass rate."""
    project.write("pyproject.toml", '[tool.evalkit.providers.scripted]\nanswers = ["Hello", "no", "Hello"]\n')
    project.suite(PLAIN + "repeats: 3\nrequire: 2\n")
    result = project.run_here("suites")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*4/6 (errors 0, skipped 0)*"])
    project.suite(PLAIN + "repeats: 3\n")
    failing = project.run_here("suites")
    failing.assert_outcomes(failed=2)
    failing.stdout.fnmatch_lines(["*2 of 3 repeats passed*"])


def test_a_warning_does_not_fail(project: PytestProject) -> None:
    """``severity: warn`` is recorded and shown nowhere as a failure."""
    checks = "checks:\n  - contains: Hello\n  - {contains: Goodbye, severity: warn}"
    project.suite(PLAIN.replace("checks: [contains: Hello]", checks))
    project.run_here("suites").assert_outcomes(passed=2)
    warned = [v for r in project.journal() if r["t"] == "result" for v in r["verdicts"] if v.get("severity") == "warn"]
    assert [verdict["status"] for verdict in warned] == ["fail", "fail"]


GATED = f"""
suite: hello
prompt: hello
variants:
  baseline: {{prompt: hello:v1}}
  candidate: {{prompt: hello:v2}}
{cases(*[f"N{number}" for number in range(10)])}
checks: [contains: Hello]
gates:
  - {{gate: pass_rate == 1, variant: candidate}}
"""


def test_a_gate_is_the_last_test_and_decides(project: PytestProject) -> None:
    """A red gate fails the run; the failing cases do not, by themselves."""
    project.configure(answers={"N3": "no", "default": "Hello"})
    project.suite(GATED)
    result = project.run_here("suites", "-v")
    result.assert_outcomes(passed=18, xfailed=2, failed=1)
    assert result.ret == 1
    tests = [line for line in result.stdout.lines if line.startswith("suites/hello.yaml::")]
    assert tests[-1].startswith("suites/hello.yaml::gate[")
    assert "FAILED" in tests[-1]


def test_a_green_gate_forgives_nothing_but_what_it_counts(project: PytestProject) -> None:
    """All cases pass: the gate passes, exit 0."""
    project.suite(GATED)
    result = project.run_here("suites")
    result.assert_outcomes(passed=21)
    assert result.ret == 0


def test_an_undecided_gate_has_its_own_letter_and_exit_code(project: PytestProject) -> None:
    """Nobody can know yet: U, exit code 10, and how many cases would decide it."""
    project.configure(answers={"N3": "no", "default": "Hello"})
    project.suite(GATED.replace("{gate: pass_rate == 1, variant: candidate}", "{better_than: {against: baseline}}"))
    result = project.run_here("suites")
    assert result.ret == 10
    result.stdout.fnmatch_lines(["*U*", "*undecided*"])


def test_gates_on_scores_are_judged_like_the_others(project: PytestProject) -> None:
    """A check's score, not only its pass: the threshold is met, and two cases cannot rule out a drop against the baseline."""
    project.suite(
        f"suite: hello\nvariants:\n  baseline: {{prompt: hello:v1}}\n  candidate: {{prompt: hello:v2}}\n{cases('Ana', 'Bob')}\n"
        "checks:\n  - similarity: {to: Hello!, min: 0.5}\n"
        "gates:\n  - mean(score(similarity)) >= 0.1\n"
        "  - no_worse_than: {against: baseline, margin: 5pp, metric: score(similarity), allow_infeasible: true}\n"
    )
    result = project.run_here("suites")
    assert result.ret == 10
    text = " ".join(" ".join(result.stdout.lines).split())
    assert "mean score of check:similarity 100.0% → 100.0%, 0.0 pp" in text
    assert "2 cases cannot pass this gate even if no score changes (73 needed)" in text
    result.stdout.fnmatch_lines(["*1 of 2 gates is undecided (no_worse_than in hello), 1 passed*"])


def test_a_gate_that_cannot_pass_is_refused_before_any_call(project: PytestProject) -> None:
    """Ten cases cannot show 95%: that is said at collection, with what would do."""
    project.suite(
        GATED.replace("{gate: pass_rate == 1, variant: candidate}", "{gate: pass_rate >= 0.95, variant: candidate}")
    )
    result = project.run_here("suites")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*suites/hello.yaml:*cannot pass with 10 cases*", "*72 cases*"])
    assert not (project.root / "reports").exists()


def test_a_score_that_no_check_gives_is_refused_before_any_call(project: PytestProject) -> None:
    """Found out after the last answer, it would have cost all of them; a check of the project is not known beforehand and is let through."""
    text = "{gate: mean(score(contains)) >= 0.2, variant: candidate}"
    project.suite(GATED.replace("{gate: pass_rate == 1, variant: candidate}", text))
    result = project.run_here("suites")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*asks for a score, and contains gives none*", "*slice: check:contains*"])
    assert not (project.root / "reports").exists()


def test_two_suites_cannot_have_one_name(project: PytestProject) -> None:
    """They would share a recording, and their cases would be compared with each other."""
    project.suite(PLAIN)
    project.suite(PLAIN, name="other")
    result = project.run_here("suites")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*suites/other.yaml:1: the suite name 'hello' is taken by suites/hello.yaml*"])


def test_gates_say_nothing_about_a_part(project: PytestProject) -> None:
    """With -k the gates are shown as not judged, and a failing case fails: otherwise nothing would."""
    project.configure(answers={"N3": "no", "default": "Hello"})
    project.suite(GATED)
    result = project.run_here("suites", "-k", "n3 or n4")
    result.assert_outcomes(passed=2, failed=2, skipped=1, deselected=16)
    assert result.ret == 1


def test_junit_separates_errors_failures_and_gates(project: PytestProject) -> None:
    """CI reads the same story from JUnit: properties on each case, a gate as a test case, no answer text in properties."""
    project.configure(answers={"N3": "no", "default": "Hello"})
    project.suite(GATED)
    project.run_here("suites", "--junitxml=out.xml")
    root = ET.parse(project.root / "out.xml").getroot()
    found = {case.get("name"): case for case in root.iter("testcase")}
    assert len(found) == 21
    properties = {p.get("name"): p.get("value") for p in found["n3[candidate-scripted/m]"].iter("property")}
    assert properties["prompt"] == "hello:v2"
    assert properties["model"] == "scripted/m"
    gate = next(case for name, case in found.items() if name and name.startswith("gate["))
    failure = gate.find("failure")
    assert failure is not None
    assert "9/10" in (failure.text or "")


def test_other_programs_get_json_and_markdown(project: PytestProject) -> None:
    """The same verdict, gates and counts as the terminal's; a file that cannot be written is a problem, not silence."""
    project.configure(answers={"N3": "no", "default": "Hello"})
    project.suite(GATED)
    project.run_here("suites", "--evalkit-json", "out/run.json", "--evalkit-markdown", "out/run.md")
    run = json.loads((project.root / "out" / "run.json").read_text(encoding="utf-8"))
    assert run["schema"] == "evalkit.report/1"
    assert [gate["status"] for gate in run["gates"]] == ["failed"]
    assert "9/10" in (project.root / "out" / "run.md").read_text(encoding="utf-8")
    failed = project.run_here("suites", "--evalkit-json", "pyproject.toml/run.json")
    assert failed.ret == 3
    failed.stdout.fnmatch_lines(["*problem: *run.json could not be written*"])


def test_workers_of_xdist_give_the_same_verdict(project: PytestProject) -> None:
    """-n 2 tells the same counts, gates and exit code as one process, and stores every result once."""
    project.configure(answers={"N3": "no", "default": "Hello"})
    project.suite(GATED)
    result = project.run_here("suites", "-n", "2")
    result.assert_outcomes(passed=18, xfailed=2, failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*9/10 (errors 0, skipped 0)*"])
    assert len([record for record in project.journal() if record["t"] == "result"]) == 20


def test_a_lone_surrogate_cannot_make_a_failure_vanish(project: PytestProject) -> None:
    """Half a character in an answer once made xdist lose the test and exit 0."""
    project.write("pyproject.toml", '[tool.evalkit.providers.scripted]\nfunction = "answers:half"\n')
    project.write("answers.py", "def half(request):\n    return 'bad \\ud800 text'\n")
    project.suite(PLAIN)
    result = project.run_here("suites", "-n", "1")
    assert result.ret == 1
    result.assert_outcomes(failed=2)


def test_a_session_without_suites_hears_nothing_of_us(project: PytestProject) -> None:
    """No summary, no folder, no heavy import for somebody else's tests."""
    project.write("tests/test_other.py", "def test_fine():\n    pass\n")
    result = project.run("tests")
    result.assert_outcomes(passed=1)
    assert "evalkit" not in "\n".join(line for line in result.stdout.lines if not line.startswith("plugins:"))
    assert not (project.root / "reports").exists()


def test_loading_the_plugin_loads_nothing_heavy(project: PytestProject) -> None:
    """The plugin is in every pytest session of the machine: it must cost next to nothing."""
    heavy = ["openai", "anthropic", "pandas", "duckdb", "jinja2", "pydantic", "yaml", "click", "numpy"]
    code = (
        f"import sys, evalkit, evalkit.pytest_plugin.plugin\nprint([name for name in {heavy!r} if name in sys.modules])"
    )
    result = project.pytester.run(sys.executable, "-c", code)
    assert result.stdout.lines == ["[]"]
