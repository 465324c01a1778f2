"""Quantiles and tails in the standard library agree with textbook values and with each other."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.compare.statistics.distributions import (
    beta_cdf,
    beta_quantile,
    binomial_cdf,
    half_binomial_pmf,
    normal_cdf,
    normal_quantile,
    t_quantile,
    t_upper_tail,
)


@pytest.mark.parametrize(
    ("p", "df", "expected"),
    [
        (0.975, 1, math.tan(math.pi * 0.475)),
        (0.975, 19, 2.0930240544083087),
        (0.975, 29, 2.045229642132703),
        (0.95, 2, 0.9 * math.sqrt(2 / (1 - 0.81))),
    ],
)
def test_t_quantiles(p, df, expected):
    """Student's t quantiles, df 1 and 2 in closed form (tan, algebraic)."""
    assert t_quantile(p, df) == pytest.approx(expected, abs=1e-10)
    assert t_quantile(1 - p, df) == pytest.approx(-expected, abs=1e-10)
    assert t_upper_tail(expected, df) == pytest.approx(1 - p, abs=1e-11)


def test_t_becomes_normal():
    """With a million degrees of freedom t is the normal distribution to six digits."""
    assert t_quantile(0.975, 1e6) == pytest.approx(normal_quantile(0.975), abs=1e-5)


@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 99))
def test_binomial_tail_is_the_exact_sum(n, k, percent):
    """P(X <= k) equals the sum of exact fractions."""
    p = Fraction(percent, 100)
    exact = sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(min(k, n) + 1))
    assert binomial_cdf(k, n, percent / 100) == pytest.approx(float(exact), abs=1e-11)


def test_half_binomial_pmf():
    """P(X = k) at ½ is C(n, k)/2ⁿ."""
    assert half_binomial_pmf(6, 22) == pytest.approx(math.comb(22, 6) / 2**22, rel=1e-12)


@given(st.floats(0.5, 400), st.floats(0.5, 400), st.floats(0.001, 0.999))
def test_beta_quantile_undoes_the_cdf(a, b, p):
    """I at the quantile is p, and I_x(a, b) = 1 − I_{1−x}(b, a)."""
    x = beta_quantile(p, a, b)
    assert beta_cdf(x, a, b) == pytest.approx(p, abs=1e-9)
    assert beta_cdf(0.3, a, b) == pytest.approx(1 - beta_cdf(0.7, b, a), abs=1e-11)


def test_beta_closed_forms_and_large_parameters():
    """I_x(1, b) and I_x(a, 1) in closed form, and the median of a symmetric beta at 100,000 cases."""
    assert beta_cdf(0.2, 1, 5) == pytest.approx(1 - 0.8**5, abs=1e-14)
    assert beta_cdf(0.2, 5, 1) == pytest.approx(0.2**5, abs=1e-14)
    assert beta_cdf(0.5, 1e5, 1e5) == pytest.approx(0.5, abs=1e-9)
    assert [beta_cdf(0, 2, 3), beta_cdf(1, 2, 3)] == [0, 1]


def test_normal_tails():
    """The lower tail keeps its digits far out."""
    assert normal_cdf(-8) == pytest.approx(6.220960574271785e-16, rel=1e-10)


@pytest.mark.parametrize(
    "call",
    [
        lambda: normal_quantile(1.0),
        lambda: t_quantile(0.0, 3),
        lambda: beta_quantile(1.1, 1, 1),
        lambda: beta_cdf(0.5, 0, 1),
    ],
)
def test_impossible_arguments(call):
    """Arguments outside a distribution are refused, not answered."""
    with pytest.raises(ValueError):
        call()


@given(st.floats(min_value=1e-300, max_value=1 - 1e-15, allow_nan=False))
def test_the_normal_quantile_is_the_standard_librarys(p: float) -> None:
    """To the last digit or two, far into both tails."""
    assert normal_quantile(p) == pytest.approx(NormalDist().inv_cdf(p), rel=1e-13, abs=1e-13)
