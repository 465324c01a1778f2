"""A comparison as JSON, schema ``evalkit.compare/1``: the same numbers as every other output, nothing rounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.compare.gates.compared import gates_code
from evalkit.compare.paired_outcomes import metric_word, paired_outcomes, shaky

if TYPE_CHECKING:
    from evalkit.compare.statistics.interval import Interval
    from evalkit.compare.values import Comparison, Flip, Metric, Side
    from evalkit.config import OnUndecided
    from evalkit.model.calls import JSON
    from evalkit.model.results import GateOutcome


def comparison_json(comparison: Comparison, *, on_undecided: OnUndecided = "fail") -> dict[str, JSON]:
    """The comparison as plain JSON, schema ``evalkit.compare/1``. Unknown values are null; intervals are two-sided.

    ``exit_code`` is what its gates mean for CI, where the project says ``on_undecided``.
    """
    extra = comparison.extra
    first = comparison.metrics[0].detail if comparison.metrics else {}
    return {
        "schema": "evalkit.compare/1",
        "stats_method": comparison.stats_method,
        "suite": comparison.suite,
        "slice": extra.get("slice"),
        "sentence": comparison.sentence,
        "baseline": _side_json(comparison.a, comparison.repeats_a, comparison.trials_a),
        "candidate": _side_json(comparison.b, comparison.repeats_b, comparison.trials_b),
        "n_cases": comparison.n_paired + len(comparison.only_a) + len(comparison.only_b) + len(comparison.changed),
        "n_paired": comparison.n_paired,
        "cluster_by": "cluster" if extra.get("n_clusters") is not None else None,
        "n_clusters": extra.get("n_clusters"),
        "only_baseline": list(comparison.only_a),
        "only_candidate": list(comparison.only_b),
        "changed_cases": list(comparison.changed),
        "errors": {"baseline": comparison.errors_a, "candidate": comparison.errors_b, "policy": "count as failures"},
        "delta_worst_case": extra.get("delta_worst_case"),
        "margin": extra.get("margin"),
        "flips": {
            "broken": comparison.broken,
            "fixed": comparison.fixed,
            "shaky": shaky(comparison),
            "both_pass": comparison.both_pass,
            "both_fail": comparison.both_fail,
            "unmeasured": paired_outcomes(comparison).unmeasured,
            "expected_from_noise": comparison.expected_flips,
            "flaky_cases": extra.get("flaky_cases"),
            "items": [_flip_json(flip) for flip in comparison.flips],
        },
        **{name: first.get(name) for name in ("p_exact", "prob_better", "within_share", "mde", "resolution")},
        "metrics": [_metric_json(metric) for metric in comparison.metrics],
        "gates": [_gate_json(gate) for gate in comparison.gates],
        "verdict": metric_word(comparison, comparison.metrics[0]) if comparison.metrics else "undefined",
        "exit_code": gates_code(comparison.gates, on_undecided=on_undecided),
    }


_GATE = (
    "kind", "metric", "slice", "against", "margin", "value", "limit", "confidence", "change", "rate", "observed", "lower", "upper", "n",
    "p_adjusted", "floor_n", "required_n", "need_more", "smallest_margin", "repeats_needed", "delta_worst_case",
)  # fmt: skip


def _gate_json(gate: GateOutcome) -> dict[str, JSON]:
    """A gate as every output words it, with the numbers behind the reason; null where a kind has none."""
    return {
        "name": gate.gate,
        "variant": gate.variant,
        **{name: gate.numbers.get(name) for name in _GATE},
        "verdict": gate.status,
        "reason": gate.reason,
    }


def _side_json(side: Side, repeats: int, trials: int) -> dict[str, JSON]:
    return {"run_id": side.run_id, "variant": side.variant, "label": side.label, "repeats": repeats, "trials": trials}


def _flip_json(flip: Flip) -> dict[str, JSON]:
    return {
        "case_id": flip.case_id,
        "kind": flip.kind,
        "a": {"passed": flip.a[0], "repeats": flip.a[1]},
        "b": {"passed": flip.b[0], "repeats": flip.b[1]},
        "tags": list(flip.tags),
        "error": flip.error,
    }


def _metric_json(metric: Metric) -> dict[str, JSON]:
    return {
        "name": metric.name,
        "kind": metric.kind,
        "direction": "lower" if metric.kind == "ratio" else "higher",
        "a": {"mean": metric.a, **_limits(metric.a_interval), "interval": _interval_json(metric.a_interval)},
        "b": {"mean": metric.b, **_limits(metric.b_interval), "interval": _interval_json(metric.b_interval)},
        "ratio" if metric.kind == "ratio" else "delta": metric.change,
        **_limits(metric.interval),
        "confidence": None if metric.interval is None else metric.interval.confidence,
        "interval": _interval_json(metric.interval),
        "geometric_ratio": metric.geometric,
        "geometric_interval": _interval_json(metric.geometric_interval),
        "n": metric.n,
        "n_eff": metric.n_eff,
        "p": metric.p,
        "p_adjusted": metric.p_adjusted,
        "adjust": metric.adjust,
        "family_size": metric.family_size,
        **{name: metric.detail.get(name) for name in _DETAIL},
        "verdict": metric.word,
        "note": metric.note,
    }


_DETAIL = ("df", "sd_between", "within_share", "mde", "resolution", "p_exact", "prob_better")


def _limits(interval: Interval | None) -> dict[str, JSON]:
    """The limits and the method beside the estimate, for who reads one level deep."""
    if interval is None:
        return {"lower": None, "upper": None, "method": None}
    return {"lower": interval.lower, "upper": interval.upper, "method": interval.method}


def _interval_json(interval: Interval | None) -> dict[str, JSON] | None:
    if interval is None:
        return None
    return {
        "lower": interval.lower,
        "upper": interval.upper,
        "confidence": interval.confidence,
        "method": interval.method,
    }
