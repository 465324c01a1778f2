"""Hostile text in every output that is no web page: terminal, CI log, Markdown, annotations, CSV and JSON say it and obey nothing."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from html.parser import HTMLParser

import pytest
from fakes.payloads import PAYLOADS
from hostile import spoiled_report, spoiled_result
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from evalkit.compare.text import comparison_text
from evalkit.errors import Where
from evalkit.report.annotations import annotations_of, workflow_command
from evalkit.report.clean import cell, clean, one_line, visible
from evalkit.report.json_export import report_json
from evalkit.report.markdown import markdown_summary
from evalkit.report.text import failure_text, terminal_summary

ANYTHING = st.text(
    st.characters(exclude_categories=())
    | st.sampled_from("<>&\"'`/\\{}[]()*_#|!@:=+-~$.\t\r\n\x00\x1b\x9b\u202e\ud800"),
    max_size=60,
)
CONTROLS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b-\u200f\u034f\u115f\u1160\u3164\ufe00-\ufe0d\ufeff\uffa0\U0001d173\ud800-\udfff]"
)
COMMANDS = re.compile(r"(?m)^\s*::|##\[|##vso\[|##teamcity\[|\[\[(ATTACHMENT|PROPERTY)\|", re.IGNORECASE)
OURS = {
    "h2",
    "h3",
    "p",
    "em",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "details",
    "summary",
    "pre",
    "code",
    "ul",
    "li",
}
REFERENCE = re.compile(r"[@#!]\w|GH-\d|://|www\.\w|mailto:", re.IGNORECASE)


class Rendered(HTMLParser):
    """The elements of a page, their attributes, and the text that stands in no code."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self._code = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {f"{name}={value}" for name, value in attrs}
        self._code += tag in {"pre", "code"}

    def handle_endtag(self, tag):
        self._code -= tag in {"pre", "code"}

    def handle_data(self, data):
        if not self._code:
            self.text += data


def says_and_obeys_nothing(shown: str) -> None:
    """What every terminal and every CI log may be given."""
    shown.encode("utf-8")
    assert not CONTROLS.search(shown)
    assert not COMMANDS.search(shown)


def terminal_texts(text: str) -> list[str]:
    report = spoiled_report(text)
    failing = failure_text(
        text, [spoiled_result(text), spoiled_result(text, failed=True)], Where(text, 3), text, require=1
    )
    return [
        terminal_summary(report),
        terminal_summary(report, width=40),
        failing,
        *(clean(comparison_text(one)) for one in report.comparisons),
    ]


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_terminal_and_a_ci_log_are_told_and_not_commanded(text):
    """No control, bidi or invisible character, no workflow command at the start of a line, wherever it is wrapped."""
    for shown in terminal_texts(text):
        says_and_obeys_nothing(shown)


@settings(max_examples=60, deadline=None)
@given(ANYTHING)
def test_any_text_is_harmless_in_a_terminal(text):
    """The same for whatever a model may answer."""
    for shown in terminal_texts(text):
        says_and_obeys_nothing(shown)


@pytest.mark.parametrize("text", PAYLOADS)
def test_markdown_renders_no_element_of_the_models(text):
    """Rendered as GitHub does, with HTML allowed: only our elements, no attribute but a fence's, no mention, reference or address."""
    markdown_is_ours(text)


@settings(max_examples=60, deadline=None)
@given(ANYTHING)
def test_markdown_of_any_text_is_ours(text):
    """The same for whatever a model may answer."""
    markdown_is_ours(text)


def markdown_is_ours(text: str) -> None:
    written = markdown_summary(spoiled_report(text))
    page = Rendered(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(written))
    assert page.tags <= OURS
    assert page.attributes <= {"class=language-text"}
    assert not REFERENCE.search(page.text)
    bare = re.sub(r"(?ms)^(`{3,})text$.*?^\1$", "", written)
    assert not re.search(r"(?m)^\s*/", bare), "a quick action of GitLab"


def test_markdown_still_says_what_was_there():
    """What is broken up for machines reads as it was for people."""
    shown = Rendered(
        MarkdownIt().render(markdown_summary(spoiled_report("@team closes #1, see https://x.invalid & <b>")))
    ).text
    assert "@team closes #1, see https://x.invalid & <b>" in shown.replace("\u200b", "")


@pytest.mark.parametrize("text", PAYLOADS)
def test_annotations_are_the_commands_that_we_wrote(text):
    """Each line is one error or warning command; none begins inside it."""
    lines = [workflow_command(one, "folder") for one in annotations_of(spoiled_report(text))]
    assert lines
    for line in lines:
        line.encode("utf-8")
        assert re.match(r"::(error|warning) file=[^:,]*(,line=\d+)?,title=[^:,]*::", line)
        assert not CONTROLS.search(line)
        assert "\n" not in line


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_spreadsheet_runs_nothing(text):
    """A cell read back is the text with hidden characters written out, and begins with nothing that a spreadsheet would run."""
    spreadsheet_runs_nothing(text)


@given(ANYTHING)
def test_a_spreadsheet_runs_nothing_whatever_it_is_given(text):
    """The same for whatever a model may answer."""
    spreadsheet_runs_nothing(text)


def spreadsheet_runs_nothing(text: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerow([cell(text), 1])
    ((read, number),) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    file.getvalue().encode("utf-8")
    assert number == "1"
    assert read.removeprefix("'") == visible(text) or read == visible(text)
    first = unicodedata.normalize("NFKC", read.lstrip()[:1])
    assert first not in {"=", "+", "-", "@"} or re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", read, re.ASCII)
    assert read[:1] not in {"\t", "\r", "\n"}


@pytest.mark.parametrize("text", PAYLOADS)
def test_json_is_exact(text):
    """What goes in comes out, lone surrogates too."""
    written = json.dumps(report_json(spoiled_report(text)), allow_nan=False)
    assert json.loads(written)["results"][0]["call"]["response"]["text"] == text
    written.encode("ascii")


def test_ten_megabytes_do_not_fill_a_terminal():
    """A long line is cut in every output before it is cleaned, and says how much is missing."""
    text = "x\x1b[2J" * 2_000_000
    assert one_line(text, limit=100).endswith("… (9,999,900 more characters)")
    assert one_line(" " * 10_000_000, limit=100) == "… (9,999,600 more characters)"
    assert len(clean(text, limit=100)) < 500
    report = spoiled_report(text)
    assert len(markdown_summary(report).encode()) < 200_000
    assert max(len(workflow_command(one)) for one in annotations_of(report)) < 10_000
    failing = failure_text("t", report.results[:1], Where("s", 3), "p")
    missing = failure_text("t", report.results[1:], Where("s", 3), "p")
    assert len(missing) < len(failing) < 300_000
    assert len(missing) < 10_000
