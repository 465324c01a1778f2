"""The seam to a model: one attempt, nothing else. Retry, cache, limits, budget and clocks live in the engine."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evalkit.model.calls import JSON, Request, Response


class Provider(Protocol):
    """An open connection to a model."""

    async def complete(self, request: Request) -> Response:
        """Send ``request`` once. Raises :class:`evalkit.errors.CallError` with the kind of failure, and nothing else."""
        ...

    async def aclose(self) -> None:
        """Release connections. Called once, on the loop that used the provider."""
        ...


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What a provider is opened with: its configured name, ``[tool.evalkit.providers.<name>]``, and the run's limits.

    ``root`` is the project's folder. ``max_connections`` is the run's concurrency, ``timeout_s`` the deadline of one attempt.
    """

    name: str
    root: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float = 120.0
    max_connections: int = 32


class ProviderKind(Protocol):
    """A kind of provider (``openai``, ``anthropic``, ``scripted``), as registered: validates early, opens late.

    A class with these class- or staticmethods satisfies it. Nothing here may import an SDK, apart from ``open``.
    """

    def endpoint(self, settings: ProviderSettings) -> str:
        """The identity of where requests go (``openai https://…/v1 chat``); part of every request's key."""
        ...

    def check(self, request: Request, settings: ProviderSettings) -> str | None:
        """Return why this kind would refuse the request (a parameter it does not take, …) with what to do, or None."""
        ...

    def ready(self, settings: ProviderSettings) -> str | None:
        """Return why no live call can be made (a key is not set), or None."""
        ...

    def open(self, settings: ProviderSettings) -> Provider:
        """Open the provider. Called on the loop that will use it."""
        ...


PARAMETERS: Mapping[str, str] = {
    "temperature": "number",
    "top_p": "number",
    "top_k": "integer",
    "max_output_tokens": "integer",
    "seed": "integer",
    "stop": "list of strings",
    "presence_penalty": "number",
    "frequency_penalty": "number",
    "reasoning_effort": "string",
    "tool_choice": "string",
    "parallel_tool_calls": "boolean",
    "service_tier": "string",
}
"""Sampling parameters under evalkit's names, with their types. A provider kind maps those it takes and refuses the rest."""


_RANGES: Mapping[str, tuple[int, int]] = {
    "temperature": (0, 100),
    "top_p": (0, 1),
    "top_k": (-1, 10**9),
    "max_output_tokens": (1, 10**9),
    "seed": (-(2**63), 2**64 - 1),
}
"""What no provider takes lies outside; many a one takes less, and says so."""


def parameter_problem(name: str, value: JSON) -> str | None:
    """Return why ``value`` cannot be the parameter ``name`` (unknown name, wrong type, beyond all reason), or None."""
    from evalkit.errors import did_you_mean

    expected = PARAMETERS.get(name)
    if expected is None:
        return f"unknown parameter {name!r}; {did_you_mean(name, PARAMETERS)}"
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    ok = {
        "number": number,
        "integer": number and isinstance(value, int),
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "list of strings": isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value),
    }[expected]
    if not ok:
        return f"{name} is {value!r}, which is not a {expected}"
    least, most = _RANGES.get(name, (-math.inf, math.inf))
    if number and not least <= value <= most:  # type: ignore[operator]  # a number is one
        return f"{name} is {value}; it must be from {least:,} to {most:,}"
    return None
