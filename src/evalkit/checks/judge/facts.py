"""Judgement of what an answer states: against a reference that is right, and against the context it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from pydantic import Field

from evalkit.checks.judge.base import JudgeCheck, shown_form
from evalkit.checks.judge.prompt import answer_text
from evalkit.checks.judge.reply import REASON, Vote, object_schema
from evalkit.checks.reading.text import quoted
from evalkit.errors import CheckError

if TYPE_CHECKING:
    from evalkit.checks.base import CheckContext
    from evalkit.model.calls import JSON
    from evalkit.model.results import Verdict

Relation = Literal["same", "more", "less", "contradicts", "unrelated"]
_SCORES: Mapping[str, float] = {"same": 1.0, "more": 1.0, "less": 0.5, "contradicts": 0.0, "unrelated": 0.0}
_MAX_CLAIMS = 200


class Factual(JudgeCheck):
    """Another model judges whether the facts of the answer agree with those of a reference.

    It names the relation: ``same`` facts, ``more`` (all of the reference's and others that do not contradict), ``less`` (some, and no
    contradiction), ``contradicts``, or ``unrelated``. ``accept`` says which of them pass. The score is 1 for same and more, 0.5 for
    less, else 0, averaged over the votes.
    """

    name = "factual"
    template = "evalkit-factual:v1"
    example: ClassVar[Mapping[str, Any]] = {
        "params": {"to": "{{ expect.answer }}", "model": "anthropic/claude-sonnet-4-5"}
    }

    to: str = Field(description="the reference, which is taken to be right", min_length=1)
    accept: list[Relation] = Field(["same", "more"], description="the relations that pass", min_length=1)

    def form(self) -> Mapping[str, JSON]:
        """A reason, then the relation."""
        return object_schema({"reason": REASON, "relation": {"type": "string", "enum": list(get_args(Relation))}})

    def example_form(self) -> str:
        """See :meth:`JudgeCheck.example_form`."""
        names = ", ".join(get_args(Relation))
        return shown_form({"reason": '"<one or two sentences>"', "relation": f'"<one of: {names}>"'})

    def texts(self, ctx: CheckContext) -> Mapping[str, str]:
        """The reference and the answer."""
        return {"reference": self.to, "answer": answer_text(ctx)}

    def vote(self, ctx: CheckContext, replies: Sequence[Mapping[str, Any]]) -> Vote:
        """The relation, which is accepted or not."""
        del ctx
        relation = replies[0]["relation"]
        return Vote(relation in self.accept, _SCORES[relation], relation, replies[0]["reason"])


class Faithful(JudgeCheck):
    """Another model takes the answer apart into claims and judges which of them the context supports.

    The score is the share of claims that are supported, averaged over the votes; a vote passes from ``min`` on. Claims that are not
    supported are named, and highlighted where the judge copied them from the answer word for word. An answer without any claim
    fails unless ``no_claims: pass``: a judge that was talked into seeing none must not make a green run.
    """

    name = "faithful"
    template = "evalkit-faithful:v1"
    example: ClassVar[Mapping[str, Any]] = {
        "params": {"to": "{{ vars.documents }}", "model": "anthropic/claude-sonnet-4-5"}
    }

    to: str | list[str] = Field(description="the context: one text, or several documents", min_length=1)
    min: float = Field(1.0, description="the share of claims that must be supported, from 0 to 1", gt=0, le=1)
    no_claims: Literal["pass", "fail"] = Field("fail", description="what an answer without any claim is")

    def form(self) -> Mapping[str, JSON]:
        """A list of claims, each with the words, a reason, and whether it is supported."""
        claim = object_schema({"words": {"type": "string"}, "reason": REASON, "supported": {"type": "boolean"}})
        return object_schema({"claims": {"type": "array", "items": claim}})

    def example_form(self) -> str:
        """See :meth:`JudgeCheck.example_form`."""
        claim = shown_form({
            "words": '"<copied from the answer>"',
            "reason": '"<one sentence>"',
            "supported": "<true or false>",
        })
        return shown_form({"claims": f"[{claim}, …]"})

    def texts(self, ctx: CheckContext) -> Mapping[str, str]:
        """The context and the answer."""
        documents = [self.to] if isinstance(self.to, str) else self.to
        if not any(document.strip() for document in documents):
            raise CheckError("the context is empty")
        return {"context": "\n\n".join(documents), "answer": answer_text(ctx)}

    def vote(self, ctx: CheckContext, replies: Sequence[Mapping[str, Any]]) -> Vote:
        """The share of claims that are supported."""
        del ctx
        claims = replies[0]["claims"]
        if len(claims) > _MAX_CLAIMS:
            raise CheckError(f"the judge found {len(claims)} claims; at most {_MAX_CLAIMS} are read")
        if not claims:
            passed = self.no_claims == "pass"
            return Vote(passed, float(passed), "no claims", "the judge found no claim in the answer")
        bad = [claim for claim in claims if not claim["supported"]]
        share = 1 - len(bad) / len(claims)
        words = "; ".join(f"{quoted(claim['words'])}: {claim['reason']}" for claim in bad[:5]) or "all of them hold"
        return Vote(share >= self.min, share, f"{len(claims) - len(bad)} of {len(claims)} claims supported", words)

    def mark(self, ctx: CheckContext, verdict: Verdict, replies: Sequence[Mapping[str, Any]]) -> Verdict:
        """Highlight the claims without support, where the answer has their words."""
        unsupported = (claim["words"] for reply in replies for claim in reply["claims"] if not claim["supported"])
        found = dict.fromkeys((ctx.text.find(words), len(words)) for words in unsupported if words.strip())
        return replace(verdict, spans=ctx.placed(sorted((at, at + size) for at, size in found if at >= 0)))
