"""``evalkit import output.json``: answers that promptfoo paid are judged again by the imported suite, without a key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from evalkit.cli.import_suite import import_command
from evalkit.errors import ConfigError, EvalkitError
from evalkit.importers.promptfoo.answers import read_answers
from evalkit.providers.recordings.recording import read_recordings

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
description: shop
prompts: ["Answer kindly: {{q}}", file://chat.json]
providers: [{id: openai:chat:gpt-5-mini, config: {temperature: 0}}]
tests:
  - {vars: {q: Where is it?}, assert: [{type: contains, value: way}]}
  - {vars: {q: "A \\"quoted\\" one"}, assert: [{type: contains, value: way}]}
"""
CHAT = '[{"role": "system", "content": "You are a shop."}, {"role": "user", "content": {{ q | dump }}}]'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an imported configuration, and the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "promptfooconfig.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "chat.json").write_text(CHAT, encoding="utf-8")
    assert ask("promptfooconfig.yaml").return_value == 0
    return tmp_path


def ask(*words: str) -> Any:
    """The command, run in this process."""
    return CliRunner().invoke(import_command, words, catch_exceptions=False, standalone_mode=False)


def row(raw: str, output: Any, **more: Any) -> dict[str, Any]:
    """One result as promptfoo writes it."""
    reply = {"output": output, "tokenUsage": {"total": 30, "prompt": 20, "completion": 10}, "cost": 0.0001}
    changed = more.pop("response", {})
    return {
        "promptIdx": 0,
        "testIdx": 0,
        "provider": {"id": "openai:chat:gpt-5-mini", "label": ""},
        "prompt": {"raw": raw, "label": "p"},
        "response": None if changed is None else {**reply, **changed},
        "latencyMs": 812,
        "success": True,
        **more,
    }


def results(folder: Path, *rows: Any, name: str = "output.json") -> str:
    """Write a results file, as ``promptfoo eval -o`` does; return its name."""
    whole = {"evalId": "eval-1", "results": {"version": 3, "results": list(rows)}, "config": {}}
    (folder / name).write_text(json.dumps(whole, indent=2), encoding="utf-8")
    return name


def chat(q: str) -> str:
    """The second prompt, rendered."""
    return CHAT.replace("{{ q | dump }}", json.dumps(q))


QUOTED = 'A "quoted" one'
ALL = (
    row("Answer kindly: Where is it?", "On its way."),
    row(f"Answer kindly: {QUOTED}", "I do not know."),
    row(chat("Where is it?"), "On its way, too."),
    row(chat(QUOTED), "On the way."),
)


def test_what_promptfoo_paid_is_judged_again_without_a_key(folder: Path) -> None:
    """Every answer finds its request, text and chat alike; the replay judges them, with their tokens and times."""
    made = ask(results(folder, *ALL))
    assert made.return_value == 0, made.output
    assert "wrote suites/recordings/shop.jsonl: 4 answers" in made.output
    assert "4 of 4 requests of the suites have an answer" in made.output
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "suites", "--evalkit-mode", "replay"],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert "1 failed, 3 passed" in ran.stdout, ran.stdout + ran.stderr
    assert ran.returncode == 1
    assert "p95 812 ms" in ran.stdout
    told = [exchange.note for exchange in read_recordings(folder / "suites/recordings/shop.jsonl")]
    assert told == ["from output.json, of promptfoo"] * 4


def test_results_may_be_a_row_per_line(folder: Path) -> None:
    """As promptfoo writes them to a file that ends in .jsonl."""
    (folder / "output.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in ALL), encoding="utf-8")
    assert "4 of 4 requests" in ask("output.jsonl").output
    (folder / "cut.jsonl").write_text('{"prompt": ', encoding="utf-8")
    with pytest.raises(ConfigError, match="not JSON"):
        ask("cut.jsonl")


def test_a_pipe_is_refused_and_not_waited_for(folder: Path) -> None:
    """Whatever it is called."""
    for name in ("output.json", "output.jsonl"):
        os.mkfifo(folder / name)
        with pytest.raises(EvalkitError, match="not a regular file"):
            ask(name)


def test_reading_the_same_results_again_adds_nothing(folder: Path) -> None:
    """What is recorded stays as it is."""
    name = results(folder, *ALL)
    ask(name)
    before = (folder / "suites/recordings/shop.jsonl").read_bytes()
    assert "shop.jsonl: 0 answers" in ask(name).output
    assert (folder / "suites/recordings/shop.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (row("Answer kindly: Where is it?", {"a": 1}), "1 of its rows: its answer or its prompt is no text"),
        (row("", "x", response={"error": "429"}), "1 of its rows: no answer"),
        (row("x", "x", response=None), "1 of its rows: no answer"),
        (row("x", "x", provider={"id": "bedrock:claude"}), "1 of its rows: evalkit speaks to OpenAI"),
        (row("Answer kindly: Where is it?", "3", testCase={"options": {"transform": "output.a"}}), "was transformed"),
        (row("Answer kindly: Where is it?", "x", prompt={"label": "p"}), "no text"),
        ("junk", "1 of its rows: no answer"),
        (row("[{role: system", "x"), None),
    ],
)
def test_a_row_that_cannot_be_judged_again_is_passed_over(folder: Path, other: Any, why: str | None) -> None:
    """With the reason, and without guessing: its request has no answer, which is exit code 1."""
    made = ask(results(folder, other, *ALL[1:]))
    assert made.return_value == 1
    assert why is None or why in made.output
    assert "3 of 4 requests" in made.output
    assert ask(results(folder, other, *ALL[1:]), "--allow-left-out").return_value == 0


def test_an_answer_from_promptfoos_cache_has_no_cost_and_no_time(folder: Path) -> None:
    """What took no time there says nothing of the model."""
    ask(results(folder, row("Answer kindly: Where is it?", "way", response={"cached": True}), *ALL[1:]))
    first = read_recordings(folder / "suites/recordings/shop.jsonl")[0].reply
    assert (first.latency_s, first.usage.input_tokens, first.text) == (None, None, "way")  # type: ignore[union-attr]


def test_repeats_get_the_answers_in_their_order(folder: Path) -> None:
    """The first repeat the first answer; one answer is not counted twice."""
    text = (folder / "suites/shop.yaml").read_text().replace("cases:", "repeats: 3\ncases:", 1)
    (folder / "suites/shop.yaml").write_text(text)
    same = [row("Answer kindly: Where is it?", f"way {n}") for n in (1, 2)]
    made = ask(results(folder, *same))
    assert "2 of 12 requests" in made.output
    recorded = read_recordings(folder / "suites/recordings/shop.jsonl")
    assert [(one.request.repeat, one.reply.text) for one in recorded] == [(0, "way 1"), (1, "way 2")]  # type: ignore[union-attr]


def test_requests_that_differ_in_their_parameters_alone_get_no_answer(folder: Path) -> None:
    """A result does not say with which of them it was asked."""
    text = (folder / "suites/shop.yaml").read_text().replace("cases:", "grid: {top_p: [0.5, 1]}\ncases:", 1)
    (folder / "suites/shop.yaml").write_text(text)
    made = ask(results(folder, *ALL))
    assert made.return_value == 1
    assert "0 of 8 requests" in made.output
    assert not (folder / "suites/recordings").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"evalId": 1', "not JSON"),
        ('{"evalId": 1}', "there are no results in it"),
        ('{"evalId": 1, "results": [1]}', "there are no results in it"),
        ('{"evalId": 1, "results": {"results": ' + "[" * 100_000, "not JSON"),
    ],
)
def test_a_file_without_results_is_a_clear_error(tmp_path: Path, text: str, message: str) -> None:
    """Its name and what is missing."""
    path = tmp_path / "output.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_answers(path)
    assert str(caught.value.where) == "output.json"
