"""A gate that is decided before all cases have run stops the suite, and everything is still accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakes.eval_project import cases

if TYPE_CHECKING:
    from fakes.eval_project import PytestProject

SUITE = f"""
suite: hello
prompt: hello
variants:
  old: {{prompt: hello:v1}}
  new: {{prompt: hello:v2}}
{cases(*[f"N{number}" for number in range(100)])}
checks: [contains: Hello]
gates:
  - no_worse_than: {{against: old, margin: 5pp, sequential: true}}
"""


def worse(project: PytestProject) -> None:
    """Let version 2 ask differently, and be answered badly."""
    project.configure(answers={"dear": "no", "default": "Hello"}, concurrency=2)
    text = (project.root / "prompts/hello/v2.j2").read_text(encoding="utf-8")
    project.write("prompts/hello/v2.j2", text.replace("I am", "My dear, I am"))


def counts(project: PytestProject) -> tuple[int, int]:
    """Trials with a result, and trials that were skipped."""
    records = project.journal()
    skips = [record for record in records if record["t"] == "skip"]
    assert all("decided early: the gate failed after" in record["reason"] for record in skips)
    return sum(record["t"] == "result" for record in records), sum(record["trials"] for record in skips)


def test_a_clear_drop_is_not_paid_to_the_end(project: PytestProject) -> None:
    """Everything broke: the gate fails after a dozen pairs, the rest is skipped with the reason, nothing is missing."""
    worse(project)
    project.suite(SUITE)
    result = project.run_here("suites")
    assert result.ret == 1
    measured, skipped = counts(project)
    assert measured + skipped == 200
    assert measured < 60
    result.stdout.fnmatch_lines(["*decided early: new is worse than old*trials were never asked*"])
    assert "missing" not in result.stdout.str()


def test_pairs_are_asked_in_an_order_that_knows_nothing_of_them(project: PytestProject) -> None:
    """Both variants of a case stand together, and cases do not come in the order of the file."""
    project.suite(SUITE)
    result = project.run_here("suites", "--collect-only", "-q")
    ids = [line.partition("::")[2] for line in result.stdout.lines if "::" in line]
    names = [name.partition("[")[0] for name in ids]
    assert names[::2] == names[1::2]
    assert len(set(names)) == 100
    assert names[::2] != sorted(names[::2], key=lambda name: int(name[1:]))


def test_without_a_drop_nothing_is_left_out_for_nothing(project: PytestProject) -> None:
    """Nothing changed: all cases of so small a suite are needed to pass, and it passes."""
    project.suite(SUITE)
    result = project.run_here("suites")
    assert result.ret == 0
    assert counts(project) == (200, 0)


def test_workers_stop_together(project: PytestProject) -> None:
    """With -n 2 each worker hears what the other measured: a clear drop stops both, and everything is accounted for once."""
    worse(project)
    project.suite(SUITE)
    result = project.run_here("suites", "-n", "2", "--no-header")
    assert result.ret == 1
    measured, skipped = counts(project)
    assert measured + skipped == 200
    assert skipped > 40
    result.stdout.fnmatch_lines(["*decided early: new is worse than old*trials were never asked*"])
    assert "missing" not in result.stdout.str()


def test_a_case_that_pytest_skips_is_not_waited_for(project: PytestProject) -> None:
    """A conftest skips some cases: the others still decide the gate early, and the account says the same."""
    worse(project)
    project.suite(SUITE)
    project.write(
        "conftest.py",
        "import pytest\n\n\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        if '1' in item.name.partition('[')[0]:\n"
        "            item.add_marker(pytest.mark.skip(reason='not today'))\n",
    )
    result = project.run_here("suites")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*decided early: new is worse than old*"])


def test_a_part_of_a_suite_never_stops_early(project: PytestProject) -> None:
    """With -k the gate is not judged, so every selected case is run."""
    worse(project)
    project.suite(SUITE)
    project.run_here("suites", "-k", "n1 or n2 or n3 or n4")
    assert counts(project)[1] == 0


def test_repeats_and_early_decisions_do_not_go_together(project: PytestProject) -> None:
    """The rule was checked for single runs: with repeats the suite is refused before anything is called."""
    project.suite(SUITE.replace("checks:", "repeats: 2\nchecks:"))
    result = project.run_here("suites")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*cannot decide early*", "*write repeats: 1*"])
    assert not (project.root / "reports").exists()
