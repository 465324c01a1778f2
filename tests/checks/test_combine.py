"""`not`, `any_of`, `all_of` and `select`: three-valued logic, and judging a part of a JSON answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.checks.base import CheckContext
from evalkit.checks.combine import combined
from evalkit.checks.custom import check
from evalkit.errors import CheckError
from evalkit.model.calls import Request, Response
from evalkit.model.results import Verdict

PASS, FAIL = {"contains": "a"}, {"contains": "z"}
UNJUDGED = {"cannot_judge": True}


@pytest.fixture(autouse=True)
def _cannot_judge(own_checks):
    """A check whose verdict is always `error`."""

    @check("cannot_judge")
    def cannot_judge(answer: str) -> bool:
        raise CheckError("no idea")


@pytest.mark.parametrize(
    ("item", "status"),
    [
        ({"not": PASS}, "fail"),
        ({"not": FAIL}, "pass"),
        ({"not": UNJUDGED}, "error"),
        ({"not": {"not": PASS}}, "pass"),
        ({"any_of": [FAIL, PASS]}, "pass"),
        ({"any_of": [FAIL, FAIL]}, "fail"),
        ({"any_of": [UNJUDGED, PASS]}, "pass"),
        ({"any_of": [UNJUDGED, FAIL]}, "error"),
        ({"all_of": [PASS, PASS]}, "pass"),
        ({"all_of": [PASS, FAIL]}, "fail"),
        ({"all_of": [UNJUDGED, FAIL]}, "fail"),
        ({"all_of": [UNJUDGED, PASS]}, "error"),
        ({"all_of": [{"not": FAIL}, {"any_of": [FAIL, PASS]}]}, "pass"),
    ],
    ids=str,
)
def test_checks_combine_as_three_valued_logic(item, status, judge):
    """An error decides only when the other checks do not; a double negation is the check itself."""
    assert judge(item, "abc").status == status


@given(st.lists(st.sampled_from(["pass", "fail", "error"]), min_size=1, max_size=6))
def test_any_of_is_the_mirror_of_all_of(statuses):
    """De Morgan: not any_of(x) is all_of(not x), with error its own opposite."""
    opposite = {"pass": "fail", "fail": "pass", "error": "error"}

    def verdict(kind, values):
        verdicts = [Verdict("c", "content", value, "") for value in values]
        return combined(verdicts, kind, name="c", family="content").status

    assert opposite[verdict("any_of", statuses)] == verdict("all_of", [opposite[status] for status in statuses])


def test_a_combination_is_named_as_a_reader_would(judge):
    """The verdict's name says what was combined, and its reason what decided."""
    assert judge({"not": PASS}, "abc").check == "not contains"
    verdict = judge({"any_of": [PASS, {"regex": "x"}]}, "nothing")
    assert verdict.check == "any_of(contains, regex)"
    assert "contains: 'a' not found" in verdict.reason
    assert "regex: no match" in verdict.reason


def test_not_says_what_must_not_be_there_and_where(judge):
    """`not` fails with the evidence of the check it turns round."""
    verdict = judge({"not": {"contains": "as an AI"}}, "Well, as an AI I cannot.")
    assert verdict.reason == "must not hold, but does: found 'as an AI'"
    assert verdict.spans == ((6, 14),)
    assert judge({"not": {"contains": "as an AI"}}, "Sure.").spans == ()


def test_each_child_gets_the_replies_it_asked_for(build):
    """Two checks that ask, in one combination: the first reply goes to the first."""
    from evalkit.checks.combine import Group

    class Asks:
        family = "judge"

        def __init__(self, name, number):
            self.name, self.number = name, number

        def followups(self, ctx):
            return [Request(f"m/{self.name}{i}", ()) for i in range(self.number)]

        def judge(self, ctx, replies):
            right = [reply.text for reply in replies] == [request.model for request in self.followups(ctx)]
            return Verdict(self.name, "judge", "pass" if right else "fail", "")

    group = Group("all_of", (Asks("a", 2), Asks("b", 0), Asks("c", 1)))
    ctx = CheckContext("", Response(""), Request("m/x", ()))
    replies = [Response(request.model) for request in group.followups(ctx)]
    assert len(replies) == 3
    assert group.judge(ctx, replies).status == "pass"
    assert group.judge(ctx, replies[::-1]).status == "fail"


ORDER = (
    '{"total": 12.5, "who": {"name": "Ana"}, "items": [{"sku": "A-1", "n": 2}, {"sku": "B-2", "n": 0}], "paid": true}'
)


@pytest.mark.parametrize(
    ("item", "status", "reason"),
    [
        ({"number": {"select": "$.total", "equals": 12.5}}, "pass", "$.total: expected 12.5, found 12.5"),
        ({"equals": "Ana", "select": "$.who.name"}, "pass", "Ana"),
        ({"equals": {"json": True}, "select": "$.paid"}, "pass", "True"),
        ({"equals": {"json": 1}, "select": "$.paid"}, "fail", "expected 1, found True"),
        ({"regex": {"pattern": r"[A-Z]-\d", "full": True}, "select": "$.items[*].sku"}, "pass", "all 2 matches hold"),
        ({"number": {"min": 1}, "select": "$.items[*].n"}, "fail", "1 of 2 matches do not hold"),
        ({"contains": "x", "select": "$.nothing"}, "fail", "select $.nothing matched nothing"),
        ({"not": {"contains": "x", "select": "$.who.name"}}, "pass", "not found"),
        ({"contains": "Ana", "select": "$.who"}, "pass", "$.who"),
        (
            {"all_of": [{"json_schema": {"schema": {"required": ["name"]}}}, {"contains": "Ana"}], "select": "$.who"},
            "pass",
            "",
        ),
        ({"number": {"equals": 12.5}, "select": "$.who.name"}, "fail", "not a number"),
        ({"number": {"equals": 1}, "select": "$.paid"}, "fail", "True, which is not a number"),
    ],
    ids=str,
)
def test_select_judges_the_part_that_the_path_names(item, status, reason, judge):
    """No match fails; several matches must all hold; a text is judged as it is."""
    verdict = judge(item, f"Here is your order:\n```json\n{ORDER}\n```\nThanks!")
    assert (verdict.status, reason in verdict.reason) == (status, True), verdict


def test_select_of_an_answer_without_json_fails(judge):
    """It is the answer that is wrong, so this is a fail and not an error."""
    verdict = judge({"contains": "x", "select": "$.a"}, "no braces here")
    assert verdict.status == "fail"
    assert "holds no JSON" in verdict.reason


def test_evidence_inside_a_selection_is_placed_in_the_whole_answer(judge):
    """Spans count from the start of the answer, so that the report highlights the right words."""
    answer = f"Order: {ORDER}"
    verdict = judge({"contains": "na", "select": "$.who.name"}, answer)
    assert [answer[start:end] for start, end in verdict.spans] == ["na"]
    assert answer[: verdict.spans[0][0]].endswith('"name": "A')


def test_evidence_of_a_selection_inside_a_selection(judge):
    """Places add up from the innermost text to the whole answer."""
    answer = 'Ann ordered: {"who": {"name": "Ana"}}'
    inner = {"contains": "na", "select": "$.name"}
    verdict = judge({"all_of": [inner], "select": "$.who"}, answer)
    assert [answer[start:end] for start, end in verdict.spans] == ["na"]
    assert verdict.spans[0][0] == answer.index("Ana") + 1


def test_evidence_that_could_stand_in_two_places_is_left_out(judge):
    """When the selected text is in the answer twice, nobody knows which one was meant."""
    verdict = judge({"contains": "na", "select": "$.name"}, 'Ana: {"name": "Ana"}')
    assert (verdict.status, verdict.spans) == ("pass", ())


def test_a_path_that_matches_too_much_is_an_error(judge, build):
    """A thousand matches are judged; more are neither pass nor fail, unless another check decides."""
    item = {"number": {"min": 0}, "select": "$[*]"}
    assert judge(item, str([1] * 1000)).status == "pass"
    many = str([1] * 1001)
    ctx = CheckContext(many, Response(many), Request("m/x", ()))
    with pytest.raises(CheckError, match="the limit is 1,000"):
        build(item).followups(ctx)
    assert build(item).judge(ctx, ()).status == "error"
    assert judge({"any_of": [item, {"contains": "1"}]}, many).status == "pass"
    assert judge({"all_of": [item, {"contains": "1"}]}, many).status == "error"


def test_a_selected_text_can_hold_json_itself(judge):
    """Some models put JSON into a JSON text: the text is parsed again, and must be JSON."""
    item = {"json_schema": {"schema": {"required": ["a"]}}, "select": "$.payload"}
    assert judge(item, r'{"payload": "{\"a\": 1}"}').status == "pass"
    assert judge(item, r'{"payload": "{\"b\": 1}"}').status == "fail"
    assert judge({"json": {}, "select": "$.payload"}, '{"payload": "text"}').status == "fail"
    assert judge({"json": {}, "select": "$.payload"}, '{"payload": [1]}').status == "pass"
