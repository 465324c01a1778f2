"""Every output tells a comparison in the same words with the same numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from html import unescape
from pathlib import Path

import evalkit
from evalkit.compare import words
from evalkit.compare.as_json import comparison_json
from evalkit.compare.compare import compare
from evalkit.compare.text import comparison_text
from evalkit.report.json_export import report_json
from evalkit.report.markdown import markdown_summary
from evalkit.report.page.html import render_html
from evalkit.report.text import terminal_summary

ROOT = Path(__file__).parents[2]
CODE = Path(evalkit.__file__).parent


def test_terminal_markdown_json_and_page_agree(report):
    """The sentence, the flips and the interval of the first metric are the same everywhere."""
    old = report.comparisons[0]
    results = [result for result in report.results if result.trial.suite == old.suite and result.status != "error"]
    rows = [result.measurement() for result in results]
    a, b = ([row for row in rows if row.label == side.label] for side in (old.a, old.b))
    found = compare(a, b, a_side=old.a, b_side=old.b, suite=old.suite)
    report = replace(report, comparisons=(found,))
    metric = found.metrics[0]
    flat = " ".join(terminal_summary(report, width=4000).split())
    markdown, page = unescape(markdown_summary(report)), unescape(render_html(report))
    whole = report_json(report)["comparisons"][0]
    alone = comparison_json(found)
    assert found.sentence in flat
    assert found.sentence in markdown
    assert markdown.index(" pass both, ") < markdown.index(found.sentence), "what became of the cases comes first"
    assert found.sentence in comparison_text(found)
    assert alone["sentence"] == whole["sentence"] == found.sentence
    change = words.signed(metric.change * 100)
    for text in (flat, markdown, page, comparison_text(found)):
        assert change in text
        assert words.signed(metric.interval.lower * 100) in text
        assert words.signed(metric.interval.upper * 100) in text
    first = alone["metrics"][0]
    assert (first["delta"], first["interval"]["lower"]) == (metric.change, metric.interval.lower)
    assert whole["metrics"][0]["change"] == metric.change
    assert (whole["broken"], whole["fixed"]) == (alone["flips"]["broken"], alone["flips"]["fixed"])
    json.dumps(alone, allow_nan=False)


def test_nothing_is_ever_called_so():
    """A word that promises more than an interval can: neither the code nor the docs use it, save to say so."""
    word = "signific" + "an"
    files = [*CODE.rglob("*.py"), *CODE.rglob("*.j2"), *ROOT.glob("docs/**/*.md"), ROOT / "README.md"]
    assert len(files) > 100
    assert [file.as_posix() for file in files if word in file.read_text(encoding="utf-8").lower()] == []
