"""Words that the fuzzer puts into its inputs: no keyword is found by chance."""

from __future__ import annotations

_YAML = (": ", "- ", "\n  ", "\"", "&a ", "*a", "<<: ", "!!str ", "---\n", "{", "}", "[", "]", "null", "true", "1e999", "\\ud800", "| \n", "> \n", "? ", "#", "%YAML 1.2\n", "\ufeff")  # fmt: skip
_JSON = ('{"', '":', "null", "true", "NaN", "Infinity", "1e999", "-1", "[]", "{}", "\\u0000", "\\ud800", "\0")
_JINJA = ("{{ ", " }}", "{% ", " %}", "{# ", " #}", "if q", "endif", "for a in ", "endfor", "recursive", "loop(", "set x = ", "macro f(a)", "endmacro", "call", "include ", "import ", "extends ", "block b", "raw", "endraw", "|", "|join", "|tojson", "|format", "|batch(", "|sort", "|truncate(", "|map(attribute=", "range(", "cycler(", "namespace(", "**", "//", "__class__", ".format(", "system", "endsystem", "user", "enduser", "message 'user'", "endmessage", "---\n", "inputs: {q: string}\n", "defaults: {model: scripted/m}\n")  # fmt: skip
_SUITE = ("suite: s\n", "prompt: p:v1\n", "variants:\n", "models: [scripted/m]\n", "params: ", "grid: ", "repeats: ", "require: ", "tags: ", "priority: ", "cases:\n", "attacks: ", "checks: ", "gates: ", "fallbacks: ", "id: ", "vars: ", "expect: ", "cluster: ", "file: d.csv", "map: ", "contains: ", "equals: ", "regex: ", "json_schema: ", "number: ", "length: ", "rubric: ", "not: ", "any_of: ", "all_of: ", "select: $.a", "severity: warn", "pass_rate >= 0.9", "p95(latency_s) <= 4", "no_regression: ", "same_under: ", "{{ q }}")  # fmt: skip
_RECORDING = ("model", "request", "messages", "role", "user", "content", "response", "text", "finish", "usage", "tool_calls", "key", "redacted", "vectors", "repeat", "kind", "params", "output_schema")  # fmt: skip
_JOURNAL = ("{\"t\":\"run\"", "{\"t\":\"call\"", "{\"t\":\"result\"", "{\"t\":\"plan\"", "{\"t\":\"end\"", "{\"t\":\"skip\"", "{\"t\":\"gates\"", "{\"t\":\"labels\"", "format", "planned", "tests", "trials", "reason", "key", "trial", "verdicts", "followups")  # fmt: skip
_TOML = ("[tool.evalkit]\n", "[tool.evalkit.providers.openai]\n", "[tool.evalkit.limits.openai]\n", "[tool.evalkit.prices.\"openai/m\"]\n", "mode = ", "'live'\n", "concurrency = ", "timeout_s = ", "base_url = ", "nan\n", "inf\n", "true\n", "{a=1}\n", "[[", "]]", "1979-05-27\n", "0x1F\n", "\"\"\"")  # fmt: skip

_PROMPTFOO = ("prompts:\n", "providers: ", "tests:\n", "defaultTest: ", "scenarios: ", "assert: ", "type: ", "value: ", "threshold: ", "weight: 0", "transform: output.a", "provider: ", "options: ", "config: ", "label: ", "raw: ", "id: ", "file://t.csv", "file://*.yaml", "vars: ", "description: ", "not-", "javascript", "python", "output", ".length", ".includes('a')", "JSON.parse(output)", " && ", " === ", "context.vars.q", "assert-set", "{$ref: '#/tests'}", "__expected", "openai:", "anthropic:messages:", "{{q}}", "{{ q | dump }}", "{% for a, b in q %}", "role", "content")  # fmt: skip

WORDS: dict[str, tuple[str, ...]] = {
    "suite": (*_YAML, *_SUITE),
    "prompt": (*_JINJA, *_YAML),
    "dataset": (*_YAML, *_JSON, "id,q\n", "expect.a", "tags", "PAR1", '""'),
    "recording": (*_JSON, *_RECORDING),
    "journal": (*_JSON, *_JOURNAL),
    "baseline": (*_JSON, "format", "evalkit.baseline/1", "variants", "trials", "case_id", "repeat", "status", "pass"),
    "settings": _TOML,
    "import": (*_YAML, *_PROMPTFOO),
}
