"""JSON out of answers: the place it was found, and no answer that crashes or hangs the search."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.checks.reading.extract import MAX_CHARS, MAX_DEPTH, Extracted, NotJson, extract_json

FENCED = '```json\n{"a": 1}\n```'
PROSE = f"Here you are [1]:\n\n{FENCED}\n\nAnything else?"

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("text", "whole", "fence", "anywhere"),
    [
        ('{"a": 1}', True, True, True),
        (" \n[1, 2]\n", True, True, True),
        ("12", True, True, True),
        (FENCED, False, True, True),
        ('~~~\n{"a": 1}\n~~~', False, True, True),
        (f"\n{FENCED}\n", False, True, True),
        (PROSE, False, False, True),
        ('The answer is {"a": 1}, I think.', False, False, True),
        (f"{FENCED}\n{FENCED}", False, False, True),
        ("no JSON at all", False, False, False),
        ("", False, False, False),
        ('{"a": NaN}', False, False, False),
        ('{"a": Infinity}', False, False, False),
        ("{'a': 1}", False, False, False),
        ('{"a": 1', False, False, False),
        ('"\\ud800"', False, False, False),
        ('"\\ud83d\\ude00"', True, True, True),
    ],
)
def test_where_json_may_stand(text, whole, fence, anywhere):
    """`whole` is the strictest place, `anywhere` the widest."""
    for where, expected in (("whole", whole), ("fence", fence), ("anywhere", anywhere)):
        assert isinstance(extract_json(text, where=where), Extracted) == expected, where


def test_prose_around_json_does_not_hide_it_and_small_brackets_do_not_win():
    """Of several values the longest is taken: a citation like [1] is JSON too, but not what is meant."""
    found = extract_json('As [1] says, {"price": [3, 4]} holds [2].', where="anywhere")
    assert found.value == {"price": [3, 4]}
    assert not found.strict


@given(values, st.sampled_from(["", "Sure! ", "```json\n", "x\n\n"]), st.sampled_from(["", " done.", "\n```"]))
def test_what_was_written_is_found_where_it_was_written(value, before, after):
    """The place of the value in the text, parsed again, is the value."""
    text = before + json.dumps({"v": value}) + after
    found = extract_json(text, where="anywhere")
    assert isinstance(found, Extracted)
    assert json.loads(text[found.start : found.end]) == found.value == {"v": value}


@settings(max_examples=300)
@given(st.text(st.sampled_from('{}[]",:\\`~ \n1aNt-'), max_size=80), st.sampled_from(["whole", "fence", "anywhere"]))
def test_no_answer_raises(text, where):
    """Whatever the model wrote, the search comes back with a value or a reason."""
    found = extract_json(text, where=where)
    assert isinstance(found, Extracted) or found.reason


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 50_000,
        '[{"a":' * 5000 + "1" + "}]" * 5000,
        '"' * 100_001,
        '"\\' * 50_000,
        '{"a": ' + "9" * (sys.get_int_max_str_digits() + 1) + "}",
        "x" * (MAX_CHARS + 1),
        "```\n" * 50_000,
        "`" * 200_000,
    ],
    ids=["open", "closed", "objects", "mixed", "quotes", "escapes", "digits", "long", "fences", "ticks"],
)
@pytest.mark.parametrize("where", ["whole", "fence", "anywhere"])
def test_hostile_answers_get_a_reason(text, where):
    """Depth, size and number of digits are bounded: no RecursionError, no crash, no endless search."""
    found = extract_json(text, where=where)
    assert isinstance(found, NotJson)
    assert len(found.reason) < 300


def test_depth_is_allowed_up_to_its_limit():
    """The limit itself is fine, one more is not, and brackets inside texts do not count."""
    for depth, kind in ((MAX_DEPTH, Extracted), (MAX_DEPTH + 1, NotJson)):
        assert isinstance(extract_json("[" * depth + "]" * depth, where="whole"), kind)
    assert isinstance(extract_json(json.dumps("[" * 500 + '\\"{'), where="whole"), Extracted)


def test_an_answer_that_is_too_long_is_not_read():
    """Even if it would be JSON: the reason names the limit."""
    found = extract_json("[" + "1, " * (MAX_CHARS // 3) + "1]", where="whole")
    assert isinstance(found, NotJson)
    assert "at most 1,000,000" in found.reason


def test_what_follows_the_value_does_not_make_it_too_deep():
    """Depth counts inside the value, not in the prose after it."""
    assert extract_json('{"a": 1} ' + "[" * 500, where="anywhere").value == {"a": 1}


def test_repeated_keys_are_reported():
    """The last value counts, as in Python, but the caller is told."""
    found = extract_json('{"a": 1, "b": {"c": 2, "c": 3}, "a": 4}', where="whole")
    assert found.value == {"a": 4, "b": {"c": 3}}
    assert set(found.duplicates) == {"a", "c"}


def test_a_reason_names_the_line():
    """A broken answer of many lines says in which one it breaks."""
    assert "line 3" in extract_json('{\n"a": 1,\n"b" 2\n}', where="whole").reason
