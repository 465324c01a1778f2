"""The shape family: what passes, what fails, and what the reason says of it."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.checks.catalog import CHECKS
from evalkit.checks.patterns import MAX_EXPANDED, expanded
from evalkit.errors import MissingExtraError, SuiteError

TABLE = [
    # JSON
    ("json", '{"a": [1, 2]}', "pass", ""),
    ("json", '```json\n{"a": 1}\n```', "fail", "where: fence"),
    ({"json": "fence"}, 'Here:\n```\n{"a": 1}\n```', "fail", "where: anywhere"),
    ({"json": "anywhere"}, 'Here: {"a": 1}!', "pass", ""),
    ("json", '{"a": 1, "a": 2}', "fail", "the key 'a' twice"),
    ({"json": {"repeated_keys": True}}, '{"a": 1, "a": 2}', "pass", ""),
    ("json", "{'a': 1}", "fail", "line 1"),
    ({"json_schema": {"schema": {"type": "array", "items": {"type": "integer"}}}}, "[1, 2.5]", "fail", '$[1]: 2.5 is not of type "integer"'),
    ({"json_schema": {"schema": {"properties": {"on": {"format": "date"}}}}}, '{"on": "soon"}', "fail", "$.on"),
    ({"json_schema": {"schema": {"properties": {"on": {"format": "date"}}}, "formats": False}}, '{"on": "soon"}', "pass", ""),
    ({"json_schema": {"schema": {"$ref": "#/$defs/n", "$defs": {"n": {"type": "object"}}}}}, "{}", "pass", ""),
    ({"json_schema": {"schema": {"type": "object"}, "where": "fence"}}, "```\n{}\n```", "pass", ""),
    # choices, numbers, dates, URLs
    ({"one_of": ["yes", "no"]}, "Yes", "fail", "found 'Yes'"),
    ({"one_of": {"values": ["yes", "no"], "ignore_case": True}}, "Yes\n", "pass", ""),
    ({"number": 1234.5}, "It is 1,234.50 euros", "pass", "1234.50"),
    ({"number": {"equals": -3}}, "−3 °C", "pass", ""),
    ({"number": {"equals": 0.3, "within": 0}}, "0.3", "pass", ""),
    ({"number": {"equals": 0.1, "within": 0.2}}, "0.3", "pass", "0.1 ± 0.2"),
    ({"number": {"min": 2, "max": 3}}, "3", "pass", ""),
    ({"number": {"min": 2, "max": 3}}, "3.01", "fail", "at least 2 and at most 3"),
    ({"number": 5}, "between 4 and 5", "fail", "2 numbers (4, 5)"),
    ({"number": {"equals": 5, "take": "last"}}, "between 4 and 5", "pass", ""),
    ({"number": {"equals": 4, "take": "first"}}, "between 4 and 5", "pass", ""),
    ({"number": 1001}, "order A-1001", "fail", ""),
    ({"number": 3}, "version 1.2.3", "fail", "no number"),
    ({"number": 1e21}, "1e21", "pass", ""),
    ("number", "five", "fail", "expected a number, found no number"),
    ({"date": {}}, "2026-02-30", "fail", "YYYY-MM-DD"),
    ({"date": "%d.%m.%Y"}, "21.11.2026", "pass", ""),
    ({"date": {"max": "2026-01-01"}}, "2026-11-21", "fail", "up to 2026-01-01"),
    ("url", "javascript:alert(1)", "fail", "URL"),
    ("url", "ftp://example.org", "fail", "https or http"),
    ({"url": ["example.org"]}, "https://example.org.evil.com/", "fail", "evil.com"),
    ({"url": ["example.org"]}, "https://user@evil.com:443/example.org", "fail", "evil.com"),
    ({"url": ["example.org"]}, "https://notexample.org/", "fail", "notexample.org"),
    ("url", "See https://example.org", "fail", "URL"),
    ("url", "https://[", "fail", "URL"),
    # the reply
    ("finish", {"text": "cut o", "finish": "length"}, "fail", "expected the finish reason stop, found length"),
    ({"tool_called": {"tool": "refund", "times": 2}}, {"tool_calls": [{"id": "1", "name": "refund", "arguments": {}}]}, "fail", "found 1"),
    ({"tool_called": {"tool": "refund", "times": 0}}, {"text": "hello"}, "pass", ""),
    ({"tool_called": {"tool": "refund", "arguments": {"type": "object"}}}, {"tool_calls": [{"id": "1", "name": "refund", "arguments": "{broken"}]}, "fail", "arguments"),
    ({"tool_called": "refund"}, {"tool_calls": [{"id": "1", "name": "cancel", "arguments": {}}]}, "fail", "'cancel'"),
    # patterns and lengths
    ({"regex": {"pattern": "^b", "multiline": True}}, "a\nb", "pass", "line 2"),
    ({"regex": {"pattern": "a.b", "dotall": True}}, "a\nb", "pass", ""),
    ({"regex": {"pattern": "a.b"}}, "a\nb", "fail", ""),
    ({"regex": {"pattern": r"\d+", "full": True}}, " 12\n", "pass", ""),
    ({"regex": {"pattern": r"\d+", "full": True}}, "12 a", "fail", "the whole answer must match"),
    ({"regex": {"pattern": "A", "ignore_case": True, "count": 2}}, "aa", "pass", ""),
    ({"regex": {"pattern": "a", "count": {"max": 1}}}, "aa", "fail", "at most 1 matches"),
    ({"length": {"words": 3, "sentences": 1, "lines": 1, "paragraphs": 1, "chars": 14}}, "one two three.\n", "pass", ""),
    ({"length": {"words": {"max": 2}, "chars": {"min": 1}}}, "one two three", "fail", "expected at most 2 words, found 3"),
    # edges
    ({"starts_with": "Dear"}, "\n Dear Ana", "pass", ""),
    ({"starts_with": {"value": "dear", "ignore_case": True, "word": True}}, "Dearest Ana", "fail", "found 'Dearest Ana'"),
    ({"starts_with": {"value": "two", "paragraph": 2}}, "one\n\ntwo\nmore", "pass", ""),
    ({"starts_with": {"value": "two", "paragraph": 3}}, "one\n\ntwo", "fail", "no paragraph 3, only 2"),
    ({"ends_with": {"value": "two", "paragraph": -1}}, "one\n\nand two \n", "pass", ""),
    ({"ends_with": {"value": "bye", "trim": '".'}}, '"And bye." ', "pass", ""),
    ({"ends_with": {"value": "bye", "word": True}}, "goodbye", "fail", ""),
    ({"ends_with": ["a", "b"]}, "b", "pass", ""),
    # letters
    ({"case": "upper"}, "NASA, 7!", "pass", ""),
    ({"case": "upper"}, "NASa", "fail", "1 other letters"),
    ({"case": "lower"}, "123", "fail", "found none"),
    ({"uppercase_words": 2}, "I work at NASA in Rome", "pass", ""),
    ({"language": ["en", "fr"]}, "Votre commande est en retard, nous sommes désolés.", "pass", "found fr"),
    ({"language": "en"}, "1 2 3", "fail", "no letters"),
    # Markdown
    ({"bullets": 3}, "- a\n * b\n+ c\n-d\n**x**", "pass", ""),
    ({"bullets": {"equals": 2, "kind": "numbered"}}, "1. a\n2) b\n- c\n3.5 kg", "pass", ""),
    ({"bullets": 1}, "- a\n```\n- b\n```", "pass", ""),
    ({"headings": {"min": 2}}, "# A\n## B", "pass", ""),
    ({"headings": 0}, "#hashtag\n####### seven", "pass", ""),
    ({"highlights": 3}, "*a* **b c** ***d*** 2 * 3 * 4 \\*no* x*y*z", "pass", ""),
    ({"highlights": 1}, "* item with *one*", "pass", ""),
    ({"placeholders": 1}, "Dear [Name], see [1], [x], [^2] and [link](u)", "pass", ""),
    ({"code_blocks": 2}, "```py\nx\n```\n~~~\ny\n```\n~~~", "pass", ""),
    ({"code_blocks": {"equals": 1, "language": "PY"}}, "```py\nnever closed", "pass", ""),
    ({"code_blocks": 1}, "````\na\n\n```\n````\n", "pass", ""),
    ({"tables": 1}, "a | b\n--|:-:\n1 | 2\n\nx | y", "pass", ""),
    ({"tables": 0}, "a | b\n1 | 2", "pass", ""),
    ({"parts": {"separator": "***", "equals": 2}}, "***a***b***", "pass", ""),
    ({"parts": {"separator": "***", "equals": 2}}, "a******b", "fail", "there is nothing (part 2)"),
    ({"parts": {"separator": "--", "min": 2, "distinct": True}}, "a -- a", "fail", "two parts are the same"),
]  # fmt: skip


@pytest.mark.parametrize(("item", "answer", "status", "reason"), TABLE, ids=lambda value: str(value)[:60])
def test_verdicts(item, answer, status, reason, judge):
    """Each line: a check as a suite writes it, an answer, the verdict, and a part of the reason."""
    verdict = judge(item, answer)
    assert (verdict.status, reason in verdict.reason) == (status, True), verdict


def test_a_pattern_that_explodes_is_an_error_and_not_a_fail(judge):
    """A suite's pattern cannot hang the run: after a second nobody knows, and the reason says so."""
    verdict = judge({"regex": r"^(([a-z])+.)+[A-Z]([a-z])+$"}, "a" * 5000)
    assert verdict.status == "error"
    assert "took longer than 1 s" in verdict.reason


@pytest.mark.parametrize(
    "pattern", ["((a{1000}){1000}){1000}", "a{1000000000}", "(" * 3000 + ")" * 3000, "[" + "z" * 9]
)
def test_a_pattern_too_large_to_compile_is_refused_at_once(pattern, build):
    """Counted repeats of counted repeats would take hours to compile."""
    with pytest.raises(SuiteError):
        build({"regex": pattern})


@pytest.mark.parametrize(
    ("pattern", "size"),
    [
        ("abc", 3),
        ("(ab){3}", 6),
        (r"\{{4}", 4),
        ("[{}()]{2}", 2),
        ("((a{2}b){3}c){4}", 40),
        ("a{0,99}", 1),
        ("a{2,}b", 3),
    ],
)
def test_the_size_of_a_pattern_with_its_repeats_written_out(pattern, size):
    """Escapes and character classes are one item; the least number of repeats counts."""
    assert expanded(pattern) == size


def test_ordinary_patterns_are_far_from_the_limit():
    """Nobody meets the limit with a pattern that a person wrote."""
    assert expanded(r"(?:\d{4}-\d{2}-\d{2}[T ]){1,3}[A-Za-z0-9_]{64}(?:\.[a-z]{2,63}){1,10}") < MAX_EXPANDED / 1000


def test_a_schema_file_of_the_project_is_read(tmp_path, judge):
    """`json_schema: schemas/reply.json` reads the file when the suite is loaded."""
    (tmp_path / "reply.json").write_text(json.dumps({"required": ["total"]}), encoding="utf-8")
    assert judge({"json_schema": "reply.json"}, '{"total": 1}').status == "pass"
    assert '"total" is a required property' in judge({"json_schema": "reply.json"}, "{}").reason


def test_a_schema_reports_the_first_violations_only(judge):
    """A thousand violations make a short reason."""
    verdict = judge({"json_schema": {"schema": {"items": {"type": "string"}}}}, json.dumps(list(range(1000))))
    assert verdict.reason.count("is not of type") == 5
    assert verdict.reason.endswith("…")


def test_a_pydantic_model_judges_the_json_as_json(judge):
    """Dates and nested types are read as a program would read them; the first violations are named with their paths."""
    item = {"pydantic": f"{__name__}.Order"}
    assert judge(item, '{"on": "2026-11-21", "lines": [{"n": 2}]}').status == "pass"
    verdict = judge(item, '{"on": "soon", "lines": [{"n": 2}, {"n": "two"}]}')
    assert verdict.status == "fail"
    assert "$.on" in verdict.reason
    assert "$.lines[1].n" in verdict.reason


def test_something_pydantic_cannot_validate_is_refused(build):
    """A dotted path to a thing that is no type is a mistake in the suite."""
    with pytest.raises(SuiteError, match="is not a pydantic model"):
        build({"pydantic": f"{__name__}.NOT_A_TYPE"})


def test_language_without_its_package_says_what_to_install(monkeypatch, build):
    """The extra is named, before any call."""
    monkeypatch.setitem(sys.modules, "py3langid", None)
    with pytest.raises((SuiteError, MissingExtraError), match=r"pytest-evalkit\[language\]"):
        build({"language": "en"})


@given(st.integers(-(10**12), 10**12), st.integers(0, 4))
def test_a_number_is_found_as_it_was_written(number, places):
    """With thousands separators or without, in prose, the number is the same."""
    check = CHECKS.get("number").model_validate({"equals": number / 10**places, "take": "last"})
    from evalkit.checks.base import CheckContext
    from evalkit.model.calls import Request, Response

    for text in (f"{number / 10**places:.{places}f}", f"{number / 10**places:,.{places}f}"):
        answer = f"1. The total is ${text}." if number >= 0 else f"1. The total is {text}."
        ctx = CheckContext(answer, Response(answer), Request("m/x", ()))
        assert check.judge(ctx, ()).status == "pass", answer


PLAIN = [
    "url",
    "number",
    "headings",
    "bullets",
    "highlights",
    "placeholders",
    "code_blocks",
    "tables",
    "uppercase_words",
]
HOSTILE = [
    "[" * 200_000,
    "*" * 200_000,
    "*a " * 60_000,
    "`" * 200_000,
    "```a\n" * 40_000,
    "|-" * 100_000,
    "a|b\n-|-\n" * 20_000,
    " " * 200_000 + "x",
    " \n" * 100_000,
    "1,111" * 40_000,
    "1" * 200_000 + "a",
    "[a" * 100_000,
    "# " * 100_000,
    "https://" + "[" * 100_000,
    "\x00\x1b[2J\u202e" * 20_000,
    "",
]


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:8]))
def test_hostile_answers_are_judged(name, text, judge):
    """Every pattern is linear: an answer made to be slow gets a verdict like any other."""
    assert judge(name, text).status in {"pass", "fail"}


NOT_A_TYPE = object()


def _order():
    from datetime import date

    from pydantic import BaseModel, create_model

    line = create_model("Line", n=(int, ...))
    return create_model("Order", __base__=BaseModel, on=(date, ...), lines=(list[line], ...))


Order = _order()


def test_what_may_stand_beside_a_text_can_be_limited(judge):
    """With `beside`, only white space, the answer's edge and the characters given may be next to the text."""
    check = {"starts_with": {"value": "Summary", "beside": ".,!"}}
    assert [judge(check, text).status for text in ("Summary", "Summary, in short", "Summary of it")] == ["pass"] * 3
    assert [judge(check, text).status for text in ("Summary: x", "Summary-like", "Summarys")] == ["fail"] * 3
    assert judge({"ends_with": {"value": "end", "beside": "("}}, "the (end").status == "pass"
    assert judge({"ends_with": {"value": "end", "beside": "("}}, "the-end").status == "fail"


def test_both_language_detectors_are_deterministic_and_may_differ(judge):
    """`detector: langdetect` repeats itself on names, where langid and it disagree; its codes are its own."""
    names = "1. PIXEL PRODIGY\n2. CODE CONSTRUCT\n3. DIGITAL DYNAMICS"
    verdicts = {judge({"language": {"code": "en", "detector": "langdetect"}}, names).reason for _ in range(5)}
    assert verdicts == {"expected en, found en"}
    assert judge({"language": "en"}, names).status == "fail"
    assert judge({"language": {"code": "zh-cn", "detector": "langdetect"}}, "您的订单明天送达。").status == "pass"
    assert judge({"language": {"code": "en", "detector": "langdetect"}}, "x1 ! 2").status == "fail"
    with pytest.raises(SuiteError, match="no language with the code 'zh'"):
        judge({"language": {"code": "zh", "detector": "langdetect"}}, "您好")
