"""evalkit: versioned prompts × YAML suites × pytest → DuckDB → an honest comparison.

The public names, each imported when it is first used, so that ``import evalkit`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import evalkit.compare as _compare_package

if TYPE_CHECKING:
    from evalkit.checks.base import CheckContext
    from evalkit.checks.custom import check
    from evalkit.compare.values import Comparison
    from evalkit.errors import EvalkitError
    from evalkit.harness.after.finish import Finished
    from evalkit.harness.api import compare, load, run
    from evalkit.model.calls import CallFailure, Message, Request, Response
    from evalkit.model.results import Result, Verdict

__version__ = "0.1.0"

_HOMES = {
    "CallFailure": "evalkit.model.calls",
    "CheckContext": "evalkit.checks.base",
    "Comparison": "evalkit.compare.values",
    "EvalkitError": "evalkit.errors",
    "Finished": "evalkit.harness.after.finish",
    "Message": "evalkit.model.calls",
    "Request": "evalkit.model.calls",
    "Response": "evalkit.model.calls",
    "Result": "evalkit.model.results",
    "Verdict": "evalkit.model.results",
    "check": "evalkit.checks.custom",
    "load": "evalkit.harness.api",
    "run": "evalkit.harness.api",
}

__all__ = [
    "CallFailure",
    "CheckContext",
    "Comparison",
    "EvalkitError",
    "Finished",
    "Message",
    "Request",
    "Response",
    "Result",
    "Verdict",
    "check",
    "compare",
    "load",
    "run",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any public name
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'evalkit' has no attribute {name!r}")
    return getattr(import_module(home), name)


class _CallablePackage(ModuleType):
    """``evalkit.compare`` is both the function that users call and the package where the statistics live.

    Python has one attribute for both, so the package itself can be called.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - see evalkit.harness.api.compare
        return import_module("evalkit.harness.api").compare(*args, **kwargs)


_compare_package.__class__ = _CallablePackage
_compare_package.__doc__ = _CallablePackage.__doc__ or ""


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
