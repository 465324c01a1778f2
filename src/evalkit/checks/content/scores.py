"""Scores of an answer against reference texts: ROUGE, BLEU and chrF, the measures of summaries and translations."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, FiniteFloat

from evalkit.checks.base import BuildContext, CheckContext, CheckModel
from evalkit.checks.count import example
from evalkit.checks.reading.text import quoted
from evalkit.errors import CheckError, MissingExtraError
from evalkit.model.results import Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.model.calls import Reply
    from evalkit.model.results import Verdict

MAX_COMPARED = 100_000


class ScoreCheck(CheckModel):
    """Base of the checks that score an answer against reference texts; of several references the best counts."""

    family: ClassVar[Family] = "content"
    scored: ClassVar[bool] = True

    to: str | list[str] = Field(description="the reference text, or several of which the best counts", min_length=1)
    min: FiniteFloat = Field(description="the least score that passes, from 0 to 1", gt=0, le=1)

    @property
    def references(self) -> list[str]:
        """The references as a list."""
        return [self.to] if isinstance(self.to, str) else self.to

    def score(self, answer: str, reference: str) -> float:
        """Return the score of ``answer``, from 0 to 1."""
        raise NotImplementedError

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Score against each reference. Raises CheckError for an answer too long to compare."""
        del replies
        if len(ctx.text) > MAX_COMPARED:
            raise CheckError(f"the answer has {len(ctx.text):,} characters; at most {MAX_COMPARED:,} are compared")
        scores = {reference: min(1.0, self.score(ctx.text, reference)) for reference in self.references}
        best = max(scores, key=lambda reference: scores[reference])
        reason = f"expected at least {self.min:g}, found {scores[best]:.3f} against {quoted(best)}"
        return self.verdict(scores[best] >= self.min, reason, score=scores[best])


class Rouge(ScoreCheck):
    """The answer shares words, or runs of words, with a reference: ROUGE-1, ROUGE-2 or ROUGE-L.

    ``measure`` is the F1 of both directions, or ``recall`` (how much of the reference is in the answer) or ``precision`` (how much of the
    answer is in the reference). Words are runs of letters and digits of any script, without case; they are not stemmed.

    Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries"; the longest common subsequence is rapidfuzz's. The
    package rouge-score would bring two large packages for it; for English texts the figures are equal to its own, without stemming.
    """

    name: ClassVar[str] = "rouge"
    example = example(
        {"to": "The parcel is late because of snow.", "min": 0.6, "kind": "L"},
        passes="The parcel is late: snow.",
        fails="We have no parcels today.",
    )

    kind: Literal["1", "2", "L"] = Field(
        "L", description="single words, pairs of words, or the longest common subsequence"
    )
    measure: Literal["f1", "recall", "precision"] = Field("f1", description="which share counts")

    def score(self, answer: str, reference: str) -> float:
        """Compare the words."""
        found, wanted = _rouge_words(answer), _rouge_words(reference)
        if self.kind == "L":
            hits, of_found, of_wanted = _common_run(found, wanted), len(found), len(wanted)
        else:
            grams = [_grams(words, int(self.kind)) for words in (found, wanted)]
            hits, of_found, of_wanted = (grams[0] & grams[1]).total(), grams[0].total(), grams[1].total()
        precision = hits / of_found if of_found else 0.0
        recall = hits / of_wanted if of_wanted else 0.0
        both = 2 * precision * recall / (precision + recall) if hits else 0.0
        return {"f1": both, "recall": recall, "precision": precision}[self.measure]


def _rouge_words(text: str) -> list[str]:
    import regex

    return regex.findall(r"[^\W_]+", text.casefold())  # type: ignore[no-any-return]


def _grams(words: Sequence[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + size]) for at in range(len(words) - size + 1))


def _common_run(found: Sequence[str], wanted: Sequence[str]) -> int:
    from rapidfuzz.distance import LCSseq

    return LCSseq.similarity(found, wanted)


class SacreScore(ScoreCheck):
    """Base of the scores that sacrebleu computes."""

    def prepare(self, build: BuildContext) -> SacreScore:
        """Look for the package. Raises MissingExtraError without it."""
        del build
        try:
            import sacrebleu  # noqa: F401 - looked for, not used
        except ImportError as error:
            raise MissingExtraError(f"the check {self.name}", package="sacrebleu", extra="similarity") from error
        return self

    def score(self, answer: str, reference: str) -> float:
        """Ask sacrebleu, whose figures go up to 100."""
        found: float = self.metric().sentence_score(answer.strip(), [reference.strip()]).score
        return found / 100

    def metric(self) -> Any:  # noqa: ANN401 - a metric of sacrebleu
        """The metric, set up."""
        raise NotImplementedError


class Bleu(SacreScore):
    """The answer is close to a reference translation by BLEU, from 0 to 1.

    Of one answer, so that the precision of runs longer than the answer does not count (``effective_order``). Made for corpora: for a single
    sentence ``chrf`` is the steadier measure.

    Source: Papineni et al. 2002; Post 2018, "A Call for Clarity in Reporting BLEU Scores", as implemented by sacrebleu.
    """

    name: ClassVar[str] = "bleu"
    example = example(
        {"to": "The parcel is late because of the snow.", "min": 0.5},
        passes="The parcel is late because of snow.",
        fails="It snows.",
    )

    tokenize: Literal["13a", "intl", "zh", "char", "none"] = Field(
        "13a", description="how words are told apart, as sacrebleu names it"
    )
    ignore_case: bool = Field(False, description="upper and lower case are the same")

    def metric(self) -> Any:  # noqa: ANN401 - a metric of sacrebleu
        """BLEU of one sentence."""
        from sacrebleu.metrics.bleu import BLEU

        return BLEU(effective_order=True, tokenize=self.tokenize, lowercase=self.ignore_case)


class Chrf(SacreScore):
    """The answer is close to a reference translation by chrF, from 0 to 1: the F-score of runs of characters.

    ``words: 2`` is chrF++, which counts runs of words, too.

    Source: Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation"; Popović 2017 for chrF++, as implemented by sacrebleu.
    """

    name: ClassVar[str] = "chrf"
    example = example(
        {"to": "The parcel is late because of the snow.", "min": 0.6},
        passes="The parcels are late because of snow.",
        fails="It snows.",
    )

    words: int = Field(0, description="up to how many words a run has; 2 is chrF++", ge=0, le=4)
    ignore_case: bool = Field(False, description="upper and lower case are the same")

    def metric(self) -> Any:  # noqa: ANN401 - a metric of sacrebleu
        """The chrF of one sentence."""
        from sacrebleu.metrics.chrf import CHRF

        return CHRF(word_order=self.words, lowercase=self.ignore_case)
