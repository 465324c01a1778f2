"""Taking personal data out of a text: what the check ``pii`` finds, and every e-mail address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.checks.safety.found import compiled
from evalkit.checks.safety.pii import find_personal
from evalkit.errors import CheckError

if TYPE_CHECKING:
    from collections.abc import Collection

    from evalkit.model.cases import PersonalKind

_ANY_EMAIL = r"[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
"""Also in a link, and of a machine: what is stored is judged more severely than an answer."""


def without_personal(text: str, kinds: Collection[PersonalKind]) -> str:
    """Return ``text`` with ``[REDACTED:email]`` and the like in place of personal data of these ``kinds``; the same object if there is none.

    A text that cannot be searched within the time limit is replaced as a whole.
    """
    try:
        found = [item for item in find_personal(text) if item.kind in kinds]
    except CheckError:
        return "[REDACTED:text that could not be searched]"
    for item in reversed(found):
        text = f"{text[: item.start]}[REDACTED:{item.kind}]{text[item.end :]}"
    if "email" in kinds and "@" in text:
        text = compiled(_ANY_EMAIL).sub("[REDACTED:email]", text)
    return text
