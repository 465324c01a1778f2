"""Remarks at a suite's lines: one line and one command each, whatever a model, a suite or a provider wrote."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_report import HOSTILE, build_report

from evalkit.report.annotations import MOST, Annotation, annotations_of, workflow_command

COMMAND = re.compile(r"::(error|warning) file=([^:,]*)(?:,line=(\d+))?,title=([^:,]*)::(.*)", re.DOTALL)
ANYTHING = st.text(st.characters(codec=None, exclude_categories=()), max_size=80) | st.sampled_from(HOSTILE)


def test_gates_errors_and_broken_cases_are_told_in_this_order(report):
    """A failed gate stands at its line in the suite, then what has no answer, then what the candidate broke, with its reason."""
    found = annotations_of(report)
    errors = [one for one in found if one.level == "error"]
    warnings = [one for one in found if one.level == "warning"]
    gate = next(gate for gate in report.gates if gate.status == "failed")
    assert errors[0] == Annotation(
        "error", f"gate {gate.gate} failed ({gate.variant})", gate.reason, gate.suite_path, gate.line
    )
    assert any("overloaded" in one.message for one in errors)
    broken = next(one for one in warnings if "broken by candidate" in one.title)
    assert broken.path == "suites/refunds.yaml"
    assert re.match(r"passed \d/\d with baseline, \d/\d with candidate: \w+", broken.message)


def test_there_are_no_more_than_github_shows(report):
    """Ten of each level, the last of which says how many there are more."""
    many = replace(report, gates=tuple(replace(report.gates[0], status="failed", gate=f"g{n}") for n in range(25)))
    errors = [one for one in annotations_of(many) if one.level == "error"]
    assert len(errors) == MOST
    assert [one.title.split()[1] for one in errors[:9]] == [f"g{n}" for n in range(9)]
    assert re.match(r"\d\d more errors", errors[-1].message)


def test_where_gates_decide_a_failing_case_is_no_error_of_its_own(report):
    """With a judged gate only gates and errors are errors; without one each failing case is one, however many repeats failed."""
    gated = [one for one in annotations_of(report) if one.level == "error" and one.path == "suites/refunds.yaml"]
    assert gated
    assert not [one for one in gated if one.title.endswith("] failed")]
    free = build_report(cases=4, repeats=3, hostile=False, topics=0)
    free = replace(free, gates=(), comparisons=())
    failing = {result.trial.test_id for result in free.results if result.status == "fail"}
    titles = [one.title for one in annotations_of(free)]
    assert len(titles) == len(failing) > 0
    assert all(title.endswith("] failed") for title in titles)


@given(ANYTHING, ANYTHING, ANYTHING)
def test_nothing_ends_the_command_or_begins_another(path, title, message):
    """One line that reads back as one command: its properties end where they should, and the message can hold no other."""
    line = workflow_command(Annotation("error", title, message, path, 3), "folder")
    line.encode("utf-8")
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e]", line)
    found = COMMAND.fullmatch(line)
    assert found is not None
    assert found[2].startswith("folder/")
    assert found[3] == "3"


@pytest.mark.parametrize(
    ("annotation", "line"),
    [
        (
            Annotation("error", "a: b, c", "50% of 2\nnext", "suites/x.yaml", 7),
            "::error file=suites/x.yaml,line=7,title=a%3A b%2C c::50%25 of 2 next",
        ),
        (Annotation("warning", "t", "m", "s.yaml"), "::warning file=s.yaml,title=t::m"),
    ],
)
def test_the_line_is_what_github_documents(annotation, line):
    """Percent, line end, colon and comma are escaped as the runner unescapes them."""
    assert workflow_command(annotation) == line
