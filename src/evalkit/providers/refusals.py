"""Why a provider kind would refuse a request, found before anything is sent. Shared by the SDK providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.providers.base import parameter_problem

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from evalkit.model.calls import Request


def request_problem(request: Request, *, takes: AbstractSet[str], who: str) -> str | None:
    """Return the first reason why ``who`` (``the Responses API``, …) would refuse ``request``, with what to do, or None.

    ``takes`` names the parameters it knows.
    """
    if not request.model_name:
        return f"the model {request.model!r} names no model after the provider; write {request.provider}/<model>"
    for name, value in request.params.items():
        problem = parameter_problem(name, value)
        if problem is not None:
            return problem
        if name not in takes:
            return f"{who} takes no {name}; remove it from params (taken: {', '.join(sorted(takes)) or 'none'})"
    return _message_problem(request) or _tool_problem(request)


def _message_problem(request: Request) -> str | None:
    if not any(message.role != "system" for message in request.messages):
        return "the prompt has no user message; put the question into a {% user %} block"
    for message in request.messages:
        if message.role == "tool" and not message.tool_call_id:
            return "a tool message does not say which tool call it answers; give it a tool_call_id"
    return None


def _tool_problem(request: Request) -> str | None:
    names = {tool.name for tool in request.tools}
    choice = request.params.get("tool_choice")
    if choice is None or choice == "none":
        return None
    if not names:
        return f"tool_choice is {choice!r} but the request offers no tools; remove it from params"
    if choice not in {"auto", "required", *names}:
        return f"tool_choice is {choice!r}, which is no tool; use auto, none, required or one of {', '.join(sorted(names))}"
    return None
