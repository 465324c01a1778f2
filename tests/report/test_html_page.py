"""The HTML file: one file, nothing from the network, nothing of the model as markup."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sample_report import HOSTILE, build_report

import evalkit.report.page.html as page
from evalkit.errors import StoreError
from evalkit.report.page.html import render_html, write_html


class Page(HTMLParser):
    """What a browser would find in the markup."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.bodies: dict[str, list[str]] = {}
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.cdata_elem:
            self.bodies.setdefault(self.cdata_elem, []).append(data)
        else:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())

    def attributes(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def html(report) -> str:
    return render_html(report)


@pytest.fixture(scope="module")
def parsed(html) -> Page:
    return Page(html)


def test_the_first_screen_is_readable_without_scripts(report, parsed):
    """Verdict, gates with reasons, flips, intervals, cost and latency before and after, and what was not measured are plain HTML."""
    words = parsed.words
    assert report.verdict in words
    for gate in report.gates:
        assert gate.gate in words
        assert gate.reason in words
    for flip in report.comparisons[0].flips[:5]:
        assert f"{flip.a[0]}/{flip.a[1]} → {flip.b[0]}/{flip.b[1]}" in words
    assert "$0.00071" in words
    assert "×1.17" in words
    assert "1.21 s" in words
    assert re.search(r"\d+ of \d+ trials measured", words)
    assert "could not be measured" in words
    assert parsed.attributes("noscript")
    labels = " ".join(attrs.get("aria-label") or "" for attrs in parsed.attributes("div"))
    assert "pass rate: change" in labels
    assert "margin −2 pp" in labels


def test_the_prompt_diff_shows_both_versions(parsed):
    """The words that changed between the two prompts are marked, and the added include is there."""
    assert len(parsed.attributes("ins")) >= 1
    assert len(parsed.attributes("del")) >= 1
    assert "prompts/shared/tone.j2 (only after)" in parsed.words


def test_scripts_and_styles_are_ours_and_allowed_by_their_hash(parsed):
    """One style, one script, one block of data; the policy names the first two by sha256 and allows nothing else."""
    (policy,) = [a["content"] for a in parsed.attributes("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    scripts = parsed.attributes("script")
    assert [attrs.get("type") for attrs in scripts] == ["application/octet-stream", "module", "module"]
    assert not any("src" in attrs for attrs in scripts)
    script = parsed.bodies["script"][-1]
    style = "".join(parsed.bodies["style"])
    for text in (script, style):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_nothing_hostile_became_markup(html, parsed):
    """No handler, no inline style, no frame, no form, no address of the model's making; what it wrote is text."""
    assert {name for name, _ in parsed.tags} <= {
        "html", "head", "meta", "title", "link", "style", "body", "a", "header", "span", "nav", "main", "section", "div", "p", "h1",
        "h2", "h3", "h4", "ul", "li", "code", "b", "svg", "rect", "figure", "figcaption", "dl", "dt", "dd", "table", "caption", "thead",
        "tbody", "tfoot", "tr", "th", "td", "details", "summary", "ins", "del", "noscript", "kbd", "footer", "dialog", "script",
    }  # fmt: skip
    for _, attrs in parsed.tags:
        assert not [name for name in attrs if name.startswith("on") or name in {"style", "src", "srcdoc", "action"}]
        assert (attrs.get("href") or "#").startswith(("#", "data:image/svg+xml,"))
    html.encode("utf-8")
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert r"\x1b[31mred" in html
    assert "&lt;img src=x onerror=" in html


def test_our_script_knows_no_way_to_make_markup_of_data():
    """No innerHTML, no eval, no network call in the page's script."""
    folder = Path(page.__file__).parent / "assets" / "script"
    assert sorted(page.SCRIPTS) == sorted(path.name for path in folder.glob("*.js"))
    for path in folder.glob("*.js"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|\bfetch\b|XMLHttp|import\(",
            source,
        )
        assert "</script" not in source
        assert "<!--" not in source


def test_recorded_answers_are_labelled():
    """A replayed run says so beside the verdict; a live one does not."""
    assert "Answers replayed from recordings" in render_html(build_report(cases=3, mode="replay"))
    assert "Answers replayed from recordings" not in render_html(build_report(cases=3))


def test_a_run_without_comparison_gates_or_results_still_makes_a_page(report):
    """Nothing to show is shown as nothing, not as a crash."""
    empty = replace(report, results=(), prompts=(), gates=(), comparisons=(), variants=(), notes=())
    assert "0 of 0 trials measured" in Page(render_html(empty)).words


def test_the_same_run_makes_the_same_file(html):
    """The page holds no clock and no chance."""
    assert html == render_html(build_report(cases=60, repeats=3))


def test_the_file_appears_whole_and_private(report, tmp_path):
    """reports/<run>/index.html, readable by its owner only, no temporary file left; writing again replaces it."""
    first = write_html(report, tmp_path / "reports")
    second = write_html(report, tmp_path / "reports")
    assert first == second == tmp_path / "reports" / report.run.run_id / "index.html"
    assert first.stat().st_mode & 0o777 == 0o600
    assert first.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in first.parent.iterdir()] == ["index.html"]


@pytest.mark.parametrize("run_id", ["../outside", "a/b", "", "..", "/etc"])
def test_a_run_id_cannot_lead_out_of_the_folder(report, tmp_path, run_id):
    """A run id from a received journal is not a path."""
    with pytest.raises(StoreError):
        write_html(replace(report, run=replace(report.run, run_id=run_id)), tmp_path)


def test_a_folder_that_cannot_be_written_is_a_clear_error(report, tmp_path):
    """The error names the file and the reason."""
    (tmp_path / "reports").write_text("a file in the way", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot write the report .*index.html"):
        write_html(report, tmp_path / "reports")


@pytest.mark.parametrize("payload", HOSTILE)
def test_each_payload_everywhere_leaves_the_page_intact(report, payload):
    """The same structure, whatever stands in verdict, gates, flips, prompts, labels and notes."""
    small = build_report(cases=2, repeats=1, hostile=False, topics=1)
    spoiled = replace(
        small,
        verdict=payload,
        notes=(payload,),
        gates=tuple(replace(g, gate=payload, reason=payload, variant=payload, suite_path=payload) for g in small.gates),
        variants=tuple(replace(v, label=payload, suite=payload, prompt=payload) for v in small.variants),
        prompts=tuple(replace(p, sources={payload: payload}) for p in small.prompts),
        run=replace(small.run, run_id=payload, command=payload, git_branch=payload),
    )
    before, after = Page(render_html(small)), Page(render_html(spoiled))
    assert [attrs.get("type") for attrs in after.attributes("script")] == [
        "application/octet-stream",
        "module",
        "module",
    ]
    assert {tag for tag, _ in after.tags} <= {tag for tag, _ in before.tags} | {"ins", "del"}
