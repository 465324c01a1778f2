"""A project folder to write prompts into."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evalkit.errors import PromptError
from evalkit.prompts.library import PromptLibrary

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.model.calls import Message


class Project:
    """A project on disk: write files, render prompts, or catch the error."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "prompts").mkdir()

    @property
    def library(self) -> PromptLibrary:
        return PromptLibrary(self.root, self.root / "prompts")

    def write(self, path: str, text: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return target

    def render(self, text: str, /, **variables: object) -> tuple[Message, ...]:
        self.write("prompts/p/v1.j2", text)
        library = self.library
        return library.render(library.get("p:v1"), variables)  # type: ignore[arg-type]

    def text(self, text: str, /, **variables: object) -> str:
        (message,) = self.render(text, **variables)
        return message.content

    def refused(self, text: str, /, **variables: object) -> str:
        """The error's whole text for a prompt that must not render."""
        with pytest.raises(PromptError) as caught:
            self.render(text, **variables)
        return str(caught.value)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)
