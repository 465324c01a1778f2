"""The packed cases: exact, small, the same each time."""

from __future__ import annotations

import base64
import gzip
import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_report import build_report, make_case, make_result, variant

from evalkit.model.calls import CallFailure, Message, ToolCall, Usage
from evalkit.report.page import pack
from evalkit.report.page.pack import packed, page_data
from evalkit.report.page.shorthand import shorthand


def _unpacked(text: str):
    """What the page's script makes of the packed text: the tables, with strings written out."""
    data = json.loads(gzip.decompress(base64.b85decode(text.replace(",", "<"))))
    long = dict(zip(data.pop("codes"), data.pop("words"), strict=True))
    data["strings"] = ["".join(long.get(one, one) for one in text) for text in data["strings"]]
    return data


def test_every_answer_and_verdict_can_be_read_back(report):
    """Nothing is lost between the run and the page, hostile strings and lone surrogates included."""
    data = _unpacked(packed(report))
    found = set()
    for row in range(len(data["trials"]["case"])):
        case, side = data["cases"][data["trials"]["case"][row]], data["variants"][data["trials"]["variant"][row]]
        verdicts = tuple(
            (data["verdicts"]["check"][v], data["strings"][data["verdicts"]["reason"][v]])
            for v in data["trials"]["verdicts"][row]
        )
        answer = data["strings"][data["trials"]["answer"][row]]
        found.add((
            case["suite"],
            case["id"],
            side["label"],
            data["trials"]["repeat"][row],
            data["trials"]["status"][row],
            answer,
            verdicts,
        ))
    expected = set()
    for result in report.results:
        reply, trial = result.reply, result.trial
        answer = reply.message if isinstance(reply, CallFailure) else reply.text
        verdicts = tuple((v.check, v.reason) for v in result.verdicts)
        expected.add((trial.suite, trial.case.id, trial.variant.label, trial.repeat, result.status, answer, verdicts))
    assert found == expected


def test_a_stand_in_is_named(report):
    """A row that a fallback or the canned answer served says so, and in whose place."""
    (first, *rest) = [result for result in report.results if not isinstance(result.reply, CallFailure)]
    data = _unpacked(packed(replace(report, results=(replace(first, served="canned answer"), *rest))))
    served = [name if name is None else data["strings"][name] for name in data["trials"]["served"]]
    assert served.count("canned answer, in place of openai/gpt-5-mini") == 1
    assert sum("in place of" in (name or "") for name in served) == 1


def test_what_a_judge_was_asked_and_said_can_be_read_back(report):
    """Each trial's follow-up calls are there in order, with model, question, reply, source and cost."""
    data = _unpacked(packed(report))
    strings = data["strings"]
    asked = [
        (
            strings[model],
            [[role, strings[text]] for role, text in data["messages"][messages]],
            strings[reply],
            source,
            cost,
        )
        for row in data["trials"]["followups"]
        for model, _, messages, reply, _, source, cost, *_ in row
    ]
    expected = [
        (
            call.request.model,
            [[m.role, m.content] for m in call.request.messages],
            call.reply.text,
            call.source,
            round(call.cost_usd, 9),
        )
        for result in report.results
        for call in result.followups
    ]
    assert len(asked) > 100
    assert sorted(asked) == sorted(expected)


def test_equal_strings_are_stored_once(report):
    """The dictionary of strings has no doubles, and a system prompt shared by all cases is one of them."""
    strings = page_data(report)["strings"]
    assert len(strings) == len(set(strings))
    assert sum(text.startswith("You answer for the shop. Be warm") for text in strings) == 1


def test_the_block_holds_no_markup_and_is_deterministic(report):
    """It stands inside a script element, so it may hold neither "<" nor a line end; the same run packs to the same bytes."""
    text = packed(report)
    assert not set(text) & set("<\n\r\0\\\"'/")
    assert text == packed(build_report(cases=60, repeats=3))


def test_the_size_stays_near_that_of_the_answers_alone():
    """A trial costs its answer, compressed, and few bytes more: 10,000 trials of 1 kB fit into 6 MB (measured: 5.7 MB)."""
    rng = random.Random(3)
    side = variant("baseline", 1)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(4000)]
    results = [
        make_result(make_case(index, rng), side, 0, rng, good=True, text=" ".join(rng.choices(words, k=150)))
        for index in range(400)
    ]
    size = len(packed(replace(build_report(cases=1, topics=0, hostile=False), results=tuple(results))))
    answers = "".join(result.reply.text for result in results)
    alone = len(base64.b85encode(gzip.compress(answers.encode(), 9)))
    assert size - alone < 90 * len(results)


def test_what_stands_behind_a_verdict_can_be_read_back(report):
    """The detail of a verdict (votes, a traceback) is on the page; most verdicts have none and cost nothing."""
    result = report.results[0]
    verdicts = (replace(result.verdicts[0], detail="1. yes\n2. no </script>"), *result.verdicts[1:])
    data = _unpacked(packed(replace(report, results=(replace(result, verdicts=verdicts), *report.results[1:]))))
    details = [None if index is None else data["strings"][index] for index in data["verdicts"]["detail"]]
    assert [detail for detail in details if detail is not None] == ["1. yes\n2. no </script>"]
    assert None in details


@pytest.mark.parametrize(("items", "piece"), [(1, 4), (3, 64), (7, 2**20)])
def test_pieces_join_up_to_the_same_text(monkeypatch, items, piece):
    """However finely a big page is cut while it is packed, the text unpacks to the page's data."""
    report = build_report(cases=8, repeats=2)
    whole = packed(report)
    monkeypatch.setattr(pack, "_ITEMS", items)
    monkeypatch.setattr(pack, "_PIECE", piece)
    assert _unpacked(packed(report)) == json.loads(json.dumps(page_data(report)))
    assert _unpacked(whole) == _unpacked(packed(report))


_words = st.sampled_from([
    "refund",
    " refund",
    "the order",
    "naïve",
    "日本語",
    "👋",
    "\ud800",
    "\x80",
    "\ue000",
    "",
    "\n",
    "x" * 60,
])


@given(st.lists(st.lists(_words | st.text(max_size=8), max_size=30).map("".join), max_size=40))
def test_shorthand_loses_nothing(texts):
    """Whatever characters the texts hold, also those that could be codes, the words are put back exactly."""
    short = shorthand([*texts, *texts])
    assert not set(short.codes) & set("".join(texts))
    long = dict(zip(short.codes, short.words, strict=True))
    assert ["".join(long.get(one, one) for one in text) for text in short.texts] == [*texts, *texts]


def test_shorthand_halves_random_words():
    """Words come back too far away for gzip to see them; with shorthand 1 kB of 4000 words needs a third of a kB."""
    rng = random.Random(5)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(4000)]
    texts = [" ".join(rng.choices(words, k=160)) for _ in range(2000)]
    short = shorthand(texts)
    size = len(gzip.compress(json.dumps([short.words, short.texts], ensure_ascii=False).encode()))
    assert size < 330 * len(texts)
    assert size < 0.7 * len(gzip.compress("".join(texts).encode()))


def test_what_was_tried_before_and_called_in_the_conversation_can_be_read_back(report):
    """Calls that failed before another model served, tool calls of history, the time to first token, the suite's path."""
    result = next(r for r in report.results if not isinstance(r.reply, CallFailure))
    asked = Message("assistant", "", (ToolCall("1", "find", {"id": 1}),))
    request = replace(result.call.request, messages=(*result.call.request.messages, asked))
    failed = replace(result.call, reply=CallFailure("overloaded", "busy", 1))
    reply = replace(result.reply, first_token_s=0.25, usage=Usage(10, 20, 5, 7))
    changed = replace(result, call=replace(result.call, request=request, reply=reply), tried=(failed,))
    data = _unpacked(packed(replace(report, results=(changed,))))
    (row,) = data["trials"]["tried"]
    ((model, failure, message, attempts),) = row
    assert (data["strings"][model], failure, data["strings"][message]) == ("openai/gpt-5-mini", "overloaded", "busy")
    assert attempts == len(failed.attempts)
    assert data["messages"][data["trials"]["messages"][0]][-1][2] == [["find", '{"id": 1}']]
    assert [data["trials"][name][0] for name in ("first_token", "cached", "reasoning")] == [0.25, 5, 7]
    assert data["cases"][0]["path"] == "suites/refunds.yaml"
