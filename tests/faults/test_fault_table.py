"""The fault table: for every fault of a provider or a network its class, the requests it costs, the exit code and the message.

``docs/reliability.md`` shows the same table in words. Limits are small here, so that nobody waits: two retries, one after a malformed body.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, get_args

import pytest
from fakes.engine import caller_for
from fakes.eval_project import Project
from fakes.faults import FAULTS, Faulty
from fakes.llm_server import LLMServer

import evalkit
from evalkit.engine.policy import Policy
from evalkit.model.calls import Call, CallFailure, Message, Request, Response, Transport
from evalkit.providers.anthropic.provider import Anthropic
from evalkit.providers.base import ProviderSettings
from evalkit.providers.openai.provider import OpenAI

if TYPE_CHECKING:
    from evalkit.errors import FailureKind
    from evalkit.model.calls import Finish
    from evalkit.providers.base import Provider

KEY = "sk-test-0123456789abcdef"
POLICY = Policy(retries=2, malformed_retries=1, backoff_s=0.001, max_backoff_s=0.002, deadline_s=20.0)
LATE_S = 0.1
"""The deadline of a try, for the faults that never end."""


class Way(NamedTuple):
    """A way to a model."""

    api: str
    transport: Transport


WAYS = [Way(api, transport) for api in ("openai", "anthropic") for transport in get_args(Transport)]


@dataclass(frozen=True)
class Row:
    """One row: the ``fault``, what it becomes (a class of failure, or how the answer ended), how many ``requests``, and a part of the message.

    A pair is for OpenAI and for Anthropic. ``requests`` None: as many as the deadline allows.
    """

    fault: str
    becomes: str | tuple[str, str]
    requests: int | None = 1
    says: str = ""

    def for_api(self, api: str) -> str:
        """What it becomes for one API."""
        return self.becomes if isinstance(self.becomes, str) else self.becomes[api == "anthropic"]


NEVER, ONCE_MORE, TWICE_MORE = 1, 2, 3
FAILURES = [
    Row("400", "bad_request", NEVER, "HTTP 400: boom"),
    Row("422", "bad_request", NEVER, "HTTP 422: boom"),
    Row("401", "auth", NEVER, "HTTP 401: boom"),
    Row("403", "auth", NEVER, "HTTP 403: boom"),
    Row("402", "quota", NEVER, "HTTP 402: add credit"),
    Row("404", "model_not_found", NEVER, "HTTP 404: boom"),
    Row("408", "timeout", TWICE_MORE, "HTTP 408: boom"),
    Row("409", "server", TWICE_MORE, "HTTP 409: boom"),
    Row("413", "too_long", NEVER, "HTTP 413: boom"),
    Row("context", "too_long", NEVER, "maximum context length"),
    Row("500", "server", TWICE_MORE, "HTTP 500: boom"),
    Row("502", "server", TWICE_MORE, "HTTP 502: boom"),
    Row("503", "overloaded", TWICE_MORE, "HTTP 503: boom"),
    Row("529", "overloaded", TWICE_MORE, "HTTP 529: boom"),
    Row("quota", "quota", NEVER, "exceeded your current quota"),
    Row("429hour", "rate_limited", NEVER, "the provider asks to wait 3600 s; at most"),
    Row("429date", "rate_limited", NEVER, "s would have been waited"),
    Row("shouldretryfalse", "rate_limited", NEVER, "HTTP 429: boom"),
    Row("html", "bad_response", ONCE_MORE, "content-type text/html, body '<html>captive portal</html>'"),
    Row("cutjson", "bad_response", ONCE_MORE, "not valid JSON"),
    Row("empty", "bad_response", ONCE_MORE, "the body is empty"),
    Row("null", "bad_response", ONCE_MORE, "JSON NoneType, not an object"),
    Row("list", "bad_response", ONCE_MORE, "JSON list, not an object"),
    Row("nochoices", "bad_response", ONCE_MORE, "HTTP 200 but"),
    Row("errin200", "server", TWICE_MORE, "backend overloaded"),
    Row("badutf8", "bad_response", ONCE_MORE, "not UTF-8"),
    Row("deep", "bad_response", ONCE_MORE, "nested too deeply"),
    Row("huge", "bad_response", ONCE_MORE, "larger than 20,971,520 bytes"),
    Row("gzipbomb", "bad_response", ONCE_MORE, "larger than 20,971,520 bytes"),
    Row("badgzip", "bad_response", ONCE_MORE, "content-encoding"),
    Row("redirect", "bad_response", NEVER, "redirects to 'http://127.0.0.1:9/leak'; not followed"),
    Row("close", "connection", TWICE_MORE, "the connection failed"),
    Row("reset", "connection", TWICE_MORE, "the connection failed"),
    Row("cutbody", "connection", TWICE_MORE, "the connection failed"),
    Row("headers", "connection", TWICE_MORE, "the connection failed"),
    Row("nohttp", "connection", TWICE_MORE, "the connection failed"),
    Row("silence", "timeout", TWICE_MORE, f"no complete answer within {LATE_S:g} s"),
    Row("drip", "timeout", TWICE_MORE, f"no complete answer within {LATE_S:g} s"),
    Row("dripspaces", "timeout", TWICE_MORE, f"no complete answer within {LATE_S:g} s"),
    Row("streamcut", "connection", TWICE_MORE, "the connection failed"),
    Row("streamend", "connection", TWICE_MORE, "the stream ended before the answer did"),
    Row("streamerr", "overloaded", TWICE_MORE, "Overloaded"),
    Row("streambad", "bad_response", ONCE_MORE, "not valid JSON"),
    Row("streamhang", "timeout", TWICE_MORE, f"no complete answer within {LATE_S:g} s"),
]
ANSWERS = [
    Row("ok", "stop"),
    Row("429x1", "stop", 2),
    Row("500x1", "stop", 2),
    Row("429ra", "stop", 2),
    Row("429ms", "stop", 2),
    Row("429past", "stop", 2),
    Row("429soon", "stop", 2),
    Row("429minus", "stop", 2),
    Row("429float", "stop", 2),
    Row("429long", "stop", 2),
    Row("text", "stop", says="hi"),
    Row("nullcontent", "stop", says=""),
    Row("filter", ("filtered", "refusal")),
    Row("refusal", "refusal"),
    Row("length", "length", says="hi"),
    Row("newstop", "unknown", says="hi"),
    Row("nousage", "stop", says="hi"),
    Row("dupkeys", "stop", says="hi"),
    Row("surrogate", "stop", says="hi\N{REPLACEMENT CHARACTER}"),
    Row("nul", "stop", says="hi\0"),
    Row("bom", "stop", says="hi"),
    Row("nan", "stop", says="hi"),
    Row("streamok", "stop", says="hi there"),
]


def named(rows: list[Row]) -> pytest.MarkDecorator:
    """Each row under the name of its fault."""
    return pytest.mark.parametrize("row", rows, ids=[row.fault for row in rows])


@pytest.fixture(params=WAYS, ids="-".join)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Way:
    """Each API over each transport, with a key in the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    return request.param


def open_provider(way: Way, url: str, *, fault: str) -> Provider:
    """The provider that goes that way."""
    late = fault.startswith(("silence", "drip", "streamhang"))
    options = {"transport": way.transport, "stream": fault.startswith("stream")}
    timeout_s = LATE_S if late else 20.0
    if way.api == "anthropic":
        settings = ProviderSettings("anthropic", Path(), {"base_url": url, **options}, timeout_s=timeout_s)
        return Anthropic.open(settings)
    settings = ProviderSettings("openai", Path(), {"base_url": f"{url}/v1", **options}, timeout_s=timeout_s)
    return OpenAI.open(settings)


def call(way: Way, fault: str, *, policy: Policy = POLICY) -> tuple[Call, int]:
    """One call that meets ``fault`` on that way, and how many requests the server counted."""
    request = Request(f"{way.api}/m", (Message("user", f"fault={fault}"),))

    async def story(url: str) -> Call:
        caller = caller_for({way.api: open_provider(way, url, fault=fault)}, policy=policy)
        try:
            return await caller.call(request)
        finally:
            await caller.aclose()

    with LLMServer(Faulty()) as server:
        settled = asyncio.run(story(server.url))
        return settled, len(server.requests)


def failure(settled: Call) -> CallFailure:
    """Its failure; an answer is none."""
    assert isinstance(settled.reply, CallFailure), settled.reply
    return settled.reply


@named(FAILURES)
def test_a_fault_has_its_class_its_requests_and_its_message(way: Way, row: Row) -> None:
    """Whatever API and transport: the same class, exactly so many requests, a message that says what came, one attempt told per request."""
    settled, requests = call(way, row.fault)
    failed = failure(settled)
    assert (failed.kind, requests) == (row.for_api(way.api), row.requests), failed.message
    assert row.says in failed.message
    assert [attempt.failure for attempt in settled.attempts] == [failed.kind] * requests
    assert KEY not in failed.message


@named(ANSWERS)
def test_what_is_an_answer_all_the_same_is_taken_as_one(way: Way, row: Row) -> None:
    """Sloppy wrappings, other ends and a first try that failed: the answer is there, with how it ended, and no count is invented."""
    settled, requests = call(way, row.fault)
    assert isinstance(settled.reply, Response), settled.reply
    assert (settled.reply.finish, requests) == (row.for_api(way.api), row.requests)
    if row.says or row.fault == "nullcontent":
        assert settled.reply.text == row.says
    assert settled.reply.repaired == (row.fault == "surrogate")
    assert (settled.reply.usage.output_tokens is None) == (row.fault == "nousage")


def test_a_429_without_end_is_bounded_by_the_deadline_alone(way: Way) -> None:
    """It uses up no retry: the call is sent more often than ``retries`` allows, and given up in time, as rate_limited."""
    settled, requests = call(way, "429", policy=Policy(retries=0, deadline_s=1.0, backoff_s=0.001))
    assert failure(settled).kind == "rate_limited"
    assert requests > 1


def test_no_fault_is_without_a_row() -> None:
    """A fault that is added to the fakes belongs into the table."""
    assert {row.fault for row in FAILURES + ANSWERS} | {"429"} == FAULTS.keys()


# -- the same through a whole run: what CI sees ---------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A fresh project, the current folder, a key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return Project(tmp_path)


def suite(*faults: str) -> str:
    """One case per fault, in this order."""
    rows = "\n".join(
        f"  - {{id: f-{number}, vars: {{customer: fault={fault} {number}}}}}" for number, fault in enumerate(faults)
    )
    return f"suite: hello\nprompt: hello:v1\ncases:\n{rows}\nchecks: [contains: hi]\n"


EXITS: dict[FailureKind | Finish, tuple[str, int]] = {
    "bad_request": ("400", 3),
    "auth": ("401", 3),
    "quota": ("quota", 3),
    "model_not_found": ("404", 3),
    "too_long": ("413", 3),
    "rate_limited": ("429hour", 3),
    "server": ("500", 3),
    "overloaded": ("529", 3),
    "connection": ("close", 3),
    "timeout": ("408", 3),
    "bad_response": ("html", 3),
    "stop": ("ok", 0),
    "length": ("length", 0),
    "refusal": ("refusal", 1),
    "filtered": ("filter", 1),
}


@pytest.mark.parametrize("becomes", EXITS)
def test_each_class_has_its_exit_code(project: Project, monkeypatch: pytest.MonkeyPatch, becomes: str) -> None:
    """No answer is exit 3, an answer without the word is exit 1: never 0. The page and the database are written all the same."""
    fault, code = EXITS[becomes]
    monkeypatch.setattr("evalkit.engine.retry.backoff", lambda *given: 0.0)
    project.suite(suite(fault))
    with LLMServer(Faulty()) as server:
        project.live(server.url, retries=1)
        done = evalkit.run()
    (result,) = done.report.results
    reply = result.call.reply
    assert (reply.kind if isinstance(reply, CallFailure) else reply.finish) == becomes
    assert done.exit_code == code
    assert done.problems == ()
    assert done.html is not None


def test_one_run_meets_every_fault_and_goes_on(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fault that does not speak for the whole account costs its own case only: the good ones between them pass; each is told by its words."""
    monkeypatch.setattr("evalkit.engine.retry.backoff", lambda *given: 0.0)
    fatal = {"auth", "quota", "model_not_found"}
    slow = {"drip", "dripspaces", "silence", "streamhang", "huge", "429hour", "429date"}
    rows = [row for row in FAILURES if row.becomes not in fatal and row.fault not in slow and "stream" not in row.fault]
    project.suite(suite(*(fault for row in rows for fault in (row.fault, "ok"))))
    script = Faulty()
    with LLMServer(script) as server:
        project.live(server.url, retries=1, concurrency=1)
        ran = project.evalkit("run", "-v", "--evalkit-no-report", "--mode", "live")
    assert ran.code == 3
    assert f"{len(rows)}/{2 * len(rows)} (errors {len(rows)}, skipped 0)" in ran.out
    for row in rows:
        assert row.says in ran.out, row.fault
        assert script.counts[row.fault] == min(2, row.requests or 2), row.fault
    records = project.journal()
    assert sum(record["t"] == "intent" for record in records) == sum(script.counts.values())
