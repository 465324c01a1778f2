"""What a terminal shows: the summary of a run, and why one case failed. Every dynamic string passes through ``clean``."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.paired_outcomes import FLIP_NAMES, flip_name
from evalkit.errors import Where
from evalkit.model.calls import CallFailure
from evalkit.report import wording
from evalkit.report.clean import around, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from evalkit.compare.standing import Ranking
    from evalkit.compare.values import Comparison
    from evalkit.model.results import GateOutcome, Result, Verdict
    from evalkit.report.values import RunReport, VariantSummary

_ANSWER_WIDTH = 300
_REASON_LIMIT = 400
_CHECKS_SHOWN = 5
_IDS_SHOWN = 5
_COLOURS = {
    "passed": "32", "failed": "31", "undecided": "33", "unmeasured": "35", "not_judged": "2",
    "fixed": "32", "broken": "31", "shaky": "33", "strong": "1",
}  # fmt: skip


class _Style:
    """Wraps text to a width and colours its first sign, if colour is wanted at all."""

    def __init__(self, *, colour: bool, width: int) -> None:
        self.colour = colour
        self.width = max(width, 40)

    def paint(self, text: str, name: str) -> str:
        return f"\x1b[{_COLOURS[name]}m{text}\x1b[0m" if self.colour else text

    def hang(self, text: str, *, indent: int, hang: int) -> list[str]:
        """Wrap ``text``; lines after the first are indented by ``hang`` columns."""
        return textwrap.wrap(
            text, self.width, initial_indent=" " * indent, subsequent_indent=" " * hang, break_on_hyphens=False
        )


def terminal_summary(report: RunReport, *, colour: bool = False, width: int = 100) -> str:
    """Return the run in a screen of text, without a final line feed: suite by suite, then calls, notes and the verdict.

    A suite shows its variants, what changed between them, and its gates; a gate that passed gives its reason only in the report.
    ``colour`` adds ANSI colours (nothing is told by them alone); ``width`` is where lines wrap, at least 40 columns.
    """
    style = _Style(colour=colour, width=width)
    lines: list[str] = []
    reasons = _reasons(report.results)
    for suite_path, suite in dict.fromkeys((variant.suite_path, variant.suite) for variant in report.variants):
        lines.append(style.paint(f"{one_line(suite)} ({one_line(suite_path)})", "strong"))
        lines += _variant_lines([one for one in report.variants if one.suite_path == suite_path], reasons, style)
        compared = [comparison for comparison in report.comparisons if comparison.suite == suite]
        for comparison in compared:
            lines += _comparison_lines(comparison, style, apart=len(compared) > 1)
        lines += [line for found in report.rankings if found.suite == suite for line in _ranking_lines(found, style)]
        lines += _gates_lines([gate for gate in report.gates if gate.suite_path == suite_path], style)
    lines += _call_lines(report, style)
    for note in report.notes:
        lines += style.hang(f"note: {one_line(note)}", indent=0, hang=6)
    return "\n".join([*lines, *_verdict_lines(report, style)])


def _variant_lines(
    variants: Sequence[VariantSummary], reasons: Mapping[tuple[str, str, str], Counter[str]], style: _Style
) -> Iterator[str]:
    labels = [one_line(variant.label) for variant in variants]
    column = max(map(len, labels), default=0)
    for label, variant in zip(labels, variants, strict=True):
        yield f"  {label:<{column}}  {_figures(variant)}"
        for status, title in (("fail", "failed"), ("error", "not measured")):
            counts = reasons.get((variant.suite_path, variant.label, status))
            if counts:
                named = [f"{one_line(name, limit=80)} {number:,}" for name, number in counts.most_common(_IDS_SHOWN)]
                more = f", and {len(counts) - _IDS_SHOWN} more" if len(counts) > _IDS_SHOWN else ""
                yield from style.hang(f"{wording.SYMBOLS[status]} {title}: {', '.join(named)}{more}", indent=4, hang=6)


def _reasons(results: Iterable[Result]) -> dict[tuple[str, str, str], Counter[str]]:
    """How many trials of a suite and variant each check failed, or left unmeasured; a call without an answer under its kind of failure."""
    found: dict[tuple[str, str, str], Counter[str]] = {}
    for result in results:
        place = result.trial.suite_path, result.trial.variant.label
        if result.pending or result.status == "pass":
            continue
        if isinstance(result.reply, CallFailure):
            found.setdefault((*place, "error"), Counter())[result.reply.kind] += 1
        for status, check in dict.fromkeys((verdict.status, verdict.check) for verdict in _not_passed(result)):
            found.setdefault((*place, status), Counter())[check] += 1
    return found


def _figures(variant: VariantSummary) -> str:
    judge = f" + judge {wording.money(variant.judge_cost_usd)}" if variant.judge_cost_usd != 0 else ""
    return f"{wording.tally(variant)}  cost {wording.money(variant.cost_usd)}{judge}  p95 {wording.latency(variant.latency_p95_s, variant.latency_p95_interval)}"


def _call_lines(report: RunReport, style: _Style) -> list[str]:
    source = one_line(wording.replayed(report.run))
    replayed = f" ({source})" if source else ""
    lines = style.hang(f"calls: {wording.calls_line(report.calls)}{replayed}", indent=0, hang=7)
    cost = wording.cost_line(report)
    return [*lines, *(style.hang(f"cost: {cost}", indent=0, hang=6) if cost else [])]


def _gates_lines(gates: Sequence[GateOutcome], style: _Style) -> Iterator[str]:
    """One entry per gate; those of a partial run, which all say the same, are counted."""
    idle = [gate for gate in gates if gate.status == "not_judged"]
    for gate in gates:
        if gate.status != "not_judged":
            yield from _gate_lines(gate, style)
    if idle:
        text = f"{words.number_of(len(idle), 'gate')} not judged: {one_line(idle[0].reason, limit=_REASON_LIMIT)}"
        yield from style.hang(f"{wording.SYMBOLS['not_judged']} {text}", indent=2, hang=4)


def _gate_lines(gate: GateOutcome, style: _Style) -> list[str]:
    sign = f"{wording.SYMBOLS[gate.status]} {wording.LABELS[gate.status].lower()}"
    reason = "" if gate.status == "passed" else f": {one_line(gate.reason, limit=_REASON_LIMIT)}"
    text = f"gate {sign} {one_line(gate.gate)} [{one_line(gate.variant)}]{reason}"
    first, *rest = style.hang(text, indent=2, hang=7)
    return [first.replace(sign, style.paint(sign, gate.status), 1), *rest]


def _comparison_lines(comparison: Comparison, style: _Style, *, apart: bool) -> Iterator[str]:
    """One comparison; ``apart`` if the suite has others, so that its name must tell which it is."""
    shared = f"{comparison.shared}: " if apart and comparison.shared else ""
    yield from style.hang(one_line(f"{shared}{comparison.sentence or _pair(comparison)}"), indent=2, hang=4)
    for kind in FLIP_NAMES:
        found = [one_line(flip.case_id, limit=80) for flip in comparison.flips if flip_name(flip) == kind]
        if found:
            more = f", and {len(found) - _IDS_SHOWN} more" if len(found) > _IDS_SHOWN else ""
            sign = f"{wording.SYMBOLS[kind]} {len(found)} {wording.FLIP_WORDS[kind]}"
            first, *rest = style.hang(f"{sign}: {', '.join(found[:_IDS_SHOWN])}{more}", indent=4, hang=6)
            yield from (first.replace(sign, style.paint(sign, kind), 1), *rest)


def _ranking_lines(ranking: Ranking, style: _Style) -> Iterator[str]:
    yield f"  {ranking.title}:"
    column = max((len(one_line(row[1])) for row in ranking.rows), default=0)
    for place, label, rate, strength, note in ranking.rows:
        rest = "; ".join(filter(None, (rate, f"strength {strength}" if strength else "", one_line(note))))
        yield from style.hang(f"{place}. {one_line(label):<{column}}  {rest}", indent=4, hang=7)


def _pair(comparison: Comparison) -> str:
    return f"{comparison.names[1]} against {comparison.names[0]}, {comparison.sample}"


def _verdict_lines(report: RunReport, style: _Style) -> list[str]:
    sign = f"{wording.SYMBOLS[report.outcome]} {wording.LABELS[report.outcome].upper()}"
    first, *rest = style.hang(f"{sign} {one_line(wording.sentence(report))}", indent=0, hang=2)
    return [first.replace(sign, style.paint(sign, report.outcome), 1), *rest]


def failure_text(
    test_id: str,
    results: Sequence[Result],
    where: Where,
    prompt_ref: str,
    *,
    require: int | None = None,
    places: Sequence[Where] = (),
) -> str:
    """Return what pytest shows for one case × variant that did not pass: at most 12 lines, safe for a terminal.

    ``results`` are its repeats (at least one), ``where`` the case's place in the suite or its data, ``require`` how many repeats must
    pass (None: all), ``places`` where each check is written, in the order of the verdicts. The first repeat that could not be measured
    is shown, else the first that failed.
    """
    shown = _worst(results)
    lines = [one_line(test_id, limit=300), f"prompt   {one_line(prompt_ref)}"]
    if len(results) > 1:
        lines.append(_repeats_line(results, shown, require if require is not None else len(results)))
    reply = shown.reply
    if isinstance(reply, CallFailure):
        lines += _failure_lines(reply)
    else:
        spans = next((v.spans for v in _not_passed(shown) if v.spans), ())
        text = reply.text or reply.refusal or ""
        lines.append(f"answer   {around(text, spans, width=_ANSWER_WIDTH) if text else _empty(shown)}")
        lines += _check_lines(shown, places)
    return "\n".join([*lines, f"case     {one_line(str(where))}"])


def _worst(results: Sequence[Result]) -> Result:
    order = {"error": 0, "fail": 1, "skip": 2, "pass": 3}
    return min(results, key=lambda result: order[result.status])


def _repeats_line(results: Sequence[Result], shown: Result, require: int) -> str:
    passed = sum(result.status == "pass" for result in results)
    errors = sum(result.status == "error" for result in results)
    also = f" (errors {errors})" if errors else ""
    return f"repeats  {passed} of {len(results)} repeats passed{also}, {require} required; shown: repeat {shown.trial.repeat + 1}"


def _failure_lines(failure: CallFailure) -> Iterator[str]:
    tries = words.number_of(failure.attempts, "attempt")
    yield f"error    no answer: {failure.kind} after {tries}: {one_line(failure.message, limit=_REASON_LIMIT)}"
    if failure.hint:
        yield f"hint     {one_line(failure.hint, limit=_REASON_LIMIT)}"


def _empty(result: Result) -> str:
    calls = (
        []
        if isinstance(result.reply, CallFailure)
        else [one_line(call.name, limit=60) for call in result.reply.tool_calls]
    )
    return f"(no text; tool calls: {', '.join(calls[:5])})" if calls else "(empty)"


def _not_passed(result: Result) -> list[Verdict]:
    return [v for v in result.verdicts if v.status in {"fail", "error"} and v.severity == "fail"]


def _check_lines(result: Result, places: Sequence[Where]) -> Iterator[str]:
    found = _not_passed(result)
    written = dict(zip(map(id, result.verdicts), places, strict=False)) if len(places) == len(result.verdicts) else {}
    for verdict in found[:_CHECKS_SHOWN]:
        where = written.get(id(verdict), Where(result.trial.suite_path, verdict.line) if verdict.line else None)
        place = f" ({one_line(str(where))})" if where else ""
        sign = wording.SYMBOLS[verdict.status]
        yield f"{sign} {one_line(verdict.check)}{place}: {one_line(verdict.reason, limit=_REASON_LIMIT)}"
    if len(found) > _CHECKS_SHOWN:
        yield f"  and {len(found) - _CHECKS_SHOWN} more that did not pass"
