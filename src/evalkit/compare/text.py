"""A comparison as plain text for a terminal: flips first, then the sentence, then every metric and every gate on a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.paired_outcomes import FLIP_NAMES, flip_name, metric_word, paired_outcomes, shaky
from evalkit.compare.readings import detectable, p_values

if TYPE_CHECKING:
    from evalkit.compare.paired_outcomes import FlipName
    from evalkit.compare.values import Comparison, Flip, Metric
    from evalkit.model.results import GateOutcome

_MOST = 20
"""Cases of each kind by name."""


def comparison_text(comparison: Comparison) -> str:
    """Return the terminal view, without colour and without a final newline."""
    lines = [*_head(comparison), *_flip_lines(comparison), _line("verdict", f"{comparison.sentence}.")]
    told = detectable(comparison.metrics[0]) if comparison.metrics else ""
    lines += [_line("sample", told)] if told else []
    lines += _metric_lines(comparison)
    lines += [_line("gate", _gate(gate)) for gate in comparison.gates]
    return "\n".join(lines)


def _gate(gate: GateOutcome) -> str:
    """``FAILED  no_regression: {…}: pass rate 87.0% → 79.5%, …``."""
    return f"{gate.status.replace('_', ' ').upper()}  {words.shown(gate.gate, most=200)}: {gate.reason}"


def _line(name: str, text: str) -> str:
    return f"{name:<9}{text}"


def _head(comparison: Comparison) -> list[str]:
    a, b = comparison.names
    head = [
        _line("compare", f"{words.shown(a)} → {words.shown(b)}, suite {words.shown(comparison.suite)}"),
        _line("", _counts(comparison)),
    ]
    for what, names in (
        ("only before", comparison.only_a),
        ("only after", comparison.only_b),
        ("changed since", comparison.changed),
    ):
        if names:
            head.append(_line("", f"{what}, not paired: {words.listed(names)}"))
    return head


def _counts(comparison: Comparison) -> str:
    runs = f"{comparison.repeats_a} and {comparison.repeats_b} runs each"
    if comparison.repeats_a == comparison.repeats_b:
        runs = f"{words.number_of(comparison.repeats_a, 'run')} each"
    errors = f"errors {comparison.errors_a}/{comparison.trials_a} and {comparison.errors_b}/{comparison.trials_b}"
    return f"{comparison.sample}, {runs}, {errors}"


def _flip_lines(comparison: Comparison) -> list[str]:
    moved = f"   ({shaky(comparison)} of them shaky)" if shaky(comparison) else ""
    lines = [_line("flips", "   ".join(f"{count} {word}" for word, count in paired_outcomes(comparison)) + moved)]
    for name in FLIP_NAMES:
        lines += _flips_of(comparison, name)
    if comparison.expected_flips is not None:
        text = f"flakiness alone would flip about {comparison.expected_flips:.0f} cases between two single runs"
        lines.append(_line("noise", text))
    elif comparison.n_paired:
        text = "how many cases flip by flakiness alone is unknown with one run each; repeats: 3 would tell"
        lines.append(_line("noise", text))
    return lines


def _flips_of(comparison: Comparison, name: FlipName) -> list[str]:
    found = [flip for flip in comparison.flips if flip_name(flip) == name]
    word = "error" if name == "unmeasured" else name
    lines = [_line("", f"{word:<7} {_flip(flip)}") for flip in found[:_MOST]]
    if len(found) > _MOST:
        lines.append(_line("", f"{word:<7} and {len(found) - _MOST} more"))
    return lines


def _flip(flip: Flip) -> str:
    repeats = "" if flip.a[1] == flip.b[1] == 1 else f"  {flip.a[0]}/{flip.a[1]} → {flip.b[0]}/{flip.b[1]}"
    return f"{words.shown(flip.case_id)}{repeats}{'  (critical)' if 'critical' in flip.tags else ''}"


def _metric_lines(comparison: Comparison) -> list[str]:
    rows = [_cells(metric, metric_word(comparison, metric)) for metric in comparison.metrics]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(5)]
    lines = []
    for row, metric in zip(rows, comparison.metrics, strict=True):
        lines.append("   ".join(cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)).rstrip())
        if metric.geometric is not None and metric.geometric_interval is not None and metric.interval is not None:
            typical = f"{words.ratio_change(metric.geometric)}, {words.ratio_interval(metric.geometric_interval)}"
            lines.append(f"{'':<{widths[0]}}   typical case {typical}")
        if metric.note and metric.interval is not None:
            lines.append(f"{'':<{widths[0]}}   {metric.note}")
    return lines


def _cells(metric: Metric, word: str) -> tuple[str, str, str, str, str, str]:
    """Name, before → after, change, interval, p, word (or why there is none)."""
    if metric.interval is None or metric.change is None:
        reason = f": {metric.note}" if metric.note else ""
        return metric.name, _before_after(metric), "", "", "", f"{word.upper()}{reason}"
    ratio = metric.kind == "ratio"
    return (
        metric.name,
        _before_after(metric),
        words.ratio_change(metric.change) if ratio else words.points(metric.change),
        words.ratio_interval(metric.interval) if ratio else words.points_interval(metric.interval),
        p_values(metric),
        word.upper(),
    )


def _before_after(metric: Metric) -> str:
    if metric.a is None or metric.b is None:
        return "unknown"
    if metric.kind == "ratio":
        return f"{words.amount(metric.name, metric.a)} → {words.amount(metric.name, metric.b)}"
    return f"{words.percent(metric.a)} → {words.percent(metric.b)}"
