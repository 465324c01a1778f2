"""From what a suite says to a check: every mistake is found before a call, with file, line and what to write instead."""

from __future__ import annotations

import socket

import pytest

from evalkit.checks.base import BuildContext
from evalkit.checks.build import build_check
from evalkit.errors import SuiteError, Where
from evalkit.model.cases import CheckSpec

MISTAKES = [
    ({"contians": "x"}, "no check named 'contians'", "did you mean 'contains'"),
    ({"al_of": "x"}, "no check named 'al_of'", "'all_of'"),
    ({"contains": {"vlaue": "x"}}, "contains: unknown parameter 'vlaue'", "did you mean 'value'"),
    ({"length": {"words": {"mn": 3}}}, "length: unknown parameter 'mn'", "did you mean 'min'"),
    ({"contains": 5}, "contains: value is a whole number (5), expected text", "quote it if you mean text"),
    ({"contains": True}, "contains: value is a bool (true), expected text", "quote it if you mean text"),
    ({"contains": ["a", 1]}, "contains: value", "text"),
    (
        {"similarity": {"to": "x", "min": "0.8"}},
        "similarity: min is text ('0.8'), expected a number",
        "remove the quotes",
    ),
    ({"similarity": {"to": "x", "min": 80}}, "similarity: min", "less than or equal to 1"),
    ({"similarity": {"to": "x"}}, "similarity: needs the parameter 'min'", "a number"),
    ({"similarity": {"to": "x", "min": float("nan")}}, "similarity: min", "finite"),
    ({"length": 5}, "length takes its parameters by name", "words"),
    ({"length": {}}, "needs at least one of chars", "words"),
    ({"length": {"words": {"min": 5, "max": 2}}}, "words: min 5 is above max 2", ""),
    ({"length": {"words": {"min": 2.5}}}, "words.min is a number (2.5), expected a whole number", ""),
    ({"length": {"words": True}}, "words is a bool (true)", "whole number"),
    ({"json": "whol"}, "where is text ('whol'), expected one of whole, fence, anywhere", ""),
    ({"headings": False}, "headings: false says nothing", "not: headings"),
    ({"regex": "(a"}, "'(a' is not a regular expression", "position 2"),
    ({"regex": {"pattern": "a", "full": True, "count": 2}}, "full and count", ""),
    ({"json_schema": {"schema": {"type": "strng"}}}, "not a JSON Schema", "strng"),
    (
        {"json_schema": {"schema": {"$ref": "http://127.0.0.1:9/x"}}},
        "$ref leads to 'http://127.0.0.1:9/x'; only files of the project are read",
        "$defs",
    ),
    ({"json_schema": {"schema": {"items": {"$ref": "other.json#/a"}}}}, "there is no file other.json", ""),
    ({"language": "klingon"}, "no language with the code 'klingon'", "valid"),
    ({"date": {"min": "yesterday"}}, "date: min", "isoformat"),
    ({"number": {"within": 1}}, "within needs equals", ""),
    ({"number": {"min": 3, "max": 2}}, "min 3 is above max 2", ""),
    ({"bullets": {"equals": 3, "max": 5}}, "give equals, or min and max", ""),
    ({"any_of": []}, "any_of holds no check", "any_of: ["),
    ({"starts_with": "  "}, "an empty text", ""),
    ({"starts_with": {"value": "a", "paragraph": 0}}, "paragraphs count from 1", "-1"),
    ({"contains": {"any": []}}, "contains: any", "at least 1 item"),
    ({"contains": {"any": ["a"], "count": 2}}, "count needs value", ""),
    ({"equals": {}}, "give either value", "json"),
    ({"contains": "half \ud83d"}, "a text that no file can hold", ""),
    ({"contains": "x", "select": "amount"}, "'amount' is not a JSONPath", "$.amount"),
    ({"contains": "x", "select": "$[?search(@.a, '(a+)+$')]"}, "search() or match()", "regex"),
]


@pytest.mark.parametrize(("item", "message", "hint"), MISTAKES, ids=lambda value: str(value)[:40])
def test_a_mistake_is_named_with_its_line_and_a_way_out(item, message, hint, build):
    """The error says what is wrong and what to write, and points to the line in the suite."""
    with pytest.raises(SuiteError) as caught:
        build(item, line=12)
    text = str(caught.value)
    assert "suites/demo.yaml:12" in text
    assert message in text
    assert hint in text


def test_all_mistakes_of_a_check_are_told_at_once(build):
    """Two wrong parameters give two complaints, not one after the other."""
    with pytest.raises(SuiteError) as caught:
        build({"regex": {"pattern": 1, "ful": True}})
    assert len(caught.value.complaints) == 2


@pytest.mark.parametrize(
    "written",
    ["json", {"json": None}, {"json": True}, {"json": {}}, {"json": "whole"}, {"json": {"where": "whole"}}],
    ids=str,
)
def test_bare_short_and_long_form_are_the_same_check(written, judge):
    """`json`, `json: true`, `json: whole` and `json: {where: whole}` all judge alike."""
    assert judge(written, '{"a": 1}').status == "pass"
    assert judge(written, 'Here: {"a": 1}').status == "fail"


def test_a_whole_number_serves_where_a_number_is_wanted(judge):
    """YAML's 12 is fine for a float parameter; the text "12" never becomes a number."""
    assert judge({"number": 12}, "12").status == "pass"


def test_severity_and_line_are_on_the_verdict(build, judge):
    """A verdict knows the line of its check and whether it only warns."""
    verdict = judge({"contains": "x", "severity": "warn"}, "abc")
    assert (verdict.status, verdict.severity, verdict.line) == ("fail", "warn", 1)


def test_a_reason_is_bounded(judge):
    """A megabyte of answer does not become a megabyte of reason, and stays one line."""
    verdict = judge({"one_of": ["yes", "no"]}, "why\n" * 300_000)
    assert len(verdict.reason) < 1100
    assert "\n" not in verdict.reason


def test_children_belong_to_combinations_only(build):
    """Specifications made by a program are checked as well: `not` takes one check, `contains` none."""
    where = Where("suites/demo.yaml", 7)
    child = CheckSpec("json", None, where)
    context = BuildContext(None, None, None)
    with pytest.raises(SuiteError, match="not takes one check, found 2"):
        build_check(CheckSpec("not", None, where, children=(child, child)), context)
    with pytest.raises(SuiteError, match="contains takes no checks inside"):
        build_check(CheckSpec("contains", "x", where, children=(child,)), context)


def test_a_schema_fetches_nothing(build):
    """A schema that names a metaschema elsewhere is refused without a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/meta.json"
        server.setblocking(False)
        with pytest.raises(SuiteError):
            build({"json_schema": {"schema": {"$schema": address, "type": "object"}}})
        with pytest.raises(BlockingIOError):
            server.accept()
