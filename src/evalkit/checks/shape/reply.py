"""Shape of the reply around the text: how it ended, which tools it calls."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr

from evalkit.checks.base import BuildContext, CheckContext, CheckModel
from evalkit.checks.count import Range, example
from evalkit.checks.reading.text import quoted
from evalkit.checks.shape.like import unlike
from evalkit.checks.shape.structured import JsonSchema
from evalkit.model.calls import JSON, Finish
from evalkit.model.results import Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.model.calls import Reply, ToolCall
    from evalkit.model.results import Verdict


class Finished(CheckModel):
    """The model ended its answer for the given reason; by default on its own (``stop``), not cut off.

    ``length``: the token limit cut it off; ``filtered``: the provider did; ``refusal``: the provider marked a refusal; ``tool_calls``: it
    waits for tools.
    """

    name: ClassVar[str] = "finish"
    family: ClassVar[Family] = "shape"
    short: ClassVar[str | None] = "reason"
    example = example(["stop", "tool_calls"], passes={"text": "Done."}, fails={"text": "And th", "finish": "length"})

    reason: Finish | list[Finish] = Field("stop", description="the reason, or several that are allowed")

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Compare with the reason the provider gave."""
        del replies
        allowed = [self.reason] if isinstance(self.reason, str) else self.reason
        found = ctx.response.finish
        return self.verdict(found in allowed, f"expected the finish reason {' or '.join(allowed)}, found {found}")


class ToolCalled(CheckModel):
    """The answer calls a tool, with arguments that a JSON Schema allows or that hold given values.

    ``times: 0`` wants no such call; ``like`` compares as ``json_like`` does: arguments that are not named may have any value.
    """

    name: ClassVar[str] = "tool_called"
    family: ClassVar[Family] = "shape"
    short: ClassVar[str | None] = "tool"
    example = example(
        {"tool": "refund", "arguments": {"required": ["order_id"]}},
        passes={"text": "", "tool_calls": [{"id": "1", "name": "refund", "arguments": {"order_id": "A-1001"}}]},
        fails={"text": "", "tool_calls": [{"id": "1", "name": "refund", "arguments": {}}]},
    )

    tool: str = Field(description="the tool's name")
    arguments: str | dict[str, Any] | None = Field(
        None, description="a JSON Schema for the arguments: a file of the project, or the schema itself"
    )
    like: dict[str, JSON] | None = Field(None, description="values that the arguments must hold, at least")
    times: Range = Field(Range(min=1), description="how many such calls there must be")

    _schema: JsonSchema | None = PrivateAttr(None)

    def prepare(self, build: BuildContext) -> ToolCalled:
        """Compile the schema. Raises SuiteError if it is not one."""
        prepared = self.model_copy()
        if self.arguments is not None:
            prepared._schema = JsonSchema(schema=self.arguments).prepare(build)  # noqa: SLF001 - a copy of itself
        return prepared

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Count the calls of the tool whose arguments are allowed."""
        calls = [call for call in ctx.response.tool_calls if call.name == self.tool]
        wrong = [reason for call in calls if (reason := self._wrong(call, ctx, replies)) is not None]
        good = len(calls) - len(wrong)
        others = ", ".join(sorted({call.name for call in ctx.response.tool_calls})) or "none"
        about = f"; arguments: {wrong[0]}" if wrong else f"; called: {quoted(others)}"
        return self.verdict(self.times.holds(good), f"expected {self.times} calls of {self.tool}, found {good}{about}")

    def _wrong(self, call: ToolCall, ctx: CheckContext, replies: Sequence[Reply]) -> str | None:
        if self.like is not None:
            difference = next(unlike(call.arguments, self.like, lists="same"), None)
            if difference is not None:
                return difference
        if self._schema is None:
            return None
        text = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)
        inner = CheckContext(text=text, response=ctx.response, request=ctx.request, offset=None)
        verdict = self._schema.judge(inner, replies)
        return None if verdict.status == "pass" else verdict.reason


class ToolCalls(CheckModel):
    """The answer calls these tools, in this order, and no others; ``tool_calls: []`` wants none at all.

    ``order``: ``exact`` (these calls and no others), ``in_order`` (others may stand between), ``any`` (all of them, in any order, others too).
    All calls of one answer are made in parallel; ``parallel`` says how many there must be.
    """

    name: ClassVar[str] = "tool_calls"
    family: ClassVar[Family] = "shape"
    short: ClassVar[str | None] = "tools"
    example = example(
        {"tools": ["find_order", "refund"], "order": "in_order", "parallel": {"max": 3}},
        passes={
            "text": "",
            "tool_calls": [
                {"id": "1", "name": "find_order", "arguments": {}},
                {"id": "2", "name": "refund", "arguments": {}},
            ],
        },
        fails={"text": "", "tool_calls": [{"id": "1", "name": "refund", "arguments": {}}]},
    )

    tools: list[str] = Field(description="the tools' names, a name once for each call")
    order: Literal["exact", "in_order", "any"] = Field("exact", description="how strictly the calls follow the list")
    parallel: Range | None = Field(None, description="how many calls the answer makes in all")

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Compare the names of the calls with the list."""
        del replies
        found = [call.name for call in ctx.response.tool_calls]
        called = f"found {', '.join(quoted(name, 40) for name in found[:10]) or 'no call'}"
        if self.parallel is not None and not self.parallel.holds(len(found)):
            return self.verdict("fail", f"expected {self.parallel} calls, {called}")
        wanted = ", ".join(self.tools) or "no call"
        return self.verdict(self._follows(found), f"expected {wanted} ({self.order}), {called}")

    def _follows(self, found: list[str]) -> bool:
        if self.order == "exact":
            return found == self.tools
        if self.order == "any":
            return not Counter(self.tools) - Counter(found)
        rest = iter(found)
        return all(any(name == tool for name in rest) for tool in self.tools)
