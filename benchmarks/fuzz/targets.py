"""What is fuzzed: each of evalkit's loaders, fed any bytes. A value or an EvalkitError is fine; any other exception is a find."""

from __future__ import annotations

import binascii
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.config import Config, load_config
from evalkit.errors import EvalkitError
from evalkit.harness.before.planning import Planner
from evalkit.importers.promptfoo.project import Wanted, import_promptfoo
from evalkit.prompts.library import PromptLibrary
from evalkit.providers.recordings.recording import read_recordings
from evalkit.store.baselines import read_baseline
from evalkit.store.journal.reader import list_runs, read_run
from evalkit.yamlfile import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalkit.model.calls import JSON

    Target = Callable[[bytes], None]

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = '[tool.evalkit]\n[tool.evalkit.providers.scripted]\nanswers = {default = "hi"}\n'
PROMPT = "---\ndefaults: {model: scripted/m}\n---\n{{ q }}\n"
SUITE = "suite: s\nprompt: p:v1\nchecks: [contains: hi]\ncases: [{file: d.%s}]\n"
VARIABLES: dict[str, JSON] = {"q": "hi", "customer": "Ana", "items": [1, {"a": None}], "n": 3}
DATA = ("csv", "jsonl", "yaml", "parquet", "json")


def _project(folder: Path) -> Config:
    """A sound project in ``folder``, with the prompts and schemas of the examples, to put the bytes into."""
    for name in ("prompts", "schemas", "suites/data"):
        shutil.copytree(REPOSITORY / name, folder / name)
    for name, text in {"pyproject.toml": PROJECT, "prompts/p/v1.j2": PROMPT, "suites/s.yaml": SUITE % "csv"}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load_config(folder)


def suite(folder: Path) -> Target:
    """The bytes are a suite: it is read, crossed, rendered, and its checks are built."""
    config = _project(folder)
    path = folder / "suites" / "s.yaml"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        with suppress(EvalkitError):
            Planner(config).plan(path)

    return run


def prompt(folder: Path) -> Target:
    """The bytes are a prompt: it is read, compiled and rendered."""
    _project(folder)
    path = folder / "prompts" / "p" / "v1.j2"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        library = PromptLibrary(folder, folder / "prompts")
        with suppress(EvalkitError):
            library.render(library.get("p:v1"), VARIABLES)

    return run


def dataset(folder: Path) -> Target:
    """The first byte chooses the kind of file (CSV, JSON Lines, YAML, Parquet, JSON), the rest is the file."""
    config = _project(folder)
    path = folder / "suites" / "s.yaml"

    def run(data: bytes) -> None:
        kind = DATA[data[0] % len(DATA)] if data else "csv"
        path.write_text(SUITE % kind, encoding="utf-8")
        (folder / "suites" / f"d.{kind}").write_bytes(data[1:])
        with suppress(EvalkitError):
            Planner(config).plan(path)

    return run


def recording(folder: Path) -> Target:
    """The bytes are a recording."""
    path = folder / "s.jsonl"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        with suppress(EvalkitError):
            read_recordings(path, root=folder)

    return run


def journal(folder: Path) -> Target:
    """If the first byte is even, the rest is a journal; else each of its lines is a record that gets a sound checksum."""
    path = folder / "journal" / "r" / "main-1-0.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)

    def run(data: bytes) -> None:
        framed = bool(data) and data[0] % 2 == 1
        path.write_bytes(sealed(data[1:]) if framed else data[1:])
        for strict in (True, False):
            with suppress(EvalkitError):
                read_run(path.parent, strict=strict)
        with suppress(EvalkitError):
            list_runs(folder)

    return run


def baseline(folder: Path) -> Target:
    """The bytes are a baseline file."""
    path = folder / "b.json"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        with suppress(EvalkitError):
            read_baseline(path)

    return run


def settings(folder: Path) -> Target:
    """The bytes are a ``pyproject.toml``."""
    path = folder / "pyproject.toml"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        with suppress(EvalkitError):
            config = load_config(folder)
            Planner(replace(config, check_modules=())).endpoint("openai/m")

    return run


def promptfoo(folder: Path) -> Target:
    """The bytes are a ``promptfooconfig.yaml``, with files beside it: what is made of it is YAML that evalkit reads."""
    path = folder / "promptfooconfig.yaml"
    for name, text in {
        "t.csv": "q,__expected\na,b\n",
        "t.yaml": "- {vars: {q: a}}\n",
        "p.txt": "{{q}}\n---\n{{q}}!\n",
    }.items():
        (folder / name).write_text(text, encoding="utf-8")

    def run(data: bytes) -> None:
        path.write_bytes(data)
        try:
            imported = import_promptfoo(path, Wanted(judge="openai/m"))
        except EvalkitError:
            return
        for text in imported.suites.values():
            parse_yaml(text, name="imported")

    return run


def sealed(text: bytes) -> bytes:
    """Journal lines with the checksums that belong to them."""
    return b"".join(b"%08x %b\n" % (binascii.crc32(line), line) for line in text.split(b"\n") if line)


TARGETS: dict[str, Callable[[Path], Target]] = {
    "suite": suite,
    "prompt": prompt,
    "dataset": dataset,
    "recording": recording,
    "journal": journal,
    "baseline": baseline,
    "settings": settings,
    "import": promptfoo,
}


def seeds(name: str) -> list[bytes]:
    """Files of the repository that a target begins with, as it wants them."""
    examples = REPOSITORY / "suites"
    rows = [b"id,q\na,hi\n", b'{"id":"a","q":"hi"}\n', b"- {id: a, q: hi}\n", b"PAR1", b'[{"id":"a","q":"hi"}]']
    old = [path.read_bytes() for path in sorted((REPOSITORY / "tests" / "store" / "data").rglob("*.jsonl"))]
    found = {
        "suite": [path.read_bytes() for path in sorted(examples.glob("*.yaml"))],
        "prompt": [path.read_bytes() for path in sorted((REPOSITORY / "prompts").rglob("*.j2"))],
        "dataset": [
            *(bytes([kind]) + text for kind, text in enumerate(rows)),
            b"\0" + (examples / "data" / "tickets.csv").read_bytes(),
            b"\1" + (examples / "data" / "invoices.jsonl").read_bytes(),
        ],
        "recording": [
            line + b"\n"
            for path in sorted((examples / "recordings").glob("*.jsonl"))
            for line in path.read_bytes().split(b"\n")[:3]
        ],
        "journal": [*(b"\0" + text for text in old), *(b"\1" + _unsealed(text) for text in old)],
        "baseline": [_BASELINE],
        "import": [
            _PROMPTFOO,
            *(_PROMPTFOO.replace(b"file://t.csv", name) for name in (b"file://t.yaml", b"file://*.yaml")),
        ],
        "settings": [(REPOSITORY / "pyproject.toml").read_bytes(), PROJECT.encode()],
    }
    return found[name]


def _unsealed(text: bytes) -> bytes:
    return b"\n".join(line[9:] for line in text.split(b"\n"))


_PROMPTFOO = b"""description: d
prompts: ["{{q}} {{ a | dump }}", file://p.txt, {id: '[{"role": "user", "content": "{{q}}"}]', label: l}]
providers: [openai:m, {id: anthropic:messages:m, label: n, config: {temperature: 0, max_tokens: 9}, prompts: [l]}]
defaultTest: {vars: {a: [x, y]}, assert: [{type: not-icontains, value: "{{a}}"}], options: {provider: openai:m}}
tests:
  - description: one
    vars: {q: hi, b: {c: [1]}}
    assert:
      - {type: javascript, value: "output.length < 9 && JSON.parse(output).a[0] === 'x'", weight: 0}
      - {type: assert-set, threshold: 0.5, assert: [{type: is-json, value: {type: object}}, {type: similar, value: x, threshold: 0.9}]}
      - {type: python, value: "'x' in output", transform: output.a}
      - {type: llm-rubric, value: ok?, metric: m}
      - {$ref: '#/assertionTemplates/a'}
  - file://t.csv
scenarios: [{config: [{vars: {q: a}}], tests: [{assert: [{type: regex, value: '(?<a>x)'}]}]}]
assertionTemplates: {a: {type: contains-any, value: 'a,"b"'}}
"""
_BASELINE = b"""{
"format": "evalkit.baseline/1", "suite": "s", "suite_path": "suites/s.yaml", "run_id": "r", "started_at": "2026-01-01T00:00:00+00:00",
"mode": "live", "git_revision": null, "evalkit_version": "0.1.0",
"variants": [{"label": "v1-m", "variant": "v1", "cell": "m", "model": "a/m", "trials": [
{"case_id": "a", "case_digest": "d", "repeat": 0, "status": "pass", "checks": [["contains", "content", "pass", "fail"]], "cost_usd": 0.1}]}]}
"""
