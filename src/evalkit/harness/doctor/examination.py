"""What a machine and a project need for a run, looked at one after the other: every finding that is not fine says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.errors import EvalkitError
from evalkit.harness.doctor.finding import Finding
from evalkit.harness.doctor.machine import extras, machine, project
from evalkit.harness.doctor.store import stored
from evalkit.harness.doctor.suites import suites_and_providers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalkit.config import Config


def examine(load: Callable[[], Config], *, online: bool = False) -> Iterator[Finding]:
    """Yield what is found about this machine and the project whose settings ``load`` gives. Writes nothing.

    With ``online`` each provider in use is asked once for its list of models; without it nothing is sent.
    """
    yield from machine()
    yield from extras()
    try:
        config = load()
    except EvalkitError as error:
        yield Finding("project", "problem", f"the configuration is wrong: {error}", "correct pyproject.toml")
        return
    yield from project(config)
    yield from suites_and_providers(config, online=online)
    yield from stored(config)
