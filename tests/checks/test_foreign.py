"""Checks by somebody else, whatever they do: an exception, an exit, a hang or nonsense is one verdict, and never a crash."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from importlib.metadata import EntryPoint

import pytest

from evalkit import registry
from evalkit.checks.base import BuildContext, CheckContext, CheckModel
from evalkit.checks.build import build_check
from evalkit.checks.catalog import CHECKS, Families, editor_schemas
from evalkit.checks.custom import check
from evalkit.checks.timelimit import TimeLimit
from evalkit.errors import CheckError, ConfigError, Where
from evalkit.model.calls import Request, Response
from evalkit.model.cases import CheckSpec
from evalkit.model.results import Verdict

pytestmark = pytest.mark.usefixtures("own_checks")


class _Unprintable(Exception):  # noqa: N818 - its name is what the test looks for
    """Cannot even say what it is."""

    def __str__(self) -> str:
        raise ValueError("no words")


def _endless(text: str) -> str:
    return _endless(text) + text


def _raises(error: BaseException):
    def raising(text: str) -> bool:
        raise error

    return raising


BROKEN = {
    "error": (_raises(ValueError("oops\nand more")), "the check raised ValueError: oops and more"),
    "exit": (_raises(SystemExit(3)), "the check raised SystemExit: 3"),
    "memory": (_raises(MemoryError()), "the check raised MemoryError"),
    "interrupt": (_raises(KeyboardInterrupt()), "the check raised KeyboardInterrupt"),
    "generator": (_raises(GeneratorExit()), "the check raised GeneratorExit"),
    "pytest": (_raises(pytest.fail.Exception("no")), "the check raised Failed: no"),
    "unprintable": (_raises(_Unprintable()), "the check raised _Unprintable"),
    "recursion": (_endless, "the check raised RecursionError"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_whatever_a_check_raises_is_an_error_with_its_place(what, judge):
    """One line as the reason, the end of the traceback behind it, and nothing of evalkit's own in it."""
    function, reason = BROKEN[what]

    @check("breaks")
    def breaks(answer: str) -> bool:
        return bool(function(answer))

    verdict = judge("breaks", "hi")
    assert verdict.status == "error"
    assert verdict.reason.startswith(reason)
    assert "(test_foreign.py:" in verdict.reason
    assert "\n" not in verdict.reason
    assert "test_foreign.py:" in verdict.detail
    assert "checks/custom.py" not in verdict.detail
    assert len(verdict.detail.split("\n")) <= 13
    assert len(verdict.detail) < 5000
    assert judge({"not": "breaks"}, "hi").status == "error"
    assert judge({"any_of": ["breaks", {"contains": "hi"}]}, "hi").status == "pass"


@pytest.fixture
def stuck():
    """A wait that no check gets out of before the test ends."""
    event = threading.Event()
    yield event
    event.set()


def judged(name, limit, text="hi"):
    context = BuildContext(None, None, str, limit=limit)
    built = build_check(CheckSpec(name, None, Where("s.yaml", 4)), context)
    return built.judge(CheckContext(text, Response(text), Request("demo/m", ())), ())


def test_a_check_that_hangs_is_an_error_and_is_given_up_after_three_times(stuck):
    """It costs the time limit, not the run; the fourth answer is not even shown to it, whichever case builds it anew."""
    seen = []

    @check("hangs")
    def hangs(answer: str) -> bool:
        seen.append(answer)
        stuck.wait()
        return True

    limit = TimeLimit(0.05)
    reasons = [judged("hangs", limit).reason for _ in range(5)]
    assert reasons[:3] == ["the check did not answer within 0.05 s"] * 3
    assert reasons[3:] == ["the check is not called any more: it took longer than 0.05 s 3 times"] * 2
    assert len(seen) == 3


def test_an_abandoned_check_stops_eating_time():
    """A loop in Python that never ends is ended, although it catches every exception."""

    @check("spins")
    def spins(answer: str) -> bool:
        while True:
            try:  # noqa: SIM105 - as above
                sum(range(100))
            except Exception:  # noqa: BLE001, S110 - this is what such code looks like
                pass

    assert judged("spins", TimeLimit(0.05)).status == "error"
    for thread in threading.enumerate():
        if thread.name == "check spins":
            thread.join(10)
            assert not thread.is_alive()


def test_a_check_sees_the_context_of_its_caller(judge):
    """It runs on another thread, which no context variable may show."""
    language: ContextVar[str] = ContextVar("language", default="en")

    @check("speaks")
    def speaks(answer: str) -> bool:
        return language.get() == answer

    language.set("de")
    assert judge("speaks", "de").status == "pass"


class Asks(CheckModel):
    """A check of a package: a class of its own."""

    name = "asks"
    family = "content"

    def followups(self, ctx):
        if "exit" in ctx.text:
            raise SystemExit(1)
        return [Request("demo/m", ())]

    def judge(self, ctx, replies):
        if "odd" in ctx.text:
            return "fine"
        if "cannot" in ctx.text:
            raise CheckError("cannot tell")
        return self.verdict(len(replies) == 1, "counted")


@pytest.fixture
def package(monkeypatch):
    """Entry points of installed packages, as the registry finds them."""

    def installed(**targets):
        points = [EntryPoint(name, target, "evalkit.checks") for name, target in targets.items()]
        monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "evalkit.checks" else [])
        monkeypatch.setattr(CHECKS, "_scanned", False)
        monkeypatch.setattr(CHECKS, "_lazy", dict(CHECKS._lazy))

    return installed


def test_a_class_of_a_package_is_guarded_like_a_function(package, build):
    """It may ask, and whatever it does while asking or judging is an error of its verdict."""
    package(asks=f"{__name__}:Asks")
    built = build("asks")
    context = lambda text: CheckContext(text, Response(text), Request("demo/m", ()))  # noqa: E731 - shorter so
    (question,) = built.followups(context("hi"))
    assert built.judge(context("hi"), [Response("x")]).status == "pass"
    assert question.model == "demo/m"
    with pytest.raises(CheckError, match="raised SystemExit"):
        built.followups(context("exit"))
    assert built.judge(context("odd"), ()).reason == "the check returned str, not a Verdict"
    assert built.judge(context("cannot"), ()).reason == "cannot tell"


def test_a_function_of_a_package_needs_only_the_decorator(package, tmp_path, monkeypatch, judge):
    """The entry point names the function; importing its module registers it, whoever imports it first."""
    source = "from evalkit import check\n@check('mild')\ndef mild(answer: str, *, word: str = 'please') -> bool:\n    return word in answer\n"
    (tmp_path / "mild_package.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    package(mild="mild_package:mild")
    assert judge("mild", "yes please").status == "pass"
    assert judge({"mild": "now"}, "yes please").status == "fail"
    assert Families()["mild"] == "custom"
    assert editor_schemas()["mild"]["short"] == {"type": "string", "default": "please"}


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("no_such_package:Check", "cannot be loaded from no_such_package:Check"),
        (f"{__name__}:NoSuchName", "cannot be loaded"),
        ("json:dumps", "json:dumps is not a check"),
    ],
)
def test_a_broken_entry_point_says_whose_it_is(package, target, told):
    """One sentence with the target and the group, instead of a traceback out of every command."""
    package(odd=target)
    with pytest.raises(ConfigError) as caught:
        CHECKS.get("odd")
    assert told in str(caught.value)
    assert "entry points evalkit.checks" in str(caught.value)


def test_evalkits_own_checks_are_not_guarded(build):
    """A thread per verdict would cost more than most of them do."""
    assert not hasattr(build({"contains": "x"}).check, "limit")


def test_a_verdict_of_ones_own_is_kept(judge):
    """With its spans, score and detail."""

    @check("detailed")
    def detailed(answer: str) -> Verdict:
        return Verdict("x", "custom", "fail", "why", score=0.5, spans=((0, 1),), detail="more")

    verdict = judge("detailed", "hi")
    assert (verdict.score, verdict.spans, verdict.detail, verdict.check) == (0.5, ((0, 1),), "more", "detailed")
