"""From a suite file to tests that are ready to run: everything that can be wrong is found here, before a call is made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.checks.base import BuildContext
from evalkit.checks.build import build_check
from evalkit.checks.catalog import CHECKS, Families
from evalkit.checks.guard import is_foreign
from evalkit.checks.templates import Templates
from evalkit.checks.timelimit import TimeLimit
from evalkit.errors import ConfigError, EvalkitError, SuiteError, Where
from evalkit.files import inside, read_text
from evalkit.harness.before.foresight import unaskable
from evalkit.harness.before.overflow import Overflow
from evalkit.harness.before.project_code import import_check_modules, load_python
from evalkit.prompts.library import PromptLibrary
from evalkit.providers.catalog import resolve
from evalkit.suites.checkspecs import leaf_names
from evalkit.suites.expand import expand
from evalkit.suites.gate_kinds import BOTH
from evalkit.suites.loader import load_suite
from evalkit.suites.unused import unused_variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from evalkit.checks.build import BuiltCheck
    from evalkit.config import Config
    from evalkit.model.calls import JSON, Message, Request
    from evalkit.model.cases import CheckSpec, PlannedTest, Variant
    from evalkit.prompts.version import PromptVersion
    from evalkit.suites.spec import GateSpec, SuiteSpec


@dataclass(frozen=True, slots=True)
class SuitePlan:
    """A suite with its tests, and the prompt versions that they and (if no earlier suite did) their judges use.

    ``notes`` say what its reader should know.
    """

    spec: SuiteSpec
    tests: tuple[PlannedTest, ...]
    prompts: tuple[PromptVersion, ...]
    notes: tuple[str, ...] = ()


class Planner:
    """Plans suites of one project. Prompts, schemas and checks without expressions are read and built once."""

    def __init__(self, config: Config) -> None:
        self._config = config
        if config.untrusted:
            from evalkit.harness.untrusted import require_safe

            require_safe(config)
        self._prompts = PromptLibrary(config.root, config.folder("prompts"), confined=config.untrusted)
        self._templates = Templates(self._prompts)
        self._limit = TimeLimit(config.check_timeout_s)
        self._versions: dict[tuple[str, str], PromptVersion] = {}
        self._overflow = Overflow(config)
        self._names: dict[str, str] = {}
        self._built: dict[int, tuple[CheckSpec, BuiltCheck]] = {}
        import_check_modules(config)

    @property
    def config(self) -> Config:
        """The project's settings, with the run's options in them."""
        return self._config

    @property
    def prompts(self) -> PromptLibrary:
        """The project's prompts."""
        return self._prompts

    def plan(self, path: Path) -> SuitePlan:
        """Load, cross and build the suite at ``path``. Raises SuiteError with every mistake found."""
        spec = load_suite(
            path,
            root=self._config.root,
            reach=self._config.reach(path),
            read_parquet=_read_parquet,
            check_names=CHECKS.names(),
            families=Families(),
        )
        other = self._names.setdefault(spec.name, spec.path)
        if other != spec.path:
            raise SuiteError(
                f"the suite name {spec.name!r} is taken by {other}",
                hint="give each suite a name of its own: recordings and comparisons go by it",
                where=Where(spec.path, spec.lines.get("suite", 1)),
            )
        expansion = expand(spec, prompts=self._prompts, endpoint=self.endpoint, check_request=self._request_problem)
        self._versions |= {(version.ref, version.digest): version for version in expansion.prompts}
        self._build_all(expansion.tests)
        complaints = unaskable(expansion.tests, self.checks_of)
        if complaints:
            raise SuiteError.of(complaints)
        _require_feasible(spec)
        prompts = (*expansion.prompts, *self._templates.taken())
        unused = unused_variables(spec, expansion.prompts)
        notes = (*self._overflow.inspect(expansion.tests), *([unused] if unused else []))
        return SuitePlan(spec, expansion.tests, prompts, notes)

    def plans_of(self, test_ids: Iterable[str]) -> list[SuitePlan]:
        """Plan the suites that ``test_ids`` belong to: for a process that collected nothing itself. Raises SuiteError."""
        paths = dict.fromkeys(test_id.partition("::")[0] for test_id in test_ids)
        return [self.plan(self._config.root / path) for path in paths]

    def checks_of(self, test: PlannedTest) -> tuple[BuiltCheck, ...]:
        """The built checks of a planned test, in order."""
        return tuple(self.build(spec) for spec in test.checks)

    def runs_user_code(self, test: PlannedTest) -> bool:
        """Whether a check of ``test`` is the user's own Python, which may print, log or warn."""
        return any(check.family == "custom" for check in self.checks_of(test))

    def build(self, spec: CheckSpec) -> BuiltCheck:
        """Build a check; the same specification object is built once. Raises SuiteError at the check's line."""
        known = self._built.get(id(spec))
        if known is None:
            # The specification is kept beside the check so that its id cannot be reused.
            known = (spec, build_check(spec, self._context(spec)))
            self._built[id(spec)] = known
        return known[1]

    def endpoint(self, model: str) -> str:
        """The identity of where requests to ``model`` go. Raises ConfigError for an unknown provider."""
        kind, settings = resolve(model.partition("/")[0], self._config)
        return kind.endpoint(settings)

    def require(self, request: Request) -> None:
        """Raise ConfigError if the provider of ``request`` would refuse it, or its model could not read it."""
        problem = self._request_problem(request) or self._overflow.problem(request)
        if problem is not None:
            raise ConfigError(problem)

    def _render(self, variant: Variant, variables: Mapping[str, JSON]) -> tuple[Message, ...]:
        """The prompt of a planned variant for other variables. Raises PromptError."""
        key = (variant.prompt, variant.prompt_digest)
        version = self._versions.get(key) or self._prompts.get(variant.prompt, at=variant.at)
        return self._prompts.render(version, variables)

    def _request_problem(self, request: Request) -> str | None:
        kind, settings = resolve(request.provider, self._config)
        return kind.check(request, settings)

    def _build_all(self, tests: Sequence[PlannedTest]) -> None:
        complaints: list[SuiteError] = []
        seen: set[int] = set()
        for test in tests:
            for spec in test.checks:
                if id(spec) in seen:
                    continue
                seen.add(id(spec))
                try:
                    self.build(spec)
                except EvalkitError as error:
                    complaints += _about_check(error, spec)
        if complaints:
            raise SuiteError.of(complaints)

    def _context(self, spec: CheckSpec) -> BuildContext:
        root = self._config.root
        suite = root / spec.where.path
        reach = self._config.reach(suite)

        def read_json(text: str) -> Any:  # noqa: ANN401 - any JSON value
            path = inside(text, root=reach, bases=(suite.parent, reach), where=spec.where)
            try:
                return json.loads(read_text(path, where=spec.where))
            except (ValueError, RecursionError) as error:
                raise SuiteError(
                    f"{text} is not JSON: {error}", hint="look at the line and column named here", where=spec.where
                ) from error

        return BuildContext(
            read_json=read_json,
            load_python=lambda dotted: load_python(dotted, self._config),
            endpoint=self.endpoint,
            check_request=self._request_problem,
            prompt=self._templates.get,
            limit=self._limit,
            render=self._render,
        )


# What few suites need is imported by those that do: the statistics of gates take 15 ms, the database's reader 10.


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    from evalkit.store.database.query import read_parquet

    return read_parquet(path)


def _about_check(error: EvalkitError, spec: CheckSpec) -> Iterator[SuiteError]:
    """The complaints in ``error``, each with the check's place and a hint if it has none of its own."""
    names = " or ".join(f"'evalkit checks {name}'" for name in dict.fromkeys(leaf_names(spec)))
    for one in (error.complaints if isinstance(error, SuiteError) else ()) or (error,):
        hint = one.hint or f"{names} shows what it takes"
        yield SuiteError(one.message, hint=hint, where=one.where or spec.where)


def _require_feasible(spec: SuiteSpec) -> None:
    if not spec.gates:
        return
    from evalkit.compare.gates.feasible import early_problems, feasibility

    clustered = any(case.cluster is not None for case in spec.cases)
    impossible = [
        *early_problems(spec.gates, repeats=spec.repeats, clustered=clustered),
        *feasibility(spec.gates, cases=_cases_by_slice(spec)),
        *_without_scores(spec.gates),
    ]
    if impossible:
        raise SuiteError.of(impossible)


def _without_scores(gates: Iterable[GateSpec]) -> Iterator[SuiteError]:
    """Complain of gates about the score of a check that only passes or fails; what a check of the project gives is not known beforehand."""
    for gate in gates:
        if gate.scored is None or gate.scored not in CHECKS:
            continue
        cls = CHECKS.get(gate.scored)
        if not cls.scored and not is_foreign(cls):
            yield SuiteError(
                f"the gate {gate.text!r} asks for a score, and {gate.scored} gives none: it passes or fails",
                hint=f"ask for its pass rate: metric: pass_rate, slice: check:{gate.scored}",
                where=gate.where,
            )


def _cases_by_slice(spec: SuiteSpec) -> dict[str | None, int]:
    """How many independent cases each slice of a gate has, by its tags, and the whole suite (None). Cases of one cluster count once."""
    units: dict[str | None, set[str]] = {None: set(), **{gate.slice: set() for gate in spec.gates}}
    for case in spec.cases:
        unit = f"cluster {case.cluster}" if case.cluster is not None else f"case {case.id}"
        for name, members in units.items():
            tags = {part.removeprefix("tag:") for part in (name or "").split(BOTH) if part.startswith("tag:")}
            if tags <= case.tags:
                members.add(unit)
    return {name: len(members) for name, members in units.items()}
