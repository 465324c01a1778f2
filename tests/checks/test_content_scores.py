"""Scores against references, lists, rankings, citations, units and embeddings."""

from __future__ import annotations

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.checks.base import BuildContext, CheckContext
from evalkit.checks.build import build_check
from evalkit.checks.content.citations import find_citations
from evalkit.checks.content.overlap import retrieval_metrics
from evalkit.errors import SuiteError, Where
from evalkit.model.calls import CallFailure, Request, Response
from evalkit.model.cases import CheckSpec

LATE = (
    "Your parcel A-1001 is late; we refund 12.50 euros.",
    "We will refund you 12.50 euros, because the parcel A-1001 came late.",
)
CAT = ("The cat sat on the mat.", "the cat was on the mat")


@pytest.mark.parametrize(
    ("pair", "kind", "precision", "recall", "f1"),
    [
        (CAT, "1", 0.833333, 0.833333, 0.833333),
        (CAT, "2", 0.6, 0.6, 0.6),
        (CAT, "L", 0.833333, 0.833333, 0.833333),
        (LATE, "1", 0.642857, 0.818182, 0.72),
        (LATE, "2", 0.307692, 0.4, 0.347826),
        (LATE, "L", 0.357143, 0.454545, 0.4),
        (("a b c d", "d c b a"), "1", 1.0, 1.0, 1.0),
        (("a b c d", "d c b a"), "2", 0.0, 0.0, 0.0),
        (("a b c d", "d c b a"), "L", 0.25, 0.25, 0.25),
    ],
)
def test_rouge_is_what_the_package_rouge_score_says(pair, kind, precision, recall, f1, judge):
    """Figures of rouge-score 0.1.2 without stemming; the score is the measure that was asked for."""
    for measure, wanted in (("precision", precision), ("recall", recall), ("f1", f1)):
        check = {"rouge": {"to": pair[0], "min": 0.5, "kind": kind, "measure": measure}}
        verdict = judge(check, pair[1])
        assert verdict.score == pytest.approx(wanted, abs=1e-6)
        assert (verdict.status == "pass") == (wanted >= 0.5)


@pytest.mark.parametrize(
    ("check", "score"),
    [
        ({"bleu": {"to": CAT[0], "min": 0.2}}, 0.274825),
        ({"chrf": {"to": CAT[0], "min": 0.2}}, 0.532158),
        ({"chrf": {"to": CAT[0], "min": 0.2, "words": 2}}, 0.515892),
    ],
)
def test_bleu_and_chrf_are_those_of_sacrebleu(check, score, judge):
    """The field's own figures, on a scale from 0 to 1."""
    assert judge(check, CAT[1]).score == pytest.approx(score, abs=1e-6)


def test_the_best_of_several_references_counts_and_is_named(judge):
    """The reason quotes the reference that the score is against; an answer that is too long is not measured."""
    verdict = judge({"rouge": {"to": ["nothing alike", "the cat was on a mat"], "min": 0.5}}, CAT[1])
    assert verdict.status == "pass"
    assert "against 'the cat was on a mat'" in verdict.reason
    assert judge({"rouge": {"to": "x", "min": 0.5}}, "x " * 60_000).status == "error"


def test_scores_without_their_package_say_what_to_install(monkeypatch, build):
    """BLEU and chrF need the extra; ROUGE does not."""
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    build({"rouge": {"to": "x", "min": 0.5}})
    for name in ("bleu", "chrf"):
        with pytest.raises(SuiteError, match=r"pytest-evalkit\[similarity\]"):
            build({name: {"to": "x", "min": 0.5}})


@pytest.mark.parametrize(
    ("options", "answer", "status", "reason"),
    [
        ({}, '["red", "GREEN", "blue"]', "pass", ""),
        ({}, "1. Blue\n2. **Red**\n3. green.", "pass", ""),
        ({}, "red, green and blue", "fail", "missing 'green', 'blue'"),
        ({}, "red; green; blue; pink", "fail", "not wanted 'pink'"),
        ({"min_recall": 1}, "red\ngreen\nblue\npink", "pass", "recall 1.000 (at least 1)"),
        ({"min_precision": 1}, "red", "pass", ""),
        ({"min_jaccard": 0.5}, "red, green, pink", "pass", "jaccard 0.500"),
        ({"min_f1": 0.7}, "red, green, pink", "fail", "F1 0.667 (at least 0.7)"),
        ({"ordered": True}, "red, green, blue", "pass", ""),
        ({"ordered": True}, "blue, green, red", "fail", ""),
        ({"min_precision": 1}, "", "fail", ""),
        ({"min_precision": 1}, "red, red", "fail", "not wanted 'red'"),
    ],
)
def test_lists_are_compared_by_what_they_have_in_common(options, answer, status, reason, judge):
    """JSON, list items, lines or pieces between commas; the reason names what is missing and what is too much."""
    verdict = judge({"overlap": {"items": ["red", "green", "blue"], **options}}, answer)
    assert (verdict.status, reason in verdict.reason) == (status, True), verdict.reason


def test_a_selected_list_is_compared(judge):
    """`select` hands the list over as it is."""
    check = {"overlap": {"items": ["a", "b"], "select": "$.tags"}}
    assert judge(check, '{"tags": ["b", "a"]}').status == "pass"
    assert judge(check, '{"tags": ["b"]}').status == "fail"


def test_retrieval_metrics_have_their_textbook_values():
    """Two of three relevant documents at ranks 2 and 4; graded gains for nDCG."""
    found = retrieval_metrics(["x", "a", "y", "b"], {"a": 1, "b": 1, "c": 1})
    assert found == pytest.approx({
        "precision": 0.5,
        "recall": 2 / 3,
        "mrr": 0.5,
        "ndcg": (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3) + 1 / math.log2(4)),
    })
    graded = retrieval_metrics(["a", "b"], {"a": 1, "b": 3})
    assert graded["ndcg"] == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))
    assert retrieval_metrics(["a"], {"a": 1, "b": 1}, k=5)["precision"] == pytest.approx(0.2)
    assert retrieval_metrics([], {"a": 1}) == {"precision": 0, "recall": 0, "mrr": 0, "ndcg": 0}


@given(
    st.lists(st.sampled_from("abcdef")),
    st.dictionaries(st.sampled_from("abcdef"), st.floats(0.1, 9), min_size=1),
    st.integers(1, 8),
)
def test_retrieval_metrics_stay_between_0_and_1(retrieved, grades, k):
    """And the ideal ranking has an nDCG of 1."""
    assert all(0 <= value <= 1 + 1e-9 for value in retrieval_metrics(retrieved, grades, k=k).values())
    ideal = sorted(grades, key=lambda name: -grades[name])
    assert retrieval_metrics(ideal, grades, k=k)["ndcg"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("params", "answer", "status", "reason"),
    [
        ({"relevant": ["7"], "min_mrr": 1}, '{"ids": 3}', "fail", "expected a JSON list"),
        ({"relevant": [7], "min_mrr": 1}, "Found: [7, 8]", "pass", "mrr 1.000 (at least 1)"),
        (
            {"relevant": ["a"], "min_recall": 1, "key": "doc"},
            '[{"doc": "b"}, {"doc": "a"}]',
            "pass",
            "retrieved 'b', 'a'",
        ),
        ({"relevant": {"a": 2, "b": 0}, "min_ndcg": 0.9, "retrieved": ["b", "a"]}, "whatever", "fail", "ndcg 0.631"),
    ],
)
def test_rankings_come_from_the_variables_or_the_answer(params, answer, status, reason, judge):
    """Ids as texts, numbers or objects; a grade of 0 is not relevant."""
    verdict = judge({"retrieval": params}, answer)
    assert (verdict.status, reason in verdict.reason) == (status, True), verdict.reason


@pytest.mark.parametrize(
    "params", [{"relevant": ["a"]}, {"relevant": {"a": 0}, "min_mrr": 1}, {"relevant": [], "min_mrr": 1}]
)
def test_a_ranking_check_that_could_not_fail_is_refused(params, build):
    """Without a limit, or without a relevant document, it says nothing."""
    with pytest.raises(SuiteError):
        build({"retrieval": params})


SOURCES = [
    "Parcels may be returned within thirty days, if they are unused.",
    {"title": "Shipping", "text": "Shipping is free of charge."},
]


@pytest.mark.parametrize(
    ("params", "answer", "status", "reason"),
    [
        ({}, 'Within thirty days [1]; "Shipping is free" [2].', "pass", "2 citations of 2 sources"),
        ({}, "See [1, 2] and [1-2] and [^2] and 【1†source】.", "pass", "of 2 sources"),
        ({}, "See [3].", "fail", "nothing stands for [3]"),
        ({}, "See [0] and [1-4].", "fail", "[0], [3], [4]"),
        ({}, "No citation.", "fail", "expected at least 1 sources cited, found 0"),
        ({"min": 0}, "The list is `a[7]`.\n```\nb[9]\n```", "pass", ""),
        ({}, "“may be  RETURNED within thirty days” [1]", "pass", ""),
        (
            {},
            "“may be returned within ninety days” [1]",
            "fail",
            "no source holds 'may be returned within ninety days'",
        ),
        ({}, '"Parcels may be returned … if they are unused" [1]', "pass", ""),
        ({}, '"if they are unused ... Parcels may be returned" [1]', "fail", "no source holds"),
        ({}, 'so-called "free" shipping [2]', "pass", ""),
        ({"quotes": False}, '"not in any source at all" [1]', "pass", ""),
        ({"sources": 2}, '"not in any source at all" [2]', "pass", ""),
    ],
)
def test_citations_resolve_and_quotations_occur(params, answer, status, reason, judge):
    """Every number has a source, every quotation stands in one; code and single words between marks are no quotations."""
    verdict = judge({"citations": {"sources": SOURCES, **params}}, answer)
    assert (verdict.status, reason in verdict.reason) == (status, True), verdict.reason


def test_citations_are_bounded_on_hostile_text(judge):
    """Huge ranges and endless brackets end in a verdict."""
    assert len(list(find_citations("[1-9999]"))) <= 101
    for unit in ("[1,", "[", '"', "“a", "[1]", "« "):
        assert judge({"citations": {"sources": SOURCES, "min": 0}}, unit * 50_000).status in {"pass", "fail"}


@pytest.mark.parametrize(
    ("params", "answer", "status", "reason"),
    [
        ({"equals": 1.5, "unit": "kg"}, "It weighs 1.5 kg and costs 20 EUR.", "pass", "found 1.5"),
        ({"equals": 1.5, "unit": "kg"}, "It weighs 1.5kg.", "pass", ""),
        ({"equals": 1.5, "unit": "kg"}, "It weighs 1500 g.", "fail", "none with that unit, only '1500 g.'"),
        ({"equals": 1.5, "unit": ["kg", "kilograms"]}, "1.5 kilograms", "pass", ""),
        ({"equals": 1.5, "unit": "kg"}, "1.5 kgs", "fail", "none with that unit"),
        ({"equals": 12.5, "unit": ["€", "EUR"]}, "That is € 12.50 for 2 items.", "pass", ""),
        ({"equals": 12.5, "unit": ["€", "EUR"]}, "That is 12.50€ or EUR 13.", "fail", "2 numbers (12.50, 13)"),
        ({"equals": 1234.5, "decimal": "comma"}, "Summe: 1.234,50", "pass", "found 1234.50"),
        ({"equals": 200, "within_percent": 5}, "190", "pass", "200 ± 5 %"),
        ({"equals": 200, "within_percent": 5}, "189.9", "fail", ""),
        ({"equals": 200, "within": 15, "within_percent": 5}, "214", "pass", "± 15 or 5 %"),
        ({"equals": -200, "within_percent": 5}, "-195", "pass", ""),
    ],
)
def test_numbers_have_units_and_tolerances(params, answer, status, reason, judge):
    """Units are kept apart and nothing is converted; tolerances are absolute or in per cent, whichever is wider."""
    verdict = judge({"number": params}, answer)
    assert (verdict.status, reason in verdict.reason) == (status, True), verdict.reason


def test_a_selected_text_may_be_a_number_with_its_unit(judge):
    """`"1.5 kg"` in JSON is one if a unit is wanted, and a bare JSON number has none."""
    check = {"number": {"equals": 1.5, "unit": "kg", "select": "$.weight"}}
    assert judge(check, '{"weight": "1.5 kg"}').status == "pass"
    assert "has no unit" in judge(check, '{"weight": 1.5}').reason


@pytest.mark.parametrize(
    ("options", "answer", "status"),
    [
        ({"ignore_accents": True}, "Cafe Zurich", "pass"),
        ({}, "Cafe Zürich", "fail"),
        ({}, "Cafe\u0301 Zu\u0308rich", "pass"),
        ({"unicode": "none"}, "Cafe\u0301 Zürich", "fail"),
        ({"unicode": "NFKC"}, "Ｃafé Zürich", "pass"),
        ({}, "Ｃafé Zürich", "fail"),
    ],
)
def test_texts_are_equal_as_far_as_they_are_normalised(options, answer, status, judge):
    """Composed or not is the same unless told otherwise; accents and width count unless told otherwise."""
    assert judge({"equals": {"value": "Café Zürich", **options}}, answer).status == status


def embedding(params, answer="late", replies=()):
    build = BuildContext(read_json=None, load_python=None, endpoint=lambda model: f"endpoint of {model}")
    check = build_check(CheckSpec("embedding_similarity", params, Where("a.yaml", 1)), build)
    ctx = CheckContext(answer, Response(answer), Request("scripted/x", ()))
    return check.followups(ctx), check.judge(ctx, replies) if replies or not answer.strip() else None


def test_embeddings_are_asked_one_text_at_a_time_and_compared_by_cosine():
    """Each text is a request of its own, so that a reference is paid once; the nearest reference counts."""
    params = {"to": ["early", "delayed"], "min": 0.9, "model": "openai/embed-1"}
    replies = [Response("", vectors=(vector,)) for vector in ((3.0, 4.0), (1.0, 0.0), (4.0, 3.0))]
    asked, verdict = embedding(params, replies=replies)
    assert [(request.kind, request.messages[0].content) for request in asked] == [
        ("embed", "late"),
        ("embed", "early"),
        ("embed", "delayed"),
    ]
    assert {request.endpoint for request in asked} == {"endpoint of openai/embed-1"}
    assert verdict.score == pytest.approx(0.96)
    assert (verdict.status, "against 'delayed'" in verdict.reason) == ("pass", True)


def test_embeddings_that_cannot_be_compared_are_errors():
    """A failed call, a missing vector, other lengths, all zeros: neither pass nor fail. An empty answer fails unasked."""
    params = {"to": "late", "min": 0.9}
    good = Response("", vectors=((1.0, 0.0),))
    for bad in (
        CallFailure("auth", "no key", attempts=1),
        Response(""),
        Response("", vectors=((1.0,),)),
        Response("", vectors=((0.0, 0.0),)),
    ):
        assert embedding(params, replies=[good, bad])[1].status == "error"
    asked, verdict = embedding(params, answer=" ")
    assert (list(asked), verdict.status) == ([], "fail")
