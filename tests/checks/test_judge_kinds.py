"""The judges beside the rubric: criteria, facts, claims, relevance and pairs; several models; prompts of one's own."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from evalkit.checks.base import BuildContext, CheckContext
from evalkit.checks.build import BuiltCheck, build_check
from evalkit.checks.templates import Templates
from evalkit.errors import CheckError, PromptChangedError, PromptError, SuiteError, Where
from evalkit.model.calls import Message, Request, Response
from evalkit.model.cases import CheckSpec
from evalkit.prompts.library import PromptLibrary

if TYPE_CHECKING:
    from evalkit.model.results import Verdict

ANSWER = "Your parcel is late. It weighs 3 kg."


def built(name: str, *, templates: Templates | None = None, **params: Any) -> BuiltCheck:
    if "models" not in params:
        params.setdefault("model", "judge/one")
    context = BuildContext(None, None, lambda model: model, prompt=(templates or Templates()).get)
    return build_check(CheckSpec(name, params, Where("s.yaml", 3)), context)


def context(answer: str = ANSWER) -> CheckContext:
    messages = (Message("system", "Be brief."), Message("user", "Hello."), Message("user", "Where is my parcel?"))
    return CheckContext(answer, Response(answer), Request("demo/m", messages))


def judged(name: str, replies: list[Any], **params: Any) -> Verdict:
    check = built(name, **params)
    assert len(check.followups(context())) == len(replies)
    return check.judge(context(), [Response(json.dumps(reply)) for reply in replies])


def entry(held: bool, reason: str = "so") -> dict[str, Any]:
    return {"reason": reason, "pass": held}


def test_each_criterion_has_its_own_verdict() -> None:
    """One call judges all; the reason names those that do not hold, the detail lists all, the score is the share."""
    verdict = judged(
        "criteria",
        [{"criterion_1": entry(True), "criterion_2": entry(False, "no offer")}],
        ask=["Is it kind?", "Is there an offer?"],
    )
    assert (verdict.status, verdict.score) == ("fail", 0.5)
    assert verdict.reason == "1 of 2 criteria hold; not 'Is there an offer?': no offer"
    assert verdict.detail == "pass: Is it kind?: so\nfail: Is there an offer?: no offer"


def test_criteria_are_decided_one_by_one_over_the_votes() -> None:
    """A majority of different votes for each criterion is enough, although no single vote saw all of them met."""
    first = {"criterion_1": entry(True), "criterion_2": entry(True), "criterion_3": entry(False)}
    second = {"criterion_1": entry(True), "criterion_2": entry(False), "criterion_3": entry(True)}
    third = {"criterion_1": entry(False), "criterion_2": entry(True), "criterion_3": entry(True)}
    asked = ["a?", "b?", "c?"]
    verdict = judged("criteria", [first, second, third], ask=asked, votes=3)
    assert (verdict.status, verdict.score) == ("pass", 1.0)
    assert "pass (2 of 3 votes): a?" in verdict.detail
    assert judged("criteria", [first], ask=asked, min=2).status == "pass"
    assert judged("criteria", [first], ask=asked, min=3).status == "fail"
    assert judged("criteria", [first], ask=asked).status == "fail"


@pytest.mark.parametrize(
    ("relation", "status", "score"),
    [
        ("same", "pass", 1),
        ("more", "pass", 1),
        ("less", "fail", 0.5),
        ("contradicts", "fail", 0),
        ("unrelated", "fail", 0),
    ],
)
def test_facts_agree_or_not_by_the_relation(relation: str, status: str, score: float) -> None:
    """Same and more pass unless the suite says otherwise."""
    reply = {"reason": "because", "relation": relation}
    verdict = judged("factual", [reply], to="The parcel is late.")
    assert (verdict.status, verdict.score, verdict.reason) == (status, score, f"{relation}: because")
    assert judged("factual", [reply], to="x", accept=["less"]).status == ("pass" if relation == "less" else "fail")


def claim(words: str, supported: bool) -> dict[str, Any]:
    return {"words": words, "reason": "looked it up", "supported": supported}


def test_claims_without_support_are_named_and_highlighted() -> None:
    """The share of supported claims decides; the words are marked in the answer if they are in it."""
    reply = {
        "claims": [claim("Your parcel is late.", True), claim("It weighs 3 kg.", False), claim("Not there", False)]
    }
    verdict = judged("faithful", [reply], to="The parcel is late.")
    assert verdict.status == "fail"
    assert verdict.score == pytest.approx(1 / 3)
    assert "1 of 3 claims supported: 'It weighs 3 kg.': looked it up" in verdict.reason
    assert [ANSWER[start:end] for start, end in verdict.spans] == ["It weighs 3 kg."]
    assert judged("faithful", [reply], to="x", min=0.3).status == "pass"
    assert judged("faithful", [{"claims": [claim("late", True)]}], to=["a", "b"]).status == "pass"


def test_an_answer_without_claims_passes_only_if_the_suite_says_so() -> None:
    """A judge that was talked into seeing no claim must not make a green run."""
    assert judged("faithful", [{"claims": []}], to="x").status == "fail"
    assert judged("faithful", [{"claims": []}], to="x", no_claims="pass").status == "pass"


def test_an_empty_context_cannot_support_anything() -> None:
    """Documents that are all empty are a mistake in the data, not an unfaithful answer."""
    check = built("faithful", to=["", " "])
    with pytest.raises(CheckError, match="the context is empty"):
        check.followups(context())


def test_relevance_is_judged_against_the_last_question() -> None:
    """The last message of the user is the question, unless the suite gives another."""
    user = built("relevant", include_prompt=False).followups(context())[0].messages[1].content
    assert "Where is my parcel?" in user
    assert "Hello." not in user
    given = built("relevant", include_prompt=False, question="How heavy?").followups(context())[0].messages[1].content
    assert "How heavy?" in given
    assert "Where is my parcel?" not in given
    assert judged("relevant", [{"reason": "all of it", "score": 4}], scale=[1, 5], min=4).status == "pass"


def pair(first: str, second: str) -> list[dict[str, Any]]:
    """The judge's word when the answer stands first, and when it stands second."""
    return [{"reason": "r1", "better": first}, {"reason": "r2", "better": second}]


@pytest.mark.parametrize(
    ("replies", "ties", "status", "score", "said"),
    [
        (pair("first", "second"), "pass", "pass", 1.0, "better: r1"),
        (pair("second", "first"), "pass", "fail", 0.0, "worse: r1"),
        (pair("tie", "tie"), "pass", "pass", 0.5, "tie: r1"),
        (pair("tie", "tie"), "fail", "fail", 0.5, "tie: r1"),
        (pair("first", "first"), "fail", "fail", 0.5, "the orders disagree"),
        (pair("second", "second"), "pass", "pass", 0.5, "the orders disagree"),
        (pair("first", "tie"), "fail", "fail", 0.5, "the orders disagree"),
    ],
)
def test_a_pair_is_judged_in_both_orders(replies: Any, ties: str, status: str, score: float, said: str) -> None:
    """A judge that prefers a place instead of an answer made a tie."""
    verdict = judged("pairwise", replies, ask="Which is kinder?", to="It is late.", ties=ties)
    assert (verdict.status, verdict.score) == (status, score)
    assert said in verdict.reason


def test_the_two_orders_show_the_same_texts_swapped() -> None:
    """The answer stands first in one question and second in the other."""
    one, two = built("pairwise", ask="Which?", to="It is late.").followups(context())
    for request, first, second in ((one, ANSWER, "It is late."), (two, "It is late.", ANSWER)):
        user = request.messages[1].content
        assert 0 < user.index(f"\n{first}\n<<<end of first") < user.index(f"\n{second}\n<<<end of second")


def test_pairs_are_counted_over_votes() -> None:
    """More wins than losses win, whatever the number of ties; an even number of votes may tie."""
    win, loss, tie = pair("first", "second"), pair("second", "first"), pair("tie", "tie")
    asked = {"ask": "Which?", "to": "x", "ties": "fail"}
    verdict = judged("pairwise", [*tie, *win, *tie], **asked, votes=3)
    assert (verdict.status, verdict.reason) == ("pass", "better (1 better, 2 ties, 0 worse): r1")
    assert judged("pairwise", [*win, *loss], **asked, votes=2).reason.startswith("tie (1 better, 0 ties, 1 worse)")
    assert judged("pairwise", [*loss, *loss, *win], **asked, votes=3).status == "fail"


def test_several_judges_vote_and_are_named() -> None:
    """Each model is asked as often as votes says; the majority over all decides, and the detail shows who said what."""
    check = built("rubric", ask="Kind?", models=["a/x", "b/y", "c/z"])
    assert [request.model for request in check.followups(context())] == ["a/x", "b/y", "c/z"]
    replies = [
        Response(json.dumps(entry(held, why))) for held, why in ((True, "warm"), (False, "cold"), (True, "kind"))
    ]
    verdict = check.judge(context(), replies)
    assert (verdict.status, verdict.reason) == ("pass", "2 of 3 votes: warm; but: cold")
    assert verdict.detail == "1. a/x: yes: warm\n2. b/y: no: cold\n3. c/z: yes: kind"
    many = built("rubric", ask="Kind?", models=["a/x", "b/y", "c/z"], votes=3).followups(context())
    assert [(request.model, request.repeat) for request in many[:4]] == [("a/x", 0), ("a/x", 1), ("a/x", 2), ("b/y", 0)]


def test_structured_output_can_be_left_out_but_the_reply_is_read_as_strictly() -> None:
    """For a provider without it; what the judge must say does not change."""
    check = built("rubric", ask="Kind?", structured=False)
    assert check.followups(context())[0].output_schema is None
    assert check.judge(context(), [Response("yes")]).status == "error"
    assert check.judge(context(), [Response('{"reason": "", "pass": true}')]).status == "pass"


@pytest.fixture
def project(tmp_path):
    """The prompts of a project with a judge of its own."""
    folder = tmp_path / "prompts" / "my-judge"
    folder.mkdir(parents=True)
    (folder / "v1.j2").write_text(
        "---\ninputs: {ask: string, answer: string, form: string}\ndefaults: {model: mine/judge, max_output_tokens: 99}\n---\n"
        "{% system %}Sei streng. {{ form }}{% endsystem %}{% user %}{{ ask }}\n{{ answer }}{% enduser %}",
        encoding="utf-8",
    )
    (folder / "v2.j2").write_text("{% user %}{{ nothing_like_it }}{% enduser %}", encoding="utf-8")
    return Templates(PromptLibrary(tmp_path, tmp_path / "prompts"))


def test_a_prompt_of_the_project_replaces_the_shipped_one(project: Templates) -> None:
    """Its defaults give model and parameters, the answer comes fenced all the same, and the reply's form is the check's."""
    check = built("rubric", templates=project, ask="Freundlich?", prompt="my-judge:v1", model=None)
    request = check.followups(context())[0]
    assert (request.model, request.params) == ("mine/judge", {"max_output_tokens": 99})
    assert request.messages[0].content.startswith("Sei streng. {")
    assert f"\n{ANSWER}\n<<<end of answer " in request.messages[1].content
    assert [version.ref for version in project.taken()] == ["my-judge:v1"]
    assert project.taken() == (), "each version is handed over once"


def test_a_prompt_that_wants_what_a_judge_has_not_is_an_error_of_the_verdict(project: Templates) -> None:
    """The inputs are documented; another variable is named."""
    check = built("rubric", templates=project, ask="Kind?", prompt="my-judge:v2")
    with pytest.raises(CheckError, match="nothing_like_it"):
        check.followups(context())


def test_an_unknown_prompt_is_found_before_anything_is_spent(project: Templates) -> None:
    """With the names there are."""
    with pytest.raises(SuiteError, match="no version 'v7'"):
        built("rubric", templates=project, ask="Kind?", prompt="my-judge:v7")


def test_shipped_prompts_are_released_and_do_not_change(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is in the lock; an edited copy is refused like any released version."""
    library = Templates()._library("evalkit-rubric:v1")
    released = library.lock_file.read()
    assert {f"{name}:{version}" for name in library.names() for version in library.versions(name)} == released.keys()
    for ref in released:
        assert Templates().get(ref).version.digest == released[ref]
    with pytest.raises(PromptError, match="no version 'v9'"):
        Templates().get("evalkit-rubric:v9")
    copy = tmp_path / "templates"
    shutil.copytree(library._root / "templates", copy)
    path = copy / "evalkit-parts" / "data.j2"
    path.write_text(path.read_text(encoding="utf-8") + " Be generous.", encoding="utf-8")
    with pytest.raises(PromptChangedError):
        PromptLibrary(tmp_path, copy).get("evalkit-rubric:v1")
