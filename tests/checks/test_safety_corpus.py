"""The published quality of the safety checks: measured on the labelled corpus, held, and printed in the documentation."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from evalkit.checks.safety.secrets import find_secrets

ROOT = Path(__file__).parents[2]
HELD = ("pii", "secrets", "refusal", "unsafe_links")


@pytest.fixture(scope="module")
def measure():
    """The benchmark's module: it stands beside the package, not in it."""
    sys.path.insert(0, str(ROOT))
    try:
        from benchmarks.safety import measure
    finally:
        sys.path.remove(str(ROOT))
    return measure


@pytest.fixture(scope="module")
def judged(measure):
    return list(measure.judge_rows(measure.read_corpus()))


def test_the_corpus_is_large_many_tongued_and_has_hard_negatives(measure):
    """At least 300 texts, 4 languages for each of the measured checks, and a third of each check's texts are harmless."""
    rows = measure.read_corpus()
    assert len(rows) >= 300
    assert len({row["text"] for row in rows}) == len(rows)
    for check in HELD:
        mine = [row for row in rows if row["check"] == check]
        assert len({row["lang"] for row in mine}) >= 4, check
        assert sum(not row["bad"] for row in mine) >= len(mine) / 3, check


@pytest.mark.parametrize("check", HELD)
def test_precision_and_recall_hold(check, judged, measure):
    """On all texts of a check, and on each part of them, at least 0.95 of the alarms are right and 0.9 of the bad texts are found."""
    mine = [row for row in judged if row.check == check]
    whole = measure.quality([measure.Judged(row.check, "all", row.lang, row.text, row.bad, row.found) for row in mine])
    for found in [*whole, *measure.quality(mine)]:
        assert found.precision >= 0.95, (check, found)
        assert found.recall >= 0.9, (check, found)


def test_other_safety_checks_make_no_mistake_on_their_few_texts(judged):
    """Prompt leaks, echoes of injections, blocked terms and coarse language are all told apart."""
    wrong = [(row.check, row.text) for row in judged if row.check not in HELD and row.bad != row.found]
    assert wrong == []
    assert Counter(row.check for row in judged).keys() >= {
        "prompt_leak",
        "injection_echo",
        "blocked_terms",
        "profanity",
    }


def test_the_published_table_is_the_measured_one(judged, measure):
    """docs/safety.md holds the figures that the benchmark prints today."""
    page = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
    assert measure.table(measure.quality(judged)) in page, (
        "write it again with: python -m benchmarks.safety docs/safety.md"
    )
    assert f"{len(judged)} texts in {len({row.lang for row in judged})} languages" in page


def test_no_line_of_the_corpus_is_a_key_for_a_scanner(measure):
    """Planted keys are cut in the file: as it stands, no key, token or password is whole."""
    raw = measure.CORPUS.read_text(encoding="utf-8")
    assert find_secrets(raw) == []
