"""What the method was specified with: the figures of its authors' simulations, and ours beside them."""

from __future__ import annotations

from dataclasses import dataclass

NEAR = 0.01
"""How far a figure may be from the specified one, apart from the error of our simulation."""


@dataclass(frozen=True)
class Specified:
    """A table: its numbers of cases (of clusters), and for each the lowest coverage and the highest false pass; None if only a bound."""

    title: str
    sizes: tuple[int, ...]
    coverage: tuple[float | None, ...]
    false_pass: tuple[float | None, ...]


CASES = (10, 20, 50, 100, 300)
TABLES = {
    "single": Specified(
        "one run per case", CASES, (0.947, 0.946, 0.946, 0.933, 0.945), (0.020, 0.030, 0.027, 0.024, 0.027)
    ),
    "repeats": Specified(
        "3 and 10 repeats, four mixes of cases",
        CASES,
        (0.962, 0.954, 0.942, 0.936, 0.944),
        (0.023, 0.037, 0.054, 0.052, 0.035),
    ),
    "clusters": Specified(
        "clusters of five, ICC 0, 0.3 and 0.8 (n counts clusters)",
        (5, 10, 20, 60),
        (0.975, 0.954, 0.954, 0.954),
        (None, None, None, None),
    ),
    "scores": Specified(
        "scores in [0, 1], four populations",
        CASES,
        (0.954, 0.941, 0.939, 0.947, 0.942),
        (0.043, 0.058, 0.030, 0.022, 0.025),
    ),
    "adverse": Specified("what repeats hide: one case in twenty breaks for good", CASES, (None,) * 5, (None,) * 5),
}


@dataclass(frozen=True)
class Line:
    """One size of a table: ours and the specified figure. ``error_…`` is twice the standard error of a simulated figure, 0 of an exact one."""

    n: int
    coverage: float
    false_pass: float
    coverage_specified: float | None
    false_pass_specified: float | None
    error_coverage: float = 0.0
    error_pass: float = 0.0

    def __str__(self) -> str:
        coverage = _beside(self.coverage, self.coverage_specified, self.error_coverage)
        return f"  {self.n:>4}   {coverage}    {_beside(self.false_pass, self.false_pass_specified, self.error_pass)}"

    @property
    def far(self) -> list[str]:
        """What is further from the specified figure than ``NEAR`` on the side that matters: too little coverage, too many false passes."""
        found = []
        if self.coverage_specified is not None and self.coverage < self.coverage_specified - NEAR - self.error_coverage:
            found.append(f"n = {self.n}: coverage {self.coverage:.3f}, specified {self.coverage_specified:.3f}")
        if (
            self.false_pass_specified is not None
            and self.false_pass > self.false_pass_specified + NEAR + self.error_pass
        ):
            found.append(f"n = {self.n}: false pass {self.false_pass:.3f}, specified {self.false_pass_specified:.3f}")
        return found


def heading(table: Specified) -> str:
    """The title and the names of the columns."""
    column = f"{'ours':>5}{'':8}{'page':>6}{'differs':>9}"
    return f"{table.title}\n  {'n':>4}   {'minimum coverage':<28}    {'worst false pass':<28}\n  {'':>4}   {column}    {column}"


def _beside(ours: float, specified: float | None, error: float) -> str:
    shown = f"{ours:.3f}{f' ±{error:.3f}' if error else '':<8}"
    return shown + (f"{'':>6}{'':>9}" if specified is None else f"{specified:>6.3f}{ours - specified:>+9.3f}")
