"""``python -m benchmarks.fuzz TARGET``: a coverage-guided fuzzer (atheris, libFuzzer) on one of evalkit's loaders.

Stops at the first input that raises anything but an EvalkitError, hangs for 20 seconds or takes 2 GB, and keeps that input in
``.fuzz/<target>/finds``; ``--replay FILE`` runs it once more, with a traceback. What was learned stays in ``.fuzz/<target>/corpus``.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
from pathlib import Path

from benchmarks.fuzz.mutation import mutated
from benchmarks.fuzz.words import WORDS

FOLDER = Path(".fuzz")
TIMEOUT_S = 20
MEMORY_MB = 2048
LONGEST = 20_000


def main() -> None:
    """Fuzz one target, or replay a find."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=600, help="how long (default 600)")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run the target once with this input")
    asked = parser.parse_args()
    if asked.replay is not None:
        _replay(asked.target, asked.replay)
    else:
        _fuzz(asked.target, asked.seconds)


def _replay(name: str, find: Path) -> None:
    from benchmarks.fuzz.targets import TARGETS

    with tempfile.TemporaryDirectory() as folder:
        TARGETS[name](Path(folder))(find.read_bytes())
    print(f"{name}: {find} is a value or an EvalkitError")


def _fuzz(name: str, seconds: int) -> None:
    import atheris

    # jinja2 compiles templates to code of their own, which need not be traced; pydantic and yaml do their work in C and Rust.
    with atheris.instrument_imports(include=["evalkit", "jinja2.lexer", "jinja2.parser"]):
        from benchmarks.fuzz.targets import TARGETS, seeds

        target = TARGETS[name](Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-", dir=_memory())))
        target(b"")  # what is imported when first needed is instrumented too
        for seed in seeds(name):
            target(seed)
    corpus, finds = FOLDER / name / "corpus", FOLDER / name / "finds"
    for folder in (corpus, finds):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    dictionary = FOLDER / name / "words.dict"
    words = [word.encode() for word in WORDS[name]]
    dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in words), encoding="ascii")

    def mutate(data: bytes, size: int, seed: int) -> bytes:
        if seed % 2:
            return bytes(atheris.Mutate(data, size))
        return mutated(data, words, seed)[:size]

    gc.freeze()
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={seconds}",
            f"-timeout={TIMEOUT_S}",
            f"-rss_limit_mb={MEMORY_MB}",
            f"-max_len={LONGEST}",
            f"-artifact_prefix={finds}/",
            f"-dict={dictionary}",
            "-print_final_stats=1",
            str(corpus),
        ],
        target,
        custom_mutator=mutate,
    )
    print(f"replay a find: python -m benchmarks.fuzz {name} --replay {finds}/<file>", flush=True)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(chr(byte) if byte < 128 and chr(byte).isalnum() else f"\\x{byte:02X}" for byte in word)


def _memory() -> str | None:
    """A folder in memory where there is one: every execution writes a file."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


if __name__ == "__main__":
    main()
