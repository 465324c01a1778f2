"""The pane of one case in a real browser: prompt, answers, evidence, numbers."""

from __future__ import annotations

import random
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from browsing import one_answer
from sample_report import make_case, make_result, summarise, variant

from evalkit.model.calls import Attempt, CallFailure, Message, ToolCall, Usage
from evalkit.report.page.html import write_html

if TYPE_CHECKING:
    from evalkit.report.values import RunReport


def test_a_case_shows_both_answers_with_changed_words_and_evidence(visit):
    """Side by side: removed and added words, the evidence of checks (also after an emoji), the reason, attempts."""
    page = visit("#case=double-charge-003&of=refund-replies%2Fcandidate-openai%2Fgpt-5-mini").page
    detail = page.locator("#detail")
    assert detail.locator(".side-column").count() == 2
    assert detail.locator("del.word").count() > 0
    assert "I am sorry that it has not arrived" in "".join(
        detail.locator(".side-column").nth(1).locator("ins.word, .answer").all_inner_texts()
    )
    assert detail.locator("mark.evidence.fail").inner_text() == "help@shop.example"
    assert "no next step is named" in detail.inner_text()
    before = detail.locator(".side-column").nth(1).inner_text()
    detail.locator(".side-column").nth(1).get_by_role("button", name="repeat 3").click()
    assert detail.locator(".side-column").nth(1).inner_text() != before


def test_of_many_checks_what_did_not_pass_is_seen_first(visit, tmp_path):
    """Among 300 checks the one that failed stands in the open; the others are one line, and open with a key."""
    report = one_answer("within 30 days")
    (result,) = report.results
    first = result.verdicts[0]
    passed = [replace(first, check=f"rule {n}", status="pass", reason="as wanted") for n in range(299)]
    failed = replace(first, check="the last rule", status="fail", reason="it is broken")
    page = write_html(replace(report, results=(replace(result, verdicts=(*passed, failed)),)), tmp_path).as_uri()
    column = visit("#case=odd&of=refund-replies%2Fbaseline-openai%2Fgpt-5-mini", page=page).page.locator(
        "#detail .side-column"
    )
    assert column.locator(".verdicts .check:visible strong").all_inner_texts() == ["the last rule"]
    line = column.locator("details.plain > summary", has_text="299 checks passed")
    line.press("Enter")
    assert column.locator(".verdicts .check:visible").count() == 300


def test_a_case_shows_what_was_sent_and_what_the_judge_said(visit):
    """The system prompts beside each other with their changed words, the user's message once; the judge's question and its reply."""
    detail = visit("#case=double-charge-003&of=refund-replies%2Fcandidate-openai%2Fgpt-5-mini").page.locator("#detail")
    sent = detail.locator(".conversation")
    assert sent.locator(".sides .message").count() == 2
    assert "Be warm and concrete" in sent.locator("ins.word").first.inner_text() + sent.inner_text()
    assert sent.get_by_text("asks about order A-1003").count() == 1
    judge = detail.locator(".judge").first
    assert "Is the tone kind and concrete?" in judge.inner_text()
    assert judge.locator("pre").first.inner_text() == "yes"
    assert "anthropic/claude-sonnet-4-5 · live call · $0.000404 · 800 ms" in judge.inner_text()


def test_json_keeps_what_was_written(visit, tmp_path):
    """Indenting changes white space only: doubled keys and trailing zeros stay, and evidence is marked where it stands."""
    text = '{"a":1.50,"a":[],"note":"within 30 days","deep":{"b":[1,2]}}'
    page = write_html(one_answer(text), tmp_path).as_uri()
    answer = visit("#case=odd&of=refund-replies%2Fbaseline-openai%2Fgpt-5-mini", page=page).page.locator(
        "#detail .side-column .answer.code"
    )
    assert answer.inner_text().split("\n")[:4] == ["{", '  "a": 1.50,', '  "a": [],', '  "note": "within 30 days",']
    assert answer.locator("mark.evidence").inner_text() == "30 days"


def test_json_answers_are_pretty_and_can_be_seen_as_received(visit):
    """A JSON answer has one value per line, and the original is one click away."""
    page = visit("#case=expired-coupon-006&of=refund-replies%2Fcandidate-openai%2Fgpt-5-mini").page
    answer = page.locator("#detail .side-column").first.locator("pre.answer").first
    assert '\n  "amount": 12.5' in answer.inner_text()
    page.locator("#detail button.raw").first.click()
    assert (
        "\n"
        not in page.locator("#detail .side-column").first.locator("pre.answer").first.inner_text().split(" Write to")[0]
    )


CASE = "#case=double-charge-003&of=refund-replies%2Fcandidate-openai%2Fgpt-5-mini"
ODD = "#case=odd&of=refund-replies/baseline-openai/gpt-5-mini"

MARKDOWN = """# Refund **now**

- one [policy](https://shop.example/p?a=1)
- two
  - deeper

1. first
2. second

> quoted
> > twice

```sql
SELECT *
```

| a | b |
|---|---|
| 1 | `two` |

![photo](https://evil.invalid/p.png) and *soft* 2 * 3 * 4 * five*"""


def _odd(visit, tmp_path, result_or_text, **changes):
    """The pane of a run of one trial."""
    report = one_answer(result_or_text, **changes) if isinstance(result_or_text, str) else result_or_text
    return visit(ODD, page=write_html(report, tmp_path).as_uri()).page


def _changed(change) -> RunReport:
    """A run of one trial that ``change`` was made to."""
    report = one_answer("It takes 30 days.")
    return replace(report, results=(change(report.results[0]),))


def test_the_command_runs_just_this_case(visit, tmp_path):
    """It is the id of the pytest item, quoted for a shell; a name that a shell or an eye would misread gets none."""
    page = visit(CASE).page
    test_id = "suites/refunds.yaml::double-charge-003[candidate-openai/gpt-5-mini]"
    assert shlex.split(page.locator(".command code").inner_text()) == ["evalkit", "run", test_id]

    def named(name: str):
        return _changed(lambda r: replace(r, trial=replace(r.trial, case=replace(r.trial.case, id=name))))

    page = visit(
        "#case=it's+$(odd)&of=refund-replies/baseline-openai/gpt-5-mini",
        page=write_html(named("it's $(odd)"), tmp_path).as_uri(),
    ).page
    assert shlex.split(page.locator(".command code").inner_text())[2].startswith("suites/refunds.yaml::it's $(odd)[")
    page = visit(
        "#case=a%E2%80%AEb&of=refund-replies/baseline-openai/gpt-5-mini",
        page=write_html(named("a\u202eb"), tmp_path).as_uri(),
    ).page
    assert page.locator("#detail-title").inner_text().startswith("a\\u202eb")
    assert page.locator(".command").count() == 0


def test_copy_gives_the_text_as_it_was_received(visit, browser, tmp_path):
    """The answer, the prompt and the command, to the letter: a JSON answer as sent, not as it is shown."""
    text = '{"a":1.50,"b":[]}'
    page = _odd(visit, tmp_path, text)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    pasted = "navigator.clipboard.readText()"
    page.locator(".side-column .copy").click()
    page.locator(".side-column .copy", has_text="Copied").wait_for()
    assert page.evaluate(pasted) == text
    page.locator(".command .copy").click()
    page.locator(".command .copy", has_text="Copied").wait_for()
    assert page.evaluate(pasted) == page.locator(".command code").inner_text()
    page.evaluate(
        "window.kept = navigator.clipboard; Object.defineProperty(navigator, 'clipboard', { value: undefined })"
    )
    pasted = "window.kept.readText()"  # as on a page that came over plain HTTP
    page.locator(".copies .copy").click()
    page.locator(".copies .copy", has_text="Copied").wait_for()
    assert page.evaluate(pasted).startswith("[system]\nYou answer for the shop.")


def test_a_check_points_at_its_evidence(visit):
    """ "show" brings the place into sight and makes it stand out; a check without a place has no such button."""
    page = visit(CASE).page
    column = page.locator("#detail .side-column").nth(1)
    verdict = column.locator(".verdicts li", has_text="not pii")
    verdict.get_by_role("button", name="show").click()
    assert column.locator("mark.shown").all_inner_texts() == ["help@shop.example"]
    assert column.locator(".verdicts li", has_text="rubric").get_by_role("button", name="show").count() == 0
    column.locator(".verdicts li", has_text="contains").get_by_role("button", name="show").click()
    assert column.locator("mark.shown").all_inner_texts() == ["30 days"]


def test_repeats_can_stand_beside_each_other(visit):
    """Two repeats of one variant, one that passed and one that did not, with the words that differ."""
    page = visit(CASE).page
    page.select_option("#detail-sides", label="repeats of candidate")
    columns = page.locator("#detail .side-column")
    assert columns.locator("header strong").all_inner_texts() == ["candidate", "candidate"]
    pressed = columns.locator(".repeats [aria-pressed=true]").all_inner_texts()
    assert [text[0] for text in pressed] == ["✓", "✗"]
    assert columns.locator("del.word, ins.word").count() > 0
    assert page.evaluate("document.activeElement.id") == "detail-sides"
    assert page.locator(".conversation .message").count() == 2


def test_equal_answers_are_said_to_be_equal(visit, tmp_path):
    """No reader should hunt for a difference that is not there, nor believe in one that was not computed."""
    report = one_answer("the very same")
    first = report.results[0]
    again = replace(first, trial=replace(first.trial, repeat=1))
    page = _odd(visit, tmp_path, replace(report, results=(first, again)))
    assert "the same, letter by letter" in page.locator(".diff-note").inner_text()
    words = [" ".join(f"{side}{i}" for i in range(4000)) for side in "ab"]
    long = [replace(first, call=replace(first.call, reply=replace(first.reply, text=text))) for text in words]
    page = _odd(visit, tmp_path / "long", replace(report, results=(long[0], replace(long[1], trial=again.trial))))
    assert "too long and too different" in page.locator(".diff-note").inner_text()
    assert page.locator("#detail ins, #detail del").count() == 0


def test_the_numbers_of_a_trial_are_all_there(visit, tmp_path):
    """Time to first token, cached and reasoning tokens, waits of the attempts, what failed before another model served; unknown is said."""

    def change(result):
        usage = Usage(180, 61, 120, 40)
        reply = replace(result.reply, first_token_s=0.25, usage=usage, latency_s=1.5)
        attempts = (Attempt(1, 1.0, 0.3, 0.0, 429, "rate_limited", "slow down"), Attempt(2, 3.0, 1.5, 2.0, 200))
        failed = replace(
            result.call,
            reply=CallFailure("overloaded", "too busy", 2),
            request=replace(result.call.request, model="openai/first"),
            attempts=attempts,
        )
        return replace(
            result,
            call=replace(result.call, reply=reply, attempts=attempts),
            tried=(failed,),
            served="openai/gpt-5-mini",
        )

    text = _odd(visit, tmp_path, _changed(change)).locator("#detail .side-column").inner_text()
    for words in ("First token\n250 ms", "Tokens in\n180 (120 cached)", "Tokens out\n61 (40 reasoning)", "2 attempts, 3.80 s with waits",
                  "rate_limited: slow down", "openai/first was asked too: overloaded after 2 attempts. too busy"):  # fmt: skip
        assert words in text
    plain = (
        _odd(visit, tmp_path / "plain", _changed(lambda r: replace(r, call=replace(r.call, cost_usd=None))))
        .locator("#detail .side-column")
        .inner_text()
    )
    assert "First token\nnot streamed" in plain
    assert "Cost\nunknown" in plain


def test_tool_calls_of_a_conversation_are_shown(visit, tmp_path):
    """A message of history that called a tool shows the call, not an empty box alone."""
    asked = Message("assistant", "", (ToolCall("1", "find_order", {"id": "A-1"}),))

    def change(result):
        request = result.call.request
        return replace(result, call=replace(result.call, request=replace(request, messages=(*request.messages, asked))))

    sent = _odd(visit, tmp_path, _changed(change)).locator(".conversation")
    assert sent.locator(".answer.tool").inner_text() == 'tool call find_order\n{\n  "id": "A-1"\n}'


def test_markdown_is_text_until_a_safe_preview_is_asked_for(visit, tmp_path):
    """The preview is built of plain nodes: headings, lists, quotes, code and tables; a link or an image is its text and its target."""
    page = _odd(visit, tmp_path, MARKDOWN)
    assert page.locator("#detail .side-column > pre.answer").inner_text() == MARKDOWN
    page.get_by_role("button", name="preview").click()
    shown = page.locator("#detail .preview.answer")
    assert shown.locator(".heading.level-1 strong").inner_text() == "now"
    assert [text.strip() for text in shown.locator("li").all_inner_texts()] == [
        "• one policyhttps://shop.example/p?a=1",
        "• two",
        "• deeper",
        "1. first",
        "2. second",
    ]
    assert shown.locator("blockquote").inner_text() == "quoted\ntwice"
    assert shown.locator("pre.code").inner_text() == "SELECT *"
    assert shown.locator("table th").all_inner_texts() == ["a", "b"]
    assert shown.locator("td code").inner_text() == "two"
    assert shown.locator(".target").last.inner_text() == "image: photohttps://evil.invalid/p.png"
    assert shown.locator("em").all_inner_texts() == ["soft"]
    assert "2 * 3 * 4" in shown.inner_text()
    assert shown.locator("a, img, [style]").count() == 0
    page.get_by_role("button", name="preview").click()
    assert page.locator("#detail .side-column > pre.answer").inner_text() == MARKDOWN


def test_an_answer_without_markdown_offers_no_preview(visit, tmp_path):
    """A button that changes nothing is not shown."""
    page = _odd(visit, tmp_path, "Plain words, a * star and 3 > 2.")
    assert page.get_by_role("button", name="preview").count() == 0


def test_evidence_behind_the_first_part_is_marked_when_all_is_shown(visit, tmp_path):
    """Also where the text goes beyond the basic plane, and where a piece ends in the middle of a character."""
    text = "a" + "👋" * 25000 + "\nwithin 30 days"
    page = _odd(visit, tmp_path, text)
    assert page.locator("#detail mark.evidence").count() == 0
    page.locator(".verdicts li", has_text="contains").get_by_role("button", name="show").click()
    page.locator(".more-note").wait_for(state="detached")
    assert page.locator("#detail mark.evidence.shown").all_text_contents() == ["30 days"]
    assert page.locator("#detail .side-column > pre.answer").evaluate("node => node.textContent") == text


def test_every_variant_of_a_case_is_one_click_away(visit, tmp_path):
    """With three variants the pane says how each did, and opens it; any two can stand beside each other."""
    rng = random.Random(3)
    case = make_case(0, rng, name="odd")
    results = tuple(
        make_result(case, variant(name, 1), 0, rng, good=name != "third") for name in ("baseline", "second", "third")
    )
    report = replace(one_answer("x"), results=results, variants=summarise(list(results)), comparisons=())
    page = _odd(visit, tmp_path, report)
    said = [" ".join(text.split()) for text in page.locator(".variants-line button").all_inner_texts()]
    assert said == ["✓baseline 1/1", "✓second 1/1", "✗third 0/1"]
    page.locator(".variants-line button", has_text="third").click()
    assert page.locator("#detail-title .badge").inner_text().split() == ["✗", "third:", "failed"]
    assert page.locator("#detail-sides option").all_inner_texts() == ["baseline and third", "second and third"]
    page.select_option("#detail-sides", label="second and third")
    assert page.locator("#detail .side-column header strong").all_inner_texts() == ["second", "third"]
