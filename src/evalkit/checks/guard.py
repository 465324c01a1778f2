"""The guard around a check by somebody else: whatever happens in it is a verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from evalkit.checks.base import CheckModel
from evalkit.checks.reading.text import quoted
from evalkit.checks.timelimit import Broken, TimeLimit
from evalkit.errors import CheckError
from evalkit.model.results import Family, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.checks.base import CheckContext
    from evalkit.model.calls import Reply, Request


@dataclass(frozen=True, slots=True)
class Guarded:
    """A check by somebody else: an exception of any kind, a wrong return value or a call that takes too long is an ``error``."""

    check: CheckModel
    limit: TimeLimit

    @property
    def name(self) -> str:
        """The check's."""
        return self.check.name

    @property
    def family(self) -> Family:
        """The check's."""
        return self.check.family

    def followups(self, ctx: CheckContext) -> Sequence[Request]:
        """What the check asks for. Raises CheckError for whatever goes wrong in it."""
        if type(self.check).followups is CheckModel.followups:
            return ()
        try:
            return self.limit.run(self.name, lambda: tuple(self.check.followups(ctx)))
        except Broken as error:
            raise CheckError(error.fault.reason) from error

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """The check's verdict, or ``error``."""
        try:
            verdict: object = self.limit.run(self.name, lambda: self.check.judge(ctx, replies))
        except CheckError as error:
            return self._error(error.message)
        except Broken as error:
            return replace(self._error(error.fault.reason), detail=error.fault.detail)
        if not isinstance(verdict, Verdict):
            return self._error(f"the check returned {type(verdict).__name__}, not a Verdict")
        problem = _problem(verdict)
        return verdict if problem is None else self._error(f"the check returned a Verdict {problem}")

    def _error(self, reason: str) -> Verdict:
        return Verdict(check=self.name, family=self.family, status="error", reason=reason)


def _problem(verdict: Verdict) -> str | None:
    """Why a verdict cannot be counted or stored, or None: one that is wrong would spoil the journal of the whole run."""
    if verdict.status not in get_args(Status):
        return f"with the status {quoted(verdict.status)}, not one of {', '.join(get_args(Status))}"
    if verdict.family not in get_args(Family):
        return f"with the family {quoted(verdict.family)}, not one of {', '.join(get_args(Family))}"
    if verdict.score is not None and not (isinstance(verdict.score, (int, float)) and 0 <= verdict.score <= 1):
        return f"with the score {quoted(verdict.score)}, not a number from 0 to 1"
    if not isinstance(verdict.reason, str) or not isinstance(verdict.detail, str):
        return "whose reason or detail is no text"
    if not all(isinstance(span, tuple) and all(type(end) is int for end in span) for span in verdict.spans):
        return "with spans that are no pairs of whole numbers"
    return None


def is_foreign(check: type[CheckModel]) -> bool:
    """Whether a check is not evalkit's own: a function of the project, or of a package."""
    return not check.__module__.startswith("evalkit.checks.")
