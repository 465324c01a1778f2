"""The same question asked in another way: what is asked, how it depends on the case alone, and when the answers agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.checks.base import BuildContext, CheckContext
from evalkit.checks.build import BuiltCheck, build_check
from evalkit.checks.metamorphic.changes import CASES, PADDINGS, Dice, Swaps, misspelled, reordered
from evalkit.errors import CheckError, SuiteError, Where
from evalkit.model.calls import CallFailure, Message, Request, Response
from evalkit.model.cases import CheckSpec, Variant
from evalkit.model.results import CANNED

if TYPE_CHECKING:
    from evalkit.model.results import Verdict

QUESTION = "Where does my parcel for Ana stay? Write to ana@example.org about order A-1001."
VARIANT = Variant("v1", "v1", "", "reply:v1", "d", "demo/m")


def render(variant: Variant, variables: Any) -> tuple[Message, ...]:
    """A prompt that shows every variable but the one called unused."""
    shown = " | ".join(f"{name}: {value}" for name, value in sorted(variables.items()) if name != "unused")
    return (Message("system", f"You are {variant.prompt}."), Message("user", shown))


def built(name: str, *, select: str | None = None, **params: Any) -> BuiltCheck:
    context = BuildContext(None, None, str, render=render)
    return build_check(CheckSpec(name, params, Where("s.yaml", 3), select=select), context)


def context(answer: str = "Delivery", **variables: Any) -> CheckContext:
    variables = variables or {"question": QUESTION}
    request = Request("demo/m", render(VARIANT, variables), {"temperature": 0}, repeat=2)
    return CheckContext(answer, Response(answer), request, vars=variables, variant=VARIANT)


def asked(name: str, ctx: CheckContext | None = None, **params: Any) -> list[str]:
    """What the changed questions are, as the user's messages."""
    return [request.messages[1].content for request in built(name, **params).followups(ctx or context())]


def judged(check: BuiltCheck, ctx: CheckContext, *answers: str) -> Verdict:
    assert len(check.followups(ctx)) == len(answers)
    return check.judge(ctx, [Response(answer) for answer in answers])


def test_the_same_request_is_asked_with_other_variables_only() -> None:
    """Model, parameters, repeat and the other variables are those of the answer; so it is cached and paid like any call."""
    ctx = context("x", question="Where is it?", name="Ana")
    (request,) = built("recased", var="question", to=["upper"]).followups(ctx)
    assert request.messages[1].content == "name: Ana | question: WHERE IS IT?"
    assert request.messages[0] == ctx.request.messages[0]
    assert (request.model, request.params, request.repeat) == ("demo/m", {"temperature": 0}, 2)
    assert request.key != ctx.request.key


def test_what_does_not_reach_the_prompt_is_not_measured() -> None:
    """A variable that the prompt ignores would make every answer the same: an error, as are a missing one and one without text."""
    check = built("recased", var="unused")
    with pytest.raises(CheckError, match="the prompt does not use what was changed"):
        check.followups(context("x", unused="Hello", question="Where?"))
    for variables, told in (
        ({"question": "Where?"}, "has no variable 'unused'; it has question"),
        ({"unused": "123"}, "nothing to change"),
        ({"unused": 7}, "nothing to change"),
    ):
        with pytest.raises(CheckError, match=told):
            check.followups(context("x", **variables))


def test_outside_a_suite_there_is_no_prompt_to_ask_again() -> None:
    """And a canned answer has no model."""
    check = built("recased", var="question")
    ctx = context()
    with pytest.raises(CheckError, match="no prompt to ask again"):
        check.followups(CheckContext("x", ctx.response, ctx.request, vars=ctx.vars))
    with pytest.raises(CheckError, match="canned"):
        check.followups(CheckContext("x", ctx.response, ctx.request, vars=ctx.vars, variant=VARIANT, served=CANNED))


def test_typing_errors_hit_words_and_spare_what_must_be_exact() -> None:
    """Addresses and order numbers stay; the same text is mistyped in the same way each time, in each variation in another."""
    questions = asked("misspelled", var="question", times=3, rate=0.5)
    assert questions == asked("misspelled", var="question", times=3, rate=0.5)
    assert len(set(questions)) == 3
    for question in questions:
        assert question != f"question: {QUESTION}"
        assert "ana@example.org" in question
        assert "A-1001" in question


@settings(deadline=None)
@given(st.text(alphabet="abc dEFG12.-@é\n", max_size=80), st.integers(0, 5))
def test_a_typing_error_changes_little(text: str, number: int) -> None:
    """At most one character more or less per word, the first letter stays, and numbers are the same."""
    changed = misspelled(text, rate=0.3, number=number)
    assert changed == misspelled(text, rate=0.3, number=number)
    assert abs(len(changed) - len(text)) <= max(1, len(text.split()))
    assert [char for char in changed if char.isdigit()] == [char for char in text if char.isdigit()]


def test_the_dice_are_the_same_on_every_machine() -> None:
    """Written down: a cached variation of last year is the one of today."""
    dice = Dice("seed", 1)
    assert [dice.below(100) for _ in range(5)] == EXPECTED
    assert misspelled("Where does my parcel stay?", rate=0.5, number=0) == MISTYPED
    assert reordered([1, 2, 3, 4, 5], number=1) == SHUFFLED


EXPECTED = [16, 11, 48, 57, 31]
MISTYPED = "Wgere deos my parcel stay?"
SHUFFLED = [3, 2, 1, 4, 5]


def test_white_space_and_case_have_a_variation_each() -> None:
    """Only those that make a difference are asked."""
    assert len(asked("padded", var="question")) == 3
    assert len(asked("padded", context("x", question="Where?"), var="question")) == 2, "no blank to double"
    assert asked("recased", context("x", question="where?"), var="question") == ["question: WHERE?"]
    for change in (*PADDINGS.values(), *CASES.values()):
        assert change("ab c").split()[0].casefold() == "ab"


def test_lists_and_mappings_are_changed_inside() -> None:
    """Every text in the variable, keys and numbers left alone."""
    ctx = context("x", docs=[{"title": "Rain", "page": 3}, "sun"])
    assert asked("recased", ctx, var="docs", to=["upper"]) == ["docs: [{'title': 'RAIN', 'page': 3}, 'SUN']"]


def test_a_distraction_is_added_before_or_behind() -> None:
    """One of evalkit's sentences, or of one's own."""
    (question,) = asked("distracted", var="question", sentences=["Mir ist kalt."], place="before")
    assert question == f"question: Mir ist kalt. {QUESTION}"
    assert len(set(asked("distracted", var="question", times=5))) == 5
    assert all(text.startswith(f"question: {QUESTION} ") for text in asked("distracted", var="question", times=5))


def test_items_come_in_other_orders() -> None:
    """The reverse first; as many different ones as there are; what has no order is an error."""
    ctx = context("x", docs=["a", "b", "c"])
    orders = asked("reordered", ctx, var="docs", times=4)
    assert orders[0] == "docs: ['c', 'b', 'a']"
    assert len(set(orders)) == len(orders) == 4
    assert all(sorted(order) == sorted(orders[0]) for order in orders)
    assert len(asked("reordered", context("x", docs=["a", "b"]), var="docs", times=5)) == 1
    for docs in (["a"], [], ["a", "a"]):
        with pytest.raises(CheckError, match="no other order"):
            asked("reordered", context("x", docs=docs), var="docs")
    with pytest.raises(CheckError, match="is not a list"):
        asked("reordered", var="question")


def test_other_words_are_the_authors_or_polite_phrases() -> None:
    """Given texts stand in place of the variable; without them its text stays, with a phrase around it."""
    assert asked("paraphrased", var="question", texts=["Parcel?", "My parcel?"]) == [
        "question: Parcel?",
        "question: My parcel?",
    ]
    phrases = asked("paraphrased", var="question", times=3)
    assert len(set(phrases)) == 3
    assert all(QUESTION in phrase for phrase in phrases)
    with pytest.raises(CheckError, match="no text that other words"):
        asked("paraphrased", context("x", docs=["a"]), var="docs", texts=["b"])


def test_names_are_exchanged_everywhere_and_back_in_the_answers() -> None:
    """Each turn of the lists is one question; the answers are the same if they differ in those words alone."""
    check = built("swapped", swaps=[["Ana", "Ahmed", "Mei"], ["she", "he"]])
    ctx = context("Dear Ana, he is on his way.", question="ANA says she waits. Anabel too.", note="ask Ana")
    assert [request.messages[1].content for request in check.followups(ctx)] == [
        "note: ask Ahmed | question: AHMED says he waits. Anabel too.",
        "note: ask Mei | question: MEI says she waits. Anabel too.",
    ]
    assert judged(check, ctx, "Dear Ahmed, she is on his way.", "dear Mei, he is on his way").status == "pass"
    unfair = judged(check, ctx, "Dear Ahmed, show your passport.", "Dear Mei, she is on his way.")
    assert (unfair.status, unfair.score) == ("fail", 0.5)
    assert "passport" in unfair.reason
    with pytest.raises(CheckError, match="none of the words"):
        check.followups(context("x", question="Where?"))


@settings(deadline=None)
@given(st.text(alphabet="AnaMei she.", max_size=40), st.integers(1, 3))
def test_a_swap_is_neutral_to_its_turns(text: str, places: int) -> None:
    """However often the lists are turned, the neutral form stays."""
    swaps = Swaps([["Ana", "Mei", "Bo"], ["she", "he"]])
    assert swaps.neutral(swaps.turned(text, places)) == swaps.neutral(text)


def test_the_opposite_must_change_the_answer() -> None:
    """The relation is another one unless the suite says otherwise."""
    check = built("negated", var="question", texts=["Do not send it."])
    assert judged(check, context("cancel"), "keep").status == "pass"
    verdict = judged(check, context("cancel"), " Cancel. ")
    assert (verdict.status, verdict.score) == ("fail", 0.0)
    assert verdict.reason.startswith("another answer 0 of 1 times; not with question = 'Do not send it.': ")


def test_a_translation_is_asked_per_language() -> None:
    """Named in what is told."""
    check = built("translated", var="question", texts={"de": "Wo ist es?", "fr": "Où est-il ?"})
    verdict = judged(check, context("delivery"), "delivery", "other")
    assert verdict.status == "fail"
    assert "question in fr" in verdict.reason
    assert "question in de" not in verdict.reason


@pytest.mark.parametrize(
    ("relation", "before", "after", "status"),
    [
        ("same", "Delivery.", " delivery ", "pass"),
        ("same", "caf\u00e9", "cafe\u0301", "pass"),
        ("same", "delivery", "billing", "fail"),
        ("same", "1", "11", "fail"),
        ("differs", "yes", "YES!", "fail"),
        ("differs", "yes", "no", "pass"),
        ("same_json", '{"a": 1, "b": [2]}', 'Sure: {"b": [2], "a": 1.0}', "pass"),
        ("same_json", '{"a": 1}', '{"a": true}', "fail"),
        ("same_json", '{"a": 1}', "none", "fail"),
        ("same_json", "none", '{"a": 1}', "error"),
        ("similar", "The parcel is late.", "The parcel is late!", "pass"),
        ("similar", "The parcel is late.", "We do not know.", "fail"),
        ("similar", "a" * 30_000, "a", "error"),
    ],
)
def test_relations(relation: str, before: str, after: str, status: str) -> None:
    """What counts as the same, another, the same JSON, similar."""
    check = built("recased", var="question", to=["upper"], relation=relation)
    assert judged(check, context(before), after).status == status


def test_numbers_must_move_in_one_direction() -> None:
    """The case's own value has its place among the others; equal numbers are in order."""
    check = built("varied", var="days", values=[1, 10, 30], relation="monotone", direction="up")
    ctx = context("We refund 5.00 EUR.", days=4)
    assert judged(check, ctx, "0", "5.00", "We refund 20 EUR").status == "pass"
    verdict = judged(check, ctx, "0", "4.99", "20")
    assert (verdict.status, verdict.score) == ("fail", pytest.approx(2 / 3))
    assert "5.00 at 4, 4.99 at 10" in verdict.reason
    down = built("varied", var="days", values=[9], relation="monotone", direction="down")
    assert judged(down, ctx, "5").status == "pass"
    assert judged(down, ctx, "6").status == "fail"
    assert judged(down, ctx, "6 of 7").status == "error"
    assert judged(down, ctx, "none").status == "error"
    with pytest.raises(CheckError, match="monotone needs numbers"):
        check.followups(context("x", days="four"))


def test_other_values_of_any_kind_can_be_compared() -> None:
    """The case's own value is not asked again."""
    check = built("varied", var="colour", values=["red", "blue"])
    assert asked("varied", context("x", colour="red"), var="colour", values=["red", "blue"]) == ["colour: blue"]
    assert judged(check, context("ok", colour="red"), "ok").status == "pass"
    with pytest.raises(CheckError, match="this value already"):
        asked("varied", context("x", colour="red"), var="colour", values=["red"])


def test_select_compares_the_same_part_of_every_answer() -> None:
    """What stands around the part may differ; an answer without the part is another answer."""
    check = built("recased", var="question", to=["upper"], select="$.label")
    ctx = context('{"label": "delivery", "why": "a"}')
    assert judged(check, ctx, '{"why": "b", "label": "Delivery"}').status == "pass"
    assert judged(check, ctx, '{"label": "billing"}').status == "fail"
    assert judged(check, ctx, '{"why": "b"}').status == "fail"
    many = built("recased", var="question", to=["upper"], select="$.items[*].id")
    ctx = context('{"items": [{"id": 1}, {"id": 2}]}')
    assert len(many.followups(ctx)) == 2
    replies = [Response('{"items": [{"id": 1}, {"id": 3}]}')] * 2
    assert many.judge(ctx, replies).reason.startswith("$.items[*].id: 1 of 2 matches do not hold")


def test_an_answer_that_did_not_come_is_an_error() -> None:
    """Neither the same nor another."""
    check = built("negated", var="question", texts=["No."])
    verdict = check.judge(context(), [CallFailure("timeout", "too slow", attempts=2)])
    assert (verdict.status, verdict.reason) == ("error", "the changed question could not be asked: too slow")
    assert check.judge(context(), []).status == "error"


def test_every_variation_stands_in_the_detail() -> None:
    """With what it was and what became of it."""
    verdict = judged(built("recased", var="question"), context("a"), "a", "b")
    lines = verdict.detail.split("\n")
    assert lines[0].startswith("pass: upper case in question ")
    assert lines[1].startswith("fail: lower case in question ")
    assert verdict.reason.startswith("the same answer 1 of 2 times; not with lower case in question (")
    assert (verdict.family, verdict.check) == ("metamorphic", "recased")


@pytest.mark.parametrize(
    ("name", "params", "told"),
    [
        ("recased", {"var": "q", "relation": "monotone"}, "monotone and direction"),
        ("recased", {"var": "q", "direction": "up"}, "monotone and direction"),
        ("recased", {"var": "q", "min": 0.5}, "min belongs to relation: similar"),
        ("recased", {"var": "q", "to": []}, "to"),
        ("recased", {}, "needs the parameter 'var'"),
        ("swapped", {"swaps": [["Ana"]]}, "two words or more"),
        ("swapped", {"swaps": [["Ana", "Mei"], ["mei", "Bo"]]}, "'mei' is there twice"),
        ("swapped", {"swaps": [["a", " "]]}, "a word is empty"),
        ("negated", {"var": "q"}, "needs the parameter 'texts'"),
        ("misspelled", {"var": "q", "times": 99}, "times"),
    ],
)
def test_what_makes_no_sense_is_found_before_anything_is_spent(name: str, params: dict[str, Any], told: str) -> None:
    """With the place in the suite."""
    with pytest.raises(SuiteError) as caught:
        built(name, **params)
    assert told in str(caught.value)
