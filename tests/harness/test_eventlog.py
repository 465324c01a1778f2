"""The event log: every documented field, no secret, no prompt, no answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from evalkit.engine.events import Event, EventName
from evalkit.errors import ConfigError
from evalkit.harness.watching.eventlog import EventLog
from evalkit.model.calls import Attempt, Call, CallFailure, Message, Request, Response, Usage
from evalkit.providers.redact import Redactor

if TYPE_CHECKING:
    from evalkit.model.calls import Reply

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "events.md"
KEY = "sk-abcdefghijklmnopqrstuvwxyz"
REQUEST = Request("openai/m", (Message("user", "the prompt's words"),))


def written(tmp_path: Path, *events: Event) -> list[dict[str, Any]]:
    log = EventLog(tmp_path / "log" / "e.jsonl", run="r1", worker="gw0", redact=Redactor({}).text)
    for event in events:
        log.hear(event)
    log.close()
    return [json.loads(row) for row in (tmp_path / "log" / "e.jsonl").read_text("ascii").splitlines()]


def settled(reply: Reply) -> Event:
    call = Call(REQUEST, reply, "live", (Attempt(1, 0.0, 0.5),), 0.01)
    return Event("call.settled", 1_800_000_000.25, "openai", REQUEST, call=call)


def documented(heading: str) -> set[str]:
    table = PAGE.read_text("utf-8").partition(f"| {heading} |")[2].partition("\n\n")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([\w.]+)`", cell)}


def test_the_page_names_every_field_and_every_event(tmp_path: Path) -> None:
    """What is written is what is documented, no more and no less, in every line."""
    rows = written(tmp_path, settled(Response("x")), Event("limit.changed", 1.0, "openai", reason="requests/min 60"))
    assert [set(row) for row in rows] == [documented("field")] * 2
    assert documented("name") == set(get_args(EventName))


def test_a_settled_call_says_what_it_took(tmp_path: Path) -> None:
    """Time in UTC, tokens, seconds, dollars; unknown is null."""
    usage = Usage(12, 7)
    (row,) = written(tmp_path, settled(Response("the answer's words", usage=usage, latency_s=0.5)))
    assert row["at"] == "2027-01-15T08:00:00.250+00:00"
    assert (row["run"], row["worker"], row["key"]) == ("r1", "gw0", REQUEST.key)
    assert (row["input_tokens"], row["output_tokens"], row["latency_s"]) == (12, 7, 0.5)
    assert (row["cost_usd"], row["paid_usd"], row["attempts"], row["failure"]) == (0.01, 0.01, 1, None)
    assert row["first_token_s"] is None


def test_neither_text_nor_secret_is_written(tmp_path: Path) -> None:
    """The prompt, the answer, the provider's message and a key in a reason stay out."""
    failed = Event("call.failed", 2.0, "openai", REQUEST, attempt=1, reason="bad_response: said the answer's words")
    stopped = Event("provider.stopped", 3.0, "openai", reason="auth: said the answer's words")
    limited = Event("limit.changed", 3.0, "openai", reason=f"requests/min {KEY}")
    lost = settled(CallFailure("bad_response", "said the answer's words", 1))
    rows = written(tmp_path, settled(Response("the answer's words")), failed, lost, stopped, limited)
    text = json.dumps(rows)
    assert "words" not in text
    assert KEY not in text
    assert rows[1]["reason"] == "bad_response"
    assert rows[2]["failure"] == "bad_response"
    assert rows[3]["reason"] == "auth"
    assert "[REDACTED" in rows[4]["reason"]


def test_a_second_run_is_appended(tmp_path: Path) -> None:
    """Nothing that was logged is lost; the lines say which run they belong to."""
    written(tmp_path, settled(Response("x")))
    assert len(written(tmp_path, settled(Response("x")))) == 2


def test_a_log_that_cannot_be_opened_is_an_error_before_any_call(tmp_path: Path) -> None:
    """A folder where the file should be: one message that names the option."""
    with pytest.raises(ConfigError, match="cannot write the event log") as caught:
        EventLog(tmp_path, run="r", worker="main", redact=str)
    assert "--evalkit-log" in (caught.value.hint or "")


def test_a_full_disk_ends_the_log_and_not_the_run() -> None:
    """The event is lost, the reason is kept, nothing is raised on the engine's thread."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    log = EventLog(full, run="r", worker="main", redact=str)
    log.hear(settled(Response("x")))
    log.hear(settled(Response("x")))
    assert log.problem is not None
    assert "No space left" in log.problem


def test_an_event_that_comes_while_the_log_closes_is_left_out(tmp_path: Path) -> None:
    """The engine's thread may be in the middle of a line: nothing is raised there, and nothing is written to a file that is open no more."""

    def ending(text: str) -> str:
        log.close()
        return text

    log = EventLog(tmp_path / "e.jsonl", run="r1", worker="main", redact=ending)
    log.hear(settled(Response("x")))
    assert (log.problem, (tmp_path / "e.jsonl").read_bytes()) == (None, b"")
