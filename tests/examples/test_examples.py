"""The examples that ship: they replay without an error, and each gate comes out as it is meant to teach."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import evalkit
from evalkit.config import load_config
from evalkit.prompts.library import PromptLibrary
from evalkit.prompts.lock import check

if TYPE_CHECKING:
    from evalkit.store.database.frames import Frames

ROOT = Path(__file__).resolve().parents[2]
SUITES = ("invoice-extract", "refund-reply", "ticket-triage")
COST = "better_than: {against: baseline, metric: cost_usd, by: 20%}"
FIVE = "no_regression: {against: baseline, margin: 5pp}"
TEN = "no_regression: {against: baseline, margin: 10pp}"

GATES = {
    ("invoice-extract", "pass_rate(json_schema) == 1"): ("passed", "every trial passed"),
    ("invoice-extract", COST): ("passed", "needs less than baseline"),
    ("invoice-extract", FIVE): ("failed", "candidate is worse than baseline, by more than the allowed 5 pp"),
    ("refund-reply", "pass_rate(safety) == 1"): ("passed", "every trial passed"),
    ("refund-reply", "must_pass: tag:critical"): ("passed", "every trial passed"),
    ("refund-reply", "p95(latency_s) <= 6"): ("passed", "within the limit"),
    ("refund-reply", TEN): ("undecided", "more) give an 80% chance"),
    ("ticket-triage", "pass_rate >= 0.85"): ("passed", "shown to be above 85.0%"),
    ("ticket-triage", FIVE): ("passed", "a drop of 5 pp or more is ruled out"),
    ("ticket-triage", "better_than: {against: baseline, by: 0}"): ("passed", "candidate is better than baseline"),
    ("ticket-triage", "p95(latency_s) <= 2"): ("passed", "within the limit"),
    ("ticket-triage", "mean(cost_usd) <= 0.0001"): ("passed", "within the limit"),
}


@dataclass(frozen=True)
class Replayed:
    """One run of a copy of the project: how it ended, what it printed, and what it stored."""

    code: int
    output: str
    stored: Frames


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """The shipped suites, replayed once by ``evalkit run``, in a copy: a test must not write into the repository."""
    root = tmp_path_factory.mktemp("examples")
    for name in ("prompts", "suites", "schemas"):
        shutil.copytree(ROOT / name, root / name)
    (root / "pyproject.toml").write_text('[tool.evalkit]\nmode = "replay"\n', encoding="utf-8")
    done = run_python("-c", "from evalkit.cli.main import main; main()", "run", cwd=root)
    return Replayed(done.returncode, done.stdout + done.stderr, evalkit.load(root))


def run_python(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, as a user would."""
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False
    )


def exchanges(suite: str) -> list[dict[str, Any]]:
    """The lines of a shipped recording."""
    return [json.loads(line) for line in recording(suite).read_text(encoding="utf-8").splitlines()]


def recording(suite: str) -> Path:
    """A shipped recording."""
    return ROOT / "suites" / "recordings" / f"{suite}.jsonl"


def test_every_case_is_answered_from_the_recordings_without_an_error(replayed: Replayed) -> None:
    """560 trials and 80 judge calls, all replayed, none paid, none missing, none in error."""
    trials, calls = replayed.stored.trials, replayed.stored.calls
    assert Counter(trials["suite"]) == {"invoice-extract": 160, "refund-reply": 80, "ticket-triage": 320}
    assert set(trials["status"]) == {"pass", "fail"}, replayed.output
    assert set(replayed.stored.verdicts["status"]) == {"pass", "fail"}
    assert Counter(calls["source"]) == {"replay": 640}
    assert "0 paid" in replayed.output


@pytest.mark.parametrize(("suite", "gate"), GATES)
def test_each_gate_has_its_outcome_for_the_reason_it_teaches(replayed: Replayed, suite: str, gate: str) -> None:
    """A gate that comes out otherwise, or for another reason, no longer shows what the examples are there to show."""
    status, reason = GATES[suite, gate]
    gates = replayed.stored.gates
    (row,) = gates[(gates["suite"] == suite) & (gates["gate"] == gate)].to_dict("records")
    assert (row["status"], row["variant"]) == (status, "candidate-openai/gpt-5-mini"), row["reason"]
    assert reason in row["reason"]


def test_no_gate_is_left_out_above_and_the_run_fails(replayed: Replayed) -> None:
    """One failed, one undecided, the rest passed; the exit code is that of a failed gate."""
    assert Counter(replayed.stored.gates["status"]) == {"passed": 10, "failed": 1, "undecided": 1}
    assert len(replayed.stored.gates) == len(GATES)
    assert replayed.code == 1


def test_the_undecided_gate_says_how_many_cases_are_missing(replayed: Replayed) -> None:
    """A number of cases that somebody could collect, not thousands: that is the lesson."""
    gates = replayed.stored.gates
    (numbers,) = (json.loads(text) for text in gates[gates["status"] == "undecided"]["numbers"])
    assert 40 < numbers["required_n"] < 400
    assert numbers["lower"] < -0.10 < 0 < numbers["upper"]


def test_quality_fell_where_the_cost_fell(replayed: Replayed) -> None:
    """The failing example is a trade: cheaper by a third, and a dozen cases lost for reasons that can be read."""
    verdicts, trials = replayed.stored.verdicts, replayed.stored.trials
    mine = trials[(trials["suite"] == "invoice-extract") & (trials["variant"] == "candidate")]
    failed = verdicts[verdicts["trial_id"].isin(set(mine["trial_id"])) & (verdicts["status"] == "fail")]
    assert set(failed["check_name"]) <= {"equals", "number"}
    assert any("CAD" in reason and "USD" in reason for reason in failed["reason"])
    assert any("2026-03-05" in reason and "2026-05-03" in reason for reason in failed["reason"])


def test_only_the_old_reply_leaks_personal_data(replayed: Replayed) -> None:
    """The safety gate guards the candidate; the baseline shows what it guards against."""
    verdicts = replayed.stored.verdicts
    failed = verdicts[(verdicts["family"] == "safety") & (verdicts["status"] == "fail")]
    assert [(row["check_name"], "[baseline-" in row["trial_id"]) for row in failed.to_dict("records")] == [
        ("pii", True)
    ]


@pytest.mark.parametrize("suite", SUITES)
def test_every_recorded_line_says_that_no_model_gave_it(suite: str) -> None:
    """Nobody may take the examples for a measurement of a model; and no line pretends to come from a vendor."""
    lines = exchanges(suite)
    assert lines
    for line in lines:
        assert line["note"] == "written by hand for the examples; not a model's answer"
        assert not {"request_id", "served_model"} & line["response"].keys()
        assert not line.get("redacted", False)


@pytest.mark.parametrize("suite", SUITES)
def test_token_counts_and_latencies_vary_and_are_plausible(suite: str) -> None:
    """One constant everywhere would make cost and latency look measured when they are not even varied."""
    responses = [line["response"] for line in exchanges(suite)]
    assert len({answer["latency_s"] for answer in responses}) > 50
    assert all(0.2 < answer["latency_s"] < 10 for answer in responses)
    assert all(0 < answer["usage"]["output_tokens"] < 400 for answer in responses)


def test_the_recordings_are_what_the_tool_writes(tmp_path: Path) -> None:
    """Byte for byte: after a change to a prompt, suite or authored answer, ``make recordings`` was run."""
    done = run_python("-m", "benchmarks.examples.write_recordings", "--to", str(tmp_path), cwd=ROOT)
    assert done.returncode == 0, done.stderr
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {recording(suite).name: recording(suite).read_bytes() for suite in SUITES}
    assert sum(map(len, written.values())) < 1_500_000


def test_the_tickets_are_enough_and_of_every_kind() -> None:
    """At least 100 rows; every queue and several languages occur, and no ticket twice."""
    with (ROOT / "suites" / "data" / "tickets.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 160
    assert len({row["body"] for row in rows}) == 160
    queues = Counter(row["expect.label"] for row in rows)
    assert set(queues) == {"billing", "shipping", "returns", "account", "technical", "other"}
    assert min(queues.values()) >= 15
    assert {row["tags"].split(",")[1] for row in rows} == {"en", "de", "fr", "es"}


def test_released_prompts_are_unchanged_and_one_is_still_a_draft() -> None:
    """The lock holds for the shipped prompts, and shows both states."""
    config = load_config(ROOT)
    library = PromptLibrary(config.root, config.folder("prompts"))
    assert check(library) == []
    refs = {f"{name}:{version}" for name in library.names() for version in library.versions(name)}
    assert refs - library.lock_file.read().keys() == {"ticket-triage:v3"}
