"""The statistics reproduce reference numbers of other programs and papers, each at the tolerance stated beside it.

Every number of every item is recomputed: an item whose id no function below claims, or a key that it does not answer, fails.
"""

from __future__ import annotations

import math
from statistics import fmean

import pytest
from compare_rows import gate, judge_gates, row, table
from golden_items import ITEMS, counts, golden

from evalkit.compare.pair import flips, pair
from evalkit.compare.stats import (
    benjamini_hochberg,
    benjamini_yekutieli,
    betting_interval,
    bonferroni,
    bootstrap,
    bradley_terry,
    cases_to_detect,
    clopper_pearson,
    cohen_kappa,
    detectable_difference,
    e_process,
    effective_sample,
    feasible_margin,
    fieller_ratio,
    flip_rate,
    geometric_ratio,
    holm,
    jeffreys,
    krippendorff_alpha,
    mcnemar,
    mean_interval,
    min_cases,
    newcombe_paired,
    non_inferiority,
    paired_scores,
    paired_t,
    pass_at_k,
    pass_hat_k,
    ppi_mean,
    prob_better,
    required_cases,
    rogan_gladen,
    sign_flip_p,
    smallest_margin,
    tango,
    variance_components,
    wilcoxon_p,
    wilson,
)

PATH = "suites/refunds.yaml"


def one_rate(passed, n, conf):
    found = {"wilson": wilson, "clopper_pearson": clopper_pearson, "jeffreys": jeffreys}
    return {name: list(function(passed, n, conf)) for name, function in found.items()}


def clusters(values, clusters):
    found = mean_interval(values, clusters)
    number = len(set(clusters))
    rate, n_eff = effective_sample([[value] for value in values], clusters)
    return {
        "se": found.se,
        "se_clustered_corrected": found.clustered_se,
        "se_clustered_miller": found.clustered_se * math.sqrt((number - 1) / number),
        "t_interval_clustered": list(found.interval),
        "wilson": list(wilson(sum(values), len(values))),
        "wilson_korn_graubard": list(wilson(rate * n_eff, n_eff)),
    }


def four_tests_of_flips(fixed, broken, **_):
    found = mcnemar(fixed, broken)
    return {key: getattr(found, key) for key in ("n_discordant", "p_asymptotic", "p_exact", "p_midp")}


def paired_difference(conf, **cells):
    both_pass, fixed, broken, both_fail = counts(cells)
    n = both_pass + fixed + broken + both_fail
    return {
        "delta": (fixed - broken) / n,
        "tango": list(tango(fixed, broken, n, conf)),
        "newcombe10": list(newcombe_paired(both_pass, fixed, broken, both_fail, conf)),
    }


def against_a_margin(margin, fixed, broken, **cells):
    found = non_inferiority(fixed, broken, fixed + broken + cells["both_pass"] + cells["both_fail"], margin)
    return {"z": found.z, "p": found.p}


def verdict(conf, margin, **cells):
    n = sum(counts(cells))
    rule = gate("no_regression", against="baseline", margin=margin, confidence=conf)
    a, b = table(*counts(cells))
    (found,) = judge_gates((rule,), [*a, *b], planned=2 * n)
    words = {"passed": "pass", "failed": "fail", "undecided": "inconclusive"}
    rate = flip_rate(cells["fixed"], cells["broken"], n)
    required = required_cases(margin, flip_rate=rate, confidence=conf)
    assert found.numbers["required_n"] == required
    return {
        "verdict": words[found.status],
        "lower": found.numbers["lower"],
        "upper": found.numbers["upper"],
        "min_cases_if_nothing_changes": min_cases(margin, conf),
        "passes_if_no_flips": feasible_margin(n, conf) < margin,
        "required_n": required,
        "need_more": found.numbers["need_more"],
    }


def floors(conf, margins):
    return {"min_n": [min_cases(margin, conf) for margin in margins]}


def effective(A, B, conf):  # noqa: N803 - the names of the file
    found = paired_scores(A, B, None, conf)
    named = {key: getattr(found, key) for key in ("delta", "up", "down", "s2", "n_eff")}
    return named | {"t_crit": found.crit, "interval": list(found.interval)}


def cases_needed(omega2, s2a, s2b, delta, alpha, power):
    n = cases_to_detect(delta, between=omega2, within_a=s2a, within_b=s2b, confidence=1 - alpha, power=power)
    return {"n": n, "n_rounded": round(n)}


def detectable(omega2, s2a, s2b, Ka, Kb, n, alpha, power):  # noqa: N803
    found = detectable_difference(
        n, between=omega2, within_a=s2a, within_b=s2b, repeats_a=Ka, repeats_b=Kb, confidence=1 - alpha, power=power
    )
    return {"mde": found, "printed": math.floor(found * 1000) / 1000}


def what_repeats_save(K):  # noqa: N803
    def variance(k):
        return detectable_difference(100, between=1 / 12, within_a=1 / 6, repeats_a=k) ** 2

    return {"factor": [variance(k) / variance(1) for k in K]}


def components(x):
    found = variance_components(x)
    return {
        "mean": found.mean,
        "var_within": found.within,
        "var_between": found.between,
        "icc": found.icc,
        "F": found.f,
        "se_of_mean": found.se,
        "flaky_cases": found.flaky_cases,
        "within_share": found.within_share,
    }


def passes(n, c, k):
    return {"pass_at_k": pass_at_k(n, c, k), "pass_hat_k": pass_hat_k(n, c, k)}


def judge_and_people(**cells):
    names = ("human_pass_judge_pass", "human_pass_judge_fail", "human_fail_judge_pass", "human_fail_judge_fail")
    found = cohen_kappa(*(cells[name] for name in names))
    named = {key: getattr(found, key) for key in ("kappa", "se", "agreement", "sensitivity", "specificity")}
    return named | {"lower": found.interval.lower, "upper": found.interval.upper}


def raters(ratings, level=None):
    if level is not None:
        return {"alpha": krippendorff_alpha(ratings, level)}
    return {name: krippendorff_alpha(ratings, name) for name in ("nominal", "ordinal", "interval")}


def corrections(p):
    return {
        "holm": holm(p),
        "bh": benjamini_hochberg(p),
        "by": benjamini_yekutieli(p),
        "bonferroni": bonferroni(p),
    }


def twelve_scores(A, B):  # noqa: N803
    found = paired_t(A, B, margin=0.05)
    return {
        "delta": found.delta,
        "se": found.se,
        "t": found.t,
        "p_t": found.p,
        "t_interval": list(found.interval),
        "p_permutation": sign_flip_p(A, B),
        "p_wilcoxon_asymptotic": wilcoxon_p(A, B),
        "p_tost": found.p_equivalent,
        "p_noninferior_05": found.p_noninferior,
        "cohen_dz": found.dz,
    }


def resampled(A, B, conf):  # noqa: N803
    found = bootstrap([y - x for x, y in zip(A, B, strict=True)], fmean, conf, draws=20_000, seed=5)
    return {"percentile": list(found.percentile), "bca": list(found.bca)}


def ratios(A, B, conf):  # noqa: N803
    mean, typical = fieller_ratio(A, B, conf), geometric_ratio(A, B, conf)
    return {
        "mean_a": fmean(A),
        "mean_b": fmean(B),
        "ratio": mean.ratio,
        "fieller": list(mean.interval),
        "geo_ratio": typical.ratio,
        "geo_interval": list(typical.interval),
        "geo_p": typical.p,
    }


def corrected_rate(judged_pass, n, **labelled):
    names = ("true_pass_judged_pass", "true_pass", "true_fail_judged_fail", "true_fail")
    found = rogan_gladen(judged_pass, n, *(labelled[name] for name in names))
    named = {key: getattr(found, key) for key in ("raw", "corrected", "se")}
    return named | {"lower": found.interval.lower, "upper": found.interval.upper}


def rectified(Y, Yhat, judged_pass, n_judged, conf):  # noqa: N803
    others = [1.0] * judged_pass + [0.0] * (n_judged - judged_pass)
    answer = {}
    for name, weight in (("lam1", 1.0), ("tuned", None)):
        found = ppi_mean(Y, Yhat, others, conf, weight=weight)
        answer[name] = {"point": found.mean, "lo": found.interval.lower, "hi": found.interval.upper}
    return answer


def strengths(wins, ties):
    found = bradley_terry(
        {tuple(key.split(">")): n for key, n in wins.items()}, {tuple(key.split("-")): n for key, n in ties.items()}
    )
    better = {f"p_A_beats_{name}": 1 / (1 + math.exp(found[name] - found["A"])) for name in "BC"}
    return {"log_strength": found} | better


def evidence(fixed, broken):
    found = e_process(fixed, broken)
    return {"e": found.e, "p_anytime": found.p_anytime}


def real_outcomes(A, B, conf):  # noqa: N803
    pairs = list(zip(A, B, strict=True))
    fixed, broken = pairs.count((0, 1)), pairs.count((1, 0))
    return {
        "both_pass": pairs.count((1, 1)),
        "broken": broken,
        "fixed": fixed,
        "both_fail": pairs.count((0, 0)),
        "delta": (fixed - broken) / len(pairs),
        "p_exact": mcnemar(fixed, broken).p_exact,
        "tango": list(tango(fixed, broken, len(pairs), conf)),
    }


def missing(A, B):  # noqa: N803
    letters = {1: "P", 0: "F", "error": "E"}
    sides = {"A": A, "B": B}
    a, b = (
        [row(case, letters[value], variant=name) for case, value in sides[name].items() if value is not None]
        for name in "AB"
    )
    found = pair(a, b)
    same = [case for case in found.cases if case.a_draws == case.b_draws]
    moved = {kind: [flip.case_id for flip in flips(found.cases) if flip.kind == kind] for kind in ("fixed", "broken")}
    return moved | {
        "n_paired": len(found.cases),
        "both_pass": [case.case_id for case in same if case.a_draws == (1.0,)],
        "both_fail": [case.case_id for case in same if case.a_draws == (0.0,)],
        "errors_a": list(found.errors_a),
        "errors_b": list(found.errors_b),
        "only_a": list(found.only_a),
        "only_b": list(found.only_b),
        "delta": (len(moved["fixed"]) - len(moved["broken"])) / len(found.cases),
        "delta_worst_case": found.counts.delta_worst_case,
    }


CLAIMS = {
    "prop_": one_rate,
    "cluster_se": clusters,
    "mcnemar_": four_tests_of_flips,
    "paired_diff_": paired_difference,
    "published_": paired_difference,
    "ni_test_": against_a_margin,
    "gate_": verdict,
    "floor_": floors,
    "effective_": effective,
    "miller_power_": cases_needed,
    "miller_mde_": detectable,
    "miller_var_factor": what_repeats_save,
    "miller_table4_": lambda se, se_clustered: {"ratio": se_clustered / se},  # as printed; the data are not public
    "variance_components": components,
    "pass_": passes,
    "cohen_kappa": judge_and_people,
    "krippendorff_": raters,
    "multiplicity": corrections,
    "paired_scores_12": twelve_scores,
    "bootstrap_12": resampled,
    "ratio_tokens": ratios,
    "judge_rogan_gladen": corrected_rate,
    "judge_ppi": rectified,
    "bradley_terry_": strengths,
    "eprocess_": evidence,
    "betting_ci_": lambda x, conf: {"interval": list(betting_interval(x, conf))},
    "prob_better_": lambda fixed, broken: {"p": prob_better(fixed, broken)},
    "real_": real_outcomes,
    "itt_missing": missing,
}


def compared(found, expected, tolerance: float) -> None:
    """Compare nested values, numbers within an absolute tolerance."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            compared(found[key], value, tolerance)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            compared(one, other, tolerance)
    elif isinstance(expected, (str, bool)):
        assert found == expected
    else:
        assert found == pytest.approx(expected, abs=tolerance, rel=0)


@pytest.mark.parametrize("item", golden())
def test_reference_numbers(item):
    """Every number of the item, at its tolerance."""
    function = next(function for prefix, function in CLAIMS.items() if item["id"].startswith(prefix))
    compared(function(**item["inputs"]), item["expected"], max(item["tol"], 1e-12))


def test_nothing_is_left_out():
    """The file is whole, and every item is compared."""
    assert len(ITEMS) == len({item["id"] for item in ITEMS}) == 114
    assert all(any(item["id"].startswith(prefix) for prefix in CLAIMS) for item in ITEMS)


def test_smallest_margins_as_published():
    """The margin with an 80% chance to pass when nothing changed, by number of cases and flip rate, in points."""
    published = {
        20: [21, 24, 27, 33],
        50: [11, 13, 16, 20],
        100: [6.4, 8.1, 10.2, 13.3],
        200: [3.9, 5.2, 6.8, 9.2],
        300: [3.0, 4.1, 5.4, 7.4],
        500: [2.1, 3.0, 4.1, 5.7],
        1000: [1.4, 2.1, 2.9, 4.0],
    }
    for n, row_ in published.items():
        found = [100 * smallest_margin(n, flip_rate=rate) for rate in (0.02, 0.05, 0.10, 0.20)]
        assert found == pytest.approx(row_, abs=0.06 if n >= 100 else 0.51), n
