"""Variables as a template sees them: plain JSON, copied, so that a template can neither reach nor change anything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalkit.model.calls import JSON

_MAX_DEPTH = 100


def plain_scope(scope: Mapping[str, JSON]) -> dict[str, Any]:
    """Return a deep copy of ``scope`` made of dict, list, str, int, float, bool and None.

    Raises TypeError for any other value and for nesting deeper than 100, naming the variable.
    """
    return {str(name): _plain(value, name, _MAX_DEPTH) for name, value in scope.items()}


def _plain(value: Any, name: str, depth: int) -> Any:  # noqa: ANN401 - JSON in, JSON out
    if value is None or type(value) in {str, int, float, bool}:
        return value
    if depth == 0:
        raise TypeError(f"the variable {name!r} is nested deeper than {_MAX_DEPTH}")
    if isinstance(value, Mapping):
        return {str(key): _plain(part, name, depth - 1) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part, name, depth - 1) for part in value]
    raise TypeError(f"the variable {name!r} holds a {type(value).__name__}, which is not JSON")
