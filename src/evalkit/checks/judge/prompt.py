"""What a judge is shown: every judged text fenced as data, with a code that the text cannot hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from evalkit.canon import digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.checks.base import CheckContext
    from evalkit.model.calls import Message, ToolCall

_CODE_CHARS = 32


def fenced(texts: Mapping[str, str]) -> dict[str, str]:
    """Return each text between marker lines, and the code of the markers as ``fence``; an empty text stays empty.

    The code is a digest of all the texts together: the same for the same texts, so that judge calls replay, and not to be written
    into any of them beforehand, because a text that held the code would have to hold its own digest.
    """
    fence = digest([[name, text] for name, text in texts.items()])[:_CODE_CHARS]
    blocks = {
        name: f"<<<{name} {fence}>>>\n{text}\n<<<end of {name} {fence}>>>" if text else ""
        for name, text in texts.items()
    }
    return {**blocks, "fence": fence}


def answer_text(ctx: CheckContext) -> str:
    """The judged answer: the selected part alone, or the whole text with its tool calls."""
    text = ctx.text if ctx.selected else _with_tools(ctx.text, ctx.response.tool_calls)
    return text or "(the answer is empty)"


def conversation_text(messages: Sequence[Message]) -> str:
    """The conversation that led to the answer, message by message."""
    return "\n\n".join(f"[{message.role}]\n{_with_tools(message.content, message.tool_calls)}" for message in messages)


def question_text(messages: Sequence[Message]) -> str:
    """What was asked last: the text of the last message of the user, or nothing."""
    return next((message.content for message in reversed(messages) if message.role == "user"), "")


def _with_tools(text: str, calls: Sequence[ToolCall]) -> str:
    called = [f"[calls {call.name} with {json.dumps(call.arguments, ensure_ascii=False)}]" for call in calls]
    return "\n".join([text, *called]) if called else text
