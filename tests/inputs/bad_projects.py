"""Projects that are wrong: ``pyproject.toml``, its providers, the project's own Python, and the environment."""

from __future__ import annotations

from bad_input import PROJECT, PROMPT, SCRIPTED, SUITE, BadInput, Content, fifo, folder, link

TOP = "[tool.evalkit]\n"
ASKED = {PROMPT: "---\ndefaults: {model: openai/gpt-5-mini}\n---\n{{ q }}"}
RUN = ("run", "-p", "no:cacheprovider")


def project(name: str, text: Content, *says: str, line: int | None = 2, **files: Content) -> BadInput:
    at = PROJECT if line is None else f"{PROJECT}:{line}"
    return BadInput(f"project-{name}", {PROJECT: text, **files}, says, at=at)


def key(name: str, entry: str, *says: str) -> BadInput:
    return project(name, f"{TOP}{entry}\n{SCRIPTED}", *says)


def table(name: str, text: str, *says: str, line: int = 3) -> BadInput:
    return project(name, f"{TOP}{text}\n", *says, line=line)


def provider(name: str, entry: str, *says: str, line: int = 3, files: dict[str, Content] | None = None) -> BadInput:
    """A setting of the provider ``openai``, which the suite asks."""
    text = f"{TOP}[tool.evalkit.providers.openai]\n{entry}\n"
    made = {PROJECT: text, **ASKED, **(files or {})}
    return BadInput(f"provider-{name}", made, says, at=f"{PROJECT}:{line}", environment={"OPENAI_API_KEY": "sk-x" * 8})


def script(name: str, entry: str, *says: str, at: str | None = None, **files: Content) -> BadInput:
    text = f"{TOP}[tool.evalkit.providers.scripted]\n{entry}\n"
    made = {PROJECT: text, **{f"{module}.py": code for module, code in files.items()}}
    return BadInput(f"script-{name}", made, says, at=at, command=RUN)


def environment(name: str, value: str, *says: str, mode: str = "live") -> BadInput:
    made = {PROJECT: f'{TOP}mode = "{mode}"\n', **ASKED}
    return BadInput(f"key-{name}-{mode}", made, says, at=None, command=RUN, environment={"OPENAI_API_KEY": value})


KEYS = (
    project("broken", "[tool.evalkit\n", "not valid TOML", line=1),
    project("no-value", f"{TOP}mode =\n", "not valid TOML"),
    project("no-quotes", f"{TOP}mode = live\n", "not valid TOML"),
    project("key-twice", f"{TOP}mode = 'live'\nmode = 'cache'\n", "not valid TOML", line=3),
    project("table-twice", f"{TOP}{TOP}", "not valid TOML", line=2),
    project("deep", f"{TOP}x = " + "[" * 3000, "not valid TOML", line=None),
    project("long-number", f"{TOP}concurrency = {'9' * 5000}\n", "not valid TOML", line=None),
    project("latin-1", TOP.encode() + b"# \xe9\n", "not UTF-8"),
    project("utf-16", TOP.encode("utf-16"), "UTF-16", line=1),
    project("tool-is-a-number", "tool = 5 # tool.evalkit\n", "[tool] is not a table", line=1),
    project("evalkit-is-a-number", "[tool]\nevalkit = 5 # tool.evalkit\n", "[tool.evalkit] is not a table"),
    project("evalkit-is-a-list", "[[tool.evalkit]]\nmode = 'live'\n", "[tool.evalkit] is not a table", line=1),
    project("is-a-folder", folder, "directory", line=None),
    project("is-a-fifo", fifo, "FIFO", line=None),
    project("leads-nowhere", link("nope.toml"), "no such file", line=None),
    key("unknown-key", "modle = 'live'", "unknown key 'modle'", "did you mean 'mode'"),
    key("mode-misspelt", "mode = 'liev'", "'liev'", "did you mean 'live'"),
    key("mode-list", "mode = ['live']", "mode"),
    key("mode-table", "mode = {a = 1}", "mode"),
    key("concurrency-zero", "concurrency = 0", "concurrency = 0", "at least 1"),
    key("concurrency-huge", "concurrency = 1000000000000", "at most 10,000"),
    key("concurrency-text", "concurrency = '5'", "whole number"),
    key("concurrency-bool", "concurrency = true", "whole number"),
    key("concurrency-float", "concurrency = 1.5", "whole number"),
    key("cost-negative", "max_cost_usd = -1", "at least 0"),
    key("cost-nan", "max_cost_usd = nan", "nan"),
    key("cost-infinite", "max_cost_usd = inf", "inf"),
    key("timeout-nan", "timeout_s = nan", "nan"),
    key("timeout-infinite", "timeout_s = inf", "inf"),
    key("timeout-zero", "timeout_s = 0", "at least"),
    key("deadline-date", "deadline_s = 1979-05-27", "deadline_s"),
    key("retries-huge", "retries = 99999999999999999999", "retries"),
    key("suites-absolute", "suites = '/etc'", "inside the project"),
    key("suites-outside", "suites = '../x'", "inside the project"),
    key("suites-empty", "suites = ''", "inside the project"),
    key("suites-number", "suites = 5", "inside the project"),
    key("suites-nul", 'suites = "a\\u0000b"', "inside the project"),
    key("suites-is-a-file", f"suites = '{SUITE}'", "is a file"),
    key("reports-nul", 'reports = "a\\u0000b"', "inside the project"),
    key("allow-python-text", "allow_python = 'x'", "list of names"),
    key("check-modules-numbers", "check_modules = [5]", "list of names"),
    key("baseline-number", "baseline = 5", "baseline = 5"),
    key("on-undecided", "on_undecided = 'x'", "'x'", "fail, warn"),
    key("redact-unknown", "redact = ['emial']", "'emial'", "email"),
    key("untrusted-text", "untrusted = 'yes'", "true or false"),
    key("providers-number", "providers = 5", "table of tables").__class__(
        "project-providers-number", {PROJECT: f"{TOP}providers = 5\n"}, ("table of tables",), at=f"{PROJECT}:2"
    ),
    table("providers-flat", "[tool.evalkit.providers]\nscripted = 5", "table of tables", line=2),
    table("provider-unknown-key", "[tool.evalkit.providers.scripted]\nanswer = {}", "unknown key 'answer'"),
    table("provider-kind-number", "[tool.evalkit.providers.scripted]\nkind = 5", "kind = 5"),
    table("provider-timeout", "[tool.evalkit.providers.scripted]\ntimeout_s = 'x'", "timeout_s"),
    table("provider-timeout-nan", "[tool.evalkit.providers.scripted]\ntimeout_s = nan", "timeout_s"),
    table("provider-account", "[tool.evalkit.providers.scripted]\naccount = []", "account"),
    table("limits-fraction", "[tool.evalkit.limits.openai]\nconcurrency = 1.5", "concurrency"),
    table("limits-negative", "[tool.evalkit.limits.openai]\nrequests_per_minute = -1", "requests_per_minute"),
    table("limits-infinite", "[tool.evalkit.limits.openai]\nrequests_per_minute = inf", "requests_per_minute"),
    table("limits-unknown", "[tool.evalkit.limits.openai]\nrpm = 5", "unknown key 'rpm'"),
    table("prices-text", "[tool.evalkit.prices.'openai/x']\ninput_usd_per_mtok = '1'", "input_usd_per_mtok"),
    table("prices-flat", "[tool.evalkit.prices]\nopenai = 1", "table of tables", line=2),
    table("models-zero", "[tool.evalkit.models.'scripted/m']\ncontext_window = 0", "context_window"),
)  # fmt: skip

PROVIDERS = (
    provider("url-scheme", "base_url = 'ftp://x'", "base_url", "http"),
    provider("url-word", "base_url = 'x'", "base_url"),
    provider("url-number", "base_url = 5", "base_url"),
    provider("url-with-password", "base_url = 'http://u:p@x/v1'", "base_url", "user name"),
    provider("url-with-query", "base_url = 'http://x/v1?key=1'", "base_url", "query"),
    provider("url-broken-address", "base_url = 'http://[::1/v1'", "base_url"),
    provider("url-port", "base_url = 'http://x:99999/v1'", "base_url"),
    provider("url-blank", "base_url = 'http://x y/v1'", "base_url"),
    provider("url-newline", 'base_url = "http://x/v1\\n"', "base_url"),
    provider("api", "api = 'x'", "api", "chat, responses"),
    provider("headers-number", "headers = 5", "headers"),
    provider("headers-newline", 'headers = {"X-A" = "a\\nb"}', "headers"),
    provider("headers-name", 'headers = {"X A:" = "b"}', "headers"),
    provider("headers-unicode", 'headers = {"X-A" = "–"}', "headers"),
    provider("stream-text", "stream = 'yes'", "stream", "true or false"),
    provider("transport", "transport = 'udp'", "transport"),
    provider("kind-unknown", "kind = 'nope'", "no provider kind named 'nope'").__class__(
        "provider-kind-unknown", {PROJECT: f"{TOP}[tool.evalkit.providers.openai]\nkind = 'nope'\n", **ASKED}, ("'nope'",), at=f"{SUITE}:2"
    ),
    script("answers-number", "answers = 5", "answers", at=f"{PROJECT}:2"),
    script("answers-numbers", "answers = {default = 5}", "answers", at=f"{PROJECT}:2"),
    script("function-form", "function = 'nope.fn'", "module:function", at=f"{PROJECT}:3"),
    script("function-number", "function = 5", "function", at=f"{PROJECT}:3"),
    script("module-missing", "function = 'script_x:fn'", "script_x", at=f"{PROJECT}:3"),
    script("function-missing", "function = 'script_a:nope'", "nope", at=f"{PROJECT}:3", script_a="fn = None\n"),
    script("module-broken", "function = 'script_broken:fn'", "script_broken", at=f"{PROJECT}:3", script_broken="def (:\n"),
    script("module-raises", "function = 'script_raises:fn'", "division by zero", at=f"{PROJECT}:3", script_raises="1/0\n"),
    script("module-exits", "function = 'script_exits:fn'", "script_exits", at=f"{PROJECT}:3", script_exits="import sys\nsys.exit(0)\n"),
)  # fmt: skip


def module(
    name: str, code: str | None, *says: str, entry: str | None = None, at: str | None = None, setting: bool = False
) -> BadInput:
    file = f"mine_{name.replace('-', '_')}"
    made: dict[str, Content] = {PROJECT: f'{TOP}check_modules = ["{file if entry is None else entry}"]\n{SCRIPTED}'}
    if code is not None:
        made[f"{file}.py"] = code
    return BadInput(f"module-{name}", made, says, at=f"{PROJECT}:2" if setting else at and f"{file}.py:{at}")


MODULES = (
    module("missing", None, "cannot import", setting=True),
    module("empty-name", None, "cannot import", entry="", setting=True),
    module("relative-name", None, "cannot import", entry=".x", setting=True),
    module("path", None, "cannot import", entry="../x", setting=True),
    module("syntax", "def (\n", "cannot import", at="1"),
    module("raises", "\nraise ValueError('broken')\n", "ValueError: broken", at="2"),
    module("exits", "import sys\nsys.exit(0)\n", "SystemExit", at="2"),
    module("check-without-types", "from evalkit import check\n\n@check('mine')\ndef f(x):\n    return True\n", "annotated"),
)  # fmt: skip

ENVIRONMENT = (
    *(environment("empty", "", "OPENAI_API_KEY is empty", "secret", mode=mode) for mode in ("live", "cache", "refresh")),
    environment("newline", "sk-proj-EXAMPLE\n", "OPENAI_API_KEY", "whitespace"),
    environment("blank", "sk-proj EXAMPLE", "OPENAI_API_KEY", "whitespace"),
    environment("dash", "sk-–abc…def", "OPENAI_API_KEY", "ASCII"),
    environment("control", "sk-\x1b[31m", "OPENAI_API_KEY", "control character"),
    BadInput("key-not-set", {PROJECT: TOP, **ASKED}, ("OPENAI_API_KEY is not set", "replay"), command=RUN),
    BadInput(
        "key-of-the-judge",
        {PROJECT: f"{TOP}{SCRIPTED}", SUITE: "suite: s\nprompt: p:v1\ncases: [{id: a, vars: {q: hi}, checks: [rubric: {ask: Is it kind?, model: openai/gpt-5-mini}]}]\n"},
        ("OPENAI_API_KEY is not set",),
        command=RUN,
    ),
)  # fmt: skip

ENTRIES = (*KEYS, *PROVIDERS, *MODULES, *ENVIRONMENT)
