"""The prompts that judges are asked with: those that ship with evalkit, and the project's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evalkit.model.calls import JSON, Message
    from evalkit.prompts.library import PromptLibrary
    from evalkit.prompts.version import PromptVersion

SHIPPED = "evalkit-"
"""How the names of the prompts begin that ship with evalkit."""


@dataclass(frozen=True, slots=True)
class Template:
    """One prompt version that a check asks with. ``render`` fills in its inputs; it raises PromptError."""

    version: PromptVersion
    render: Callable[[Mapping[str, JSON]], tuple[Message, ...]]


class Templates:
    """Finds templates by reference: ``evalkit-rubric:v1`` is one that ships, any other is a prompt of ``project``.

    Each is read once, so that a judge stays the same for as long as this object lives.
    """

    def __init__(self, project: PromptLibrary | None = None) -> None:
        self._project = project
        self._shipped: PromptLibrary | None = None
        self._known: dict[str, Template] = {}
        self._new: list[PromptVersion] = []

    def get(self, ref: str) -> Template:
        """The template behind ``ref``. Raises PromptError for an unknown or broken one, or one that changed after its release."""
        if ref not in self._known:
            library = self._library(ref)
            version = library.get(ref)
            self._known[ref] = Template(version, lambda variables: library.render(version, variables))
            self._new.append(version)
        return self._known[ref]

    def taken(self) -> tuple[PromptVersion, ...]:
        """The versions that were asked for first since this was called last."""
        found, self._new = tuple(self._new), []
        return found

    def _library(self, ref: str) -> PromptLibrary:
        if self._project is not None and not ref.startswith(SHIPPED):
            return self._project
        if self._shipped is None:
            from evalkit.prompts.library import PromptLibrary

            here = Path(__file__).parent / "judge"
            self._shipped = PromptLibrary(here, here / "templates")
        return self._shipped
