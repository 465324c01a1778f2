"""A run as Markdown for a pull request or a CI step summary: model output stays inside fences, mentions notify nobody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.paired_outcomes import FLIP_NAMES, flip_name, metric_word, paired_outcomes, shaky
from evalkit.model.calls import CallFailure
from evalkit.report import wording
from evalkit.report.clean import one_line, shortened, visible
from evalkit.report.page.flip_reasons import broken_by, flip_reason, flipped_results

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from evalkit.compare.paired_outcomes import FlipName
    from evalkit.compare.values import Comparison, Flip, Metric
    from evalkit.model.results import GateOutcome, Result
    from evalkit.report.values import RunReport

MAX_BYTES = 900_000
"""GitHub cuts a step summary at 1 MiB (1,048,576 bytes) and drops what is larger; this leaves room for the steps before."""

_URGENT = ("failed", "undecided", "not_judged")
_FLIPS_SHOWN = 20
_CASES_SHOWN = 20
_CHECKS_SHOWN = 8
_ANSWER_LIMIT = 1500
_SPECIAL = re.compile(
    r"[\\`*_\[\]<>#|~@&$^]|^[-+=/]|^\d(?=\d*[.)](?:\s|$))|(?<=www)\.|:(?=//)|!(?=\w)|(?<=\bGH)-(?=\d)", re.IGNORECASE
)
_BREAK = "&#8203;"
_BROKEN = frozenset("@#!.:-&~$")


def markdown_summary(report: RunReport, *, limit: int = MAX_BYTES) -> str:
    """Return the run as GitHub-flavoured Markdown, less than ``limit`` bytes of UTF-8: verdict, gates, variants, comparisons, broken cases, failures."""
    return _bounded(_parts(report), limit)


def _parts(report: RunReport) -> Iterator[str]:
    yield f"## {wording.SYMBOLS[report.outcome]} evalkit: {wording.LABELS[report.outcome]}"
    yield text(wording.sentence(report))
    source = wording.replayed(report.run)
    if source:
        yield f"_{source[:1].upper()}{text(source[1:])}: they say nothing about today's model._"
    yield from (*_gates(report), *_variants(report), *_rankings(report))
    yield from _comparisons(report)
    yield from _failures(report)
    yield from _facts(report)


def text(value: str, *, limit: int = 500) -> str:
    """Return ``value`` as one line that Markdown shows literally: no markup, link, mention, issue reference or table cell break.

    Every special character becomes an HTML character reference. GitHub and GitLab look for mentions, references and addresses in the
    text that comes out of that, so a zero-width space stands behind a character that could begin one.
    """
    return _SPECIAL.sub(_reference, one_line(value, limit=limit))


def _reference(match: re.Match[str]) -> str:
    character = match.group()
    return f"&#{ord(character)};{_BREAK if character in _BROKEN and (match.start() or character in '@#!') else ''}"


def fenced(value: str, *, limit: int = _ANSWER_LIMIT) -> str:
    """Return ``value`` in a code fence longer than any run of backticks inside it."""
    shown = visible(shortened(value, limit))
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _gates(report: RunReport) -> Iterator[str]:
    """What needs a reader first; the gates that passed behind a line."""
    passed = [gate for gate in report.gates if gate.status == "passed"]
    others = [gate for status in _URGENT for gate in report.gates if gate.status == status]
    if others:
        yield _gate_table(others)
    if passed:
        yield "\n\n".join([
            f"<details><summary>{wording.SYMBOLS['passed']} {len(passed)} of {words.number_of(len(report.gates), 'gate')} passed</summary>",
            _gate_table(passed),
            "</details>",
        ])


def _gate_table(gates: Iterable[GateOutcome]) -> str:
    return _table(
        ("", "gate", "variant", "reason"),
        (
            (
                f"{wording.SYMBOLS[gate.status]} {wording.LABELS[gate.status]}",
                text(gate.gate),
                text(gate.variant),
                text(gate.reason),
            )
            for gate in gates
        ),
    )


def _variants(report: RunReport) -> Iterator[str]:
    yield _table(
        ("suite", "variant", "passed", "cost", "p95 latency"),
        (
            (
                text(variant.suite),
                text(variant.label),
                f"{wording.tally(variant)} {wording.rate_line(variant)}".strip(),
                wording.money(variant.cost_usd),
                wording.latency(variant.latency_p95_s, variant.latency_p95_interval),
            )
            for variant in report.variants
        ),
    )


def _rankings(report: RunReport) -> Iterator[str]:
    for ranking in report.rankings:
        yield f"**{text(ranking.suite)}**, {ranking.title}:"
        head = ["", "variant", "rate", "strength", ""]
        filled = [place for place in range(len(head)) if any(row[place] for row in ranking.rows)]
        yield _table(
            [head[place] for place in filled], ([text(row[place]) for place in filled] for row in ranking.rows)
        )


def _comparisons(report: RunReport) -> Iterator[str]:
    answers = _answers(report)
    for comparison in report.comparisons:
        found = flipped_results(comparison, report.results)
        yield from (_title(comparison), _outcomes(comparison, found), text(comparison.sentence), _metrics(comparison))
        yield from _flips(comparison, answers, found)


def comparison_markdown(comparison: Comparison) -> str:
    """Return one comparison without its answers: flips, the sentence, gates and metrics, and which cases moved; ends with a line feed."""
    names = (
        f"{wording.FLIP_WORDS[kind]}: {_names(comparison, kind)}." for kind in FLIP_NAMES if _names(comparison, kind)
    )
    gates = [_gate_table(comparison.gates)] if comparison.gates else []
    parts = [_title(comparison), _outcomes(comparison, {}), text(comparison.sentence), *gates, _metrics(comparison)]
    return "\n\n".join([*parts, *names]) + "\n"


def _names(comparison: Comparison, kind: FlipName) -> str:
    cases = [text(flip.case_id, limit=120) for flip in comparison.flips if flip_name(flip) == kind]
    more = f" and {len(cases) - _FLIPS_SHOWN} more" if len(cases) > _FLIPS_SHOWN else ""
    return ", ".join(cases[:_FLIPS_SHOWN]) + more


def _title(comparison: Comparison) -> str:
    shared = f", {text(comparison.shared)}" if comparison.shared else ""
    return f"### {text(comparison.names[1])} against {text(comparison.names[0])} ({text(comparison.suite)}{shared})"


def _metrics(comparison: Comparison) -> str:
    return _table(
        ("metric", "before", "after", "change", wording.interval_label(comparison.metrics), "cases"),
        (
            (
                text(wording.metric_label(metric.name)),
                wording.metric_value(metric, metric.a),
                wording.metric_value(metric, metric.b),
                _change(metric, metric_word(comparison, metric)),
                wording.change_interval(metric) or "none",
                str(metric.n),
            )
            for metric in comparison.metrics
        ),
    )


def _change(metric: Metric, word: str) -> str:
    """``+20.0 pp (better)``; the word alone adds nothing to a change that is undefined."""
    return wording.change(metric, metric.change) + (f" ({word})" if word != "undefined" else "")


def _outcomes(comparison: Comparison, found: Mapping[tuple[str, str], list[Result]]) -> str:
    counts = ", ".join(f"{count} {word}" for word, count in paired_outcomes(comparison))
    blamed = ", ".join(f"{text(check)} {cases}" for check, cases in broken_by(comparison, found)[:_CHECKS_SHOWN])
    moved = f", {shaky(comparison)} of them shaky" if shaky(comparison) else ""
    return f"{counts}, of {comparison.sample}{moved}.{f' Broken by {blamed}.' if blamed else ''}"


def _flips(
    comparison: Comparison,
    answers: Mapping[tuple[str, str, str], Result],
    found: Mapping[tuple[str, str], list[Result]],
) -> Iterator[str]:
    broken = [flip for flip in comparison.flips if flip_name(flip) == "broken"]
    for flip in broken[:_FLIPS_SHOWN]:
        yield _flip(comparison, flip, answers, flip_reason(comparison, flip, found))
    if len(broken) > _FLIPS_SHOWN:
        yield f"… and {len(broken) - _FLIPS_SHOWN} more broken cases; the HTML report has them all."


def _flip(comparison: Comparison, flip: Flip, answers: Mapping[tuple[str, str, str], Result], why: str) -> str:
    moved = f"{flip.a[0]}/{flip.a[1]} → {flip.b[0]}/{flip.b[1]}"
    head = f"▼ {text(flip.case_id, limit=120)}: {moved}{f'; {text(why)}' if why else ''}"
    parts = [f"<details><summary>{head}</summary>"]
    for side in (comparison.a, comparison.b):
        result = answers.get((comparison.suite, side.label, flip.case_id))
        if result is not None and side.run_id is None:
            parts += [f"{text(side.variant)}:", fenced(_answer(result)), *_reasons(result)]
    return "\n\n".join([*parts, "</details>"])


def _failures(report: RunReport) -> Iterator[str]:
    """What is not among the flips: trials without an answer or a judgement, and failing trials that decide or that no comparison is about."""
    compared = {one.suite for one in report.comparisons}
    settled = {gate.suite for gate in report.gates if gate.status != "not_judged"} & compared
    told = {(one.suite, one.b.label, flip.case_id) for one in report.comparisons for flip in one.flips}
    errors = [one for one in report.results if one.status == "error"]
    failed = [one for one in report.results if one.status == "fail" and one.trial.suite not in settled]
    failed = [one for one in failed if (one.trial.suite, one.trial.variant.label, one.trial.case.id) not in told]
    for found, word in ((errors, "could not be measured"), (failed, "failed")):
        if found:
            yield f"### {words.number_of(len(found), 'trial')} {word}"
            yield from map(_failure, found[:_CASES_SHOWN])
        if len(found) > _CASES_SHOWN:
            yield f"… and {len(found) - _CASES_SHOWN} more; the HTML report has them all."


def _failure(result: Result) -> str:
    trial = result.trial
    repeat = f", repeat {trial.repeat + 1}" if trial.repeat else ""
    head = f"{wording.SYMBOLS[result.status]} {text(trial.case.id, limit=120)} ({text(trial.variant.label)}{repeat}, {text(str(trial.case.where))})"
    return "\n\n".join([
        f"<details><summary>{head}</summary>",
        fenced(_answer(result)),
        *_reasons(result),
        "</details>",
    ])


def _reasons(result: Result) -> list[str]:
    return [f"- ✗ {text(v.check)}: {text(v.reason)}" for v in result.verdicts if v.status in {"fail", "error"}]


def _answers(report: RunReport) -> dict[tuple[str, str, str], Result]:
    """The result to show per suite, variant label and case: the first that did not pass, else the first."""
    found: dict[tuple[str, str, str], Result] = {}
    for result in report.results:
        key = (result.trial.suite, result.trial.variant.label, result.trial.case.id)
        if key not in found or (found[key].status == "pass" and result.status != "pass"):
            found[key] = result
    return found


def _answer(result: Result) -> str:
    reply = result.reply
    return f"(no answer: {reply.kind}: {reply.message})" if isinstance(reply, CallFailure) else reply.text


def _facts(report: RunReport) -> Iterator[str]:
    run = report.run
    cost = wording.cost_line(report)
    dirty = " with uncommitted changes" if run.git_dirty else ""
    yield "\n".join([
        f"- calls: {wording.calls_line(report.calls)}",
        *([f"- cost: {cost}"] if cost else []),
        f"- run {text(run.run_id)}, mode {run.mode}, git {text((run.git_revision or 'unknown')[:12])}{dirty}, evalkit {text(run.evalkit_version)}",
        *(f"- note: {text(note)}" for note in report.notes),
    ])


def _bounded(parts: Iterable[str], limit: int) -> str:
    """Join the parts in order until the limit; a cut falls between parts, so no fence or table is left open."""
    kept: list[str] = []
    size = 0
    for part in parts:
        size += len(part.encode()) + 2
        if size > limit - 200:
            return "\n\n".join([*kept, f"… cut here at {limit:,} bytes; the HTML report has everything."]) + "\n"
        kept.append(part)
    return "\n\n".join(kept) + "\n"
