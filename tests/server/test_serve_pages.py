"""The pages in a real browser: they say what is stored, by mouse and by keyboard, and nothing of the model runs."""

from __future__ import annotations

import re
from contextlib import chdir

import pytest
from fakes.eval_project import Project
from served import HOSTILE, SUITE, start


def test_the_first_page_lists_the_runs_and_leads_to_a_comparison(served, visit):
    """Newest first, with outcome and denominators; the two newest are chosen for a comparison already."""
    page = visit(served)
    rows = page.locator("tr[data-row]")
    assert rows.count() == 2
    assert "Failed" in rows.first.inner_text()
    assert "2/6" in rows.first.inner_text()
    assert "6/6" in rows.nth(1).inner_text()
    page.click("text=Compare before and after")
    assert "worse" in page.inner_text("main")
    page.wait_for_selector("[data-chart=interval] svg")
    assert not page.complaints


def test_a_hostile_answer_is_text_wherever_it_is_shown(served, visit):
    """Its markup is read as letters on the run, the trial and the comparison, and it loads and runs nothing."""
    run_id, older = (run["run_id"] for run in served.get("/api/runs"))
    found = served.get(f"/api/runs/{run_id}/trials", text="onerror")
    assert len(found) == 2
    page = visit(served, f"/runs/{run_id}")
    assert page.locator(".excerpt", has_text="<script>").count() == 2
    page.click("text=cem >> nth=0")
    assert page.locator("pre.text", has_text=HOSTILE).count() == 1
    label = found[0]["label"]
    query = f"run_a={older}&run_b={run_id}&label_a={label}&label_b={label}&suite_path=suites/hello.yaml&case=cem"
    page.goto(f"http://127.0.0.1:{served.port}/compare/case?{query}")
    assert page.locator("pre.text").all_inner_texts() == ["Hello!", HOSTILE]
    assert "owned" not in page.title()
    assert page.locator("img").count() == 0
    assert not page.complaints


def test_filters_and_pages_are_in_the_address(served, visit):
    """A filtered list can be sent to somebody; its pages go on behind the last trial and end."""
    run_id = served.get("/api/runs")[0]["run_id"]
    page = visit(served, f"/runs/{run_id}?status=fail&limit=3")
    assert page.locator(".trials tr[data-row]").count() == 3
    first = page.locator(".trials tr[data-row]").all_inner_texts()
    page.click("a[rel=next]")
    assert "status=fail" in page.url
    rest = page.locator(".trials tr[data-row]").all_inner_texts()
    assert len(rest) == 1
    assert not set(first) & set(rest)
    assert page.locator("a[rel=next]").count() == 0
    page.select_option("select[name=check]", "contains")
    page.fill("input[name=text]", "away")
    page.click("form.filters button")
    page.wait_for_url("**text=away*")
    assert [text.split("\t")[1] for text in page.locator(".trials tr[data-row]").all_inner_texts()] == ["ben", "ben"]


def test_lists_are_walked_by_keyboard(served, visit):
    """j and k move, Enter opens, / goes to the search."""
    run_id = served.get("/api/runs")[0]["run_id"]
    page = visit(served, f"/runs/{run_id}")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "text"
    page.keyboard.press("Escape")
    for key in "jjk":
        page.keyboard.press(key)
    at = page.locator("tr.at th").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url("**/trial?*")
    assert at in page.inner_text("h1")


def test_a_trial_shows_the_evidence_and_what_was_sent(served, visit):
    """Verdicts with their reasons, the marked part of the answer, messages, variables and the same case elsewhere."""
    run_id = served.get("/api/runs")[0]["run_id"]
    trial = served.get(f"/api/runs/{run_id}/trials", text="away")[0]
    page = visit(served, f"/runs/{run_id}/trial?test={trial['test_id']}")
    text = page.inner_text("main")
    assert "Go away." in text
    assert "I am Ben." in text
    assert "contains" in text
    assert "candidate-scripted/m" in text
    assert "baseline-scripted/m" in text


def test_pages_fit_a_phone_and_name_their_parts(served, visit):
    """At 390 px nothing is wider than the screen; every page has one h1, and every table headings."""
    run_id, older = (run["run_id"] for run in served.get("/api/runs"))
    page = visit(served, width=390)
    for path in (
        "/",
        f"/runs/{run_id}",
        f"/compare?a={older}&b={run_id}",
        f"/runs/{run_id}/label",
        f"/runs/{run_id}/agreement",
    ):
        page.goto(f"http://127.0.0.1:{served.port}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert page.locator("h1").count() == 1, path
    assert not page.complaints


@pytest.mark.parametrize("width", [390, 1000])
def test_a_history_is_read_without_scrolling_sideways(served, visit, width):
    """On a phone and on a small screen every figure of a run has its name beside it; the numbers of the picture fit too."""
    page = visit(served, "/history?suite=hello", width=width)
    page.locator(".history tbody tr").first.wait_for()
    page.locator("details.plain summary").first.click()
    for part in page.locator(".scroll").all():
        assert part.evaluate("part => part.scrollWidth <= part.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    row = page.locator(".history tbody tr").first
    assert "95% interval" in row.locator(".picture .narrow").inner_text()
    named = row.locator(".passed").evaluate("cell => getComputedStyle(cell, '::before').content")
    assert named == '"Passed: "'
    assert not page.complaints


def test_the_list_of_runs_breaks_no_word(served, visit):
    """On a screen the mode of a run stands on one line: "replay", not "repla" and "y"."""
    page = visit(served, "/")
    lines = page.locator(".word").evaluate_all(
        """(cells) => cells.map((cell) => { const text = document.createRange(); text.selectNodeContents(cell); return text.getClientRects().length; })"""
    )
    assert lines
    assert set(lines) == {1}


def test_a_suite_over_time_and_what_is_not_there(served, visit):
    """The history page is the one that the command writes; what is not stored is a page that says so."""
    page = visit(served, "/history?suite=hello")
    assert "hello over time" in page.inner_text("h1")
    assert not page.complaints
    for path in ("/runs/nonsense", "/history?suite=nonsense", "/compare?a=x&b=y", "/nowhere"):
        assert served.ask(path).status == 404, path
        assert "evalkit" in served.ask(path).text


def test_without_a_suite_there_is_a_choice_of_them(served, visit):
    """The navigation leads to the suites, a suite to its history, a run of it to its page, and all of them back to the runs."""
    page = visit(served)
    page.click("nav >> text=Suites")
    assert page.locator("tr[data-row]").count() == 1
    assert "2" in page.locator("tr[data-row] .num").inner_text()
    page.click("a[data-open]")
    assert "hello over time" in page.inner_text("h1")
    assert page.locator(".history .outcome").first.inner_text() == "✗ Failed"
    page.click(".history tbody th a >> nth=0")
    assert page.locator("#verdict-line").count() == 1
    page.go_back()
    page.click("nav >> text=Runs")
    assert page.locator("#runs-title").count() == 1
    assert not page.complaints


def test_two_answers_are_shown_as_the_report_shows_them(served, visit, project):
    """The words that differ are marked on each side, JSON is indented; evidence stays where it is, and a trial's failed check comes first."""
    run_id, older = (run["run_id"] for run in served.get("/api/runs"))
    trial = served.get(f"/api/runs/{run_id}/trials", text="away")[0]
    query = f"run_a={older}&run_b={run_id}&label_a={trial['label']}&label_b={trial['label']}&suite_path=suites/hello.yaml&case=ben"
    page = visit(served, f"/compare/case?{query}")
    assert page.locator("pre del").all_inner_texts() == ["Hello!"]
    assert page.locator("pre ins").all_inner_texts() == ["Go away."]
    page.evaluate("""() => {
      const box = document.querySelector('pre[data-side]');
      box.textContent = '{"a":1,"b":';
      const mark = document.createElement('mark');
      mark.textContent = '[2]';
      box.append(mark, '}');
      box.dataset.answer = '';
    }""")
    code = served.ask("/assets/answers.js").text
    page.evaluate(code)
    assert page.locator("pre[data-answer]").first.inner_text() == '{\n  "a": 1,\n  "b": [\n    2\n  ]\n}'
    assert page.locator("pre[data-answer] mark").all_text_contents() == ["[\n    2\n  ]"]
    page.goto(f"http://127.0.0.1:{served.port}/runs/{run_id}/trial?test={trial['test_id']}")
    assert page.locator("[aria-labelledby=verdicts-title] .badge").all_inner_texts() == ["✗\nfail", "✓\npass"]
    assert "1 of 2 passed" in page.inner_text("#verdicts-title")
    assert not page.complaints


def test_passed_gates_are_behind_one_line_on_a_runs_page(visit, tmp_path):
    """What failed stands there in full; ten passed gates do not push the figures off the screen."""
    project = Project(tmp_path)
    gates = [f"mean(cost_usd) <= 0.{place}" for place in range(1, 10)]
    with chdir(tmp_path):
        project.suite(f"{SUITE}gates:\n" + "".join(f"  - {gate}\n" for gate in [*gates, "pass_rate(content) == 1"]))
        project.configure(answers={"default": "Hello!", "I am Ben.": "Go away."})
        project.evalkit("run")
    server = start(tmp_path)
    try:
        page = visit(server, f"/runs/{server.get('/api/runs')[0]['run_id']}")
        open_gates = page.locator("#gates-title ~ ul > .gate")
        folded = page.locator("#gates-title ~ .fold")
        assert (open_gates.count(), folded.locator(".gate").count()) == (2, 18)
        assert "18 gates passed" in folded.locator("summary").inner_text()
        assert "Failed" in open_gates.first.inner_text()
        assert not folded.locator(".gate").first.is_visible()
    finally:
        server.stop()


def test_long_names_fit_a_phone_where_one_chooses_what_to_label(served, visit):
    """The names of two variants in one choice are wider than a phone; the choice is not."""
    run_id = served.get("/api/runs")[0]["run_id"]
    page = visit(served, f"/runs/{run_id}/label", width=390)
    page.evaluate(
        "document.querySelector('select[name=pair]').append(new Option('candidate-openai/gpt-5-mini '.repeat(9)))"
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_report_is_the_one_that_is_written_to_a_file(served, visit):
    """Its cases unpack under its own policy; a page that lies in the reports folder is not what is shown."""
    run_id = served.get("/api/runs")[0]["run_id"]
    file = served.root / "reports" / run_id / "index.html"
    before = file.read_text(encoding="utf-8")
    file.write_text("<script>alert('planted')</script>", encoding="utf-8")
    page = visit(served, f"/runs/{run_id}/report")
    page.wait_for_selector("html[data-ready]")
    assert "cem" in page.inner_text("#cases")
    assert "planted" not in page.content()
    assert not page.complaints
    file.write_text(before, encoding="utf-8")


def test_a_variant_is_compared_on_its_own_model(tmp_path, visit):
    """With two models each candidate stands against the baseline on the same model, and the second baseline against the first."""
    project = Project(tmp_path)
    project.suite(SUITE.replace("checks:", "models: [scripted/m, scripted/n]\nchecks:"))
    with chdir(tmp_path):
        assert project.evalkit("run").code == 0
    served = start(tmp_path)
    try:
        page = visit(served, f"/runs/{served.get('/api/runs')[0]['run_id']}")
        found = page.locator("section[aria-labelledby=variants-title] a[href^='/compare']")
        sides = [
            tuple(re.findall(r"(?:baseline|candidate)-scripted%2F[mn]", link.get_attribute("href")))
            for link in found.all()
        ]
        names = ["baseline-scripted%2F{}", "candidate-scripted%2F{}"]
        pairs = [tuple(name.format(model) for name in names) for model in "mn"]
        assert sorted(sides) == sorted([*pairs, ("baseline-scripted%2Fm", "baseline-scripted%2Fn")])
        assert found.all_inner_texts().count("with baseline") == 2
    finally:
        served.stop()
