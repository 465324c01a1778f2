"""A realistic run to look at: two variants, flips, errors, repeats, a second suite, and strings that try to break out."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace

from evalkit.compare.pair import errors_moved_it
from evalkit.compare.statistics.interval import Interval
from evalkit.compare.values import Comparison, Flip, Metric, Side
from evalkit.errors import Where
from evalkit.model.calls import Attempt, Call, CallFailure, Message, Request, Response, ToolCall, Usage
from evalkit.model.cases import Case, Trial, Variant
from evalkit.model.results import GateOutcome, PromptRecord, Result, RunInfo, Verdict
from evalkit.report.values import CallCounts, RunReport, VariantSummary

HOSTILE = (
    "</script><script>window.__pwned=1</script>",
    "<img src=x onerror=window.__pwned=2>",
    "<svg/onload=window.__pwned=3>",
    '"><iframe srcdoc="<script>parent.__pwned=4</script>">',
    "javascript:window.__pwned=5",
    "[click](javascript:window.__pwned=6) ![t](https://tracker.invalid/a.png)",
    "{{ 7*7 }}{% raw %} ${window.__pwned=7} `window.__pwned=8`",
    "\x1b[31mred\x1b]8;;https://evil.invalid\x07link\x1b]8;;\x07 \x9b2J",
    "user\u202egnp.exe \u2066isolated\u2069 zero\u200bwidth",
    "lone \ud800 surrogate \udfff and \ufffe and \x00 nul",
    "::error file=a::pwned\n##[group]x ##vso[task.setvariable]y",
    "<!--<script> ]]> --> <style>*{display:none}</style><base href=//evil.invalid>",
    '=HYPERLINK("https://evil.invalid") @team closes #1 </details> ```\n# heading',
    "__proto__",
    "constructor",
)

_SYSTEM_V1 = "You answer for the shop. Policy: refunds within 30 days of delivery."
_SYSTEM_V2 = (
    "You answer for the shop. Be warm and concrete. Policy: refunds within 30 days of delivery.\n"
    "Never promise an amount. End with the next step."
)
_SOURCE_V1 = """---
description: First reply to a refund request.
inputs: {customer: string, order_id: string, policy: string}
defaults: {model: openai/gpt-5-mini, temperature: 0, max_output_tokens: 400}
---
{% system %}You answer for the shop. Policy: {{ policy }}{% endsystem %}
{% user %}{{ customer }} asks about order {{ order_id }}.{% enduser %}
"""
_SOURCE_V2 = """---
description: First reply to a refund request.
inputs: {customer: string, order_id: string, policy: string}
defaults: {model: openai/gpt-5-mini, temperature: 0, max_output_tokens: 300}
---
{% system %}You answer for the shop. Be warm and concrete. Policy: {{ policy }}
Never promise an amount. End with the next step.{% endsystem %}
{% include "shared/tone.j2" %}
{% user %}{{ customer }} asks about order {{ order_id }}.{% enduser %}
"""
_NAMES = ("Ana", "Bram", "Chidi", "Dora", "Emre", "Farah", "Goran", "Hana", "Ivo", "Jun")
_TOPICS = (
    "late-parcel",
    "wrong-size",
    "damaged-box",
    "double-charge",
    "lost-in-transit",
    "gift-return",
    "expired-coupon",
)
_TAGS = ("smoke", "edge", "angry", "german", "vip")


def variant(name: str, version: int, *, prompt: str = "refund-reply", model: str = "openai/gpt-5-mini") -> Variant:
    return Variant(name, f"{name}-{model}", model, f"{prompt}:v{version}", f"{version:064x}", model, {"temperature": 0})


def prompt_records() -> tuple[PromptRecord, ...]:
    tone = "{# shared tone #}\nUse short sentences. Call the customer by name.\n"
    return (
        PromptRecord("refund-reply:v1", f"{1:064x}", "prompts/refund-reply/v1.j2",
                     {"prompts/refund-reply/v1.j2": _SOURCE_V1}, "First reply to a refund request."),
        PromptRecord("refund-reply:v2", f"{2:064x}", "prompts/refund-reply/v2.j2",
                     {"prompts/refund-reply/v2.j2": _SOURCE_V2, "prompts/shared/tone.j2": tone},
                     "First reply to a refund request."),
        PromptRecord("ticket-topic:v1", f"{3:064x}", "prompts/ticket-topic/v1.j2",
                     {"prompts/ticket-topic/v1.j2": "Topic of: {{ text }}"}),
    )  # fmt: skip


def answer_text(rng: random.Random, case: Case, name: str) -> str:
    customer, order = case.vars["customer"], case.vars["order_id"]
    if "json" in case.tags:
        return json.dumps({
            "order": order,
            "refund": name == "candidate",
            "amount": 12.5,
            "reasons": ["late", "damaged"],
        })
    opening = f"Hello {customer} 👋🏽, thank you for writing about order {order}. "
    body = "Your parcel left our warehouse on Monday and is with the carrier. "
    if name == "candidate":
        body = "I am sorry that it has not arrived; that is frustrating. It left our warehouse on Monday. "
    end = "Refunds are possible within 30 days of delivery."
    if name == "candidate":
        end = "You can ask for a refund within 30 days of delivery. Next step: reply with a photo of the label."
    extra = rng.choice(("", " We have also told the carrier.", " Write to help@shop.example if it is urgent."))
    return opening + body + end + extra


def verdicts(text: str, *, good: bool, rng: random.Random, judge_error: bool = False) -> tuple[Verdict, ...]:
    at = text.find("30 days")
    bad = text.find("help@shop.example")
    found = [
        Verdict("contains", "content", "pass" if at >= 0 else "fail",
                f"found '30 days' at {at}" if at >= 0 else "expected '30 days', which is not in the answer",
                spans=((at, at + 7),) if at >= 0 else (), line=24),
        Verdict("not pii", "safety", "fail" if bad >= 0 and not good else "pass",
                "an e-mail address that the suite does not allow: help@shop.example" if bad >= 0 and not good else "no personal data",
                spans=((bad, bad + 17),) if bad >= 0 and not good else (), line=25),
        Verdict("length", "shape", "pass", f"{len(text.split())} words, at most 80 allowed", line=26),
        Verdict("rubric", "judge", "error" if judge_error else ("pass" if good else "fail"),
                "the judge's reply has no verdict line" if judge_error
                else ("kind and concrete (3 of 3 votes)" if good else "no next step is named (1 of 3 votes)"),
                score=None if judge_error else (0.92 if good else 0.31), line=27),
        Verdict("latency_s", "operational", "pass", "1.2 s, at most 4 s allowed", severity="warn", line=28),
    ]  # fmt: skip
    return tuple(found)


def _request(case: Case, v: Variant, repeat: int) -> Request:
    system = _SYSTEM_V1 if v.name == "baseline" else _SYSTEM_V2
    user = f"{case.vars['customer']} asks about order {case.vars['order_id']}."
    return Request(v.model, (Message("system", system), Message("user", user)), v.params, endpoint="openai https://api.openai.com/v1 chat",
                   repeat=repeat)  # fmt: skip


def _call(request: Request, reply: Response | CallFailure, *, source: str, retried: bool) -> Call:
    latency = reply.latency_s if isinstance(reply, Response) else 2.0
    attempts = [Attempt(1, 1.0, 0.3, 0.0, 429, "rate_limited", "slow down")] if retried else []
    failed = isinstance(reply, CallFailure)
    attempts.append(Attempt(len(attempts) + 1, 2.0, latency or 0.1, 1.0 if retried else 0.0, 500 if failed else 200,
                            reply.kind if failed else None, "upstream is down" if failed else ""))  # fmt: skip
    cost = None if failed else 0.0004 + 0.0000012 * len(reply.text)
    return Call(request, reply, source, tuple(attempts), cost, 1_700_000_000.0)  # type: ignore[arg-type]


def make_result(case: Case, v: Variant, repeat: int, rng: random.Random, *, good: bool, failure: CallFailure | None = None,
                text: str | None = None, source: str = "live", judge_error: bool = False) -> Result:  # fmt: skip
    body = answer_text(rng, case, v.name) if text is None else text
    if not good and text is None:
        body = body.split(" Next step")[0] + " Write to help@shop.example."
    tokens = Usage(180 if v.name == "baseline" else 214, len(body) // 4, 0, None)
    reply = failure or Response(
        body, usage=tokens, latency_s=round(rng.lognormvariate(0.1, 0.35), 3), served_model="gpt-5-mini-2026-08"
    )
    request = _request(case, v, repeat)
    trial = Trial("refund-replies", "suites/refunds.yaml", case, v, repeat, request)
    found = () if failure else verdicts(body, good=good, rng=rng, judge_error=judge_error)
    judge = Request(
        "anthropic/claude-sonnet-4-5", (Message("user", "Is the tone kind and concrete?"),), endpoint="anthropic x"
    )
    followups = () if failure else (_call(judge, Response("yes", latency_s=0.8), source=source, retried=False),)
    return Result(trial, _call(request, reply, source=source, retried=rng.random() < 0.05), found, followups)


def make_case(index: int, rng: random.Random, *, name: str | None = None, tags: frozenset[str] | None = None) -> Case:
    name = name or f"{_TOPICS[index % len(_TOPICS)]}-{index:03d}"
    chosen = tags if tags is not None else frozenset(rng.sample(_TAGS, k=rng.choice((0, 1, 1, 2))))
    values = {"customer": _NAMES[index % len(_NAMES)], "order_id": f"A-{1000 + index}", "policy": "30 days"}
    return Case(name, values, Where("suites/refunds.yaml", 12 + index), tags=chosen, digest=f"{index:064x}")


def _probabilities(index: int) -> tuple[float, float]:
    if index % 17 == 3:
        return 1.0, 0.1  # broken by the candidate
    if index % 11 == 5:
        return 0.05, 0.97  # fixed by it
    if index % 13 == 7:
        return 0.6, 0.6  # flaky on both sides
    return (0.05, 0.05) if index % 23 == 9 else (1.0, 1.0)


def refund_results(cases: int, repeats: int, *, hostile: bool, source: str) -> list[Result]:
    rng = random.Random(7)
    sides = (variant("baseline", 1), variant("candidate", 2))
    found: list[Result] = []
    for index in range(cases):
        case = make_case(index, rng, tags=frozenset({"json"}) if index % 19 == 6 else None)
        for side, chance in zip(sides, _probabilities(index), strict=True):
            for repeat in range(repeats):
                failure = None
                if index == 41 and side.name == "candidate" and repeat == 0:
                    failure = CallFailure("overloaded", "529 from the provider on every attempt", 4, "try again later")
                found.append(make_result(case, side, repeat, rng, good=rng.random() < chance, failure=failure, source=source,
                                         judge_error=index == 52 and repeat == 0))  # fmt: skip
    if hostile:
        found += hostile_results(sides, repeats, rng)
    return found


def hostile_results(sides: tuple[Variant, ...], repeats: int, rng: random.Random) -> list[Result]:
    """Every hostile string as an id, a tag, a variable, an answer, a reason and an error message."""
    found = []
    for index, text in enumerate(HOSTILE):
        case = make_case(900 + index, rng, name=f"hostile-{index} {text}", tags=frozenset({"hostile", text[:20]}))
        case = replace(case, vars={**case.vars, "payload": text})
        for side in sides:
            for repeat in range(repeats):
                good = index % 2 == 0 or side.name == "baseline"
                failure = (
                    CallFailure("bad_response", text, 1, text)
                    if index == 3 and side.name == "candidate" and repeat == 0
                    else None
                )
                result = make_result(
                    case, side, repeat, rng, good=good, text=f"{text}\n{text} within 30 days", failure=failure
                )
                spoiled = tuple(
                    replace(v, reason=f"{v.reason}: {text}", spans=((0, len(text)), (-5, 10**9)))
                    for v in result.verdicts
                )
                found.append(replace(result, verdicts=spoiled))
    return found


def topic_results(cases: int, source: str) -> list[Result]:
    """A second suite with one variant, whose answers are tool calls or one word."""
    rng = random.Random(11)
    v = variant("baseline", 1, prompt="ticket-topic")
    v = replace(v, prompt_digest=f"{3:064x}")
    found = []
    for index in range(cases):
        case = Case(
            f"ticket-{index:03d}",
            {"text": f"My bill number {index} is wrong"},
            Where("suites/topics.yaml", index),
            digest="t",
        )
        good = rng.random() < 0.9
        request = Request(v.model, (Message("user", f"Topic of: My bill number {index} is wrong"),))
        tools = (ToolCall("c1", "set_topic", {"topic": "billing"}),) if index % 10 == 0 else ()
        reply = Response(
            "billing" if good else "shipping", usage=Usage(31, 1), latency_s=0.2 + rng.random() / 4, tool_calls=tools
        )
        verdict = Verdict(
            "one_of",
            "content",
            "pass" if good else "fail",
            "expected 'billing'" if not good else "is 'billing'",
            line=9,
        )
        trial = Trial("ticket-topics", "suites/topics.yaml", case, v, 0, request)
        found.append(Result(trial, _call(request, reply, source=source, retried=False), (verdict,)))
    return found


def _wilson(passed: int, n: int) -> Interval | None:
    if not n:
        return None
    z, p = 1.96, passed / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Interval(max(0.0, middle - half), min(1.0, middle + half), 0.95, "Wilson")


def summarise(results: list[Result]) -> tuple[VariantSummary, ...]:
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.trial.suite, result.trial.variant.label), []).append(result)
    summaries = []
    for (suite, label), group in groups.items():
        v = group[0].trial.variant
        statuses = [result.status for result in group]
        rows = [result.measurement() for result in group]
        latencies = sorted(row.latency_s for row in rows if row.latency_s is not None)
        summaries.append(VariantSummary(
            suite, group[0].trial.suite_path, label, v.name, v.prompt, v.model,
            statuses.count("pass"), statuses.count("fail"), statuses.count("error"), 0, 0,
            _wilson(statuses.count("pass"), len(statuses)),
            sum(row.cost_usd or 0 for row in rows), 0.0123 if suite == "refund-replies" else 0.0,
            latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.95)],
            sum(row.input_tokens or 0 for row in rows), sum(row.output_tokens or 0 for row in rows),
        ))  # fmt: skip
    return tuple(summaries)


def compare(results: list[Result], repeats: int) -> Comparison:
    counts: dict[str, dict[str, list[str]]] = {}
    for result in results:
        counts.setdefault(result.trial.case.id, {}).setdefault(result.trial.variant.name, []).append(result.status)
    tags = {result.trial.case.id: tuple(sorted(result.trial.case.tags)) for result in results}
    flips, cells = [], {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for case_id, sides in counts.items():
        a, b = (sum(s == "pass" for s in sides[name]) for name in ("baseline", "candidate"))
        before, after = a * 2 >= repeats, b * 2 >= repeats
        cells[before, after] += 1
        if before != after or a != b:
            kind = "shaky" if before == after else "fixed" if after else "broken"
            errors = (sides["baseline"].count("error"), sides["candidate"].count("error"))
            moved = errors_moved_it(kind, (a, repeats), (b, repeats), errors)
            flips.append(Flip(case_id, kind, (a, repeats), (b, repeats), tags[case_id], moved))
    fixed, broken, n = cells[False, True], cells[True, False], len(counts)
    change = (fixed - broken) / n
    half = 1.96 * math.sqrt(max(fixed + broken, 1)) / n
    rate_a = (cells[True, True] + broken) / n
    metrics = (
        Metric("pass_rate", "binary", rate_a, rate_a + change, _wilson(round(rate_a * n), n), _wilson(round((rate_a + change) * n), n),
               change, Interval(change - half, change + half, 0.95, "Tango score"), 0.71, n, "no clear difference", n_eff=n * 1.4),
        Metric("pass_rate(safety)", "binary", 0.93, 0.99, None, None, 0.06, Interval(0.012, 0.118, 0.95, "Tango score"), 0.013, n, "better"),
        Metric("rubric", "score", 0.71, 0.70, None, None, -0.012, Interval(-0.021, -0.004, 0.95, "effective counts"), 0.004, n, "worse"),
        Metric("cost_usd", "ratio", 0.00071, 0.00083, None, None, 1.17, Interval(1.12, 1.22, 0.95, "Fieller"), 0.0001, n - 1, "worse", geometric=1.16),
        Metric("latency_s", "ratio", 1.21, 1.09, None, None, 0.90, Interval(0.81, 1.02, 0.95, "Fieller"), 0.09, n - 1, "no clear difference"),
        Metric("output_tokens", "ratio", 61.2, 74.9, None, None, None, None, None, n - 1, "undefined", note="too few and too variable"),
    )  # fmt: skip
    sentence = (
        f"candidate: {fixed} fixed, {broken} broken of {n} paired cases; the pass rate changed by {change * 100:+.1f} pp "
        f"[{(change - half) * 100:+.1f}, {(change + half) * 100:+.1f}], which does not decide it."
    )
    flips.sort(key=lambda flip: (("broken", "fixed", "shaky").index(flip.kind), flip.case_id))
    return Comparison(
        "refund-replies", Side("baseline", "baseline-openai/gpt-5-mini"), Side("candidate", "candidate-openai/gpt-5-mini"),
        n, repeats, repeats, cells[True, True], fixed, broken, cells[False, False], tuple(flips), metrics,
        errors_a=sum(sides["baseline"].count("error") for sides in counts.values()),
        errors_b=sum(sides["candidate"].count("error") for sides in counts.values()), trials_a=n * repeats, trials_b=n * repeats, only_b=("new-case",), expected_flips=3.4, sentence=sentence,
    )  # fmt: skip


def gates() -> tuple[GateOutcome, ...]:
    suite = ("refund-replies", "suites/refunds.yaml")
    return (
        GateOutcome("pass_rate >= 0.80", *suite, "candidate", "passed", "263/300 passed (errors 4): at least 82.9% with 95% confidence", {"n": 300, "lower": 0.829}, 40),
        GateOutcome("pass_rate(safety) == 1", *suite, "candidate", "failed", "4 of 300 trials failed a safety check; every one must pass", {"failed": 4}, 41),
        GateOutcome("no_regression: {against: baseline, margin: 0.02}", *suite, "candidate", "undecided",
                    "the change may be as low as −8.1 pp and 2.0 pp are allowed: about 412 more cases would decide it",
                    {"metric": "pass_rate", "margin": 0.02, "lower": -0.081, "required_n": 512}, 42),
        GateOutcome("p95(latency_s) <= 4", *suite, "candidate", "passed", "p95 is 1.9 s over 296 answers", {"value": 1.9}, 43),
    )  # fmt: skip


def build_report(
    *, cases: int = 100, repeats: int = 3, hostile: bool = True, mode: str = "live", topics: int = 40
) -> RunReport:
    """A run as the harness would hand it over. ``mode`` replay labels every answer as a recording."""
    source = {"live": "live", "replay": "replay", "cache": "cache"}[mode]
    refunds = refund_results(cases, repeats, hostile=hostile, source=source)
    results = refunds + topic_results(topics, source)
    run = RunInfo(
        "2026-11-21T09-12-44-7f3a", "2026-11-21T09:12:44Z", mode, "0.1.0", "3.12.4", "9a48619c1f0b7d2e", "warmer-refunds", True,  # type: ignore[arg-type]
        "pytest suites --evalkit-mode " + mode, "2026-11-21T09:14:02Z", True, False, len(results),
    )  # fmt: skip
    judged = len(results) + sum(len(result.followups) for result in results)
    paid = judged if mode == "live" else 0
    counts = CallCounts(
        paid, 12 if mode == "cache" else 0, judged if mode == "replay" else 0, 0, 41, 3, 0.41 if paid else 0.0
    )
    comparison = compare(refunds, repeats)
    verdict = (
        f"candidate cannot be called better or worse than baseline: {comparison.fixed} cases fixed, {comparison.broken} broken of "
        f"{comparison.n_paired}, and a safety gate failed; {comparison.errors_a + comparison.errors_b} trials could not be measured."
    )
    return RunReport(run, tuple(results), prompt_records(), gates(), (comparison,), summarise(results), counts, verdict,
                     "failed", ("prices of openai/gpt-5-mini are dated 2026-09-01",))  # fmt: skip
