"""Numbers as people read them: rates, points, intervals, money, time and counts with their denominators."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkit.compare.statistics.interval import Interval

MINUS = "−"


def percent(rate: float | None) -> str:
    """A rate with one decimal: ``87.0%``. 100.0% only when it is all, 0.0% only when it is none; ``unknown`` for None."""
    if rate is None:
        return "unknown"
    shown = f"{rate * 100:.1f}%"
    if shown == "100.0%" and rate < 1.0:
        return ">99.9%"
    return "<0.1%" if shown == "0.0%" and rate > 0.0 else shown


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign and a true minus: ``−7.5``, ``+8.6``, ``0.0``."""
    rounded = round(value, digits)
    if rounded == 0:
        return f"{0:.{digits}f}"
    return f"{'+' if rounded > 0 else MINUS}{abs(rounded):.{digits}f}"


def points(difference: float) -> str:
    """A difference of rates in percentage points: ``−7.5 pp``."""
    return f"{signed(difference * 100)} pp"


def size(margin: float) -> str:
    """A margin in percentage points, with no more digits than it needs: ``5 pp``, ``16.3 pp``."""
    return f"{plain(round(margin * 100, 1))} pp"


def plain(value: float) -> str:
    """A number without trailing zeros: ``5``, ``0.5``, ``99.9``."""
    return f"{value:.10g}"


def level(confidence: float) -> str:
    """A confidence as written before 'interval': ``95%``."""
    return f"{plain(round(confidence * 100, 3))}%"


def points_interval(interval: Interval) -> str:
    """``95% interval −13.4 to −2.0``, in percentage points."""
    return f"{level(interval.confidence)} interval {signed(interval.lower * 100)} to {signed(interval.upper * 100)}"


def rate_interval(interval: Interval) -> str:
    """``95% interval 83.5% to 98.7%``."""
    return f"{level(interval.confidence)} interval {percent(interval.lower)} to {percent(interval.upper)}"


def ratio_change(ratio: float) -> str:
    """A ratio as a change: 1.047 is ``+4.7%``."""
    return f"{signed((ratio - 1.0) * 100)}%"


def ratio_interval(interval: Interval) -> str:
    """``95% interval −4.7 to +15.0``, in percent of the baseline."""
    lower, upper = (signed((limit - 1.0) * 100) for limit in (interval.lower, interval.upper))
    return f"{level(interval.confidence)} interval {lower} to {upper}"


def p_value(p: float) -> str:
    """``p 0.009``; never ``p 0.000``."""
    return "p < 0.001" if p < 0.001 else f"p {p:.3f}" if p < 0.995 else "p 1"


def usd(value: float) -> str:
    """US dollars with the digits that matter: ``$1.23``, ``$0.00420``, ``$0``."""
    if value == 0:
        return "$0"
    digits = 2 if abs(value) >= 1 else 2 - math.floor(math.log10(abs(value)))
    return f"${value:,.{digits}f}"


def seconds(value: float) -> str:
    """Seconds: ``820 ms``, ``4.20 s``."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def amount(metric: str, value: float) -> str:
    """A value of ``metric`` in its unit: dollars for ``cost_usd``, time for ``latency_s``, else a count."""
    if metric.endswith("_usd"):
        return usd(value)
    if metric.endswith("_s"):
        return seconds(value)
    return f"{value:,.1f}".removesuffix(".0")


def amount_interval(metric: str, interval: Interval) -> str:
    """``95% interval 3.1 s to 4.6 s``, or ``above 3.1 s`` where there is no upper limit; empty where there is none at all."""
    ends = tuple(amount(metric, limit) if math.isfinite(limit) else "" for limit in interval)
    texts = {(True, True): " to ".join(ends), (True, False): f"above {ends[0]}", (False, True): f"below {ends[1]}"}
    text = texts.get((bool(ends[0]), bool(ends[1])))
    return f"{level(interval.confidence)} interval {text}" if text else ""


def counts(passed: int, total: int, *, errors: int, skipped: int = 0, missing: int = 0) -> str:
    """``47/50 (errors 1, skipped 0)``, with ``missing`` if there are any: nothing vanishes from a denominator unseen."""
    return f"{passed}/{total} (errors {errors}, skipped {skipped}{f', missing {missing}' if missing else ''})"


def number_of(count: int, noun: str) -> str:
    """``1 case``, ``2,000 cases``, ``no cases``."""
    return f"{f'{count:,}' if count else 'no'} {noun}{'' if count == 1 else 's'}"


def shown(name: str, most: int = 60) -> str:
    """A name from a data file, safe to print: one line, no control characters, bounded."""
    clean = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"


def listed(names: tuple[str, ...], most: int = 5) -> str:
    """The first few names and how many more: ``c1, c2 and 3 more``."""
    more = len(names) - most
    return ", ".join(shown(name) for name in names[:most]) + (f" and {more} more" if more > 0 else "")
