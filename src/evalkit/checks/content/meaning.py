"""Nearness of meaning by embeddings: asked of a provider through the engine, cached and replayed like every other request."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, FiniteFloat, PrivateAttr

from evalkit.checks.base import BuildContext, CheckContext, CheckModel
from evalkit.checks.reading.text import quoted
from evalkit.errors import CheckError, ConfigError
from evalkit.model.calls import CallFailure, Message, Reply, Request
from evalkit.model.results import Family, Verdict


class EmbeddingSimilarity(CheckModel):
    """The answer means nearly the same as a given text, by the cosine of their embeddings.

    One request for the answer and one for each text, which is paid for once in all runs. The scale belongs to the model: measure your own good
    and bad answers before you choose ``min``. Embeddings hardly see negation and numbers ("safe" and "not safe" are neighbours), so put
    ``contains`` or ``number`` beside it. An empty answer fails unasked; a call that fails is an ``error``.

    Source: the cosine of two vectors, as in Salton and McGill 1983, "Introduction to Modern Information Retrieval".
    """

    name = "embedding_similarity"
    family: ClassVar[Family] = "content"
    scored: ClassVar[bool] = True
    example: ClassVar[Mapping[str, Any]] = {
        "params": {"to": "Your order is late.", "min": 0.8, "model": "openai/text-embedding-3-small"}
    }

    to: str | list[str] = Field(description="the text, or several of which the nearest counts", min_length=1)
    min: FiniteFloat = Field(description="the least cosine that passes, from -1 to 1", ge=-1, le=1)
    model: str = Field("openai/text-embedding-3-small", description="the embedding model, as provider/model")

    _endpoint: str = PrivateAttr(default="")

    def prepare(self, build: BuildContext) -> EmbeddingSimilarity:
        """Resolve the endpoint. Raises EvalkitError if the provider is unknown or has no embeddings."""
        ready = self.model_copy()
        ready._endpoint = build.endpoint(self.model)  # noqa: SLF001 - our own private attribute
        problem = build.check_request(ready._question("hello"))  # noqa: SLF001 - our own method
        if problem is not None:
            raise ConfigError(
                f"embeddings cannot be asked for: {problem}",
                hint="name another model, or set up its provider in pyproject.toml",
            )
        return ready

    @property
    def _texts(self) -> list[str]:
        return [self.to] if isinstance(self.to, str) else self.to

    def _question(self, text: str) -> Request:
        return Request(self.model, (Message("user", text),), endpoint=self._endpoint, kind="embed")

    def followups(self, ctx: CheckContext) -> Sequence[Request]:
        """The answer's embedding, then each text's; none for an empty answer."""
        return [self._question(text) for text in (ctx.text, *self._texts)] if ctx.text.strip() else []

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Compare the vectors. Raises CheckError for a reply without one."""
        if not ctx.text.strip():
            return self.verdict("fail", "the answer is empty")
        answer, *others = (_vector(reply) for reply in replies)
        scores = [cosine(answer, other) for other in others]
        best = max(range(len(scores)), key=lambda at: scores[at])
        reason = f"expected at least {self.min:g}, found {scores[best]:.3f} against {quoted(self._texts[best])}"
        return self.verdict(scores[best] >= self.min, reason, score=max(0.0, min(1.0, scores[best])))


def _vector(reply: Reply) -> Sequence[float]:
    if isinstance(reply, CallFailure):
        raise CheckError(f"no embedding: {reply.message}{f' ({reply.hint})' if reply.hint else ''}")
    if len(reply.vectors) != 1:
        raise CheckError(f"expected one vector, got {len(reply.vectors)}")
    return reply.vectors[0]


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the cosine of the angle between two vectors. Raises CheckError if they cannot be compared."""
    if len(one) != len(other):
        raise CheckError(f"vectors of {len(one)} and {len(other)} numbers cannot be compared")
    lengths = math.hypot(*one) * math.hypot(*other)
    if lengths == 0:
        raise CheckError("a vector is all zeros")
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths
