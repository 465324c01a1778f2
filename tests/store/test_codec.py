"""The codec: what is written is what is read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import call, failed_call, gate, info, prompt, request, trial, verdicts

from evalkit.errors import StoreError, Where
from evalkit.model.calls import Attempt, Call, CallFailure, Message, Request, Response, Tool, ToolCall, Usage
from evalkit.model.cases import Case, CheckSpec, Trial, Variant
from evalkit.model.results import Verdict
from evalkit.store.journal.codec import decode, decode_text, dumps, encode, encode_call, encode_whole

anything = st.text(st.characters())  # lone surrogates included
number = st.floats(allow_nan=False)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(anything, plain, max_size=3)
tool_calls = st.lists(st.builds(ToolCall, anything, anything, plain), max_size=2).map(tuple)
messages = st.builds(
    Message, st.sampled_from(["system", "user", "assistant", "tool"]), anything, tool_calls, st.none() | anything
)
requests = st.builds(
    Request,
    model=anything,
    messages=st.lists(messages, max_size=3).map(tuple),
    params=objects,
    tools=st.lists(st.builds(Tool, anything, anything, objects), max_size=2).map(tuple),
    output_schema=st.none() | objects,
    endpoint=anything,
    repeat=st.integers(0, 9),
)
responses = st.builds(
    Response,
    text=anything,
    usage=st.builds(Usage, st.none() | st.integers(), st.none() | st.integers()),
    latency_s=st.none() | number,
    tool_calls=tool_calls,
    vectors=st.lists(st.lists(number, max_size=3).map(tuple), max_size=2).map(tuple),
    labels=st.lists(anything, max_size=2).map(tuple),
)
failures = st.builds(
    CallFailure, st.sampled_from(["server", "budget"]), anything, st.integers(0, 9), st.none() | anything
)
attempts = st.builds(
    Attempt,
    st.integers(1, 9),
    number,
    number,
    number,
    st.none() | st.integers(100, 599),
    st.none() | st.just("timeout"),
    anything,
)
calls = st.builds(
    Call,
    request=requests,
    reply=responses | failures,
    source=st.sampled_from(["live", "cache", "replay", "scripted", "shared"]),
    attempts=st.lists(attempts, max_size=2).map(tuple),
    cost_usd=st.none() | number,
    settled_at=number,
)
wheres = st.builds(Where, anything, st.none() | st.integers(1, 99))
checks = st.recursive(
    st.builds(CheckSpec, anything, plain, wheres),
    lambda inner: st.builds(CheckSpec, anything, plain, wheres, st.lists(inner, max_size=2).map(tuple)),
    max_leaves=4,
)
cases = st.builds(
    Case,
    anything,
    objects,
    wheres,
    objects,
    st.frozensets(anything, max_size=3),
    st.none() | anything,
    st.lists(checks, max_size=2).map(tuple),
)
variants = st.builds(Variant, anything, anything, anything, anything, anything, anything, objects, st.none() | anything)
trials = st.builds(Trial, anything, anything, cases, variants, st.integers(0, 9), requests)


def through_json(value):
    return decode(type(value), json.loads(dumps(encode(value))))


@settings(max_examples=60, deadline=None)
@given(calls | trials)
def test_any_call_or_trial_comes_back_equal(value):
    """Whatever a model, a suite or a provider put into a value, it comes back equal, and a call keeps its key."""
    back = through_json(value)
    assert back == value
    if isinstance(value, Call):
        assert back.request.key == value.request.key


@settings(max_examples=60, deadline=None)
@given(calls | trials)
def test_the_fast_way_reads_the_same_or_nothing(value):
    """Parsing and checking in one step gives what the long way gives; where it cannot (a lone surrogate), it says so."""
    text = dumps(encode(value)).encode("ascii")
    back = decode_text(type(value), text)
    assert back == value or (back is None and b"\\ud" in text)


@pytest.mark.parametrize("value", [call(), failed_call(), trial(), *verdicts()])
def test_what_is_as_always_is_not_written(value):
    """No field that has its default takes space, and with every field written it is read the same."""
    whole = encode_whole(value)
    assert len(dumps(encode(value))) < len(dumps(whole))
    assert decode(type(value), whole) == value


@pytest.mark.parametrize("value", [call(), failed_call(), trial(), info(), prompt(), gate(), *verdicts()])
def test_every_kind_of_value_comes_back_equal(value):
    """Each kind of value that a journal holds survives with all of its fields."""
    assert through_json(value) == value


def test_the_line_is_ascii_whatever_the_text_holds():
    """Lone surrogates, NUL and line separators neither crash the writer nor break the line."""
    text = dumps(encode(request("\ud800\x00\u2028\n😀")))
    assert text.isascii()
    assert "\n" not in text


def test_a_field_of_a_newer_evalkit_is_named_and_not_dropped():
    """An unknown field is an error that says to upgrade, not silently lost data."""
    data = encode(verdicts()[0]) | {"certainty": 0.9}
    with pytest.raises(StoreError, match="certainty") as caught:
        decode(Verdict, data)
    assert "upgrade" in caught.value.hint


def test_a_missing_field_is_named():
    """A record without a required field is an error that names it."""
    data = encode(verdicts()[0])
    del data["status"]
    with pytest.raises(StoreError, match="status"):
        decode(Verdict, data)


@pytest.mark.parametrize("depth", [200, 300, 5000])
def test_tool_arguments_of_any_depth_can_be_written(depth):
    """A model that answers with absurdly nested arguments cannot stop the journal."""
    nested = []
    for _ in range(depth):
        nested = [nested]
    hostile = Call(request(), Response("", tool_calls=(ToolCall("1", "f", nested),)), "live")
    back = decode(Call, json.loads(dumps(encode_call(hostile))))
    assert back.reply.tool_calls[0].name == "f"
    assert back.reply.tool_calls[0].arguments
