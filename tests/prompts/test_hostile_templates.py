"""A hundred templates that want too much, each in a process that has little: every one renders or is refused, by its own count and not by the machine's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ESCAPES = {
    "class": "{{ x.__class__ }}",
    "class by item": "{{ x['__cla' ~ 'ss__'] }}",
    "class by filter": "{{ [x]|map(attribute='__class__')|list }}",
    "class by nested attribute": "{{ [{'a': x}]|map(attribute='a.__class__')|list }}",
    "class by groupby": "{{ [x]|groupby('__class__')|list }}",
    "class by sort": "{{ [x, x]|sort(attribute='__class__') }}",
    "class by unique": "{{ [x]|unique(attribute='__class__')|list }}",
    "class by sum": "{{ [x]|sum(attribute='__class__') }}",
    "class by min": "{{ [x, x]|min(attribute='__class__') }}",
    "class by selectattr": "{{ [x]|selectattr('__class__')|list }}",
    "class by rejectattr": "{{ [x]|rejectattr('__class__', 'eq', 1)|list }}",
    "class by format": "{{ '{0.__class__}'.format(x) }}",
    "class by format item": "{{ '{0[__class__]}'.format(x) }}",
    "class by keyword format": "{{ '{a.__class__}'.format(a=x) }}",
    "class by stored format": "{% set f = '{0.__class__}'.format %}{{ f(x) }}",
    "class by format_map": "{{ '{a.__class__}'.format_map({'a': x}) }}",
    "class by mapped format": "{{ ['{0.__class__}']|map('format', x)|list }}{{ ['{.__class__}'.format]|first }}",
    "method of a type": "{{ dict.mro() }}",
    "subclasses of a helper": "{{ cycler.__subclasses__() }}",
    "globals of a macro": "{% macro m() %}{% endmacro %}{{ m.__init__.__globals__ }}",
    "function of a macro": "{% macro m() %}{% endmacro %}{{ m._func.__globals__ }}",
    "globals of the caller": "{% macro m() %}{{ caller._environment }}{% endmacro %}{% call m() %}{% endcall %}",
    "environment of self": "{{ self._TemplateReference__context.environment }}",
    "blocks of self": "{% block a %}{% endblock %}{{ self.a.__globals__ }}",
    "generator frame": "{{ (x|map('upper')).gi_frame }}",
    "generator code": "{{ (x|map('upper')).gi_code }}",
    "loop's iterator": "{% for i in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "namespace's dictionary": "{{ namespace(a=1).__dict__ }}",
    "setting a dunder": "{% set ns = namespace() %}{% set ns.__class__ = x %}{{ ns }}",
    "changing a list": "{{ [1].append(2) }}",
    "changing a mapping": "{{ {'a': 1}.pop('a') }}",
    "encoding": "{{ x.encode('utf-8') }}",
    "lipsum": "{{ lipsum.__globals__.os }}",
    "config": "{{ config.items() }}",
    "request": "{{ request.application.__globals__ }}",
    "import": "{{ __import__('os').system('id') }}",
    "open": "{{ open('/etc/passwd').read() }}",
    "attr": "{{ x|attr('__class__') }}",
    "reading a file": "{% include '/etc/passwd' %}",
    "leaving the folder": "{% include '../../pyproject.toml' %}",
    "leaving by import": "{% import '../x.j2' as y %}",
}
"""Ways to Python that are known of Jinja's sandbox, or were once."""

FIVE_NINES = "x" * 99_999
BOMBS = {
    "long text": "{{ 'a' * 10**8 }}",
    "long list": "{{ ([0] * 10**8)|length }}",
    "long tuple": "{{ ((0,) * 10**8)|length }}",
    "big range": "{{ range(10**8)|list|length }}",
    "range to text": "{{ range(10**5)|map('string')|join('-' * 10**4) }}",
    "nested ranges": "{% for a in range(10**5) %}{% for b in range(10**5) %}{% endfor %}{% endfor %}",
    "nested generators": "{{ range(10**5)|map('batch', 10)|list }}",
    "big power": "{{ 10**10**7 }}",
    "power of powers": "{{ 9**9**9**9 }}",
    "big product": "{{ ('1' * 4000)|int * ('1' * 4000)|int }}",
    "product in a loop": "{% set n = namespace(v=3) %}{% for i in range(99) %}{% set n.v = n.v * n.v %}{% endfor %}",
    "hexadecimal number": "{{ ('f' * 4000000)|int(base=16) }}",
    "wide percent": "{{ '%99999999d' % 1 }}",
    "star percent": "{{ '%*d' % (99999999, 1) }}",
    "many wide percents": "{{ (('%(a)9999s' * 200000) % {'a': 1})|length }}",
    "many precise percents": "{{ (('%(a).9999f' * 200000) % {'a': 1.5})|length }}",
    "one value in many percents": "{{ (('%(a)s' * 300) % {'a': 'x' * 4000000})|length }}",
    "one number in many percents": "{{ (('%(a)f' * 400000) % {'a': 1e308})|length }}",
    "percents that print nothing": "{% set t = '%(a).0s' * 500000 %}{% for i in range(10**5) %}{% set y = t % {'a': 1} %}{% endfor %}",
    "format filter": "{{ (('%(a)9999s' * 200000)|format(a=1))|length }}",
    "one value in a format filter": "{{ (('%(a)s' * 300)|format(a='x' * 4000000))|length }}",
    "format filters in a loop": "{% set t = '%(a).0s' * 300000 %}{% for i in range(10**5) %}{% set y = t|format(a=1) %}{% endfor %}",
    "wide format": "{{ '{:99999999}'.format(1) }}",
    "wide nested format": "{{ '{:{w}}'.format(1, w=99999999) }}",
    "many wide formats": "{{ ('{0:9999}' * 300000).format(1)|length }}",
    "many precise formats": "{{ ('{0:.9999f}' * 100000).format(1.5)|length }}",
    "one value in many formats": "{{ ('{0}' * 300).format('x' * 4000000)|length }}",
    "one representation in many formats": "{{ ('{0!r}' * 1000).format('x' * 4000000)|length }}",
    "an item in many formats": "{{ ('{a[0]}' * 100000).format(a=['x' * 1000000])|length }}",
    "formats that print nothing": "{% set t = '{0:.0}' * 300000 %}{% for i in range(10**5) %}{% set y = t.format('a') %}{% endfor %}",
    "deep indent": "{{ deep|tojson(indent=16)|length }}",
    "escapes of JSON": "{{ ('\\u0001' * 4000000)|tojson|length }}",
    "escapes of HTML": "{{ ('<' * 4000000)|e|length }}",
    "escapes of URLs": "{{ ('ß' * 4000000)|urlencode|length }}",
    "upper case that is longer": "{{ ('ΐ' * 4000000)|upper|length }}",
    "replacing": "{{ ('x' * 10**5)|replace('x', 'y' * 10**5) }}",
    "replacing nothing": "{{ ('x' * 10**5).replace('', 'y' * 10**5) }}",
    "joining": "{{ ('x' * 10**5).join(range(10**5)|map('string')) }}",
    "joining by filter": "{{ range(10**5)|join('x' * 10**5) }}",
    "centering": "{{ 'x'|center(10**8) }}",
    "indenting": "{{ ('x\\n' * 10**5)|indent('y' * 10**5) }}",
    "wrapping": "{{ ('x ' * 10**5)|wordwrap(1, wrapstring='y' * 10**5) }}",
    "rounding": "{{ 1.5|round(10**8) }}",
    "truncating": "{{ 'x'|truncate(10**9) }}",
    "batches": "{{ [1]|batch(10**8, 0)|list|length }}",
    "slices": "{{ [1]|slice(10**8)|list|length }}",
    "sums of lists": "{{ ([[0] * 10**3] * 200)|sum(start=[])|length }}",
    "sorting letters": "{{ ('ab' * 2000000)|sort|length }}",
    "grouping letters": "{{ ('ab' * 2000000)|groupby(0)|length }}",
    "letters one by one": "{{ ('ab' * 2000000)|unique|list|length }}",
    "letters in batches": "{{ ('ab' * 2000000)|batch(1)|list|length }}",
    "letters in a loop": "{% for c in 'ab' * 2000000 %}{% endfor %}",
    "splitting": "{{ ('a ' * 2000000).split()|length }}",
    "lines": "{{ ('a\\n' * 2000000).splitlines()|length }}",
    "words": "{% set t = 'a ' * 2000000 %}{% for i in range(10**5) %}{% set y = t|wordcount %}{% endfor %}",
    "searching": "{% set t = 'a' * 4000000 %}{% for i in range(10**5) %}{% set y = t.find('b') %}{% endfor %}",
    "comparing": "{% set t = 'a' * 4000000 %}{% set u = t ~ '' %}{% for i in range(10**5) %}{% set y = t == u %}{% endfor %}",
    "comparing lists": "{% set t = range(10**5)|list %}{% set u = range(10**5)|list %}{% for i in range(10**5) %}{% set y = t < u %}{% endfor %}",
    "looking in a list": "{% set t = range(10**5)|list %}{% for i in range(10**5) %}{% set y = -1 in t %}{% endfor %}",
    "counting in a list": "{% set t = range(10**5)|list %}{% for i in range(10**5) %}{% set y = t.count(7) %}{% endfor %}",
    "slicing": "{% set t = 'a' * 4000000 %}{% for i in range(10**5) %}{% set y = t[1:] %}{% endfor %}",
    "doubling text": "{% set n = namespace(v='x') %}{% for i in range(40) %}{% set n.v = n.v ~ n.v %}{% endfor %}{{ n.v }}",
    "doubling lists": "{% set n = namespace(v=[1]) %}{% for i in range(40) %}{% set n.v = n.v + n.v %}{% endfor %}{{ n.v|length }}",
    "doubling trees": "{% set n = namespace(v=[1]) %}{% for i in range(40) %}{% set n.v = [n.v, n.v] %}{% endfor %}{{ n.v }}",
    "doubling mappings": "{% set n = namespace(v=1) %}{% for i in range(40) %}{% set n.v = dict(a=n.v, b=n.v) %}{% endfor %}{{ n.v }}",
    "doubling namespaces": "{% set n = namespace(v=1) %}{% for i in range(40) %}{% set n.v = namespace(a=n.v, b=n.v) %}{% endfor %}{{ n.v|string }}",
    "doubling captures": "{% set a %}xxxxxxxx{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40 + "{{ a }}",
    "doubling macros": "".join(f"{{% macro m{i}() %}}{{{{ m{i - 1}() }}}}{{{{ m{i - 1}() }}}}{{% endmacro %}}" for i in range(1, 35)) + "{% macro m0() %}x{% endmacro %}{{ m34() }}",
    "recursion without end": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "mutual recursion": "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}",
    "recursive loop": "{% for i in [1, 2] recursive %}{{ loop([1, 2]) }}{% endfor %}",
    "recursive call block": "{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{{ f() }}",
    "a joiner": "{% set j = joiner('x' * 4000000) %}{{ j() }}{{ j() }}{{ j() }}{{ j() }}",
    "a cycler": "{% set c = cycler('x' * 4000000, 1) %}{{ c.next() }}{{ c.next() }}{{ c.next() }}",
    "keys of a mapping": "{{ dict.fromkeys(range(10**5), 'x' * 4000000)|string|length }}",
    "much printed": "{% for i in range(10**5) %}" + "x" * 1000 + "{% endfor %}",
    "much printed by a filter": "{% for i in range(10**5) %}{% filter upper %}" + "x" * 1000 + "{% endfilter %}{% endfor %}",
    "parentheses": "{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}",
    "brackets": "{{ " + "[" * 20_000 + "]" * 20_000 + " }}",
    "a long sum": "{{ " + "+".join(["1"] * 40_000) + " }}",
    "a long chain of filters": "{{ x" + "|upper" * 20_000 + " }}",
    "a long chain of attributes": "{{ x" + ".a" * 20_000 + " }}",
    "a long chain of items": "{{ x" + "[0]" * 20_000 + " }}",
    "a long chain of calls": "{{ x" + "()" * 20_000 + " }}",
    "a long chain of nots": "{{ " + "not " * 40_000 + "x }}",
    "a long chain of minus": "{{ " + "-" * 40_000 + "1 }}",
    "a long chain of ifs": "{{ " + "1 if x else " * 15_000 + "2 }}",
    "a long chain of elifs": "{% if x %}" + "{% elif x %}" * 12_000 + "{% endif %}",
    "nested ifs": "{% if x %}" * 9_000 + "{% endif %}" * 9_000,
    "nested loops": "{% for i in [1] %}" * 200 + "x" + "{% endfor %}" * 200,
    "nested sets": "{% set a %}" * 5_000 + "{% endset %}" * 5_000,
    "nested filters": "{% filter upper %}" * 4_000 + "{% endfilter %}" * 4_000,
    "many variables": "".join(f"{{{{ a{i} }}}}" for i in range(20_000)),
    "many macros": "".join(f"{{% macro m{i}() %}}{{% endmacro %}}" for i in range(5_000)),
    "a long source": "x" * 300_000,
    "itself": "{% include 'p/v1.j2' %}",
    "itself twice": "{% include 'p/v1.j2' %}{% include 'p/v1.j2' %}",
    "its own parent": "{% extends 'p/v1.j2' %}",
    "importing itself": "{% import 'p/v1.j2' as me %}{{ me }}",
    "many long variables": "".join(f"{{% set a{i} = 'x' * 3999999 %}}" for i in range(1_000)),
    "arguments": "{{ dict(" + ", ".join(f"a{i}=1" for i in range(5_000)) + ") }}",
    "stars": "{{ cycler(*range(10**5)) }}{{ cycler(*range(10**8)) }}",
    "honest": "{% for d in docs %}<doc>{{ d|trim|indent }}</doc>{% endfor %}" + "{{ '%-10s|' % x }}{{ '{:>10}'.format(x) }}",
}  # fmt: skip

LOOP = "{{% for i in range(10**5) %}}{}{{% endfor %}}"
LONG_PATH = "'0' ~ '.0' * 50000"
FLOATS = "{% set a = range(99990)|map('float')|list %}{% set b = range(99990)|map('float')|list %}{% set c = [a] %}"
SAME_HASH = 2**61 - 1
BOMBS |= {
    "prints of nothing in a loop": LOOP.format("{{ '' }}" * 1000),
    "conditions in a loop": LOOP.format("{% if i %}{% endif %}" * 2000),
    "assignments in a loop": LOOP.format("{% set y = i %}" * 1000),
    "captures of nothing in a loop": LOOP.format("{% set y %}{% endset %}" * 1000),
    "concatenations of nothing": LOOP.format("{% set y = " + " ~ ".join(["''"] * 1000) + " %}"),
    "loops over nothing": LOOP.format("{% for j in [] %}{% endfor %}" * 1000),
    "a long macro": "{% macro m() %}" + "{{ '' }}" * 1000 + "{% endmacro %}" + LOOP.format("{{ m() }}"),
    **{
        f"{name} of a long path": f"{{{{ (['a'] * 10**5)|{name}(attribute={LONG_PATH})|list|length }}}}"
        for name in ("groupby", "max", "map", "sort", "sum", "unique")
    },
    "selectattr of a long path": f"{{{{ (['a'] * 10**5)|selectattr({LONG_PATH})|list|length }}}}",
    "join of a long path": f"{{{{ (['a'] * 10**5)|join('', attribute={LONG_PATH})|length }}}}",
    "sort by many attributes": "{{ (['a'] * 10**5)|sort(attribute='0' ~ ',0' * 50000)|length }}",
    "items of a text": LOOP.format("{% set y = 'a'" + "[0]" * 2000 + " %}"),
    "round up to many digits": LOOP.format("{% set y = 1|round(99999, 'ceil') %}"),
    "round away many digits": LOOP.format("{% set y = 1|round(-99999) %}"),
    "wrapping one word": "{{ ('a' * 999999)|wordwrap(1)|length }}",
    "wrapping blanks": "{{ (' ' * 999999)|wordwrap(5)|length }}",
    "trim of many": "{{ ('a' * 10**6)|trim('b' * 10**6 ~ 'a') }}",
    "strip of many": "{{ ('a' * 10**6).strip('b' * 10**6 ~ 'a') }}",
    "lstrip of many": "{{ ('a' * 10**6).lstrip('b' * 10**6 ~ 'a') }}",
    "rstrip of many": "{{ ('a' * 10**6).rstrip('b' * 10**6 ~ 'a') }}",
    "search from the right": "{{ ('a' * 2000000).rfind('b' ~ 'a' * 10**6) }}",
    "split from the right": "{{ ('a' * 2000000).rsplit('b' ~ 'a' * 10**6) }}",
    "partition from the right": "{{ ('a' * 2000000).rpartition('b' ~ 'a' * 10**6) }}",
    "format of a long path": "{% set f = '{0' ~ '[0]' * 1300000 ~ '}' %}" + LOOP.format("{% set y = f.format('a') %}"),
    "format of braces": "{% set f = '{' * 2000000 %}" + LOOP.format("{% set y = f.format() %}"),
    "keys with one hash": f"{{{{ dict(range(0, {SAME_HASH}00000, {SAME_HASH})|batch(2)|list) }}}}",
    "a namespace with one hash": f"{{% set n = namespace(range(0, {SAME_HASH}00000, {SAME_HASH})|batch(2)|list) %}}",
    "unique items with one hash": f"{{{{ range(0, {SAME_HASH}00000, {SAME_HASH})|unique|list }}}}",
    "a written mapping with one hash": LOOP.format(
        "{% set y = {" + ", ".join(f"{SAME_HASH * n}: 1" for n in range(2000)) + "} %}"
    ),
    "a namespace of a large mapping": "{% set d = dict(range(10**5)|batch(2)|list) %}"
    + LOOP.format("{% set n = namespace(d) %}"),
    "count in equal lists": FLOATS + LOOP.format("{% set y = c.count(b) %}"),
    "index in equal lists": FLOATS + LOOP.format("{% set y = c.index(b) %}"),
    "a long tuple as a key": "{% set t = (0,) * 10**5 %}" + LOOP.format("{% set y = {}[t] is defined %}"),
    "a long tuple for get": "{% set t = (0,) * 10**5 %}" + LOOP.format("{% set y = {}.get(t) %}"),
    "a long tuple in keys": "{% set t = (0,) * 10**5 %}" + LOOP.format("{% set y = t in {}.keys() %}"),
    "many arguments": "{% set a = [0] * 10**5 %}" + LOOP.format("{% set y = cycler(*a) %}"),
    "many arguments of a macro": "{% macro m() %}{{ varargs|length }}{% endmacro %}{% set a = [0] * 10**5 %}"
    + LOOP.format("{{ m(*a) }}"),
    "a fraction in a range": LOOP.format("{% if 1.5 in range(10**5) %}{% endif %}"),
    "a fraction counted in a range": LOOP.format("{% set y = range(10**5).count(1.5) %}"),
    "a fraction in values": "{% set d = dict(range(10**5)|batch(2)|list) %}"
    + LOOP.format("{% if 1.5 in d.values() %}{% endif %}"),
    "equal views": "{% set d = dict(range(10**5)|batch(2)|list) %}"
    + LOOP.format("{% if d.items() == d.items() %}{% endif %}"),
    "a test of letters": "{% set s = 'a' * 4000000 %}" + LOOP.format("{% if s is lower %}{% endif %}"),
    "a test of a list's letters": "{% set s = [0] * 10**5 %}" + LOOP.format("{% if s is upper %}{% endif %}"),
    "words of a list": "{% set s = [[0] * 10**5] %}" + LOOP.format("{% set y = s|wordcount %}"),
    "trimmed list": "{% set s = [[0] * 10**5] %}" + LOOP.format("{% set y = s|trim('[],0 ') %}"),
    "a list of long numbers": "{{ [2**2040] * 199999 }}",
    "joined long numbers": "{{ ([2**2040] * 199999)|join }}",
}
"""Templates that want more than their share, each in its own way; without its limit, each takes a minute, or a gigabyte."""

NOT_MEMORY = {"a long chain of elifs"}
"""What CPython's parser refuses as too deep: it says MemoryError, and takes none."""

RENDERING = """
import json, resource, sys, time
from pathlib import Path
from evalkit.errors import EvalkitError
from evalkit.prompts.library import PromptLibrary

root = Path(sys.argv[1])
templates = json.loads((root / "templates.json").read_text())
deep = list(range(50_000))
for _ in range(60):
    deep = [deep]
variables = {"x": "value", "deep": deep, "docs": ["word " * 100] * 500}

def taken():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

for name, text in templates.items():
    (root / "prompts" / "p" / "v1.j2").write_text(text)
    resource.setrlimit(resource.RLIMIT_AS, (taken() + 300_000_000, resource.RLIM_INFINITY))
    began = time.process_time()
    try:
        library = PromptLibrary(root, root / "prompts")
        said = "rendered " + library.render(library.get("p:v1"), variables)[0].content[:200]
    except EvalkitError as error:
        said = "refused " + str(error)[:300]
    except BaseException as error:
        said = f"RAISED {type(error).__name__}: {error}"[:300]
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(json.dumps([name, said, time.process_time() - began]), flush=True)
"""
"""Renders each template with 300 MB to spare; says what came of it and how many seconds of CPU it took."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, float]]:
    """What came of each template, and its CPU seconds; a process that died says nothing of the rest."""
    root = tmp_path_factory.mktemp("hostile")
    (root / "prompts" / "p").mkdir(parents=True)
    (root / "templates.json").write_text(json.dumps(BOMBS), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", RENDERING, root], capture_output=True, text=True, check=False, timeout=300
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"died with {done.returncode} after {told[-1:]}: {done.stderr[-500:]}"
    return {name: (said, seconds) for name, said, seconds in told}


@pytest.mark.parametrize("name", BOMBS)
def test_what_wants_too_much_is_refused_by_its_own_count(outcomes: dict[str, tuple[str, float]], name: str) -> None:
    """It renders or is refused with file and line; not because the memory ran out, which a machine with more of it would allow; in little CPU."""
    said, cpu_s = outcomes[name]
    assert said.startswith(("rendered", "refused prompts/p/v1.j2")), said
    assert "memory" not in said or name in NOT_MEMORY
    assert cpu_s < 5


def test_the_table_is_long_and_not_everything_is_refused(outcomes: dict[str, tuple[str, float]]) -> None:
    """The limits are no wall: what is honest renders."""
    assert len(BOMBS) + len(ESCAPES) > 120
    assert outcomes["honest"][0].startswith("rendered <doc>word word")


@pytest.mark.parametrize("name", ESCAPES)
def test_no_way_leads_out_of_the_sandbox(project, name: str) -> None:
    """It is refused with file and line, before anything of Python, of the machine or of another folder is printed."""
    Path(project.root / "x.j2").write_text("SECRET", encoding="utf-8")
    message = project.refused(ESCAPES[name], x="value")
    assert message.startswith("prompts/p/v1.j2:1: ")
    for leak in ("<class", "__builtins__", "0x", "root:", "SECRET", "frame object"):
        assert leak not in message
