"""Recordings: what is written can be read by people and machines, and replays the same answer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import CallError, RecordingError
from evalkit.model.calls import CallFailure, Message, Request, Response, Tool, ToolCall, Usage
from evalkit.providers.recordings.recording import Recorder, read_recordings, replay_key
from evalkit.providers.recordings.replay import ReplayProvider
from evalkit.providers.redact import Redactor
from evalkit.rates import RateLimits, RateWindow

if TYPE_CHECKING:
    from pathlib import Path

ASKED = Request(
    "openai/gpt-x",
    (Message("system", "be brief"), Message("user", "Grüße aus 東京?")),
    params={"temperature": 0, "stop": ["END"]},
    tools=(Tool("weather", "Says it", {"type": "object"}),),
    output_schema={"type": "object"},
    endpoint="openai https://gateway.example/v1 chat",
    repeat=2,
)
SAID = Response(
    "Guten Tag",
    finish="tool_calls",
    usage=Usage(12, 7, 4, None, 3),
    latency_s=0.25,
    first_token_s=0.1,
    limits=RateLimits(requests=RateWindow(limit=60)),
    served_model="gpt-x-1",
    request_id="req-7",
    tool_calls=(ToolCall("t1", "weather", {"city": "Ulm"}),),
    labels=("hate",),
    vectors=((1.0, 0.5),),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recordings" / "suite.jsonl"


def recorder(path: Path, environ: dict[str, str] | None = None, **options: Any) -> Recorder:
    return Recorder(path, redactor=Redactor(environ or {}), **options)


def ask(path: Path, request: Request) -> Response:
    return asyncio.run(ReplayProvider(read_recordings(path), folder="suites/recordings").complete(request))


def test_what_was_recorded_is_replayed(path):
    """Every fact of the answer survives."""
    assert recorder(path).add(ASKED, SAID, at=0.0)
    assert ask(path, ASKED) == SAID
    assert ask(path, ASKED).first_token_s == 0.1
    assert ask(path, ASKED).limits is None


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
MESSAGES = st.builds(Message, st.sampled_from(["system", "user", "assistant"]), TEXT)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**50), 2**50)
REQUESTS = st.builds(
    Request,
    model=TEXT.map(lambda text: f"p/{text}"),
    messages=st.lists(MESSAGES, min_size=1, max_size=3).map(tuple),
    params=st.dictionaries(st.sampled_from(["temperature", "top_p"]), NUMBERS),
    repeat=st.integers(0, 5),
)
RESPONSES = st.builds(
    Response,
    text=TEXT,
    finish=st.sampled_from(["stop", "length", "unknown"]),
    usage=st.builds(Usage, *[st.none() | st.integers(0, 9)] * 5),
    latency_s=st.none() | st.floats(0, 100),
    first_token_s=st.none() | st.floats(0, 100),
)


FAILURES = st.builds(CallFailure, st.sampled_from(["server", "auth"]), TEXT, st.just(1))


@settings(max_examples=60, deadline=None)
@given(REQUESTS, RESPONSES | FAILURES)
def test_any_exchange_survives_the_file(tmp_path_factory, request_, response):
    """Whatever is asked and said, reading gives back what was written."""
    path = tmp_path_factory.mktemp("r") / "x.jsonl"
    recorder(path).add(request_, response, at=1.0)
    (exchange,) = read_recordings(path)
    assert (exchange.request, exchange.reply) == (request_, response)
    assert exchange.key == replay_key(request_)


def test_a_recording_is_readable(path):
    """Letters of any script are themselves, messages are objects, defaults are left out, and one exchange is one line."""
    recorder(path).add(ASKED, SAID, at=0.0)
    recorder(path).add(Request("openai/m", (Message("user", "hi"),)), Response("yes"), at=0.0)
    first, second = path.read_text(encoding="utf-8").splitlines()
    assert "Grüße aus 東京?" in first
    assert '{"role": "system", "content": "be brief"}' in first
    assert json.loads(second) == {
        "key": replay_key(Request("openai/m", (Message("user", "hi"),))),
        "model": "openai/m",
        "request": {"messages": [{"role": "user", "content": "hi"}]},
        "response": {"text": "yes"},
        "recorded_at": "1970-01-01T00:00:00+00:00",
    }


def test_a_recording_replays_behind_another_endpoint(path):
    """What was recorded through a gateway replays where there is none."""
    recorder(path).add(ASKED, SAID, at=0.0)
    assert ask(path, replace(ASKED, endpoint="openai default chat")) == SAID


def test_a_person_can_write_a_recording(path):
    """The model, the messages and the answer are enough: no key, no endpoint."""
    path.parent.mkdir()
    path.write_text(
        '{"model": "a/b", "request": {"messages": [{"role": "user", "content": "hi"}]}, "response": {"text": "yo"}}\n\n',
        encoding="utf-8",
    )
    assert ask(path, Request("a/b", (Message("user", "hi"),), endpoint="anything")).text == "yo"


def line(**changes: Any) -> str:
    plain = {
        "model": "a/b",
        "request": {"messages": [{"role": "user", "content": "hi"}]},
        "response": {"text": "yo"},
    }
    return json.dumps(plain | changes)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ('{"model": "a/b", "requ', "damaged"),
        ("[]", "object"),
        (line(key="0" * 64), "edited by hand"),
        (line(respons={}), "respons"),
        (line(response={"text": 5}), "response.text"),
        (line(response={"text": "x", "finish": "done"}), "response.finish"),
        (line(request={"messages": [{"role": "robot", "content": ""}]}), "role"),
        (line(request={"messages": [], "model": "c/d"}), "two models"),
        (line(request={"messages": [], "repeat": -1}), "repeat"),
        ("[" * 100_000, "damaged"),
    ],
)
def test_a_damaged_line_is_an_error_with_its_place(path, bad, says):
    """File, line and reason; nothing is skipped in silence."""
    path.parent.mkdir()
    path.write_text(line() + "\n" + bad + "\n", encoding="utf-8")
    with pytest.raises(RecordingError, match=says) as caught:
        read_recordings(path, root=path.parent.parent)
    assert str(caught.value).startswith("recordings/suite.jsonl:2: ")


def test_a_file_that_is_not_text_is_an_error(path):
    """Bytes that are not UTF-8 are told with their line."""
    path.parent.mkdir()
    path.write_bytes(b"\n\xff\n")
    with pytest.raises(RecordingError, match="not UTF-8"):
        read_recordings(path)


def test_the_same_request_is_recorded_once(path):
    """Neither one recorder nor the next one writes a known request again."""
    one = recorder(path)
    assert one.add(ASKED, SAID, at=0.0)
    assert not one.add(ASKED, Response("other"), at=0.0)
    assert not recorder(path).add(replace(ASKED, endpoint="elsewhere"), Response("other"), at=0.0)
    assert ask(path, ASKED) == SAID


def test_a_new_recording_replaces_an_old_answer(path):
    """With replace, the answer that was recorded last counts."""
    recorder(path).add(ASKED, SAID, at=0.0)
    assert recorder(path, replace=True).add(ASKED, Response("new"), at=1.0)
    assert ask(path, ASKED).text == "new"


def test_secrets_do_not_reach_a_recording_and_it_still_replays(path):
    """The secret is gone from the file; the request that held it still finds its answer, without the variable too."""
    secret = "hunter2-hunter2"
    request = Request("a/b", (Message("user", f"my password is {secret}"),))
    recorder(path, {"DB_PASSWORD": secret}).add(request, Response(f"you said {secret}"), at=0.0)
    assert secret not in path.read_text(encoding="utf-8")
    assert ask(path, request).text == "you said [REDACTED:DB_PASSWORD]"


def test_characters_that_no_file_can_hold_are_replaced(path):
    """A lone surrogate neither breaks the file nor the replay."""
    request = Request("a/b", (Message("user", "a\ud800b"),))
    recorder(path).add(request, Response("c\udfffd"), at=0.0)
    assert ask(path, request).text == "c\N{REPLACEMENT CHARACTER}d"


def test_a_cut_off_line_does_not_swallow_the_next_one(path):
    """After a crash in the middle of a line, the damage stays visible and the next record starts on a new line."""
    one = recorder(path)
    one.add(ASKED, SAID, at=0.0)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"model": "a/')
    one.add(Request("a/b", (Message("user", "hi"),)), Response("yo"), at=0.0)
    assert path.read_text(encoding="utf-8").splitlines()[2].startswith('{"key"')
    with pytest.raises(RecordingError, match="damaged"):
        recorder(path)


def miss(path: Path, request: Request) -> str:
    with pytest.raises(CallError) as caught:
        ask(path, request)
    assert caught.value.kind == "replay_miss"
    assert "evalkit run --record" in (caught.value.hint or "")
    return caught.value.message


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"params": {"temperature": 1, "stop": ["END"]}}, "params.temperature (1, recorded 0)"),
        ({"params": {"stop": ["END"]}}, "params.temperature (not set, recorded 0)"),
        ({"model": "openai/gpt-y"}, 'model ("openai/gpt-y", recorded "openai/gpt-x")'),
        ({"repeat": 0}, "repeat (0, recorded 2)"),
        ({"output_schema": None}, "output_schema"),
        ({"tools": ()}, "tools"),
        (
            {"messages": (Message("system", "be brief"), Message("user", "Grüße aus Kyoto?"))},
            "messages[1].content of the user ('Grüße aus Kyoto?', recorded 'Grüße aus 東京?')",
        ),
        ({"messages": ASKED.messages[:1]}, "messages (1 messages, recorded 2)"),
    ],
)
def test_a_miss_names_the_nearest_recording_and_what_differs(path, changed, says):
    """File and line of the nearest recording, the field, and both values."""
    one = recorder(path)
    one.add(Request("openai/gpt-x", (Message("user", "something else entirely"),)), Response("no"), at=0.0)
    one.add(ASKED, SAID, at=0.0)
    message = miss(path, replace(ASKED, **changed))
    assert "suite.jsonl:2" in message
    assert says in message


def test_of_similar_prompts_the_one_with_the_same_parameters_is_nearest(path):
    """Two recordings resemble the request alike: the one that differs in fewer fields is named."""
    one = recorder(path)
    one.add(Request("a/b", (Message("user", "alpha beta 1"),), {"temperature": 0}), SAID, at=0.0)
    one.add(Request("a/b", (Message("user", "alpha beta 2"),), {"temperature": 1}, repeat=3), SAID, at=0.0)
    assert "suite.jsonl:1" in miss(path, Request("a/b", (Message("user", "alpha beta 3"),), {"temperature": 0}))


def test_a_miss_without_recordings_says_so(path):
    """An empty folder is not blamed on a field."""
    path.parent.mkdir()
    path.touch()
    assert "there are no recordings" in miss(path, ASKED)


def test_a_long_difference_is_shown_where_it_is(path):
    """Two long prompts are cut to the place where they part."""
    long = "policy " * 500
    recorder(path).add(Request("a/b", (Message("user", f"{long}30 days{long}"),)), SAID, at=0.0)
    message = miss(path, Request("a/b", (Message("user", f"{long}14 days{long}"),)))
    assert "14 days" in message
    assert "30 days" in message
    assert len(message) < 600


def test_many_misses_stay_cheap(path):
    """After fifty misses the reason is known, and no more nearest recordings are looked for."""
    recorder(path).add(ASKED, SAID, at=0.0)
    provider = ReplayProvider(read_recordings(path), folder="suites/recordings")
    messages = []
    for repeat in range(10, 70):
        with pytest.raises(CallError) as caught:
            asyncio.run(provider.complete(replace(ASKED, repeat=repeat)))
        messages.append(caught.value.message)
    assert "nearest" in messages[0]
    assert "nearest" not in messages[-1]
