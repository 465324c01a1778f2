"""``[tool.evalkit]`` in ``pyproject.toml``: folders, providers, prices and defaults, strictly read.

Endpoints, keys and importable modules come only from here and from the real environment, never from a suite. Of a checkout that is not
trusted, only the names of its folders are read here; the rest comes from a file outside it, which the command line names.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from evalkit.errors import ConfigError, Where, did_you_mean
from evalkit.files import read_text
from evalkit.model.cases import PERSONAL_KINDS, PersonalKind
from evalkit.model.results import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping

OnUndecided = Literal["fail", "warn"]

_PROVIDER_KEYS = frozenset({
    "kind",
    "base_url",
    "api_key_env",
    "api",
    "answers",
    "function",
    "timeout_s",
    "headers",
    "anthropic_version",
    "max_tokens_field",
    "account",
    "transport",
    "stream",
})
_LIMIT_KEYS = frozenset({
    "requests_per_minute",
    "tokens_per_minute",
    "input_tokens_per_minute",
    "output_tokens_per_minute",
    "concurrency",
})
_PRICE_KEYS = frozenset({
    "input_usd_per_mtok",
    "output_usd_per_mtok",
    "cached_input_usd_per_mtok",
    "cache_write_usd_per_mtok",
})
_MODEL_KEYS = frozenset({"context_window"})
_OF_ANY_CHECKOUT = frozenset({"prompts", "suites", "recordings", "baselines", "redact", "untrusted"})
"""What a checkout may say of itself although it is not trusted."""

_TABLES = {"providers": _PROVIDER_KEYS, "prices": _PRICE_KEYS, "limits": _LIMIT_KEYS, "models": _MODEL_KEYS}


@dataclass(frozen=True, slots=True)
class Config:
    """The project's settings. ``root`` is the folder of ``pyproject.toml`` (or where the command was started).

    ``providers`` maps a provider's name to its settings: ``kind`` (``openai``, ``anthropic``, ``scripted`` or a registered
    one), ``base_url``, ``api_key_env``, ``api`` (``chat`` or ``responses``), ``transport`` (``sdk`` or ``http``), ``stream``,
    ``account`` (whose limits apply; the provider's name by default), and for ``scripted`` ``answers`` or ``function``.
    ``limits`` maps an account to ``requests_per_minute``, ``tokens_per_minute``, ``input_tokens_per_minute``,
    ``output_tokens_per_minute`` and ``concurrency``; what is not set is learned from the provider's headers.
    ``baseline`` is what runs are compared with: a run, ``latest:<branch>``, or a file; None: what is found (see ``docs/baselines.md``).
    ``max_cost_usd``, ``max_tokens`` and ``max_calls`` are the ceilings of one run.
    ``prices`` maps ``provider/model`` to US dollars per million tokens, ``models`` to its ``context_window`` in tokens. ``allow_python`` lists the top-level modules that a
    suite may name by dotted path. ``check_modules`` are imported at the start so that their ``@check`` functions exist.
    ``timeout_s`` is the deadline of one attempt, ``deadline_s`` of one call with all its retries,
    ``check_timeout_s`` of one call of a check that is not evalkit's own.
    ``redact`` lists the kinds of personal data that are taken out of what every suite stores.
    ``untrusted`` says that the project is somebody else's: nothing of it runs, and it names no endpoint (see ``SECURITY.md``); ``ignored``
    are the keys of its ``pyproject.toml`` that were left out for that.
    """

    root: Path
    prompts: str = "prompts"
    suites: str = "suites"
    reports: str = "reports"
    recordings: str = "suites/recordings"
    baselines: str = "baselines"
    baseline: str | None = None
    mode: Mode = "cache"
    concurrency: int = 32
    max_cost_usd: float | None = None
    max_tokens: int | None = None
    max_calls: int | None = None
    retries: int = 20
    timeout_s: float = 120.0
    deadline_s: float = 300.0
    check_timeout_s: float = 10.0
    on_undecided: OnUndecided = "fail"
    providers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    prices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    allow_python: tuple[str, ...] = ()
    check_modules: tuple[str, ...] = ()
    redact: tuple[PersonalKind, ...] = ()
    untrusted: bool = False
    ignored: tuple[str, ...] = ()

    def folder(self, name: Literal["prompts", "suites", "reports", "recordings", "baselines"]) -> Path:
        """The absolute path of one of the project's folders."""
        relative: str = getattr(self, name)
        return self.root / relative

    def reach(self, suite: Path) -> Path:
        """The folder whose files the ``suite`` may name: the project; of an untrusted one, its suites folder, or where else the suite lies.

        A suite at the top of an untrusted project may name none there: beside it lie credentials.
        """
        if not self.untrusted:
            return self.root
        suites = self.folder("suites").resolve()
        home = suite.resolve().parent
        return suites if home == self.root or home.is_relative_to(suites) else home


def find_root(start: Path) -> Path:
    """Return the nearest folder at or above ``start`` whose ``pyproject.toml`` has ``[tool.evalkit]``, else ``start``."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / "pyproject.toml").is_file() and "tool.evalkit" in read_text(folder / "pyproject.toml"):
            return folder
    return start


def load_config(
    root: Path,
    *,
    settings: Path | None = None,
    untrusted: bool = False,
    **overrides: Any,  # noqa: ANN401 - one keyword per field of Config
) -> Config:
    """Read ``[tool.evalkit]`` of ``root/pyproject.toml``, then that of the file ``settings``, whose keys win; ``overrides`` that are not None win over both.

    If the project is ``untrusted``, or says so, its own file is read for the names of its folders only, and ``settings`` must lie outside it.
    Raises ConfigError.
    """
    root = root.resolve()
    own = _table(root / "pyproject.toml", Where("pyproject.toml")) if (root / "pyproject.toml").is_file() else {}
    place = Where("pyproject.toml" if settings is None else str(settings))
    given = {} if settings is None else _table(settings, place)
    untrusted = untrusted or own.get("untrusted") is True or given.get("untrusted") is True
    ignored: tuple[str, ...] = ()
    if untrusted:
        if settings is not None and settings.resolve().is_relative_to(root):
            raise ConfigError(
                "the settings lie in the checkout that is not to be trusted",
                hint="name a file outside it, for example of a checkout of the main branch",
                where=place,
            )
        ignored = tuple(sorted(own.keys() - _OF_ANY_CHECKOUT))
        own = {key: value for key, value in own.items() if key in _OF_ANY_CHECKOUT}
    values = {**_values(own, Where("pyproject.toml")), **_values(given, place)}
    values |= {key: value for key, value in overrides.items() if value is not None}
    return Config(**{**values, "root": root, "untrusted": untrusted, "ignored": ignored})


def _table(path: Path, where: Where) -> dict[str, Any]:
    try:
        tools = tomllib.loads(read_text(path, where=where)).get("tool", {})
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"not valid TOML: {error}", where=where) from error
    table = tools.get("evalkit", {}) if isinstance(tools, dict) else tools
    if not isinstance(table, dict):
        raise ConfigError("[tool.evalkit] is not a table", where=where)
    return table


def _values(table: Mapping[str, Any], where: Where) -> dict[str, Any]:
    valid = {f.name: f for f in fields(Config) if f.name not in {"root", "ignored"}}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in valid:
            raise ConfigError(f"unknown key {key!r} in [tool.evalkit]", hint=did_you_mean(key, valid), where=where)
        if key == "untrusted" and not isinstance(value, bool):
            raise ConfigError(f"untrusted = {value!r} is not true or false", where=where)
        values[key] = value if key == "untrusted" else _checked(key, value, where)
    if "redact" in values:
        values["redact"] = _kinds(values["redact"], where)
    return values


def _kinds(names: tuple[str, ...], where: Where) -> tuple[PersonalKind, ...]:
    for name in names:
        if name not in PERSONAL_KINDS:
            raise ConfigError(f"redact: {name!r}", hint=did_you_mean(name, PERSONAL_KINDS), where=where)
    return tuple(kind for kind in PERSONAL_KINDS if kind in names)


_CHOICES: dict[str, tuple[str, ...]] = {"mode": get_args(Mode), "on_undecided": get_args(OnUndecided)}
_NUMBERS: dict[str, float] = {
    "concurrency": 1,
    "max_cost_usd": 0,
    "max_tokens": 0,
    "max_calls": 0,
    "retries": 0,
    "timeout_s": 0.001,
    "deadline_s": 0.001,
    "check_timeout_s": 0.001,
}


def _checked(key: str, value: Any, where: Where) -> Any:  # noqa: ANN401 - a TOML value
    if key in _CHOICES:
        if value not in _CHOICES[key]:
            raise ConfigError(f"{key} = {value!r}", hint=did_you_mean(str(value), _CHOICES[key]), where=where)
        return value
    if key in _NUMBERS:
        whole = key in {"concurrency", "retries", "max_tokens", "max_calls"}
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or value < _NUMBERS[key]:
            kind = "a whole number" if whole else "a number"
            raise ConfigError(f"{key} = {value!r} is not {kind} of at least {_NUMBERS[key]}", where=where)
        return value
    if key in {"allow_python", "check_modules", "redact"}:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ConfigError(f"{key} is not a list of names", where=where)
        return tuple(value)
    if key in _TABLES:
        return _tables(key, value, _TABLES[key], where)
    free = key == "baseline"  # a run may be named, which is no path
    if not isinstance(value, str) or not value or not (free or _is_inside(Path(value))):
        wanted = "the name of a run or a file" if free else "a folder inside the project"
        raise ConfigError(f"{key} = {value!r} is not {wanted}", where=where)
    return value


def _is_inside(path: Path) -> bool:
    return not path.is_absolute() and ".." not in path.parts


_AMOUNTS = {"prices": "a price", "limits": "a number above 0", "models": "a whole number above 0"}


def _is_amount(key: str, value: object) -> bool:
    if key == "models":
        return type(value) is int and value > 0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        return False
    return value > 0 or key == "prices"


def _tables(key: str, value: Any, valid: frozenset[str], where: Where) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - a TOML value
    if not isinstance(value, dict) or not all(isinstance(row, dict) for row in value.values()):
        raise ConfigError(f"[tool.evalkit.{key}] is not a table of tables", where=where)
    for name, row in value.items():
        for inner in row:
            if inner not in valid:
                raise ConfigError(
                    f"unknown key {inner!r} in [tool.evalkit.{key}.{name}]",
                    hint=did_you_mean(inner, valid),
                    where=where,
                )
            if key in _AMOUNTS and not _is_amount(key, row[inner]):
                raise ConfigError(
                    f"{inner} = {row[inner]!r} in [tool.evalkit.{key}.{name}] is not {_AMOUNTS[key]}", where=where
                )
    return value
