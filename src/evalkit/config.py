"""``[tool.evalkit]`` in ``pyproject.toml``: folders, providers, prices and defaults, strictly read.

Endpoints, keys and importable modules come only from here and from the real environment, never from a suite. Of a checkout that is not
trusted, only the names of its folders are read here; the rest comes from a file outside it, which the command line names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeGuard, get_args

from evalkit.errors import ConfigError, Where, did_you_mean
from evalkit.model.cases import PERSONAL_KINDS, PersonalKind
from evalkit.model.results import Mode
from evalkit.tomlfile import TomlFile, project_file

if TYPE_CHECKING:
    from collections.abc import Mapping

OnUndecided = Literal["fail", "warn", "allow_no_baseline"]

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
    ``workers`` is how many processes share the accounts; the settings above are one's part already.
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
    workers: int = 1

    def folder(self, name: Literal["prompts", "suites", "reports", "recordings", "baselines"]) -> Path:
        """The absolute path of one of the project's folders."""
        relative: str = getattr(self, name)
        return self.root / relative

    @property
    def journals(self) -> Path:
        """The folder of all journals of the project, one folder in it per run."""
        return self.folder("reports") / "journal"

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
    """Return the nearest folder at or above ``start`` whose ``pyproject.toml`` has ``[tool.evalkit]``, else ``start``.

    Raises ConfigError for a ``pyproject.toml`` on the way that cannot be read.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if "tool.evalkit" in (project_file(folder).text() or ""):
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
    file = project_file(root)
    other = file if settings is None else TomlFile(settings, str(settings))
    own = file.table()
    given = {} if settings is None else other.table(must_exist=True)
    untrusted = untrusted or own.get("untrusted") is True or given.get("untrusted") is True
    ignored: tuple[str, ...] = ()
    if untrusted:
        if settings is not None and settings.resolve().is_relative_to(root):
            raise ConfigError(
                "the settings lie in the checkout that is not to be trusted",
                hint="name a file outside it, for example of a checkout of the main branch",
                where=Where(str(settings)),
            )
        ignored = tuple(sorted(own.keys() - _OF_ANY_CHECKOUT))
        own = {key: value for key, value in own.items() if key in _OF_ANY_CHECKOUT}
    values = {**_values(root, file, own), **_values(root, other, given)}
    values |= {key: value for key, value in overrides.items() if value is not None}
    return Config(**{**values, "root": root, "untrusted": untrusted, "ignored": ignored})


def _values(root: Path, file: TomlFile, table: Mapping[str, Any]) -> dict[str, Any]:
    valid = {f.name: f for f in fields(Config) if f.name not in {"root", "ignored", "workers"}}
    reader = _Reader(root, file)
    for key in table:
        if key not in valid:
            raise reader.error(f"unknown key {key!r} in [tool.evalkit]", key, hint=did_you_mean(key, valid))
    return {key: reader.checked(key, value) for key, value in table.items()}


_CHOICES: dict[str, tuple[str, ...]] = {"mode": get_args(Mode), "on_undecided": get_args(OnUndecided)}
_WHOLE = frozenset({"concurrency", "retries", "max_tokens", "max_calls"})
_DAYS = 30 * 86_400
_NUMBERS: dict[str, tuple[float, float]] = {
    "concurrency": (1, 10_000),
    "max_cost_usd": (0, 1e12),
    "max_tokens": (0, 10**15),
    "max_calls": (0, 10**12),
    "retries": (0, 10_000),
    "timeout_s": (0.001, _DAYS),
    "deadline_s": (0.001, _DAYS),
    "check_timeout_s": (0.001, _DAYS),
}
"""Each number with the least and the most it may be."""

_AMOUNTS = {"prices": "a price", "limits": "a number above 0", "models": "a whole number above 0"}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Checks what stands under ``[tool.evalkit]`` of ``file``, and says in which line of it a mistake is."""

    root: Path
    file: TomlFile

    def error(self, message: str, *keys: str, hint: str | None = None) -> ConfigError:
        """The complaint about the value that ``keys`` lead to."""
        return ConfigError(
            message, hint=hint or "docs/reference/configuration.md lists every key", where=self.file.where(*keys)
        )

    def checked(self, key: str, value: Any) -> Any:  # noqa: ANN401 - a TOML value
        """``value`` as the field ``key`` takes it. Raises ConfigError."""
        if key == "untrusted":
            if not isinstance(value, bool):
                raise self.error(f"untrusted = {value!r} is not true or false", key, hint="write it without quotes")
            return value
        if key in _CHOICES:
            if value not in _CHOICES[key]:
                raise self.error(f"{key} = {value!r}", key, hint=did_you_mean(str(value), _CHOICES[key]))
            return value
        if key in _NUMBERS:
            return self._number(key, value)
        if key in {"allow_python", "check_modules", "redact"}:
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise self.error(f"{key} is not a list of names", key, hint=f'write {key} = ["one", "two"]')
            return self._kinds(tuple(value)) if key == "redact" else tuple(value)
        return self._tables(key, value) if key in _TABLES else self._path(key, value)

    def _kinds(self, names: tuple[str, ...]) -> tuple[PersonalKind, ...]:
        for name in names:
            if name not in PERSONAL_KINDS:
                raise self.error(f"redact: {name!r}", "redact", hint=did_you_mean(name, PERSONAL_KINDS))
        return tuple(kind for kind in PERSONAL_KINDS if kind in names)

    def _number(self, key: str, value: Any) -> Any:  # noqa: ANN401 - a TOML value
        least, most = _NUMBERS[key]
        kind = "a whole number" if key in _WHOLE else "a number"
        typed = isinstance(value, int if key in _WHOLE else (int, float)) and not isinstance(value, bool)
        if not typed or not least <= value <= most:
            problem = f"{key} = {value!r} is not {kind} of at least {least} and at most {most:,}"
            raise self.error(problem, key, hint="write it without quotes; leave the key out for the default")
        return value

    def _path(self, key: str, value: Any) -> str:  # noqa: ANN401 - a TOML value
        free = key == "baseline"  # a run may be named, which is no path
        if not isinstance(value, str) or not value or not value.isprintable() or not (free or _is_inside(Path(value))):
            wanted = "the name of a run or a file" if free else "a folder inside the project"
            raise self.error(
                f"{key} = {value!r} is not {wanted}", key, hint="write a relative path without '..', in quotes"
            )
        if not free and (self.root / value).exists() and not (self.root / value).is_dir():
            raise self.error(f"{key} = {value!r} is a file, not a folder", key, hint="name the folder that holds it")
        return value

    def _tables(self, key: str, value: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - a TOML value
        if not isinstance(value, dict) or not all(isinstance(row, dict) for row in value.values()):
            raise self.error(
                f"[tool.evalkit.{key}] is not a table of tables", key, hint=f"write [tool.evalkit.{key}.<name>]"
            )
        for name, row in value.items():
            for inner in row:
                self._entry(key, name, inner, row[inner])
        return value

    def _entry(self, key: str, name: str, inner: str, value: object) -> None:
        table = f"[tool.evalkit.{key}.{name}]"
        if inner not in _TABLES[key]:
            raise self.error(
                f"unknown key {inner!r} in {table}", key, name, inner, hint=did_you_mean(inner, _TABLES[key])
            )
        if key in _AMOUNTS and not _is_amount(key, inner, value):
            wanted = "a whole number above 0" if inner == "concurrency" else _AMOUNTS[key]
            raise self.error(
                f"{inner} = {value!r} in {table} is not {wanted}",
                key,
                name,
                inner,
                hint="write it without quotes" if isinstance(value, str) else "leave the key out if there is none",
            )
        if inner in {"kind", "account"} and (not isinstance(value, str) or not value):
            raise self.error(
                f"{inner} = {value!r} in {table} is not a name", key, name, inner, hint="write it in quotes"
            )
        if inner == "timeout_s" and not _is_seconds(value):
            problem = f"{inner} = {value!r} in {table} is not a number of seconds above 0"
            raise self.error(problem, key, name, inner, hint="write it without quotes")


def _is_inside(path: Path) -> bool:
    return not path.is_absolute() and ".." not in path.parts


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_seconds(value: object) -> bool:
    return _is_number(value) and 0 < value <= _DAYS


def _is_amount(key: str, inner: str, value: object) -> bool:
    if key == "models" or inner == "concurrency":
        return type(value) is int and 0 < value <= _NUMBERS["max_tokens"][1]
    if not _is_number(value) or not 0 <= value < math.inf:
        return False
    return value > 0 or key == "prices"
