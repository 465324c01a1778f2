"""The pane of one case in a real browser: prompt, answers, evidence, numbers."""

from __future__ import annotations

from browsing import one_answer

from evalkit.report.html import write_html


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
