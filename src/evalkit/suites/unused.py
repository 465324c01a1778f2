"""Variables that a suite gives and nothing reads: usually a name that was misspelt or left behind."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evalkit.errors import Where
    from evalkit.model.cases import CheckSpec
    from evalkit.prompts.version import PromptVersion
    from evalkit.suites.spec import SuiteSpec

_CODE = re.compile(r"\{[{%](.*?)[}%]\}", re.DOTALL)
_WORD = re.compile(r"\w+")
_SHOWN = 5


def unused_variables(spec: SuiteSpec, prompts: Iterable[PromptVersion]) -> str | None:
    """A note that names the variables which no prompt and no check of the suite mentions, or None.

    A word inside ``{{ }}`` or ``{% %}`` of a template, a declared input, and any word in a check's parameters count as a mention: what
    is named here is surely unused.
    """
    first: dict[str, Where] = {}
    for case in spec.cases:
        for name in case.vars:
            first.setdefault(name, case.where)
    known = set(_mentioned(spec, prompts)) if first else set()
    left = {name: where for name, where in first.items() if name not in known}
    if not left:
        return None
    listed = ", ".join(f"{name[:60]!r} ({where})" for name, where in list(left.items())[:_SHOWN])
    more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
    return f"no prompt and no check of {spec.name} uses {listed}{more}: check the spelling, or remove it"


def _mentioned(spec: SuiteSpec, prompts: Iterable[PromptVersion]) -> Iterator[str]:
    for prompt in prompts:
        yield from prompt.inputs or ()
        for text in prompt.sources.values():
            for code in _CODE.findall(text):
                yield from _WORD.findall(code)
    shared: set[int] = set()
    for check in (*spec.checks, *(check for case in spec.cases for check in case.checks)):
        if id(check) not in shared:
            shared.add(id(check))
            yield from _words(check)


def _words(check: CheckSpec) -> Iterator[str]:
    yield from _WORD.findall(json.dumps(check.params, ensure_ascii=False, default=str))
    for child in check.children:
        yield from _words(child)
