"""Keys and personal data are planted everywhere a run meets them; then everything it wrote is searched, in every spelling."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest
from fakes.llm_server import LLMServer, Reply, error

ENV_KEY = "sk-live-Zx81QmPw77LkRt20VbNe64"
"""The provider's own key: sent, echoed by a gateway in a header, quoted in an error."""
DATABASE = "hunter/2+blanks & ümlaut?"
"""A password of the environment that a case's variable holds."""
TOLD = "ghp_x7Kq2mVb9TzR4nWc8LsY1dHj6PfGa3Ue5QoI"
"""A key that only the model knows, in an answer."""
HEADER = "tenant-7f3a9c1e5d8b2046"
"""A secret in the configured headers."""
CUSTOM = "opaque.value.without.format"
"""The key of a provider whose variable has no secret's name."""
SECRETS = {"env": ENV_KEY, "variable": DATABASE, "answer": TOLD, "header": HEADER, "custom": CUSTOM}

SUITE = f"""
suite: hello
prompt: hello:v1
cases:
  - {{id: told, vars: {{customer: Ana}}}}
  - {{id: asked, vars: {{customer: {json.dumps(DATABASE)}}}}}
  - {{id: refused, vars: {{customer: refuse}}}}
  - {{id: quoted, vars: {{customer: quote}}}}
checks: [contains: Hello]
"""
PYTHON = """
import os

def test_locals(evalkit):
    key = os.environ["OPENAI_API_KEY"]
    print("captured", key)
    settings = {"headers": {"authorization": "Bearer " + key}, "password": os.environ["DB_PASSWORD"]}
    assert evalkit.prompt("hello:v1", customer="Ana") == key
"""


def spellings(secret):
    """Every way to write a secret that is looked for."""
    data = secret.encode()
    yield from (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield from (data.hex(), data.hex().upper())
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).decode()
        yield encoded[-(-8 * before // 6) : 8 * (before + len(data)) // 6]
    if len(secret) >= 24:
        yield from (secret[:20], secret[-20:])


def written(root):
    """Every byte below ``root`` that a run wrote, by file; of the databases, also what is in their rows."""
    found = {}
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith(("prompts/", "suites/hello", "tests/", "pyproject")):
            found[name] = path.read_bytes()
    with duckdb.connect(str(root / "reports" / "evalkit.duckdb"), read_only=True) as database:
        for (table,) in database.execute("select table_name from duckdb_tables()").fetchall():
            found[f"table {table}"] = json.dumps(
                database.table(table).fetchall(), default=str, ensure_ascii=False
            ).encode()
    cache = sqlite3.connect(root / "reports" / "cache.sqlite")
    found["cache rows"] = json.dumps(cache.execute("select * from responses").fetchall(), ensure_ascii=False).encode()
    cache.close()
    return found


def script(asked):
    sent = asked.headers["authorization"]
    echo = {"x-request-id": f"req {sent}", "request-id": sent}
    if "refuse" in asked.question:
        return error(400, f"bad request with {sent} and {DATABASE} " + "x" * 200 + sent, headers=echo)
    spelled = " ".join(spellings(ENV_KEY)) if "quote" in asked.question else ""
    said = f"I was told {TOLD}, {DATABASE}, {HEADER}, {CUSTOM}, {sent}. {spelled} " + "y" * 40 + ENV_KEY
    body = {
        "id": f"chat-{sent}",
        "model": f"m {sent}",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}],
    }
    return Reply(body, headers=echo)


@pytest.fixture
def leaky(project, monkeypatch):
    """A project in which secrets are everywhere, and whoever is asked repeats them."""
    monkeypatch.setenv("OPENAI_API_KEY", ENV_KEY)
    monkeypatch.setenv("DB_PASSWORD", DATABASE)
    monkeypatch.setenv("LOCAL_LOGIN", CUSTOM)
    project.suite(SUITE)
    project.write("tests/test_locals.py", PYTHON)
    with LLMServer(script) as server:
        project.live(server.url)
        with (project.root / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(f'headers = {{x-tenant-token = "{HEADER}"}}\n')
            file.write('[tool.evalkit.providers.local]\nkind = "openai"\napi_key_env = "LOCAL_LOGIN"\n')
        yield project


def test_no_planted_key_is_in_anything_a_run_wrote(leaky):
    """Journal, cache, database, page, JSON, Markdown, JUnit, event log, recordings, standard output and error, tracebacks with their values."""
    old = os.umask(0o022)
    try:
        ran = subprocess.run(
            [
                *(
                    Path(sys.executable).with_name("evalkit"),
                    "run",
                    "suites",
                    "tests",
                    "-vv",
                    "-rA",
                    "--showlocals",
                    "--record",
                ),
                *("--junitxml", "out/junit.xml", "-o", "junit_logging=all", "--evalkit-json", "out/run.json"),
                *("--evalkit-markdown", "out/run.md", "--evalkit-log", "out/events.jsonl"),
            ],
            cwd=leaky.root,
            capture_output=True,
            check=False,
            timeout=120,
        )
    finally:
        os.umask(old)
    assert ran.returncode == 1, ran.stdout.decode()
    found = {"stdout": ran.stdout, "stderr": ran.stderr, **written(leaky.root)}
    assert {
        "out/junit.xml",
        "out/run.json",
        "out/run.md",
        "out/events.jsonl",
        "table responses",
        "reports/cache.sqlite",
    } <= set(found)
    leaks = {
        (place, name)
        for place, data in found.items()
        for name, secret in SECRETS.items()
        for form in spellings(secret)
        if form.encode() in data
    }
    assert leaks == set()
    assert b"[REDACTED:OPENAI_API_KEY]" in found["table responses"]
    assert b"captured [REDACTED:OPENAI_API_KEY]" in ran.stdout
    assert b"taken out of" in ran.stdout
    _only_its_owner_reads(leaky.root)


def _only_its_owner_reads(root):
    """Whatever may hold an answer, in the usual umask; JUnit is pytest's own file."""
    for top in (root / "reports", root / "out", root / "suites" / "recordings"):
        for path in (top, *top.rglob("*")) if top.exists() else ():
            mode = stat.S_IMODE(path.stat().st_mode)
            if path.name not in {"junit.xml", "out"}:
                assert mode & 0o077 == 0, f"{path}: {mode:o}"


PEOPLE = {
    "mail": "ana.lopez@example.org",
    "phone": "+49 151 2345 6789",
    "card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
}
PRIVATE = f"""
suite: hello
prompt: hello:v1
redact: [email, phone, card, iban]
cases:
  - {{id: ana, vars: {{customer: "{PEOPLE["mail"]}", number: 4111111111111111}}, expect: {{mail: "{PEOPLE["mail"]}"}}}}
checks:
  - contains: "{{{{ expect.mail }}}}"
  - contains: {{any: ["{PEOPLE["phone"]}"]}}
  - not: {{pii: {{}}}}
"""


def answer_with_people(_asked):
    return "Hello! Write to {mail} (https://x.test/?to={mail}) or call {phone}; card {card}, account {iban}.".format(
        **PEOPLE
    )


def people(data):
    """Who is found in what was written."""
    return {name for name, text in PEOPLE.items() for form in (text, text.replace(" ", "")) if form.encode() in data}


@pytest.fixture
def private(project, monkeypatch):
    """A project whose suite redacts, and a model that tells all."""
    monkeypatch.setenv("OPENAI_API_KEY", ENV_KEY)
    project.suite(PRIVATE)
    with LLMServer(answer_with_people) as server:
        project.live(server.url)
        yield project, server


def test_checks_judge_the_original_and_the_store_does_not_have_it(private):
    """The suite's checks find the data in the answer; nothing that was written holds it, and no later run is served the rest."""
    project, server = private
    words = (
        "run",
        "--record",
        "--evalkit-json",
        "out/run.json",
        "--junitxml",
        "out/junit.xml",
        "--evalkit-log",
        "out/log",
    )
    ran = project.evalkit(*words)
    assert ran.code == 0, ran.out
    found = {"stdout": ran.out.encode(), **written(project.root)}
    assert {place for place, data in found.items() if people(data)} == set()
    assert b"[REDACTED:email]" in found["table responses"]
    assert b"[REDACTED:card]" in found["table cases"]
    spans = [
        one.get("spans", []) for record in project.journal() if record["t"] == "result" for one in record["verdicts"]
    ]
    assert spans == [[]] * 3, "they would point into the text as it was"
    assert b"taken out of 1 answer" in found["stdout"]
    project.evalkit("run")
    assert len(server.requests) == 2, "what was stored is not what was said, so it must not be served"


def test_a_failure_is_told_without_the_data(private):
    """The terminal and JUnit are kept too: CI logs are read by many."""
    project, _ = private
    project.suite(PRIVATE.replace("  - not:", "  - contains: never said\n  - not:"))
    ran = project.evalkit("run", "--junitxml", "junit.xml")
    assert ran.code == 1
    assert people(ran.out.encode()) == set()
    assert people((project.root / "junit.xml").read_bytes()) == set()
    assert "[REDACTED:phone]" in ran.out


def test_another_suite_of_the_run_is_stored_as_it_is(private):
    """``redact:`` is the suite's own; the project's holds for all."""
    project, _ = private
    wish = "redact: [email, phone, card, iban]\n"
    other = PRIVATE.replace(wish, "").replace("suite: hello", "suite: open").replace("id: ana", "id: other")
    project.suite(other.replace('customer: "', 'customer: "Mx '), name="open")
    assert project.evalkit("run").code == 0
    assert sorted(bool(people(json.dumps(call).encode())) for call in calls(project)) == [False, True]
    settings = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    project.write(
        "pyproject.toml",
        settings.replace("[tool.evalkit]", '[tool.evalkit]\nredact = ["email", "phone", "card", "iban"]', 1),
    )
    (project.root / "reports").rename(project.root / "earlier")
    assert project.evalkit("run").code == 0
    assert [bool(people(json.dumps(call).encode())) for call in calls(project)] == [False, False]


def calls(project):
    return [record for record in project.journal() if record["t"] == "call"]


@pytest.mark.parametrize(("word", "said"), [("emial", "did you mean 'email'"), ("names", "no kind of personal data")])
def test_an_unknown_kind_is_a_mistake(project, word, said):
    """It would be a promise that nobody keeps."""
    project.suite(PRIVATE.replace("[email, phone, card, iban]", f"[{word}]"))
    ran = project.evalkit("run")
    assert ran.code == 2
    assert said in ran.out
