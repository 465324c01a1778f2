"""What an answer may take: seconds, dollars, tokens. A number nobody knows is an error, never a pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from evalkit.checks.base import CheckContext, CheckModel
from evalkit.errors import CheckError
from evalkit.model.results import PRIMARY, Family, Verdict

if TYPE_CHECKING:
    from evalkit.model.calls import Reply


class LatencyS(CheckModel):
    """The answer took at most ``max`` seconds.

    The latency is that of the attempt that succeeded, from sending to the last byte; waits and failed attempts are not counted.
    An answer from the cache or a recording has the latency it had when it was made.
    """

    name = "latency_s"
    family: ClassVar[Family] = "operational"
    short = "max"
    example: ClassVar[Mapping[str, Any]] = {
        "params": 4,
        "passes": {"text": "Hello", "latency_s": 0.8},
        "fails": {"text": "Hello", "latency_s": 9.5},
    }

    max: float = Field(description="seconds", gt=0, allow_inf_nan=False)

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Compare. Raises CheckError if no latency was recorded."""
        del replies
        latency = ctx.response.latency_s
        if latency is None:
            raise CheckError("no latency is recorded for this answer")
        return self.verdict(latency <= self.max, f"expected at most {self.max:g} s, took {latency:.3g} s")


class FirstTokenS(CheckModel):
    """The first token of the answer came within ``max`` seconds.

    The time from sending the request to the first piece of content (of the text, a refusal or a tool call) of the attempt that
    succeeded. Only a streamed answer has one: set ``stream: true`` in the suite, or ``stream = true`` for the provider.
    """

    name = "first_token_s"
    family: ClassVar[Family] = "operational"
    short = "max"
    example: ClassVar[Mapping[str, Any]] = {
        "params": 0.8,
        "passes": {"text": "Hello", "first_token_s": 0.3},
        "fails": {"text": "Hello", "first_token_s": 2.5},
    }

    max: float = Field(description="seconds", gt=0, allow_inf_nan=False)

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Compare. Raises CheckError if the answer was not streamed."""
        del replies
        first = ctx.response.first_token_s
        if first is None:
            raise CheckError(
                "not measured, because this answer was not streamed: set stream: true; if it is set, the answer is an older one "
                "(from the cache or a recording) or the server does not stream, and --mode refresh asks again"
            )
        return self.verdict(first <= self.max, f"expected the first token within {self.max:g} s, took {first:.3g} s")


class CostUsd(CheckModel):
    """The answer cost at most ``max`` US dollars.

    What it costs at today's price, whether it was paid in this run or comes from the cache or a recording. Follow-up calls
    (a judge's) are not counted. An unknown price is an error.
    """

    name = "cost_usd"
    family: ClassVar[Family] = "operational"
    short = "max"
    example: ClassVar[Mapping[str, Any]] = {"params": 0.002}

    max: float = Field(description="US dollars", ge=0, allow_inf_nan=False)

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Compare. Raises CheckError if the cost is unknown."""
        del replies
        if ctx.cost_usd is None:
            raise CheckError(
                f"the cost is unknown: the provider reported no usage, or {ctx.request.model} has no price"
                f" (set [tool.evalkit.prices.{ctx.request.model!r}] in pyproject.toml)"
            )
        return self.verdict(ctx.cost_usd <= self.max, f"expected at most ${self.max:.4g}, cost ${ctx.cost_usd:.4g}")


class Tokens(CheckModel):
    """The call used at most so many tokens, as the provider counted them.

    Input tokens include cached ones, output tokens include reasoning. At least one limit; the short form is ``max_total``.
    """

    name = "tokens"
    family: ClassVar[Family] = "operational"
    short = "max_total"
    example: ClassVar[Mapping[str, Any]] = {
        "params": {"max_output": 400},
        "passes": {"text": "Hello", "usage": {"input_tokens": 90, "output_tokens": 12}},
        "fails": {"text": "Hello", "usage": {"input_tokens": 90, "output_tokens": 900}},
    }

    max_input: int | None = Field(None, description="tokens sent", ge=0)
    max_output: int | None = Field(None, description="tokens answered", ge=0)
    max_total: int | None = Field(None, description="both together", ge=0)

    @model_validator(mode="after")
    def _limited(self) -> Tokens:
        if self.max_input is None and self.max_output is None and self.max_total is None:
            raise ValueError("needs max_input, max_output or max_total")
        return self

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Compare. Raises CheckError if a count that is limited was not reported."""
        del replies
        usage = ctx.response.usage
        sent, answered = usage.input_tokens, usage.output_tokens
        total = None if sent is None or answered is None else sent + answered
        limits = (
            ("input", self.max_input, sent),
            ("output", self.max_output, answered),
            ("total", self.max_total, total),
        )
        parts: list[str] = []
        holds = True
        for noun, most, used in limits:
            if most is None:
                continue
            if used is None:
                raise CheckError(f"the provider reported no {noun} tokens for this answer")
            holds = holds and used <= most
            parts.append(f"expected at most {most:,} {noun} tokens, used {used:,}")
        return self.verdict(holds, "; ".join(parts))


class ServedBy(CheckModel):
    """The answer came from the model that was asked first, or from one of those that ``by`` names.

    ``primary`` is the variant's model, ``canned answer`` the text of last resort; a fallback goes by its model, ``openai/gpt-5-mini``.
    Without this check an answer is judged alike, whoever served it.
    """

    name = "served_by"
    family: ClassVar[Family] = "operational"
    short = "by"
    example: ClassVar[Mapping[str, Any]] = {"params": "primary"}

    by: str | list[str] = Field(PRIMARY, description="who may serve: primary, a fallback's model, or canned answer")

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Compare."""
        del replies
        allowed = [self.by] if isinstance(self.by, str) else self.by
        return self.verdict(ctx.served in allowed, f"expected {' or '.join(allowed)}, served by {ctx.served}")
