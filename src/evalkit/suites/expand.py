"""A suite crossed with its variants: every test with its rendered requests and its checks, before anything is spent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit.errors import EvalkitError, SuiteError, Where
from evalkit.model.calls import Request
from evalkit.model.cases import PlannedTest, Trial, Variant
from evalkit.prompts.expressions import Expressions, has_expression
from evalkit.suites.cells import cross
from evalkit.suites.checkspecs import leaf_names, resolved, scope_of
from evalkit.suites.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from evalkit.model.calls import Message
    from evalkit.model.cases import Case, CheckSpec
    from evalkit.prompts.library import PromptLibrary
    from evalkit.prompts.version import PromptVersion
    from evalkit.suites.cells import Cell, Target
    from evalkit.suites.spec import SuiteSpec

MAX_TRIALS = 1_000_000


@dataclass(frozen=True, slots=True)
class Expansion:
    """A suite multiplied out. ``tests`` are in the order of the cases, then of the variants; ``prompts`` are those in use."""

    tests: tuple[PlannedTest, ...]
    prompts: tuple[PromptVersion, ...]
    variants: tuple[Variant, ...]


def expand(
    spec: SuiteSpec,
    *,
    prompts: PromptLibrary,
    endpoint: Callable[[str], str],
    check_request: Callable[[Request], str | None] | None = None,
) -> Expansion:
    """Cross the cases with variants × models × grid × repeats and render every prompt.

    ``endpoint`` names where requests to a model go; ``check_request`` says why a provider would refuse a request, or None, and
    is asked once per cell. Parameters: prompt defaults, then the suite's, the variant's, the grid's; the last one wins. Raises
    one SuiteError with every mistake found.
    """
    reader = Reader(spec.path)
    cells = cross(spec, prompts=prompts, endpoint=endpoint, reader=reader)
    reader.complaints.raise_any()
    _limit(spec, cells, reader)
    planner = _Planner(spec, prompts, reader)
    tests: list[PlannedTest] = []
    for case in spec.cases:
        tests += planner.tests(case, cells)
    planner.tell_repetitions()
    if check_request is not None:
        _ask_providers(tests, cells, check_request, reader)
    reader.complaints.raise_any()
    versions = {(cell.prompt.ref, cell.prompt.digest, cell.prompt.at): cell.prompt for cell in cells}
    return Expansion(tuple(tests), tuple(versions.values()), tuple(cell.variant for cell in cells))


def _limit(spec: SuiteSpec, cells: tuple[Cell, ...], reader: Reader) -> None:
    trials = len(spec.cases) * len(cells) * spec.repeats
    if trials > MAX_TRIALS:
        sizes = f"{len(spec.cases):,} cases × {len(cells)} variants × {spec.repeats} repeats"
        reader.complain(f"{sizes} are {trials:,} trials; the limit is {MAX_TRIALS:,}", 1, "split the suite")
        reader.complaints.raise_any()


class _Planner:
    """Plans the tests of one suite, case by case. Checks without expressions are shared by all tests as they are."""

    def __init__(self, spec: SuiteSpec, prompts: PromptLibrary, reader: Reader) -> None:
        self._spec = spec
        self._prompts = prompts
        self._reader = reader
        self._expressions = Expressions()
        self._suite_checks = [(check, _is_dynamic(check)) for check in spec.checks]
        self._suite_has_schema = _names_schema(spec.checks)
        self._alike: dict[tuple[str, str, str], int] = {}

    def tests(self, case: Case, cells: tuple[Cell, ...]) -> list[PlannedTest]:
        """The tests of one case, one per cell; mistakes are noted and their tests left out."""
        checks = self._checks(case)
        if checks is None:
            return []
        has_schema = case.alone or self._suite_has_schema or _names_schema(case.checks)
        tests: list[PlannedTest] = []
        rendered: dict[int, tuple[Message, ...] | None] = {}
        for cell in cells:
            key = id(cell.prompt)
            if key not in rendered:
                rendered[key] = self._render(cell.prompt, case)
            messages = rendered[key]
            implied = () if has_schema or cell.schema_check is None else (cell.schema_check,)
            if not implied and not checks:
                hint = "add checks: to the case or to the suite"
                self._reader.complaints.add(SuiteError(f"case {case.id!r} has no check", hint=hint, where=case.where))
            elif messages is not None:
                tests.append(self._test(case, cell, messages, implied + checks))
        return tests

    def _checks(self, case: Case) -> tuple[CheckSpec, ...] | None:
        own = [(check, _is_dynamic(check)) for check in case.checks]
        scope = scope_of(case.vars, case.expect)
        ready: list[CheckSpec] = []
        written = own if case.alone else [*self._suite_checks, *own]
        for check, dynamic in written:
            try:
                ready.append(resolved(check, self._expressions, scope) if dynamic else check)
            except EvalkitError as error:
                self._complain(case, check.name, error.message, error.hint, at=check.where)
        return tuple(ready) if len(ready) == len(written) else None

    def _render(self, prompt: PromptVersion, case: Case) -> tuple[Message, ...] | None:
        try:
            return self._prompts.render(prompt, case.vars)
        except EvalkitError as error:
            place = f" ({error.where})" if error.where else ""
            self._complain(case, prompt.ref, f"{error.message}{place}", error.hint, at=case.where)
            return None

    def _complain(self, case: Case, subject: str, problem: str, hint: str | None, *, at: Where) -> None:
        """Note a mistake of one case. The same one in many rows of a dataset (a column is missing) is told for the first."""
        key = (case.where.path, subject, problem)
        if case.where.path != self._spec.path and key in self._alike:
            self._alike[key] += 1
            return
        self._alike[key] = 0
        message = f"{subject}, for case {case.id!r}: {problem}"
        self._reader.complaints.add(SuiteError(message, hint=hint, where=at))

    def tell_repetitions(self) -> None:
        """Say how many more rows have the mistakes that were told once."""
        for (path, subject, _), more in self._alike.items():
            if more:
                rows = "1 more row" if more == 1 else f"{more:,} more rows"
                hint = "a column that the file lacks, or a variable that is misspelt, is one mistake in every row"
                self._reader.complaints.add(
                    SuiteError(f"{subject}: the same is wrong in {rows} of this file", hint=hint, where=Where(path))
                )

    def _test(
        self, case: Case, cell: Cell, messages: tuple[Message, ...], checks: tuple[CheckSpec, ...]
    ) -> PlannedTest:
        spec = self._spec
        first, *spares = (_request(target, cell.prompt, messages) for target in (cell.target, *cell.fallbacks))
        priority = 0 if case.tags & spec.priority else 1
        trials = tuple(
            Trial(
                suite=spec.name,
                suite_path=spec.path,
                case=case,
                variant=cell.variant,
                repeat=repeat,
                request=_repeated(first, repeat),
                priority=priority,
                fallbacks=tuple(_repeated(spare, repeat) for spare in spares),
                canned=cell.canned,
            )
            for repeat in range(spec.repeats)
        )
        return PlannedTest(trials, checks, spec.require or spec.repeats)


def _request(target: Target, prompt: PromptVersion, messages: tuple[Message, ...]) -> Request:
    return Request(
        model=target.model,
        messages=messages,
        params=target.params,
        tools=prompt.tools,
        output_schema=prompt.output_schema,
        endpoint=target.endpoint,
        delivery=target.delivery,
    )


def _repeated(request: Request, repeat: int) -> Request:
    return replace(request, repeat=repeat) if repeat else request


def _is_dynamic(check: CheckSpec) -> bool:
    return has_expression(check.params) or any(_is_dynamic(child) for child in check.children)


def _names_schema(checks: Iterable[CheckSpec]) -> bool:
    return any("json_schema" in leaf_names(check) for check in checks)


def _ask_providers(
    tests: list[PlannedTest], cells: tuple[Cell, ...], check_request: Callable[[Request], str | None], reader: Reader
) -> None:
    first = {test.trials[0].variant.label: test.trials[0] for test in reversed(tests)}
    for cell in cells:
        trial = first.get(cell.variant.label)
        if trial is None:
            continue
        for request, target in zip((trial.request, *trial.fallbacks), (cell.target, *cell.fallbacks), strict=True):
            line = target.where.line or 1
            try:
                problem = check_request(request)
            except EvalkitError as error:
                reader.absorb(error, line)
                continue
            if problem is not None:
                hint = "params: of the suite, the model, the variant or the prompt's defaults: hold it"
                reader.complain(f"{cell.variant.label}: {problem}", line, hint)
