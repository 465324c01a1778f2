"""Prompts that are wrong: templates, what they include, front matter, and the lock file."""

from __future__ import annotations

from bad_input import PROMPT, SUITE, BadInput, Content, fifo, folder, link, sparse

FRONT = "---\ndefaults: {model: scripted/m}\n---\n"
LOCK = "prompts/prompts.lock"


def template(name: str, body: str, *says: str, line: int = 4, rendering: bool = True) -> BadInput:
    """What goes wrong while rendering is told at the case; what is wrong before, at the template."""
    place = f"{PROMPT}:{line}"
    return BadInput(name, {PROMPT: FRONT + body}, (*says, place), at=f"{SUITE}:4" if rendering else place)


def syntax(name: str, body: str, *says: str, line: int = 4) -> BadInput:
    return template(name, body, *says, line=line, rendering=False)


def front(name: str, entry: str, *says: str, line: int = 2) -> BadInput:
    text = f"---\n{entry}\ndefaults: {{model: scripted/m}}\n---\n{{{{ q }}}}"
    return BadInput(f"front-{name}", {PROMPT: text}, says, at=f"{PROMPT}:{line}")


def defaults(name: str, entry: str, *says: str, at: str = f"{PROMPT}:2") -> BadInput:
    return BadInput(f"defaults-{name}", {PROMPT: f"---\ndefaults: {entry}\n---\n{{{{ q }}}}"}, says, at=at)


def source(name: str, content: Content, *says: str, line: int | None = None, **files: Content) -> BadInput:
    return BadInput(name, {PROMPT: content, **files}, says, at=PROMPT if line is None else f"{PROMPT}:{line}")


def included(name: str, content: Content, *says: str, line: int | None = None) -> BadInput:
    at = "prompts/_a.j2" if line is None else f"prompts/_a.j2:{line}"
    return BadInput(name, {PROMPT: FRONT + "{% include '_a.j2' %}", "prompts/_a.j2": content}, says, at=at)


def lock(name: str, content: Content, *says: str, line: int | None = 1) -> tuple[BadInput, BadInput]:
    at = LOCK if line is None else f"{LOCK}:{line}"
    return (
        BadInput(f"lock-{name}", {LOCK: content}, says, at=at),
        BadInput(f"lock-{name}-checked", {LOCK: content}, says, at=at, command=("prompts", "check")),
    )


TEMPLATES = (
    template("range", "{{ range(10**9)|length }}", "range"),
    template("repeated-text", "{{ 'a' * 10**9 }}", "too long"),
    template("repeated-list", "{{ ([0] * 10**9)|length }}", "too large"),
    template("percent-width", "{{ '%1000000000d' % 1 }}", "too large"),
    template("percent-star", "{{ '%*d' % (1000000000, 1) }}", "too large"),
    template("format-filter", "{{ '%1000000000d'|format(1)|length }}", "too large"),
    template("format-method", "{{ '{:1000000000}'.format(1) }}", "large"),
    template("center", "{{ 'a'|center(10**9)|length }}", "too large"),
    template("batch", "{{ range(9)|batch(10**9, 0)|list|length }}", "too large"),
    template("indent", "{{ q|indent(10**9) }}", "too large"),
    template("json-indent", "{{ q|tojson(indent=10**9) }}", "indent"),
    template("power", "{{ 2**100000 }}", "too large"),
    template("shift-by-product", "{{ 10**1000 * 10**1000 }}", "too large"),
    template("endless-macro", "{% macro f(n) %}{{ f(n+1) }}{% endmacro %}{{ f(0) }}", "without end"),
    template("endless-loop", "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}", "without end"),
    template("two-macros", "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}"),
    template("nested-loops", "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{% endfor %}{% endfor %}{% endfor %}x", "too much work"),
    template("sum-of-lists", "{{ ([[0]*1000]*3000)|sum(start=[])|length }}", "too large"),
    template("join", "{{ range(100000)|join('x'*10000) }}", "too long"),
    template("replace", "{{ ('a'*100000)|replace('a', 'b'*100000) }}", "too long"),
    template("class", "{{ ''.__class__.__mro__[1].__subclasses__() }}", "unsafe"),
    template("globals-of-lipsum", "{{ lipsum.__globals__ }}", "lipsum"),
    template("globals-of-cycler", "{{ cycler.__init__.__globals__ }}", "unsafe"),
    template("globals-of-self", "{{ self.__init__.__globals__ }}", "unsafe"),
    template("map-attribute", "{{ ['']|map(attribute='__class__')|list }}", "unsafe"),
    syntax("attr-filter", "{{ ''|attr('__class__') }}", "attr"),
    template("format-attribute", "{{ '{0.__class__}'.format('') }}", "unsafe"),
    template("format-map", "{{ '{a.__class__}'.format_map({'a': 1}) }}", "unsafe"),
    template("item-class", "{{ ''['__class__'] }}", "__class__"),
    template("mutation", "{% set d = {} %}{% set _ = d.update({'a': d}) %}{{ d }}", "unsafe"),
    template("undefined-attribute", "{{ user.name }}", "'user' is undefined"),
    template("undefined-in-if", "{% if premium %}x{% endif %}hello", "'premium' is undefined"),
    template("undefined-in-for", "{% for x in items %}x{% endfor %}hello", "'items' is undefined"),
    template("undefined-near-miss", "{{ qq }}", "'qq' is undefined", "did you mean 'q'"),
    template("undefined-item", "{{ q[100] }}", "no element 100"),
    template("division", "{{ 1/0 }}", "division by zero"),
    template("text-plus-number", "{{ q + 1 }}", "concatenate"),
    template("call-of-none", "{{ none() }}", "not callable"),
    template("mixed-sort", "{{ [1,'a']|sort }}", "not supported"),
    template("slice-step", "{{ q[::0] }}", "slice step"),
    template("truncate-below-zero", "{{ q|truncate(-5) }}", "filter"),
    template("empty-cycler", "{{ cycler() }}", "item"),
    template("empty-namespace", "{% set ns = namespace() %}{{ ns.x }}", "'x'"),
    template("printed-function", "{{ q.upper }}", "cannot be printed"),
    template("printed-self", "{{ self }}", "cannot be printed"),
    template("empty-role", "{% user %}{% enduser %}", "empty"),
    template("text-outside-roles", "x{% system %}y{% endsystem %}", "outside the role blocks"),
    BadInput("empty-prompt", {PROMPT: FRONT + " \n"}, ("the prompt is empty", PROMPT), at=f"{SUITE}:4"),
    syntax("unknown-filter", "{{ q|uper }}", "uper", "upper"),
    syntax("unknown-filter-in-dead-code", "{% if false %}{{ q|uper }}{% endif %}x", "uper"),
    syntax("number-of-thousands-of-digits", "{{ q }}{{ " + "9" * 5000 + " }}", "too many digits"),
    template("block-twice", "{% block a %}{% endblock %}{% block a %}{% endblock %}{{ q }}", "'a' defined twice"),
    syntax("infinite-number", "{{ 1e999 ~ q }}", "a number is too large"),
    syntax("unknown-test", "{{ q is blub }}", "blub"),
    syntax("open-expression", "{{ q ", "end of"),
    syntax("open-block", "{% if q %}x", "endif"),
    syntax("open-comment", "{# x", "comment"),
    syntax("unknown-tag", "{% blub %}", "blub"),
    syntax("wrong-end", "{% system %}x{% enduser %}", "endsystem"),
    syntax("role-in-role", "{% system %}{% user %}x{% enduser %}{% endsystem %}", "inside"),
    syntax("unknown-role", "{% message 'robot' %}x{% endmessage %}", "robot"),
    syntax("bad-expression", "{{ q + }}"),
    syntax("assignment-in-output", "{{ q = 1 }}"),
    syntax("random", "{{ [1,2]|random }}", "same way every time"),
    syntax("include-itself", "{% include 'p/v1.j2' %}", "includes itself"),
    syntax("extend-itself", "{% extends 'p/v1.j2' %}", "includes itself"),
    syntax("include-missing", "{% include 'nope.j2' %}", "no template 'nope.j2'"),
    syntax("include-outside", "{% include '../../etc/passwd' %}", "not a path"),
    syntax("include-absolute", "{% include '/etc/passwd' %}", "not a path"),
    syntax("include-by-variable", "{% include q %}", "named by an expression"),
    syntax("import-missing", "{% import 'm.j2' as m %}{{ m.x() }}", "no template 'm.j2'"),
    syntax("include-in-third-line", "a\nb\n{% include 'nope.j2' %}", "no template", line=6),
    BadInput("deep-brackets", {PROMPT: FRONT + "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}"}, ("nested too deep",), at=PROMPT),
    BadInput("deep-lists", {PROMPT: FRONT + "{{ " + "[" * 3000 + "]" * 3000 + " }}"}, ("nested too deep",), at=PROMPT),
    BadInput("deep-ifs", {PROMPT: FRONT + "{% if q %}" * 500 + "x" + "{% endif %}" * 500}, ("nested too deep",), at=PROMPT),
)  # fmt: skip

FRONTS = (
    front("unknown-key", "modle: x", "unknown key 'modle'"),
    front("open-brace", "description: {b", "not valid YAML", line=3),
    front("key-twice", "description: a\ndescription: b", "twice", line=3),
    front("tab", "inputs:\n\tq: string", "tab", line=3),
    front("tag", "description: !!python/object:os.system x", "tags are not allowed"),
    front("alias", "description: &a x", "anchors and aliases"),
    front("nul", "description: 'a\0b'", "control character"),
    front("description-number", "description: 5", "description is text"),
    front("inputs-list", "inputs: [q]", "inputs is a mapping"),
    front("input-unknown-type", "inputs: {q: strin}", "strin", "string"),
    front("input-null", "inputs: {q: }", "'q'"),
    front("input-number", "inputs: {q: 5}", "'q'"),
    front("input-name", "inputs: {'q q': string}", "'q q'"),
    front("input-reserved", "inputs: {loop: string}", "'loop'"),
    front("input-pattern", "inputs: {q: {type: string, pattern: '('}}", "'q'", "regex"),
    front("input-enum", "inputs: {q: {enum: 5}}", "'q'", "array"),
    front("input-default", "inputs: {q: {type: integer, default: x}}", "default", "integer"),
    front("output-missing", "output: nope.json", "nope.json"),
    front("output-outside", "output: ../../x.json", "not a path"),
    front("output-absolute", "output: /etc/passwd", "not a path"),
    front("output-list", "output: [1]", "output"),
    front("output-type", "output: {type: strng}", "JSON Schema"),
    front("output-remote", "output: {$ref: 'http://127.0.0.1:9/x'}", "JSON Schema", "Retrieval is disabled"),
    front("tools-missing", "tools: nope.json", "nope.json"),
    front("tools-half", "tools: [{name: x}]", "a tool needs"),
    front("tools-text", "tools: [x]", "a tool is"),
    front("tools-unknown-key", "tools: [{name: x, description: y, parameters: {}, z: 1}]", "unknown key 'z'"),
    front("tools-twice", "tools: [{name: x, description: y, parameters: {}}, {name: x, description: y, parameters: {}}]", "two tools"),
    BadInput("front-undeclared", {PROMPT: "---\ninputs: {z: string}\ndefaults: {model: scripted/m}\n---\n{{ q }}"}, ("'q'", "not declared"), at=f"{PROMPT}:5"),
    BadInput("front-open", {PROMPT: "---\ndescription: x\n{{ q }}"}, ("not closed",), at=f"{PROMPT}:1"),
    BadInput("front-list", {PROMPT: "---\n- a\n---\nx"}, ("mapping of keys",), at=f"{PROMPT}:2"),
    BadInput("front-text", {PROMPT: "---\nhello\n---\nx"}, ("mapping of keys",), at=f"{PROMPT}:2"),
    BadInput("output-file-broken", {PROMPT: "---\noutput: s.json\n---\nx", "prompts/p/s.json": '{\n"a":'}, ("not valid JSON",), at="prompts/p/s.json:2"),
    BadInput("output-file-nan", {PROMPT: "---\noutput: s.json\n---\nx", "prompts/p/s.json": '{"a": NaN}'}, ("NaN",), at="prompts/p/s.json"),
    BadInput("output-file-list", {PROMPT: "---\noutput: s.json\n---\nx", "prompts/p/s.json": "[]"}, ("mapping",), at="prompts/p/s.json"),
    BadInput("output-file-deep", {PROMPT: "---\noutput: s.json\n---\nx", "prompts/p/s.json": "[" * 100_000}, ("not valid JSON",), at="prompts/p/s.json"),
    defaults("list", "[a]", "defaults is a mapping"),
    defaults("model-without-provider", "{model: gpt}", "model is 'gpt'"),
    defaults("model-number", "{model: 5}", "model is 5"),
    defaults("large-float", "{model: scripted/m, temperature: 1e999}", "too large"),
    defaults("text-for-number", "{model: scripted/m, temperature: hot}", "temperature", at=f"{SUITE}:2"),
    defaults("nan", "{model: scripted/m, temperature: .nan}", "temperature", at=f"{SUITE}:2"),
    defaults("infinite", "{model: scripted/m, temperature: .inf}", "temperature", at=f"{SUITE}:2"),
    defaults("misspelt", "{model: scripted/m, temprature: 1}", "temprature", "temperature", at=f"{SUITE}:2"),
)  # fmt: skip

FILES = (
    source("prompt-latin-1", b"caf\xe9 {{ q }}", "not UTF-8", "0xe9", line=1),
    source("prompt-utf-16", "{{ q }}".encode("utf-16"), "UTF-16", line=1),
    source("prompt-is-a-folder", folder, "directory", "regular file"),
    source("prompt-is-a-fifo", fifo, "FIFO", "regular file"),
    source("prompt-is-a-device", link("/dev/zero"), "symlink"),
    source("prompt-leads-outside", link("/etc/passwd"), "symlink"),
    source("prompt-leads-to-itself", link("v1.j2"), "symlink"),
    source("prompt-too-large", sparse(2**31), "2,147,483,648 bytes", "limit"),
    included("include-latin-1", b"\xe9", "not UTF-8", line=1),
    included("include-syntax", "x\n{% if %}", "expression", line=2),
    included("include-fifo", fifo, "FIFO"),
    included("include-folder", folder, "directory"),
    included("include-leads-outside", link("/etc/passwd"), "symlink"),
    BadInput(
        "include-in-a-circle",
        {PROMPT: FRONT + "{% include '_a.j2' %}", "prompts/_a.j2": "{% include '_b.j2' %}", "prompts/_b.j2": "\n{% include '_a.j2' %}"},
        ("includes itself", "_a.j2 → _b.j2 → _a.j2"),
        at="prompts/_b.j2:2",
    ),
    BadInput(
        "prompt-folder-leads-outside",
        {"prompts/q": link("/etc"), SUITE: "suite: s\nprompt: q:v1\ncases: [{id: a, vars: {q: hi}, checks: [contains: hi]}]\n"},
        ("no prompt 'q'",),
        at=f"{SUITE}:2",
    ),
    BadInput("prompts-folder-empty", {PROMPT: None}, ("no prompt 'p'",), at=f"{SUITE}:2"),
)  # fmt: skip

LOCKS = (
    *lock("brace", "{", "lock file", "git"),
    *lock("yaml", "p:v1: zzz\n", "lock file"),
    *lock("conflict", "# x\n<<<<<<< HEAD\n", "lock file", line=2),
    *lock("short-digest", "p:v1 sha256:abc\n", "lock file"),
    *lock("nul", "\0", "lock file"),
    *lock("latin-1", b"\xe9", "not UTF-8"),
    *lock("twice", f"p:v1 sha256:{'0' * 64}\np:v1 sha256:{'1' * 64}\n", "twice", line=2),
    *lock("folder", folder, "directory", line=None),
    *lock("fifo", fifo, "FIFO", line=None),
    BadInput("released-and-changed", {LOCK: f"p:v1 sha256:{'0' * 64}\n"}, ("released", "changed"), at=PROMPT),
)  # fmt: skip

ENTRIES = (*TEMPLATES, *FRONTS, *FILES, *LOCKS)
