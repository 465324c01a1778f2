"""The content family: what the answer says, counted, compared and measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.checks.base import CheckContext
from evalkit.checks.content.matching import Similarity
from evalkit.model.calls import Request, Response

TABLE = [
    ({"contains": "refund"}, "A refund!", "pass", "found 'refund'"),
    ({"contains": "refund"}, "A Refund!", "fail", "'refund' not found"),
    ({"contains": {"value": "REFUND", "ignore_case": True}}, "a refund", "pass", ""),
    ({"contains": {"value": "rock", "word": True}}, "rocket", "fail", ""),
    ({"contains": {"value": "P.S.", "word": True}}, "P.S. Bye", "pass", ""),
    ({"contains": {"value": "C++", "word": True}}, "in C++, say", "pass", ""),
    ({"contains": ["a", "b"]}, "a", "fail", "'b' not found"),
    ({"contains": {"all": ["a", "b"]}}, "b a", "pass", "found 'a', 'b'"),
    ({"contains": {"any": ["x", "b"]}}, "b", "pass", "found 'b'"),
    ({"contains": {"any": ["x", "y"]}}, "b", "fail", "expected any of 'x', 'y', found none"),
    ({"contains": {"value": "a", "count": {"min": 2, "max": 3}}}, "aaaa", "fail", "expected 'a' 2 to 3 times, found 4"),
    ({"contains": {"value": "aa", "count": 2}}, "aaaa", "pass", ""),
    ({"contains": {"value": "a", "count": {"max": 0}}}, "b", "pass", ""),
    ({"contains": ".*"}, "anything", "fail", ""),
    ({"equals": "Paris"}, "\nParis ", "pass", ""),
    ({"equals": "Paris"}, "paris", "fail", "expected 'Paris', found 'paris'"),
    ({"equals": {"value": "straße", "ignore_case": True}}, "STRASSE", "pass", ""),
    ({"equals": {"value": "a b", "ignore_space": True}}, "a \n b", "pass", ""),
    ({"equals": {"value": "Yes, it is", "ignore_punctuation": True}}, "Yes it is!", "pass", ""),
    ({"equals": "caf\u00e9"}, "cafe\u0301", "pass", ""),
    ({"equals": {"json": {"a": [1, 2.0]}}}, '{"a": [1.0, 2]}', "pass", ""),
    ({"equals": {"json": {"a": 1, "b": 2}}}, '{"b": 2, "a": 1}', "pass", ""),
    ({"equals": {"json": [1]}}, '["1"]', "fail", "expected [1], found ['1']"),
    ({"equals": {"json": None}}, "null", "pass", ""),
    ({"equals": {"json": 1}}, "true", "fail", ""),
    ({"equals": {"json": 1}}, "one", "fail", "no JSON"),
    ({"equals": "12", "select": "$.n"}, '{"n": 12}', "fail", "not a text"),
    ({"equals": {"json": 12}, "select": "$.n"}, '{"n": 12}', "pass", ""),
    ({"similarity": {"to": ["xyz", "hello"], "min": 0.8}}, "Hello", "pass", "against 'hello'"),
    ({"similarity": {"to": "HELLO", "min": 1, "ignore_case": True}}, "hello", "pass", ""),
    ({"similarity": {"to": "abc", "min": 0.1}}, "", "fail", "found 0.000"),
    ({"similarity": {"to": "abc", "min": 0.1}}, "x" * 30_000, "error", "at most 20,000 are compared"),
]


@pytest.mark.parametrize(("item", "answer", "status", "reason"), TABLE, ids=lambda value: str(value)[:60])
def test_verdicts(item, answer, status, reason, judge):
    """Each line: a check as a suite writes it, an answer, the verdict, and a part of the reason."""
    verdict = judge(item, answer)
    assert (verdict.status, reason in verdict.reason) == (status, True), verdict


def test_every_occurrence_is_evidence(judge):
    """The report can highlight what was found, in the places where it stands."""
    verdict = judge({"contains": {"any": ["an", "Ba"]}}, "Banana")
    assert sorted(verdict.spans) == [(0, 2), (1, 3), (3, 5)]


def test_a_long_text_tells_where_it_begins_to_differ(judge):
    """Two long texts that look the same at both ends: the reason points at the difference."""
    wanted = "word " * 30 + "left" + " word" * 30
    verdict = judge({"equals": wanted}, wanted.replace("left", "lift"))
    assert "they differ from character 152 on" in verdict.reason


@given(st.text(max_size=60), st.text(max_size=60))
def test_similarity_is_the_share_of_characters_that_need_no_edit(a, b):
    """Equal texts score 1, the score is in [0, 1] and does not depend on which text is which."""

    def score(one, other):
        check = Similarity(to=one, min=0.5)
        return check.judge(CheckContext(other, Response(other), Request("m/x", ())), ()).score

    assert 0 <= score(a or "x", b) <= 1
    assert score(a or "x", a or "x") == 1
    if a and b:
        assert score(a, b) == score(b, a)


def test_similarity_is_the_textbook_distance(judge):
    """kitten to sitting takes three edits of seven: 1 - 3/7."""
    assert judge({"similarity": {"to": "kitten", "min": 0.5}}, "sitting").score == pytest.approx(4 / 7)
