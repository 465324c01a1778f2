"""Code and markup read by real parsers, JSON in part and repaired, schemas over several files, tool calls in order."""

from __future__ import annotations

import json
import sys
import time

import pytest

from evalkit.errors import SuiteError

LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>'
OUTSIDE = '<!DOCTYPE l SYSTEM "file:///etc/passwd"><l/>'


def calls(*names, **arguments):
    return {
        "text": "",
        "tool_calls": [{"id": str(at), "name": name, "arguments": arguments} for at, name in enumerate(names)],
    }


@pytest.mark.parametrize(
    ("check", "answer", "status", "reason"),
    [
        ("python", "```python\nx = 1\n```", "pass", "defines nothing"),
        ("python", "x = = 1", "fail", "(line 1)"),
        ("python", "```py\nx = 1\ny = (\n```", "fail", "(line 3)"),
        ("python", "Here:\n```python\nx = 1\n```\nand so on", "fail", "expected Python"),
        ({"python": {"where": "blocks"}}, "Here:\n```python\nx = 1\n```\nand\n```js\nlet x\n```", "pass", ""),
        ({"python": {"where": "blocks"}}, "no code at all", "fail", "found none"),
        ({"python": {"defines": ["f", "G"]}}, "def f(): ...\nclass G: ...", "pass", "defines G, f"),
        ({"python": {"imports": ["math"]}}, "import math\nfrom math import pi", "pass", ""),
        ({"python": {"imports": ["math"]}}, "x = 1\ndef f():\n    import os.path", "fail", "imports os.path (line 3)"),
        ({"python": {"imports": []}}, "from . import x", "fail", "imports ."),
        ("python", 'x = "\\d"', "pass", ""),
        ("python", "x = '\0'", "fail", "line 1"),
        ("sql", "SELECT a FROM b WHERE c = 1; SELECT 2", "pass", "SELECT, SELECT"),
        ("sql", "hello", "fail", "bare expression (COLUMN)"),
        ("sql", "SELEC a FROM b", "fail", "line 1"),
        ({"sql": "postgres"}, "SELECT DISTINCT ON (a) a FROM b", "pass", ""),
        ({"sql": {"read_only": True}}, "WITH x AS (SELECT 1) SELECT * FROM x UNION SELECT 2", "pass", ""),
        ({"sql": {"read_only": True}}, "DROP TABLE b", "fail", "found DROP"),
        ({"sql": {"read_only": True}}, "SELECT 1; DELETE FROM b", "fail", "found DELETE"),
        ({"sql": {"dialect": "postgres", "read_only": True}}, "WITH x AS (DELETE FROM b RETURNING *) SELECT * FROM x", "fail", "DELETE inside"),
        ({"sql": {"dialect": "postgres", "read_only": True}}, "SELECT * INTO c FROM b", "fail", "INTO inside"),
        ({"sql": {"dialect": "postgres", "read_only": True}}, "SELECT * FROM b FOR UPDATE", "fail", "LOCK inside"),
        ({"sql": {"read_only": True}}, "SELECT 'DROP TABLE b' AS note", "pass", ""),
        ({"sql": {"tables": ["orders"]}}, "WITH x AS (SELECT * FROM orders) SELECT * FROM x", "pass", ""),
        ({"sql": {"tables": ["orders"]}}, "SELECT * FROM orders JOIN users USING (id)", "fail", "table users"),
        ({"sql": {"statements": 1}}, "SELECT 1; SELECT 2", "fail", "expected exactly 1 statements, found 2"),
        ({"regular_expression": {"matches": ["a1"], "rejects": ["b"]}}, "```regex\n[a-z]\\d\n```", "pass", ""),
        ({"regular_expression": {"matches": ["a"]}}, "b+", "fail", "does not match 'a'"),
        ({"regular_expression": {"rejects": ["b"]}}, "b+", "fail", "matches 'b'"),
        ("regular_expression", "(a", "fail", "not a regular expression"),
        ({"regular_expression": {"rejects": ["a" * 60 + "!"]}}, "(a|a)*b(?=c)(?<x>d)?", "pass", ""),
        ("xml", "```xml\n<a><b/></a>\n```", "pass", "outermost a"),
        ("xml", "\n\n<a>\n<b>\n</a>", "fail", "mismatched tag (line 5)"),
        ("xml", "<a/><b/>", "fail", "junk after document element"),
        ("xml", LAUGHS, "fail", "document type, which is refused"),
        ("xml", OUTSIDE, "fail", "document type, which is refused"),
        ("xml", "<a>&b;</a>", "fail", "undefined entity"),
        ({"xml": {"root": "b"}}, "<a/>", "fail", "is a, not b"),
        ({"xml": {"elements": ["b"]}}, "<a/>", "fail", "no element b"),
        ("html", "<ul><li>one<li>two</ul>", "pass", "3 elements"),
        ("html", "<div>x</p></div>", "fail", "Unexpected end tag (p)"),
        ("html", "<div>x", "fail", "line 1"),
        ("html", "<a href=x href=y>z</a>", "fail", "line 1"),
        ("html", "plain text", "fail", "plain text"),
        ({"html": {"document": True}}, "<p>x</p>", "fail", "line 1"),
        ({"html": {"document": True}}, "<!doctype html><title>x</title><p>y</p>", "pass", ""),
        ({"html": {"only": ["p"]}}, "<p>x<script>y</script></p>", "fail", "element script, which is not allowed"),
        ({"html": {"elements": ["table"]}}, "<p>x</p>", "fail", "no element table"),
    ],
)  # fmt: skip
def test_code_and_markup_are_parsed_and_the_mistake_has_its_line(check, answer, status, reason, judge):
    """What a real parser accepts passes; the reason says what is wrong and on which line of the answer."""
    verdict = judge(check, answer)
    assert (verdict.status, reason in verdict.reason) == (status, True), verdict.reason


@pytest.mark.parametrize(
    "check", ["python", "sql", "regular_expression", "xml", "html", "json", {"json": {"repair": True}}]
)
@pytest.mark.parametrize(
    "unit", ["(", "[", "{", "<a>", "<div>", "<b><i>", "- ", "a.", "not ", '"', "<p", "&a;", "SELECT ", "f(x)(", "`"]
)
def test_hostile_answers_are_judged_in_bounded_time(check, unit, judge):
    """A hundred thousand nested or repeated pieces, and a text of ten megabytes, end in a verdict, not in a crash or a long wait."""
    began = time.process_time()
    assert judge(check, unit * 100_000).status in {"pass", "fail"}
    short = judge(check, (unit * 10_000)[:20_000])
    assert short.status in {"pass", "fail"}
    assert time.process_time() - began < 20, "a bound, not a benchmark"


def test_ten_megabytes_are_refused_at_once(judge):
    """Parsers that take a text apart say how long it may be."""
    huge = "x" * 10_000_000
    for check in ("python", "sql", "xml", "html", "regular_expression", "json", {"json": {"repair": True}}):
        assert judge(check, huge).status == "fail"
        assert "at most" in judge(check, huge).reason


@pytest.mark.parametrize(
    ("package", "check"),
    [("sqlglot", "sql"), ("html5lib", "html"), ("json_repair", {"json": {"repair": True}}), ("json_repair", {"json_like": {"value": 1, "repair": True}})],
)  # fmt: skip
def test_a_parser_that_is_not_installed_is_named(package, check, monkeypatch, build):
    """The message says which extra brings it, at collection."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SuiteError, match=r"pytest-evalkit\[shape\]"):
        build(check)


def test_an_unknown_dialect_gets_the_nearest(build):
    """`postgress` says: did you mean postgres."""
    with pytest.raises(SuiteError, match="did you mean 'postgres'"):
        build({"sql": "postgress"})


WANTED = {"status": "late", "items": [{"sku": "T-1"}, {"sku": "T-2"}], "total": 12.5}


@pytest.mark.parametrize(
    ("change", "options", "status", "reason"),
    [
        ({"more": 1}, {}, "pass", ""),
        ({"items": [{"sku": "T-1", "price": 1}, {"sku": "T-2"}]}, {}, "pass", ""),
        ({"status": "early"}, {}, "fail", "$.status: expected 'late', found 'early'"),
        ({"items": [{"sku": "T-1"}]}, {}, "fail", "$.items: expected 2 items, found 1"),
        ({"items": [{"sku": "T-1"}, {"name": "T-2"}]}, {}, "fail", "$.items[1].sku: expected 'T-2', found no such key"),
        ({"items": [{"sku": "T-2"}, {"sku": "T-1"}]}, {}, "fail", "$.items[0].sku"),
        ({"items": [{"sku": "T-2"}, {"sku": "T-9"}, {"sku": "T-1"}]}, {"lists": "hold"}, "pass", ""),
        (
            {"items": [{"sku": "T-2"}, {"sku": "T-2"}]},
            {"lists": "hold"},
            "fail",
            "expected an item like {'sku': 'T-1'}",
        ),
        ({"items": [{"sku": "T-1"}, {"sku": "T-2"}, 3]}, {"lists": "start"}, "pass", ""),
        ({"total": 12.4}, {"within": 0.2}, "pass", ""),
        ({"total": "12.5"}, {}, "fail", "$.total: expected 12.5, found '12.5'"),
        ({"total": True}, {}, "fail", "$.total"),
    ],
)
def test_json_like_looks_only_at_what_is_named(change, options, status, reason, judge):
    """Other keys may have any value; every difference has its path."""
    verdict = judge({"json_like": {"value": WANTED, **options}}, json.dumps({**WANTED, **change}))
    assert (verdict.status, reason in verdict.reason) == (status, True), verdict.reason


def test_items_that_fit_several_wishes_are_shared_out(judge):
    """An item that would fit both wishes is given to the one that has no other."""
    check = {"json_like": {"value": [{"a": 1}, {"a": 1, "b": 2}], "lists": "hold"}}
    assert judge(check, '[{"a": 1, "b": 2}, {"a": 1, "c": 3}]').status == "pass"
    assert judge(check, '[{"a": 1, "b": 2}]').status == "fail"


@pytest.mark.parametrize(
    ("answer", "options", "status", "reason"),
    [
        ("{'a': 1, 'b': [1, 2,],}", {}, "pass", "(repaired)"),
        ('{"a": 1, // why\n "b": 2', {}, "pass", "(repaired)"),
        ('Sure:\n{"a": 1,}', {"where": "anywhere"}, "pass", "(repaired, with text around it, line 2)"),
        ('```json\n{"a": 1,}\n```', {"where": "fence"}, "pass", "repaired"),
        ('Sure:\n{"a": 1}\nok', {"where": "anywhere"}, "pass", "(with text around it, line 2)"),
        ('{"a": 1}', {}, "pass", "JSON: {'a': 1}"),
        ("hello", {}, "fail", "no object or list to repair"),
        ('{"a": 1}{"b": 2}', {}, "fail", ""),
    ],
)
def test_repaired_json_passes_and_is_said_to_be_repaired(answer, options, status, reason, judge):
    """Only with `repair`, only what begins as an object or a list, and the reader learns of it; without it the answer fails."""
    verdict = judge({"json": {"repair": True, **options}}, answer)
    assert (verdict.status, reason in verdict.reason) == (status, True), verdict.reason
    if "repaired" in verdict.reason:
        assert judge({"json": options}, answer).status == "fail"


def test_repair_serves_every_check_of_json(judge):
    """Schemas, models and partial values see the repaired value."""
    broken = "{'total': 12.5,}"
    assert judge({"json_schema": {"schema": {"required": ["total"]}, "repair": True}}, broken).status == "pass"
    assert judge({"json_like": {"value": {"total": 12.5}, "repair": True}}, broken).status == "pass"
    assert judge({"pydantic": {"model": "builtins.dict", "repair": True}}, broken).status == "pass"


@pytest.fixture
def schemas(tmp_path):
    """A folder of schemas that refer to each other."""
    texts = {
        "schemas/reply.json": {"properties": {"city": {"$ref": "parts/address.json#/$defs/city"}}},
        "schemas/web.json": {"$id": "https://shop.example/s/web.json", "properties": {"city": {"$ref": "parts/address.json#/$defs/city"}}},
        "schemas/parts/address.json": {"$defs": {"city": {"type": "string"}, "up": {"$ref": "../number.json"}}},
        "schemas/number.json": {"type": "number"},
        "schemas/round.json": {"properties": {"n": {"$ref": "parts/address.json#/$defs/up"}, "again": {"$ref": "round.json"}}},
        "schemas/gone.json": {"$ref": "no/such.json"},
        "schemas/fetched.json": {"$ref": "https://evil.example/x.json"},
        "schemas/file.json": {"$ref": "file:///etc/passwd"},
        "schemas/deep.json": {"$ref": "parts/fetched.json"},
        "schemas/parts/fetched.json": {"$ref": "http://evil.example/x.json"},
    }  # fmt: skip
    for name, schema in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(schema), encoding="utf-8")


@pytest.mark.parametrize("name", ["reply", "web"])
def test_a_schema_may_refer_to_files_of_the_project(name, schemas, judge):
    """Relative to the file it stands in, whatever address its `$id` claims."""
    assert judge({"json_schema": f"schemas/{name}.json"}, '{"city": "Bremen"}').status == "pass"
    assert "$.city" in judge({"json_schema": f"schemas/{name}.json"}, '{"city": 1}').reason


def test_references_go_up_and_round(schemas, judge):
    """`..` stays inside the project, and a schema may hold itself."""
    assert judge({"json_schema": "schemas/round.json"}, '{"n": 1, "again": {"again": {"n": 2}}}').status == "pass"
    assert "$.again.n" in judge({"json_schema": "schemas/round.json"}, '{"again": {"n": "x"}}').reason


@pytest.mark.parametrize(
    ("name", "says"), [("fetched", "evil.example"), ("file", "etc/passwd"), ("deep", "evil.example")]
)
def test_a_reference_out_of_the_project_is_refused_before_any_call(name, says, schemas, build):
    """Nothing is fetched; the message names where the reference leads, even from a schema that another one reads."""
    with pytest.raises(SuiteError, match=r"only files of the project") as refused:
        build({"json_schema": f"schemas/{name}.json"})
    assert says in str(refused.value)


def test_a_reference_to_a_missing_file_names_the_file(schemas, build):
    """The reader's own error comes through, not the validator's."""
    with pytest.raises(SuiteError, match="there is no file schemas/no/such"):
        build({"json_schema": "schemas/gone.json"})


@pytest.mark.parametrize(
    ("check", "answer", "status", "reason"),
    [
        ({"tool_calls": ["a", "b"]}, calls("a", "b"), "pass", "found 'a', 'b'"),
        ({"tool_calls": ["a", "b"]}, calls("b", "a"), "fail", "expected a, b (exact), found 'b', 'a'"),
        ({"tool_calls": ["a"]}, calls("a", "b"), "fail", ""),
        ({"tool_calls": []}, "Just text.", "pass", "expected no call (exact), found no call"),
        ({"tool_calls": []}, calls("a"), "fail", ""),
        ({"tool_calls": {"tools": ["a", "c"], "order": "in_order"}}, calls("a", "b", "c"), "pass", ""),
        ({"tool_calls": {"tools": ["c", "a"], "order": "in_order"}}, calls("a", "b", "c"), "fail", ""),
        ({"tool_calls": {"tools": ["c", "a"], "order": "any"}}, calls("a", "b", "c"), "pass", ""),
        ({"tool_calls": {"tools": ["a", "a"], "order": "any"}}, calls("a", "b"), "fail", ""),
        ({"tool_calls": {"tools": ["a"], "order": "any", "parallel": {"max": 2}}}, calls("a", "b", "c"), "fail", "at most 2 calls"),
        ({"tool_called": {"tool": "a", "like": {"order": {"id": 7}}}}, calls("a", order={"id": 7, "x": 1}), "pass", ""),
        ({"tool_called": {"tool": "a", "like": {"order": {"id": 8}}}}, calls("a", order={"id": 7}), "fail", "$.order.id: expected 8, found 7"),
        ({"tool_called": {"tool": "a", "times": 0}}, calls("b"), "pass", ""),
        ({"tool_called": {"tool": "a", "times": 0}}, calls("a"), "fail", ""),
    ],
)  # fmt: skip
def test_tool_calls_are_compared_by_name_order_and_arguments(check, answer, status, reason, judge):
    """Called, not called, in order, in parallel, with arguments that hold at least what is named."""
    verdict = judge(check, answer)
    assert (verdict.status, reason in verdict.reason) == (status, True), verdict.reason
