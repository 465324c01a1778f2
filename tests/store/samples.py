"""Values for the tests of the store: small, but with every field that is easy to lose."""

from __future__ import annotations

from evalkit.errors import Where
from evalkit.model.calls import Attempt, Call, CallFailure, Message, Request, Response, Tool, ToolCall, Usage
from evalkit.model.cases import Case, CheckSpec, Trial, Variant
from evalkit.model.results import GateOutcome, PromptRecord, Result, RunInfo, Verdict


def info(run_id="r1", **changes):
    values = {
        "run_id": run_id,
        "started_at": "2026-11-21T10:00:00+00:00",
        "mode": "cache",
        "evalkit_version": "0.1.0",
        "python_version": "3.11.7",
        "git_revision": "abc123",
        "git_dirty": True,
        "command": "pytest suites",
        "extra": {"platform": "linux"},
    }
    return RunInfo(**{**values, **changes})


def request(text="Hello", **changes):
    values = {
        "model": "openai/gpt-5-mini",
        "messages": (Message("system", "Be kind."), Message("user", text)),
        "params": {"temperature": 0.5, "stop": ["END"]},
        "tools": (Tool("find", "Find an order", {"type": "object"}),),
        "output_schema": {"type": "object", "required": ["a"]},
        "endpoint": "openai https://example.test/v1 chat",
    }
    return Request(**{**values, **changes})


def call(text="Hello", *, answer="Hi 😀", source="live", settled_at=1700000000.25, **changes):
    reply = Response(
        text=answer,
        usage=Usage(input_tokens=12, output_tokens=3, cached_input_tokens=4),
        latency_s=0.25,
        served_model="gpt-5-mini-2026",
        request_id="req_1",
        tool_calls=(ToolCall("c1", "find", {"order": [1, {"b": None}]}),),
    )
    attempts = (
        Attempt(1, 1700000000.0, 0.1, 0.0, 429, "rate_limited", "slow down"),
        Attempt(2, 1700000000.0, 0.25, wait_s=0.5, status=200),
    )
    return Call(request(text, **changes), reply, source, attempts, cost_usd=0.0012, settled_at=settled_at)


def failed_call(text="Hello", kind="server"):
    return Call(request(text), CallFailure(kind, "it broke", 3, hint="try later"), "live", settled_at=1700000001.0)


def trial(case_id="late-parcel", *, text="Hello", label="candidate-openai/gpt-5-mini", repeat=0):
    case = Case(
        id=case_id,
        vars={"customer": "Ana", "n": 1, "nested": {"list": [1, 2.5, None, "ü"]}},
        where=Where("suites/refunds.yaml", 12),
        expect={"answer": "yes"},
        tags=frozenset({"smoke", "billing", "vip"}),
        cluster="refunds",
        checks=(
            CheckSpec("not", None, Where("suites/refunds.yaml", 14), (CheckSpec("contains", "x", Where("s", 15)),)),
        ),
        digest="c" * 64,
    )
    name = label.partition("-")[0]
    variant = Variant(
        name, label, "openai/gpt-5-mini", f"refund:{name}", "d" * 64, "openai/gpt-5-mini", {"temperature": 0}
    )
    return Trial("refund-replies", "suites/refunds.yaml", case, variant, repeat, request(text))


def verdicts(status="pass"):
    return (
        Verdict("contains", "content", status, "expected 'yes'", score=0.5, spans=((0, 2),), line=14),
        Verdict("pii", "safety", "pass", "nothing found", severity="warn"),
    )


def result(case_id="late-parcel", *, text="Hello", status="pass", source="live", followups=(), **changes):
    return Result(trial(case_id, text=text, **changes), call(text, source=source), verdicts(status), followups)


def gate(status="passed"):
    return GateOutcome(
        "pass_rate >= 0.9", "refund-replies", "suites/refunds.yaml", "candidate", status, "19 of 20", {"n": 20}, line=30
    )


def prompt(ref="refund:v1"):
    sources = {"prompts/refund/v1.j2": "Hi {{ customer }} ü", "prompts/_tone.j2": "kind"}
    return PromptRecord(ref, "d" * 64, "prompts/refund/v1.j2", sources, "First reply", at="origin/main")
