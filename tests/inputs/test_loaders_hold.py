"""Whatever bytes a loader is given, it ends in a value or an EvalkitError; and what the fuzzer once broke stays mended."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz.mutation import mutated
from benchmarks.fuzz.targets import TARGETS, sealed, seeds
from benchmarks.fuzz.words import WORDS

CHANGES = 25
TIMES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    """Every loader, with a project of its own."""
    return {name: make(tmp_path_factory.mktemp(name)) for name, make in TARGETS.items()}


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_fine(targets, name):
    """What the fuzzer begins with reaches the loader, and there is some of it."""
    assert seeds(name)
    for seed in seeds(name):
        targets[name](seed)


@pytest.mark.parametrize("name", TARGETS)
@TIMES
@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_value_or_an_error_of_evalkit(targets, name, data):
    """No other exception leaves a loader: the target raises it."""
    targets[name](data)


@pytest.mark.parametrize("name", TARGETS)
@TIMES
@given(text=st.text(max_size=200))
def test_any_text_is_a_value_or_an_error_of_evalkit(targets, name, text):
    """The same for text, in which surrogates and control characters are as likely as letters."""
    targets[name](b"\1" + text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", TARGETS)
@TIMES
@given(choice=st.integers(0, 10**9), changes=st.integers(1, CHANGES))
def test_a_sound_file_with_some_changes_is_a_value_or_an_error_of_evalkit(targets, name, choice, changes):
    """Words replaced, lines doubled, moved and left out, brackets added: most of the file stays whole, so that all of a loader is reached."""
    dice = random.Random(choice)
    data = dice.choice(seeds(name))[:20_000]
    words = [word.encode() for word in WORDS[name]]
    for _ in range(changes):
        data = mutated(data, words, dice.getrandbits(32))
    targets[name](data[:20_000])


FOUND = {
    "an infinite number in a template becomes the name inf": ("prompt", b"{{ 1e999 ~ q }}"),
    "an infinite number in a list": ("prompt", b"{{ [1e999] }}"),
    "truncate to less than nothing": ("prompt", b"{{ q|truncate(-5) }}"),
    "a cycler of nothing": ("prompt", b"{{ cycler() }}"),
    "a minus in front of minuses takes quadratic time": ("prompt", b"{{ " + b"- " * 100 + b"1 }}" * 1),
    "an infinite parameter of a recorded request": (
        "recording",
        b'{"model": "a/b", "request": {"messages": [], "params": {"x": 1e999}}, "response": {"text": ""}}',
    ),
    "an infinite latency of a recorded response": (
        "recording",
        b'{"model": "a/b", "request": {"messages": []}, "response": {"text": "", "latency_s": 1e999}}',
    ),
    "an infinite number of skipped trials": ("journal", b'\1{"t":"skip","test":"a","reason":"b","trials":1e999}'),
    "a plan of infinitely many trials": ("journal", b'\1{"t":"plan","tests":["a"],"planned":1e999}'),
    "a tool that is a number": ("settings", b"tool = 5"),
    "an address that is none": ("settings", b"[tool.evalkit.providers.openai]\nbase_url = 'http://[::1/v1'"),
    "a number of thousands of digits in TOML": ("settings", b"[tool.evalkit]\nretries = " + b"9" * 5000),
}


@pytest.mark.parametrize(("name", "data"), FOUND.values(), ids=FOUND)
def test_what_was_found_stays_mended(targets, name, data):
    """Each of these once ended in another exception."""
    targets[name](data)


def test_a_target_tells_what_is_no_error_of_evalkit(tmp_path, monkeypatch):
    """Else the fuzzer and these tests would find nothing: a target lets every other exception through."""
    run = TARGETS["recording"](tmp_path)

    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("benchmarks.fuzz.targets.read_recordings", broken)
    with pytest.raises(ZeroDivisionError):
        run(b"{}")


def test_sealed_lines_are_records(targets, tmp_path):
    """The journal's target puts sound checksums on what it makes up, or no mutation would get past them."""
    from evalkit.store.journal.lines import scan

    path = tmp_path / "j.jsonl"
    path.write_bytes(sealed(b'{"t":"run"}\n{"t":"end"}'))
    assert [line.record for line in scan(path)] == [{"t": "run"}, {"t": "end"}]
