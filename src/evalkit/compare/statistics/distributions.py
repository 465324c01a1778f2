"""The normal, t, beta and binomial distributions in the standard library, to about 1e-10: scipy costs 1.6 s to import."""

from __future__ import annotations

import math

_TINY = 1e-300
_STEPS = 100_000
_NORMAL = 1e8
"""Above so many degrees of freedom Student's t is the normal distribution to 1e-8, and more exact through it."""


def normal_cdf(x: float) -> float:
    """P(Z <= x) for a standard normal Z, through the complementary error function (accurate in both tails)."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def normal_quantile(p: float) -> float:
    """The x with P(Z <= x) = p, 0 < p < 1. Raises ValueError outside.

    The rational guess of Abramowitz and Stegun 26.2.23 (within 5e-4), then Newton's steps on :func:`normal_cdf`, which is accurate in both
    tails. The standard library's ``NormalDist`` agrees to 1e-15 and takes 20 ms to import, in every run that prints an interval.
    """
    if not 0.0 < p < 1.0:
        raise ValueError(f"a probability must lie strictly between 0 and 1, not {p}")
    if p > 0.5:
        return -normal_quantile(1.0 - p)
    t = math.sqrt(-2.0 * math.log(p))
    over = 2.515517 + t * (0.802853 + t * 0.010328)
    under = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    x = over / under - t
    for _ in range(4):
        density = math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
        x -= (normal_cdf(x) - p) / density
    return x


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for a, b > 0 (DLMF 8.17.22, a continued fraction).

    Raises ValueError for a or b <= 0.
    """
    if a <= 0 or b <= 0:
        raise ValueError(f"a beta distribution needs positive parameters, not {a} and {b}")
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    front = math.exp(log_front)
    if x < (a + 1.0) / (a + b + 2.0):
        return min(1.0, front * _fraction(x, a, b) / a)
    return max(0.0, 1.0 - front * _fraction(1.0 - x, b, a) / b)


def _fraction(x: float, a: float, b: float) -> float:
    """DLMF 8.17.22 evaluated by the modified Lentz method (Thompson & Barnett 1986)."""
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    result = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        step = 1.0
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            step = c * d
            result *= step
        if abs(step - 1.0) < 1e-15:
            return result
    raise ArithmeticError(f"the incomplete beta function did not converge at x={x}, a={a}, b={b}")


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def beta_quantile(p: float, a: float, b: float, *, guess: float | None = None) -> float:
    """The x with I_x(a, b) = p. ``p`` in [0, 1]; raises ValueError outside. A ``guess`` (the mean if there is none) costs or saves steps only.

    Newton's method within a bracket, which is halved wherever a step leaves it or gains less than a halving would (Press et al.,
    Numerical Recipes, 3rd edition, 9.4).
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"a probability must lie between 0 and 1, not {p}")
    if p in {0.0, 1.0}:
        return p
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    low, high, x, step = 0.0, 1.0, guess or a / (a + b), 1.0
    for _ in range(200):
        error = beta_cdf(x, a, b) - p
        low, high = (x, high) if error < 0.0 else (low, x)
        if high - low <= 1e-15 * high or x in {0.0, 1.0}:
            break
        density = math.exp((a - 1.0) * math.log(x) + (b - 1.0) * math.log1p(-x) - log_beta)
        before, step = step, -error / density if density > 0.0 else math.inf
        if abs(step) <= 1e-15 * x:
            break
        if not low < x + step < high or abs(step) > 0.5 * abs(before):
            step = 0.5 * (low + high) - x
        x += step
    return x


def t_upper_tail(t: float, df: float) -> float:
    """P(T > t) for Student's t with ``df`` degrees of freedom, accurate for large t (DLMF 8.17, Abramowitz & Stegun 26.7.1)."""
    if df > _NORMAL:
        return normal_cdf(-t)
    half = 0.5 * beta_cdf(df / (df + t * t), 0.5 * df, 0.5)
    return half if t >= 0 else 1.0 - half


def t_quantile(p: float, df: float) -> float:
    """The t with P(T <= t) = p, 0 < p < 1. Raises ValueError outside or for df <= 0."""
    if not 0.0 < p < 1.0:
        raise ValueError(f"a probability must lie strictly between 0 and 1, not {p}")
    if p > 0.5:
        return _upper_t(1.0 - p, df)
    return -_upper_t(p, df)


def _upper_t(tail: float, df: float) -> float:
    """The t with P(T > t) = ``tail``, at most ½. Solved for df/(df + t²) in the tail and for its complement in the middle, whichever is small."""
    if df > _NORMAL:
        return -normal_quantile(tail)
    if tail < 0.25:
        x = beta_quantile(2.0 * tail, 0.5 * df, 0.5, guess=df / (df + _guessed_t(tail, df) ** 2))
        return math.sqrt(df * (1.0 - x) / x)
    y = beta_quantile(1.0 - 2.0 * tail, 0.5, 0.5 * df)
    return math.sqrt(df * y / (1.0 - y))


def _guessed_t(tail: float, df: float) -> float:
    """About the t with P(T > t) = ``tail``, below ¼: the normal quantile and three terms (Abramowitz & Stegun 26.7.5)."""
    x = -normal_quantile(tail)
    x2 = x * x
    first = x * (x2 + 1.0) / 4.0
    second = x * ((5.0 * x2 + 16.0) * x2 + 3.0) / 96.0
    third = x * (((3.0 * x2 + 19.0) * x2 + 17.0) * x2 - 15.0) / 384.0
    return x + ((third / df + second) / df + first) / df


def binomial_cdf(k: float, n: float, p: float) -> float:
    """P(X <= k) for X binomial(n, p), through the beta function, so that n and k need not be whole numbers."""
    if k < 0:
        return 0.0
    if k >= n:
        return 1.0
    return beta_cdf(1.0 - p, n - k, k + 1.0)


def half_binomial_pmf(k: int, n: int) -> float:
    """P(X = k) for X binomial(n, 1/2)."""
    return math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2.0))
