"""Which language an answer is written in: two detectors, both deterministic and offline."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from evalkit.checks.base import BuildContext, CheckContext, CheckModel
from evalkit.checks.count import example
from evalkit.errors import MissingExtraError, SuiteError, did_you_mean
from evalkit.model.results import Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.model.calls import Reply
    from evalkit.model.results import Verdict

MAX_READ = 20_000
"""Characters from the start that a detector reads: more of them change no answer, and a 10 MB text would take minutes."""


class Language(CheckModel):
    """The answer is written in a language, by its ISO 639 code: ``en``, ``de``, ``hi``.

    Short texts, names and lists are guesses: give the detector a sentence or more. Both detectors are deterministic and work
    offline; ``langid`` is thirty times faster, ``langdetect`` (with the codes ``zh-cn`` and ``zh-tw``) is the one that the benchmark IFEval uses.

    Source: py3langid, a naive Bayes model over byte n-grams (Lui and Baldwin 2012, "langid.py"); langdetect, a naive Bayes model
    over character n-grams (Nakatani 2010, "Language Detection Library for Java"), with a fixed seed.
    """

    name: ClassVar[str] = "language"
    family: ClassVar[Family] = "shape"
    short: ClassVar[str | None] = "code"
    example = example("de", passes="Ihre Bestellung ist leider verspätet.", fails="Your order is late, we are sorry.")

    code: str | list[str] = Field(description="the language code, or several of which one must fit")
    detector: Literal["langid", "langdetect"] = Field("langid", description="which model guesses")

    def prepare(self, build: BuildContext) -> Language:
        """Load the detector. Raises MissingExtraError without it, SuiteError for a code it does not know."""
        del build
        try:
            known = _known(self.detector)
        except ImportError as error:
            package = "py3langid" if self.detector == "langid" else "langdetect"
            raise MissingExtraError("the check language", package=package, extra="language") from error
        for code in self._codes:
            if code not in known:
                raise SuiteError(f"no language with the code {code!r}", hint=did_you_mean(code, known))
        return self

    @property
    def _codes(self) -> list[str]:
        return [self.code] if isinstance(self.code, str) else self.code

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Compare with the most likely language."""
        del replies
        text = ctx.text[:MAX_READ]
        wanted = " or ".join(self._codes)
        if not any(char.isalpha() for char in text):
            return self.verdict("fail", f"expected {wanted}, found no letters")
        found = _langid(text) if self.detector == "langid" else _langdetect(text)
        return self.verdict(found in self._codes, f"expected {wanted}, found {found or 'nothing that can be told'}")


def _known(detector: str) -> list[str]:
    if detector == "langid":
        import py3langid

        return [code for code, _ in py3langid.rank("known languages")]
    codes: list[str] = _profiles().get_lang_list()
    return codes


def _langid(text: str) -> str:
    import py3langid

    code: str = py3langid.classify(text)[0]
    return code


def _langdetect(text: str) -> str | None:
    from langdetect.lang_detect_exception import LangDetectException

    detector = _profiles().create()
    detector.seed = 0
    detector.append(text)
    try:
        code: str = detector.detect()
    except LangDetectException:
        return None
    return code


@cache
def _profiles() -> Any:  # noqa: ANN401 - langdetect ships no types
    """The language profiles of langdetect, read when first needed (0.3 s)."""
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    return factory
