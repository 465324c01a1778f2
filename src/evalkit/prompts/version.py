"""A prompt version as a value: the file, everything it includes, its front matter, and the digest that identifies it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalkit.model.results import PromptRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.model.calls import JSON, Tool


@dataclass(frozen=True, slots=True)
class InputSpec:
    """A declared input: ``type`` is a JSON Schema type name; ``schema`` the full JSON Schema of the value."""

    name: str
    type: str
    schema: Mapping[str, JSON]
    required: bool = True


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """One file ``prompts/<name>/v3.j2``, as it stood on disk or at the git revision ``at``.

    ``digest`` is sha256 over the source and everything it includes. ``sources`` maps each file's path (relative to the project) to
    its text, the template first. ``inputs`` is None when the front matter declares none. ``defaults`` holds ``model`` and
    parameters. ``output_schema`` is the JSON Schema of ``output:``, sent as structured output and checked.
    """

    name: str
    version: str
    path: str
    digest: str
    sources: Mapping[str, str]
    description: str = ""
    inputs: Mapping[str, InputSpec] | None = None
    output_path: str | None = None
    output_schema: Mapping[str, JSON] | None = None
    defaults: Mapping[str, JSON] = field(default_factory=dict)
    tools: tuple[Tool, ...] = ()
    at: str | None = None

    @property
    def ref(self) -> str:
        """The full reference, the same everywhere: ``refund-reply:v3``."""
        return f"{self.name}:{self.version}"

    def record(self) -> PromptRecord:
        """What the store keeps of this version."""
        return PromptRecord(self.ref, self.digest, self.path, self.sources, self.description, self.at)
