"""The statistics of a comparison as pure functions, in one place for whoever wants to check or use them.

Throughout: A is the baseline, B the candidate, *broken* = A passes and B fails, *fixed* = A fails and B passes, and a
difference is B − A in rate units (0.02 is 2 percentage points). ``confidence`` is two-sided: 0.95 leaves 2.5% on each side.
Functions raise ValueError for impossible arguments (no cases, negative counts, scores outside [0, 1]). Everything is the standard
library; the modules named below hold the code, and the rest of evalkit imports from those.
"""

from __future__ import annotations

from evalkit.compare.judged import CorrectedRate, Rectified, ppi_mean, rogan_gladen
from evalkit.compare.quantiles import quantile_interval
from evalkit.compare.statistics.agreement import Agreement, cohen_kappa, krippendorff_alpha
from evalkit.compare.statistics.eprocess import Evidence, Wager, betting_interval, e_process
from evalkit.compare.statistics.interval import Interval
from evalkit.compare.statistics.intervals import (
    MeanEstimate,
    clopper_pearson,
    critical_z,
    effective_sample,
    jeffreys,
    mean_interval,
    tail_share,
    wilson,
)
from evalkit.compare.statistics.multiplicity import benjamini_hochberg, benjamini_yekutieli, bonferroni, holm
from evalkit.compare.statistics.paired import (
    McNemar,
    PairedScores,
    ScoreTest,
    mcnemar,
    newcombe_paired,
    non_inferiority,
    paired_scores,
    prob_better,
    tango,
)
from evalkit.compare.statistics.ranking import bradley_terry
from evalkit.compare.statistics.ratios import RatioEstimate, fieller_ratio, geometric_ratio
from evalkit.compare.statistics.repeats import VarianceComponents, pass_at_k, pass_hat_k, variance_components
from evalkit.compare.statistics.resampled import Bootstrap, PairedT, bootstrap, paired_t, sign_flip_p, wilcoxon_p
from evalkit.compare.statistics.sizes import (
    cases_to_detect,
    detectable_difference,
    feasible_margin,
    flip_rate,
    min_cases,
    min_cases_at_least,
    required_cases,
    smallest_margin,
)

__all__ = [
    "Agreement",
    "Bootstrap",
    "CorrectedRate",
    "Evidence",
    "Interval",
    "McNemar",
    "MeanEstimate",
    "PairedScores",
    "PairedT",
    "RatioEstimate",
    "Rectified",
    "ScoreTest",
    "VarianceComponents",
    "Wager",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "betting_interval",
    "bonferroni",
    "bootstrap",
    "bradley_terry",
    "cases_to_detect",
    "clopper_pearson",
    "cohen_kappa",
    "critical_z",
    "detectable_difference",
    "e_process",
    "effective_sample",
    "feasible_margin",
    "fieller_ratio",
    "flip_rate",
    "geometric_ratio",
    "holm",
    "jeffreys",
    "krippendorff_alpha",
    "mcnemar",
    "mean_interval",
    "min_cases",
    "min_cases_at_least",
    "newcombe_paired",
    "non_inferiority",
    "paired_scores",
    "paired_t",
    "pass_at_k",
    "pass_hat_k",
    "ppi_mean",
    "prob_better",
    "quantile_interval",
    "required_cases",
    "rogan_gladen",
    "sign_flip_p",
    "smallest_margin",
    "tail_share",
    "tango",
    "variance_components",
    "wilcoxon_p",
    "wilson",
]
