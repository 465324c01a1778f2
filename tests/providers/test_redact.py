"""Secrets do not reach a file, and what is no secret is left alone."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.providers.redact import Redactor, is_secret

SECRET = 'p4ss/w"rd+ü?1'
ENVIRON = {"DB_PASSWORD": SECRET, "OPENAI_API_KEY": "zz-plain-key-value", "HOME": "/home/someone"}


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        *(base64.b64encode(b"x" * n + SECRET.encode() + b"tail").decode() for n in range(4)),
    ],
)
def test_a_secret_of_the_environment_is_found_in_every_spelling(form):
    """Plain, URL-quoted, JSON-escaped, and in the middle of base64 at any alignment."""
    redacted = Redactor(ENVIRON).text(f"before {form} after")
    assert "[REDACTED:DB_PASSWORD]" in redacted
    assert form not in redacted


@given(st.text(min_size=8, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_value_of_a_secret_survives(secret, before, after):
    """Whatever the secret's characters are, it does not stand in the result."""
    redacted = Redactor({"A_TOKEN": secret}).text(before + secret + after)
    assert secret not in redacted.replace("[REDACTED:A_TOKEN]", "")


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("OPENAI_API_KEY", "12345678", True),
        ("github-token", "12345678", True),
        ("MY_PASSWORD_2", "12345678", True),
        ("OPENAI_API_KEY", "1234567", False),
        ("MONKEY", "12345678", False),
        ("DB_PASS", "12345678", True),
        ("PGPASSWORD", "12345678", True),
        ("BYPASS_CACHE", "12345678", False),
        ("TOKENIZERS_PARALLELISM", "12345678", False),
        ("SSL_KEY_FILE", "/etc/ssl/key.pem", False),
        ("HOME", "/home/someone", False),
    ],
)
def test_secrets_are_told_by_whole_words_in_the_name(name, value, secret):
    """A word inside another word does not count, nor does a short value or a path."""
    assert is_secret(name, value) is secret


HEX40 = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-abcdefghijklmnopqrstuvwxyz",
        "sk-ant-api03-abcdefghijklmnopqrstuvwxyz",
        f"ghp_{HEX40}",
        f"github_pat_{HEX40}{HEX40}",
        "AKIAIOSFODNN7EXAMPLE",
        "xoxb-1234567890-abcdef",
        f"hf_{HEX40}",
        "AIza" + "a" * 35,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0123456789\n-----END RSA PRIVATE KEY-----",
        "Authorization: Bearer abcdef0123456789",
        "postgres://me:hunter22@db.example/x",
    ],
)
def test_known_key_formats_are_found_without_knowing_the_value(text):
    """Also when the key is in no variable of this machine."""
    redacted = Redactor({}).text(f"see {text} here")
    assert "[REDACTED:" in redacted
    assert text.split()[-1][-8:] not in redacted or "://" in text or "PRIVATE" in text
    assert redacted.startswith("see ")
    assert redacted.endswith(" here")


@pytest.mark.parametrize(
    "text",
    [
        "task-based learning of sk-learn pipelines",
        "the authorization was denied",
        "https://example.org/a:b@c",
        "order A-1001 for AKIA",
        "eyJ is how a JWT begins",
        "ghp_short",
    ],
)
def test_plain_text_is_left_alone(text):
    """The same object comes back: nothing was touched."""
    assert Redactor(ENVIRON).text(text) is text


def test_json_is_redacted_in_values_keys_and_lists():
    """Everything that is text; numbers and structure stay."""
    value = {"a": [SECRET, 1, None, {"b": f"x{SECRET}"}], SECRET: True}
    assert Redactor(ENVIRON).json(value) == {
        "a": ["[REDACTED:DB_PASSWORD]", 1, None, {"b": "x[REDACTED:DB_PASSWORD]"}],
        "[REDACTED:DB_PASSWORD]": True,
    }


LONG = "zz-plain-key-value-that-is-long"
ATTACKS = (
    LONG[:20] * 100_000,
    LONG[-20:] * 100_000,
    LONG[:19] * 100_000,
    "sk-" * 700_000,
    "sk-a " * 400_000,
    "eyJ" + "a" * 2_000_000,
    ("eyJ" + "a" * 1999 + ".") * 1000,
    "-----BEGIN PRIVATE KEY-----" * 70_000,
    "-----BEGIN PRIVATE KEY-----" + "A" * 2_000_000,
    "Authorization: Bearer " * 90_000,
    "uthorization" * 160_000,
    "://" * 700_000,
    "://a:" * 400_000,
    "://" + "a" * 2_000_000,
    "AKIA" * 500_000,
    "zz-plain-key-valu" * 100_000,
)


def test_a_text_made_to_be_slow_is_not():
    """Two megabytes each, in a process that has a minute for all: looking again from every place would take hours."""
    code = (
        "import sys; sys.path.insert(0, 'tests/providers'); from test_redact import ATTACKS, ENVIRON, LONG, Redactor\n"
        "r = Redactor({**ENVIRON, 'LONG_KEY': LONG})\n"
        "for text in ATTACKS: r.text(text); r.suspects(text)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], timeout=60, check=True)


def test_halves_of_a_long_secret_are_found():
    """A check quotes so many characters of an answer and no more; the cut may go through a key."""
    long = "xk-live-Zx81QmPw77LkRt20VbNe64"
    redactor = Redactor({"A_KEY": long})
    for cut in (long[:22], long[-22:], f"{long[:20]} and {long[-21:]}", long):
        assert redactor.text(f"'{cut}'").replace("[REDACTED:A_KEY]", "").strip("' and") == ""
    assert redactor.text(long[:19]) == long[:19]


def test_what_a_client_is_given_is_secret_whatever_it_is_called():
    """A key in a variable without a telling name, a header of the configuration; in hex too."""
    redactor = Redactor({}, given={"LOGIN": "opaque.value"})
    assert redactor.text(f"opaque.value {b'opaque.value'.hex()}") == "[REDACTED:LOGIN] [REDACTED:LOGIN]"


def test_a_secret_inside_another_one_does_not_leave_the_rest():
    """The longer one is replaced first."""
    redactor = Redactor({"A_KEY": "abcdefgh", "B_KEY": "abcdefgh-and-more"})
    assert redactor.text("abcdefgh-and-more") == "[REDACTED:B_KEY]"


_KEYS = (
    "sk-proj-abcdefghijklmnopqrstuvwxyz",
    f"ghp_{HEX40}",
    "AKIAIOSFODNN7EXAMPLE",
    "xoxb-1234567890-abcdef",
    "AIza" + "a" * 35,
)
_LONG = (
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0123456789\n-----END RSA PRIVATE KEY-----",
    'Authorization"\n: "Bearer\tabcdef0123456789',
    "postgres://mé:hünter22😀@db.example/x",
)
_PIECES = st.sampled_from([*_KEYS, *_LONG, SECRET, quote(SECRET), json.dumps(SECRET), "zz-plain-key-value"]) | st.text(
    max_size=8
)
_TEXTS = st.lists(_PIECES, max_size=4).map("".join)
_VALUES = st.recursive(
    _TEXTS | st.integers(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3)
)


@given(_VALUES)
def test_whatever_would_be_redacted_is_suspected_in_the_written_text(value):
    """One look at a record's JSON misses nothing that the walk over its texts would find."""
    redactor = Redactor(ENVIRON)
    assert redactor.suspects(json.dumps(value)) or redactor.json(value) == value


def test_an_ordinary_record_is_not_suspected():
    """Addresses, endpoints and words about keys do not send every record the long way."""
    text = "Mail ana@example.test, see https://example.test/keys; a mask-like asking is no key. The authorization of the bear."
    assert not Redactor(ENVIRON).suspects(json.dumps({"text": text, "endpoint": "openai http://127.0.0.1:9/v1 chat"}))
