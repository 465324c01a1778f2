"""What checks will ask, worked out before there is an answer: for an estimate, and to find mistakes before anything is spent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.checks.base import CheckContext
from evalkit.checks.build import BuiltCheck
from evalkit.checks.combine import Group, Not, Select
from evalkit.errors import CheckError, SuiteError
from evalkit.model.calls import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from evalkit.checks.base import CheckModel
    from evalkit.checks.combine import Part
    from evalkit.model.calls import Request
    from evalkit.model.cases import PlannedTest


def foreseen(part: BuiltCheck | Part | CheckModel, context: CheckContext) -> Iterator[Request]:
    """What a check will ask about an answer that is not there yet. A selection is taken to find one match: the whole text.

    Raises CheckError where the check could not say what to ask.
    """
    if isinstance(part, BuiltCheck):
        yield from foreseen(part.check, context)
    elif isinstance(part, Not):
        yield from foreseen(part.child, context)
    elif isinstance(part, Group):
        for child in part.children:
            yield from foreseen(child, context)
    elif isinstance(part, Select):
        yield from foreseen(part.child, replace(context, selected=True, value=context.text, offset=None))
    else:
        yield from part.followups(context)


def unaskable(
    tests: Iterable[PlannedTest], checks_of: Callable[[PlannedTest], Iterable[BuiltCheck]]
) -> list[SuiteError]:
    """The metamorphic checks that cannot ask what they are meant to ask, each with the first case for which that is so.

    What they ask depends on the case and not on its answer: a variable that is not there, or one that offers nothing to change, is the
    suite's mistake.
    """
    complaints: dict[object, SuiteError] = {}
    for test in tests:
        for check in checks_of(test):
            if check.family != "metamorphic" or check.spec.where in complaints:
                continue
            trial = test.trials[0]
            context = CheckContext(
                "", Response(""), trial.request, vars=trial.case.vars, expect=trial.case.expect, variant=trial.variant
            )
            try:
                list(foreseen(check, context))
            except CheckError as error:
                message = f"{check.name}, for case {trial.case.id!r}: {error.message}"
                complaints[check.spec.where] = SuiteError(message, hint=error.hint, where=check.spec.where)
    return list(complaints.values())
