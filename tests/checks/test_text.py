"""Counting words, sentences, paragraphs and lines as a reader would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.checks.base import MAX_SPANS, CheckContext
from evalkit.checks.reading.text import UNITS, quoted, sentences
from evalkit.model.calls import Request, Response

SENTENCES = [
    ("", 0),
    ("No full stop", 1),
    ("One. Two! Three? Four…", 4),
    ("Dr. Smith met Mr. J. Jones at 5 p.m. on the dot.", 1),
    ("We sell pens, e.g. biros, at 3.50 each. Buy now!", 2),
    ("all small letters here. is this two? yes. it is four.", 4),
    ('He said "Stop." Then he left.', 2),
    ("1. Open the box.\n2. Take it out.", 2),
    ("Wait... what? Really?!", 2),
    ("यह पहला वाक्य है। यह दूसरा है।", 2),
    ("これは文です。これも文です。", 2),
    ("Is it version 1.2.3? It is.", 2),
    ("It was I. She knew.", 2),
    ("**Bold.** *Next one.*", 2),
]


@pytest.mark.parametrize(("text", "count"), SENTENCES)
def test_sentences(text, count):
    """Abbreviations, initials, numbers, quotation marks and other scripts are counted as a reader would."""
    assert len(sentences(text)) == count, [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("unit", "text", "count"),
    [
        ("words", "Don't count the well-known 3 twice, snake_case.", 7),
        ("words", "naïve café — 12", 3),
        ("words", "हिन्दी भाषा", 2),
        ("words", "...", 0),
        ("lines", "a\n\n  \nb\n", 2),
        ("paragraphs", "a\nb\n\n \nc\n", 2),
        ("paragraphs", "\n\n", 0),
        ("chars", "  héllo \n", 5),
    ],
)
def test_units(unit, text, count):
    """Every unit ignores what is blank."""
    assert len(UNITS[unit](text)) == count


@given(st.text(max_size=200), st.sampled_from(sorted(UNITS)))
def test_units_lie_in_order_inside_the_text_and_are_not_blank(text, unit):
    """What is counted can be highlighted: places do not overlap and hold something, characters aside."""
    end_before = 0
    for start, end in UNITS[unit](text):
        assert end_before <= start < end <= len(text)
        assert unit == "chars" or text[start:end].strip()
        end_before = end


def test_counting_a_megabyte_of_hostile_text_comes_to_an_end():
    """Patterns are linear: repeated marks and blanks do not make them slow."""
    for text in ("." * 300_000, "' " * 150_000, "a-" * 150_000, "\n \n" * 100_000, '."' * 150_000, " " * 300_000):
        for unit in UNITS:
            UNITS[unit](text)


def test_a_quotation_is_short_and_on_one_line():
    """A reason quotes the beginning and the end of what is long."""
    text = quoted("start\n" + "x" * 10_000 + "end")
    assert text.startswith("'start\\n")
    assert text.endswith("end'")
    assert len(text) < 120
    assert quoted("short") == "'short'"


def test_evidence_is_placed_in_the_answer_or_left_out():
    """A slice shifts its places; a selection that is no slice of the answer has none; and there are never too many."""
    ctx = CheckContext("abc", Response("xx abc"), Request("m/x", ()), offset=3)
    assert ctx.placed([(0, 2)]) == ((3, 5),)
    elsewhere = CheckContext("abc", Response("other"), Request("m/x", ()), offset=None)
    assert elsewhere.placed([(0, 2)]) == ()
    assert len(ctx.placed([(0, 1)] * 1000)) == MAX_SPANS
