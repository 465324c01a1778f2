"""Suites behave like tests: ids, -k, -m, --lf, -x, --collect-only, and no call that was not selected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakes.eval_project import cases

if TYPE_CHECKING:
    from fakes.eval_project import PytestProject

SUITE = """
suite: hello
prompt: hello
variants:
  baseline: {prompt: hello:v1}
  candidate: {prompt: hello:v2}
cases:
  - {id: ana, vars: {customer: Ana}, tags: [smoke]}
  - {id: bob/eu, vars: {customer: Bob}}
checks:
  - contains: Hello
"""


def test_one_item_per_case_and_variant_with_readable_ids(project: PytestProject) -> None:
    """The id names suite, case, variant and model."""
    project.suite(SUITE)
    result = project.run_here("--collect-only", "-q", "suites")
    result.stdout.fnmatch_lines([
        "suites/hello.yaml::ana[[]baseline-scripted/m]",
        "suites/hello.yaml::ana[[]candidate-scripted/m]",
        "suites/hello.yaml::bob/eu[[]baseline-scripted/m]",
        "suites/hello.yaml::bob/eu[[]candidate-scripted/m]",
    ])
    assert not (project.root / "reports").exists(), "collecting must not write anything"


def test_a_whole_id_selects_one_test(project: PytestProject) -> None:
    """What pytest printed can be pasted back."""
    project.suite(SUITE)
    result = project.run_here("suites/hello.yaml::bob/eu[candidate-scripted/m]")
    result.assert_outcomes(passed=1)
    assert len([record for record in project.journal() if record["t"] == "call"]) == 1


def test_keywords_and_marks_narrow_what_is_called(project: PytestProject) -> None:
    """-k knows case, variant and model; -m knows tags; only what is selected is asked."""
    project.suite(SUITE)
    project.run_here("suites", "-k", "ana and candidate").assert_outcomes(passed=1, deselected=3)
    project.run_here("suites", "-m", "smoke").assert_outcomes(passed=2, deselected=2)
    project.run_here("suites", "-k", "scripted/m and bob").assert_outcomes(passed=2, deselected=2)
    assert len([record for record in project.journal() if record["t"] == "call"]) == 5


def test_last_failed_reruns_only_what_failed(project: PytestProject) -> None:
    """--lf finds items whose ids hold brackets and slashes, and asks nothing else."""
    project.configure(answers={"Bob": "no", "default": "Hello"})
    project.suite(SUITE)
    project.run_here("suites").assert_outcomes(passed=2, failed=2)
    project.run_here("suites", "--lf").assert_outcomes(failed=2)


def test_last_failed_remembers_cases_that_gates_counted(project: PytestProject) -> None:
    """In a gated suite a failing case is an expected failure, and still found by --lf, where it fails: nothing else decides."""
    project.configure(answers={"Bob": "no", "default": "Hello"})
    project.suite(SUITE + "gates: [{must_pass: tag:smoke}]\n")
    first = project.run_here("suites")
    first.assert_outcomes(passed=4, xfailed=2)
    assert first.ret == 0
    project.run_here("suites", "--lf").assert_outcomes(failed=2, skipped=2)


def test_stopping_at_the_first_failure_stops_buying(project: PytestProject) -> None:
    """-x after the first of 40 cases has asked for two, not for forty."""
    project.configure(answers={"default": "no"})
    names = [f"Name{number}" for number in range(40)]
    project.suite(f"suite: hello\nprompt: hello:v1\n{cases(*names)}\nchecks: [contains: Hello]\n")
    result = project.run_here("suites", "-x")
    result.assert_outcomes(failed=1)
    assert result.ret == 1
    assert len([record for record in project.journal() if record["t"] == "call"]) <= 2
    result.stdout.fnmatch_lines(["*INCOMPLETE*"])


def test_a_tag_cannot_skip_its_case(project: PytestProject) -> None:
    """A tag named like one of pytest's own marks is a keyword and nothing more."""
    project.suite(
        f"suite: hello\nprompt: hello:v1\n{cases('Ana', tags=', tags: [skip, xfail, _own, __class__]')}\nchecks: [contains: Hello]\n"
    )
    project.run_here("suites").assert_outcomes(passed=1)


def test_data_and_recordings_are_not_taken_for_suites(project: PytestProject) -> None:
    """A dataset in YAML below suites/data is data; any YAML file named on the command line is a suite."""
    project.suite(SUITE)
    project.write("suites/data/rows.yaml", "- {id: a}\n")
    project.write("elsewhere/other.yaml", SUITE.replace("suite: hello", "suite: other"))
    project.run_here("suites").assert_outcomes(passed=4)
    project.run_here("elsewhere/other.yaml").assert_outcomes(passed=4)
    project.run_here("elsewhere").assert_outcomes()


def test_a_skipped_case_is_accounted_for(project: PytestProject) -> None:
    """A conftest may skip a case: nothing is called for it, it is counted as skipped, and nothing is missing."""
    project.suite(SUITE)
    project.write(
        "suites/conftest.py",
        "import pytest\n\ndef pytest_collection_modifyitems(items):\n"
        "    items[0].add_marker(pytest.mark.skip(reason='known'))\n",
    )
    result = project.run_here("suites")
    result.assert_outcomes(passed=3, skipped=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*(errors 0, skipped 1)*", "*3 of 4 planned trials measured (1 skipped)*"])
    assert len([record for record in project.journal() if record["t"] == "call"]) == 3


def test_an_option_out_of_range_is_one_message(project: PytestProject) -> None:
    """What no run can have is said at collection, without a traceback, before anything is called."""
    project.suite(SUITE)
    for words, said in (
        (("--evalkit-concurrency", "0"), "concurrency 0: at least 1"),
        (("--max-cost", "-1"), "0 or more"),
    ):
        result = project.run_here("suites", *words)
        assert result.ret == 2
        result.stdout.fnmatch_lines([f"*{said}*"])
        assert "options.py" not in result.stdout.str()
        assert not (project.root / "reports").exists()
