"""Hostile answers, prompts, ids and reasons in a real browser: shown as text, nothing runs, nothing is loaded."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from browsing import one_answer
from fakes.payloads import PAYLOADS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_report import build_report, make_case, make_result, summarise, variant

from evalkit.model.calls import Attempt, CallFailure, Message, ToolCall
from evalkit.report.clean import visible
from evalkit.report.page.html import write_html

if TYPE_CHECKING:
    from evalkit.model.results import Result
    from evalkit.report.values import RunReport

HIDDEN = set(
    "\x00\x07\x08\x1b\x85\x9b\u00ad\u180e\u200b\u202e\u2028\u2066\ufeff\ufffe\U000e0041\u034f\u115f\u3164\uffa0\ufe00\U0001d173"
)
ACTIVE = "document.querySelectorAll('dialog :is(img, a, iframe, object, embed, script, style, link, base, form, svg, video)').length"


def _everywhere(index: int, text: str) -> Result:
    """A result that holds ``text`` wherever a model, a suite or a provider may put some."""
    rng = random.Random(index)
    case = make_case(index, rng, name=f"h{index} {text}", tags=frozenset({text}))
    case = replace(case, vars={**case.vars, text: text})
    side = replace(variant("baseline", 1), params={text: text})
    result = make_result(case, side, 0, rng, good=False, text=f"{text}\n\n```json\n{text}\n```\n**{text}**")
    call = result.call
    request = replace(
        call.request, messages=(*call.request.messages, Message("user", text, (ToolCall("1", text, text),)))
    )
    reply = replace(call.reply, tool_calls=(ToolCall("1", text, {text: text}),), served_model=text)
    failed = replace(
        call, reply=CallFailure("bad_response", text, 1, text), request=replace(request, model=f"openai/{text}")
    )
    verdicts = tuple(replace(v, reason=text, detail=text, spans=((0, len(text)), (-5, 10**9))) for v in result.verdicts)
    attempts = (Attempt(1, 1.0, 0.3, 0.0, 500, "bad_response", text), *call.attempts)
    call = replace(call, request=request, reply=failed.reply if index % 5 == 4 else reply, attempts=attempts)
    return replace(result, call=call, verdicts=verdicts, tried=(failed,))


def _report(results: list[Result]) -> RunReport:
    blank = build_report(cases=2, repeats=1, hostile=False, topics=0)
    return replace(blank, results=tuple(results), variants=summarise(results), comparisons=())


def test_there_are_enough_payloads():
    """At least sixty different ones."""
    assert len(set(PAYLOADS)) >= 60


def test_every_payload_is_shown_as_text_everywhere(visit, tmp_path):
    """In ids, tags, variables, prompts, answers, reasons, details, tool calls, errors and previews: text, and nothing else."""
    page = write_html(_report([_everywhere(i, text) for i, text in enumerate(PAYLOADS)]), tmp_path).as_uri()
    found = visit(page=page)
    found.page.locator("#case-list").focus()
    found.page.keyboard.press("Enter")
    for index, text in enumerate(PAYLOADS):
        found.page.evaluate("document.querySelectorAll('#detail details').forEach((node) => { node.open = true; })")
        shown = found.page.locator("#detail").evaluate("node => node.textContent")
        assert shown.count(visible(text)) >= 8, text
        assert not HIDDEN & set(shown)
        for button in found.page.locator("#detail button.preview").all():
            button.click()
            assert found.page.locator("#detail .preview.answer").count() == 1
        assert found.page.evaluate(ACTIVE) == 0
        assert found.page.locator("#detail-title").inner_text().startswith(f"h{index} ")
        found.page.keyboard.press("j")
    assert found.page.evaluate("[window.__pwned, {}.polluted]") == [None, None]
    assert found.complaints == []
    assert found.requests == [page]


ADDRESSES = (
    "q=<img src=x onerror=window.__pwned=1>", "suite=__proto__&variant=constructor", "outcome=__proto__&flip=toString", "sort=__proto__",
    "sort=-constructor&check=hasOwnProperty", "tag=<svg/onload=window.__pwned=1>", "case=__proto__&of=constructor", "q=%", "q=%E0%A4%A",
    "q=%00%1b%ff", "=&=&&==", "case[]=x", "<script>window.__pwned=1</script>", "javascript:window.__pwned=1", "packed-run", "q=a&q=b",
    "q=%ED%A0%80", "q=(a%2B)%2B%24", f"q={'a' * 200_000}",
)  # fmt: skip


def test_an_address_is_obeyed_as_filters_and_as_nothing_else(visit, address):
    """Whatever stands behind the #, when the page is opened and when it changes under it: the list says a number, nothing runs, nothing complains."""
    found = visit()
    for fragment in ADDRESSES:
        found.page.evaluate("to => { location.hash = to; }", fragment)
        assert found.count.split()[0].isdigit(), fragment[:80]
    for fragment in ADDRESSES[:7]:
        found = visit(f"#{fragment}")
        assert found.count.split()[0].isdigit(), fragment
        assert found.page.evaluate("[window.__pwned, {}.polluted]") == [None, None]
        assert found.complaints == []
        assert [request.partition("#")[0] for request in found.requests] == [address]


def test_the_policy_holds_against_injected_markup(visit):
    """Were markup to slip in, it would not run: handlers, inline scripts and images are refused, and HTML sinks throw."""
    page = visit().page
    page.evaluate(
        """() => {
          const script = document.createElement('script');
          try { script.textContent = 'window.__pwned = 1'; } catch { /* refused even earlier */ }
          document.body.append(script);
          try { document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.__pwned=2">'); } catch (error) { window.sink = error.name; }
        }"""
    )
    assert page.evaluate("window.__pwned") is None
    assert page.evaluate("window.sink") == "TypeError"


_texts = st.text(
    st.characters(exclude_categories=()) | st.sampled_from("<>&\"'`/\\{}[]()*_#|!-\x00\x1b\u202e\ud800\n"), max_size=60
)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_texts, min_size=8, max_size=16, unique=True))
def test_any_text_is_shown_as_it_is(visit, tmp_path, texts):
    """Whatever a model answers, the pane shows exactly that, with hidden characters written out."""
    rng = random.Random(0)
    results = [
        make_result(
            make_case(i, rng, name=f"any-{i}", tags=frozenset()), variant("baseline", 1), 0, rng, good=True, text=text
        )
        for i, text in enumerate(texts)
    ]
    found = visit(
        "#case=any-0&of=refund-replies/baseline-openai/gpt-5-mini", page=write_html(_report(results), tmp_path).as_uri()
    )
    for text in texts:
        for button in found.page.locator("#detail button.raw").all():
            button.click()
        shown = found.page.locator("#detail .side-column > pre.answer").first.evaluate("node => node.textContent")
        assert shown == (visible(text) or "(empty answer)")
        found.page.keyboard.press("j")
    assert found.complaints == []


@pytest.mark.parametrize("unit", ["x", "two words and \u202e\x00\ud800 \n"])
def test_an_answer_of_ten_megabytes_is_shown_in_part_and_whole_on_demand(visit, tmp_path, unit):
    """A part at first; "Show all" brings the last character, and the page still answers to a key."""
    text = unit * (10_000_000 // len(unit)) + "THE END"
    page = write_html(one_answer(text), tmp_path).as_uri()
    found = visit("#case=odd&of=refund-replies/baseline-openai/gpt-5-mini", page=page)
    box = found.page.locator("#detail .side-column pre.answer").first
    assert box.evaluate("node => node.textContent.length") < 200_000
    assert f"20,000 of {len(text):,}" in found.page.locator(".more-note").inner_text()
    found.page.locator(".more-note button").click()
    found.page.locator(".more-note").wait_for(state="detached")
    assert box.evaluate("node => node.textContent.endsWith('THE END')")
    assert box.evaluate("node => node.textContent.length") == len(visible(text))
    found.page.keyboard.press("Escape")
    assert found.page.locator("#detail[open]").count() == 0
    assert found.complaints == []
