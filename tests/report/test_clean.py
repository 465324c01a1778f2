"""Hostile text becomes visible text, at one place."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.report.clean import around, clean, one_line, shortened, visible

ANYTHING = st.text(st.characters(codec=None, exclude_categories=()), max_size=200)  # lone surrogates too
COMMAND = re.compile(r"(?m)^\s*(::|##\[|##vso\[)")


@given(ANYTHING)
def test_nothing_that_steers_a_terminal_or_hides_survives(text):
    """No control, format, surrogate or line-separating character is left, except the line feed, and it can be written as UTF-8."""
    shown = clean(text)
    shown.encode("utf-8")
    assert {unicodedata.category(c) for c in shown if c != "\n"}.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
    assert not re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", shown)


@given(
    st.lists(st.sampled_from(["::error::", "##[group]", "##vso[x]y", " ", "\n", "\t", "a"]), max_size=12).map("".join)
)
def test_no_line_is_a_ci_command(text):
    """Neither GitHub nor Azure finds a command in cleaned text, wherever it is wrapped."""
    assert not COMMAND.search(clean(text))
    assert not COMMAND.search(clean(text).replace(" ", "\n"))
    assert "##[" not in clean(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("a\r\nb", "a\\r\nb"),
        ("\x9b", r"\x9b"),
        ("\u202e", r"\u202e"),
        ("\ud800", r"\ud800"),
        ("zero\u200bwidth\u200d\ufeff", r"zero\u200bwidth\u200d\ufeff"),
        ("\u2066isolate\u2069\u2028", r"\u2066isolate\u2069\u2028"),
        ("\U000e0041", r"\U000e0041"),
        ("a\tb", r"a\tb"),
        ("naïve 日本 😀 100%", "naïve 日本 😀 100%"),
        ("::warning::x", r"\::warning::x"),
        ("C++ std::vector", "C++ std::vector"),
    ],
)
def test_what_was_there_can_be_read(text, shown):
    """Hidden characters are written out, everything else is left alone."""
    assert clean(text) == shown


def test_tabs_stay_where_they_are_harmless():
    """A prompt indented with tabs is not spoiled in HTML."""
    assert visible("a\tb\nc") == "a\tb\nc"


def test_a_cut_says_how_much_is_missing():
    """Shortened text never looks complete."""
    assert shortened("x" * 1005, 5) == "xxxxx… (1,000 more characters)"
    assert shortened("short", 5) == "short"
    assert one_line("a\n\n b\t c") == "a b c"
    assert len(one_line("word " * 100_000, limit=50)) < 100


def test_the_evidence_is_inside_the_excerpt():
    """An excerpt of a long answer is taken around the first span, and says on which sides it was cut."""
    text = "a" * 1000 + "NEEDLE" + "b" * 1000
    excerpt = around(text, ((1000, 1006),), width=100)
    assert "NEEDLE" in excerpt
    assert excerpt.startswith("… ")
    assert excerpt.endswith(" …")
    assert len(excerpt) < 120


@pytest.mark.parametrize("spans", [((-5, 10**9),), ((5000, 6000),), ((7, 3),)])
def test_spans_outside_of_the_answer_do_no_harm(spans):
    """A check's offsets are not trusted."""
    assert len(around("x" * 900, spans, width=300)) <= 310
