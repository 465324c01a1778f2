"""A name and the thing behind it: lazy built-ins, entry points, and an error that helps."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from evalkit.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

T = TypeVar("T")


def _anything(thing: object) -> bool:
    del thing
    return True


class Registry(Generic[T]):
    """Names of one ``kind`` of thing (``check``, ``provider``).

    ``builtin`` maps a name to ``"module:attribute"``, imported when first asked for. Packages add names through the entry-point
    ``group``; a program adds them with :meth:`add`. ``fits`` says whether what was loaded is such a thing.
    """

    def __init__(
        self, kind: str, *, builtin: Mapping[str, str], group: str, fits: Callable[[object], bool] = _anything
    ) -> None:
        self._kind = kind
        self._lazy: dict[str, str] = dict(builtin)
        self._group = group
        self._fits = fits
        self._things: dict[str, T] = {}
        self._scanned = False

    def add(self, name: str, thing: T, *, replace: bool = False) -> None:
        """Register ``thing`` under ``name``. Raises ConfigError if the name is taken and ``replace`` is False."""
        if not replace and (name in self._things or name in self._lazy):
            raise ConfigError(f"a {self._kind} named {name!r} exists already", hint="choose another name")
        self._things[name] = thing

    def get(self, name: str) -> T:
        """Return the thing behind ``name``. Raises ConfigError that lists the valid names and the nearest one."""
        if name in self._things:
            return self._things[name]
        if name not in self._lazy:
            self._scan()
        target = self._lazy.get(name)
        if target is None:
            raise ConfigError(f"no {self._kind} named {name!r}", hint=did_you_mean(name, self.names()))
        thing: T = self._load(name, target)
        return self._things.setdefault(name, thing)

    def target(self, name: str) -> str | None:
        """The ``module:attribute`` that a built-in or an entry point gives for ``name``, or None."""
        return self._lazy.get(name)

    def names(self) -> list[str]:
        """Every registered name, sorted."""
        self._scan()
        return sorted(self._things.keys() | self._lazy.keys())

    def __contains__(self, name: object) -> bool:
        if name in self._things or name in self._lazy:
            return True
        self._scan()
        return name in self._lazy

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _load(self, name: str, target: str) -> Any:  # noqa: ANN401 - whatever the name stands for
        module, _, attribute = target.partition(":")
        hint = f"mend or remove the package that names it in its entry points {self._group}"
        try:
            loaded = getattr(import_module(module), attribute)
        except (ImportError, AttributeError, SyntaxError) as error:
            raise ConfigError(
                f"the {self._kind} {name!r} cannot be loaded from {target}: {error}", hint=hint
            ) from error
        thing = self._things.get(name, loaded)  # importing the module may have registered it
        if not self._fits(thing):
            raise ConfigError(f"{target} is not a {self._kind}", hint=hint)
        return thing

    def _scan(self) -> None:
        if self._scanned:
            return
        self._scanned = True
        for point in entry_points(group=self._group):
            self._lazy.setdefault(point.name, point.value)
