"""The sandbox: no way to Python, no silent gaps, no template that hangs or fills the memory."""

from __future__ import annotations

import resource

import pytest

from evalkit.errors import PromptError
from evalkit.prompts.limits import MAX_TEXT_CHARS

ESCAPES = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ x['__class__'] }}",
    "{{ lipsum.__globals__ }}",
    "{{ ['']|map(attribute='__class__')|list }}",
    "{{ [x]|groupby('__class__') }}",
    "{{ [x, 'a']|sort(attribute='__class__') }}",
    "{{ '{0.__class__}'.format('') }}",
    "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "{{ ('{0' ~ '.__class__}').format(x) }}",
    "{{ x|attr('__class__') }}",
    "{{ range.__subclasses__() }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{% for i in [1] %}{{ loop._iterable }}{% endfor %}",
    "{% macro m() %}{{ caller.__globals__ }}{% endmacro %}{% call m() %}{% endcall %}",
    "{{ namespace.__init__ }}",
    "{{ x.encode().decode.__self__ }}",
    "{{ (x|list).append(1) }}",
    "{{ {'a': 1}.update({'b': 2}) }}",
)


@pytest.mark.parametrize("text", ESCAPES)
def test_no_way_to_python(project, text):
    """Each known escape ends in an error with file and line, and prints nothing of Python."""
    message = project.refused(text, x="value")
    assert message.startswith("prompts/p/v1.j2:1: ")
    assert "<class" not in message
    assert "__builtins__" not in message


RESOURCES = (
    "{{ range(10**9)|length }}",
    "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    "{{ 'a' * 10**9 }}",
    "{{ 10**9 * 'a' }}",
    "{{ ([0] * 10**9)|length }}",
    "{{ 10**9999 }}",
    "{{ 9**(9**9) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%*d' % (1000000000, 1) }}",
    "{{ '%1000000000d'|format(1)|length }}",
    "{{ '{:1000000000}'.format(1) }}",
    "{{ '{:{w}}'.format(1, w=1000000000) }}",
    "{{ 'a'|center(10**9)|length }}",
    "{{ 'a\na'|indent(10**9) }}",
    "{{ ('a\n' * 100000)|indent('x' * 1000, true) }}",
    "{{ ('a ' * 10000)|wordwrap(1, wrapstring='x' * 100000) }}",
    "{{ 1.5|round(10**9) }}",
    "{{ range(9)|batch(10**9, 0)|list|length }}",
    "{{ range(9)|slice(10**9)|list|length }}",
    "{{ ('x' * 100000)|replace('x', 'y' * 100000) }}",
    "{{ ('x' * 100000).replace('', 'y' * 100000) }}",
    "{{ range(100000)|join('x' * 100000) }}",
    "{{ ('x' * 100000).join(range(100000)|map('string')) }}",
    "{{ range(100000)|map('replace', '1', 'y' * 100000)|join }}",
    "{{ ([[0]*1000]*3000)|sum(start=[])|length }}",
    "{{ [[0]*10, [1]*10]|sum(start=[]) }}",
    "{% macro f(n) %}{{ f(n+1) }}{% endmacro %}{{ f(0) }}",
    "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(35) }}",
    "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{% for i in [1, 2] recursive %}{% if loop.depth < 35 %}{{ loop([1, 2]) }}{% endif %}{% endfor %}",
    "{% set ns = namespace(s='x') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s|length }}",
    "{% set ns = namespace(s='x') %}{% for i in range(40) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s|length }}",
    "{% set ns = namespace(s=[1]) %}{% for i in range(40) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
    "{% set ns = namespace(s=1) %}{% for i in range(40) %}{% set ns.s = {'a': ns.s, 'b': ns.s} %}{% endfor %}{{ ns.s|tojson }}",
    "{% set ns = namespace(s=1) %}{% for i in range(40) %}{% set ns.s = (ns.s, ns.s) %}{% endfor %}{{ ns.s|string }}",
    "{% set ns = namespace(s=1) %}{% for i in range(40) %}{% set ns.s = namespace(a=ns.s, b=ns.s) %}{% endfor %}{{ ns.s|string }}",
    "{% set ns = namespace(s=1) %}{% for i in range(40) %}{% set ns.s = namespace(a=ns.s, b=ns.s) %}{% endfor %}{{ 'a' ~ ns.s }}",
    "{% set ns = namespace(s=1) %}{% for i in range(40) %}{% set ns.s = namespace(a=ns.s, b=ns.s) %}{% endfor %}{{ '%s' % ns.s }}",
    "{% set ns = namespace(s=1) %}{% for i in range(40) %}{% set ns.s = dict(a=ns.s, b=ns.s) %}{% endfor %}{{ ns.s }}",
    "{% set ns = namespace(s=3) %}{% for i in range(60) %}{% set ns.s = ns.s * ns.s %}{% endfor %}{{ ns.s }}",
    "{% set s0 %}xxxxxxxxxx{% endset %}"
    + "".join(f"{{% set s{i + 1} %}}{{{{ s{i} * 10 }}}}{{% endset %}}" for i in range(9))
    + "{{ s9 }}",
    "{% for i in range(100000) %}" + "x" * 1000 + "{% endfor %}",
    "{% macro m() %}" + "x" * 10000 + "{% endmacro %}{% for i in range(100000) %}{{ m() }}{% endfor %}",
    "{% for i in range(100000) %}{% filter upper %}" + "x" * 1000 + "{% endfilter %}{% endfor %}",
    "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "{{ " + "+".join(["1"] * 20000) + " }}",
    "{{ " + "~".join(["'a'"] * 40000) + " }}",
    "{% for a in [1] %}" * 30 + "{% endfor %}" * 30,
    "{% if x %}" * 2000 + "{% endif %}" * 2000,
    "{% set b = range(100000)|list %}{% for i in range(100000) %}{% if -1 in b %}{% endif %}{% endfor %}",
    "{% set b = range(100000)|list %}{{ b|select('in', b|reverse|list)|list|length }}",
    "{% set b = range(100000)|list %}{% for i in b %}{% if i is in b %}{% endif %}{% endfor %}",
    "{% set a = 'x' * 3000000 %}{% set b = 'x' * 3000000 %}{% for i in range(100000) %}{% if a == b %}{% endif %}{% endfor %}",
    "{% set a = 'x' * 3000000 %}{% for i in range(100000) %}{% set b = a[1:] %}{% endfor %}",
    "{% set a = 'x' * 3000000 %}{% for i in range(100000) %}{% if a.count('xx') %}{% endif %}{% endfor %}",
    "{% set a = 'x ' * 1000000 %}{% for i in range(100000) %}{% if a|wordcount %}{% endif %}{% endfor %}",
    "{% set a = 'x ' * 1000000 %}{% for i in range(100000) %}{% if a is upper %}{% endif %}{% endfor %}",
    "{% set a = 'x' * 3000000 %}{% for i in range(100000) %}{% if loop.changed(a ~ '') %}{% endif %}{% endfor %}",
    "{{ [1, 2]|tojson(indent=10**9) }}",
    "{{ x.split('')|length }}",
)


@pytest.mark.parametrize("text", RESOURCES, ids=range(len(RESOURCES)))
def test_no_template_hangs_or_fills_the_memory(project, text):
    """Each bomb ends in an error that names the file, within a CPU and memory bound far below a stock sandbox's."""
    project.write("prompts/p/v1.j2", text)
    library = project.library
    before = resource.getrusage(resource.RUSAGE_SELF)
    with pytest.raises(PromptError) as caught:
        library.render(library.get("p:v1"), {"x": "value"})
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert str(caught.value).startswith("prompts/p/v1.j2")
    assert after.ru_maxrss - before.ru_maxrss < 300_000  # KiB


def test_nested_includes_cannot_multiply_without_end(project):
    """Thirty files that each include the next one twice are 2^30 renderings: stopped."""
    for level in range(30):
        project.write(f"prompts/n{level}.j2", f'{{% include "n{level + 1}.j2" %}}' * 2)
    project.write("prompts/n30.j2", "x")
    assert "too much work" in project.refused('{% include "n0.j2" %}')


def test_long_but_honest_prompts_render(project):
    """The limits leave room: a million characters of context, a thousand documents, nested loops."""
    documents = [{"id": number, "text": "word " * 200} for number in range(1000)]
    text = "{% for d in docs|sort(attribute='id') %}<doc id='{{ d.id }}'>{{ d.text|trim|indent }}</doc>\n{% endfor %}"
    rendered = project.text(text, docs=documents)
    assert 1_000_000 < len(rendered) < MAX_TEXT_CHARS
    assert rendered.count("<doc") == 1000


def test_every_kind_of_undefined_is_an_error(project):
    """Top-level, attribute, item, in an if, inside a list, through map, tojson, join, format: never a silent gap."""
    for text in (
        "{{ q }}", "{{ q.a }}", "{% if q %}x{% endif %}hello", "{{ user.nme }}", "{{ user['nme'] }}", "{{ [q] }}",
        "{{ [user]|map(attribute='nme')|list }}", "{{ [user]|map(attribute='nme')|join }}", "{{ [q]|tojson }}",
        "{{ {'a': q}|string }}", "{{ '%s' % q }}", "{{ '{}'.format(q) }}", "{{ 'a' ~ q }}", "{% for x in q %}{% endfor %}",
        "{{ q|upper }}", "{{ [1, q]|sum }}", "{{ [q]|join(',') }}", "{{ q == 1 }}", "{{ names[7] }}", "{{ '{!r}'.format(q) }}",
    ):  # fmt: skip
        message = project.refused(text, user={"name": "Ana"}, names=["a"])
        assert message.startswith("prompts/p/v1.j2:1: "), text
        assert "Undefined" not in message, (text, message)
        assert "Missing" not in message, (text, message)


def test_an_undefined_variable_names_itself_its_line_and_what_there_is(project):
    """The message is enough to fix the typo."""
    project.write("prompts/part.j2", "\n\nDear {{ custmer }}")
    message = project.refused('{% include "part.j2" %}', customer="Ana", order="A-1")
    assert message.startswith("prompts/part.j2:3: 'custmer' is undefined")
    assert "did you mean 'customer'? valid: customer, order" in message
    assert "which has: 'name'" in project.refused("{{ user.nme }}", user={"name": "Ana"})


def test_default_and_defined_work(project):
    """The two ways to say that a variable may be missing."""
    assert project.text("{{ q|default('none') }} {% if q is defined %}a{% else %}b{% endif %}") == "none b"


def test_unknown_filters_and_tests_are_found_even_where_they_would_not_run(project):
    """A typo inside a branch that no case takes is found when the prompt is loaded."""
    assert "no filter named 'uper'; did you mean 'upper'" in project.refused("{% if false %}\n{{ q|uper }}{% endif %}")
    assert "no test named 'defned'" in project.refused("{{ q is defned }}")
    assert "a prompt must render the same way every time" in project.refused("{{ [1]|random }}")
    assert "no filter named '__each'" in project.refused("{{ [1]|__each(1) }}")


def test_values_that_have_no_text_are_not_printed(project):
    """A generator, a macro or a method in {{ }} is a slip: the error says what to write."""
    assert "add |list or |join" in project.refused("{{ xs|map('upper') }}", xs=["a"])
    assert "call it with ()" in project.refused("{% macro m() %}{% endmacro %}{{ m }}")
    assert "write ['…'] for a key of that name" in project.refused("{{ order.items }}", order={"items": [1]})
    assert "cannot loop over the method 'items'" in project.refused(
        "{% for i in o.items %}{% endfor %}", o={"items": []}
    )
    assert project.text("{{ order['items'] }} {{ order.copy }}", order={"items": [1], "copy": "c"}) == "[1] c"


def test_common_jinja_works(project):
    """What a user of Jinja expects: filters, tests, loops, loop variables, macros, call, set, methods, slices, raw."""
    cases = {
        "{{ xs|join(', ') }} {{ xs|length }} {{ xs[1:]|list }}": "a, b, c 3 ['b', 'c']",
        "{% for x in xs %}{{ loop.index }}/{{ loop.length }}{{ x }}{{ ',' if not loop.last }}{% endfor %}": "1/3a,2/3b,3/3c",
        "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{{ d|dictsort|list }}": "b=1;a=2;[('a', 2), ('b', 1)]",
        "{% set ns = namespace(n=0) %}{% for x in xs %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}": "3",
        "{% macro m(a, b=2) %}{{ a }}{{ b }}{{ caller() }}{% endmacro %}{% call m(1) %}!{% endcall %}": "12!",
        "{{ 'a-b'.split('-')|last }} {{ '%05.1f' % 2.25 }} {{ '{:>4}'.format('x') }} {{ 2**10 }} {{ 7 // 2 }}": "b 002.2    x 1024 3",
        "{{ d|tojson }} {{ '<é>'|tojson }} {{ '<b>'|e }}": '{"b": 1, "a": 2} "<é>" &lt;b&gt;',
        "{% raw %}{{ not }}{% endraw %}{# comment #}": "{{ not }}",
        "{{ xs|map('upper')|select('ne', 'A')|join }} {{ rows|sum(attribute='n') }} {{ rows|map(attribute='n')|list }}": "BC 3 [1, 2]",
        "{% for x in [[1, [2]], 3] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}{% endif %}{% endfor %}": "(1(2))3",
        "{{ cycler('a', 'b').next() }}{{ dict(a=1).a }}{{ xs|batch(2)|list }}": "a1[['a', 'b'], ['c']]",
        "{% filter upper %}x{% endfilter %}{% with y = 3 %}{{ y }}{% endwith %}{% set z %}b{{ 1 }}{% endset %}{{ z }}": "X3b1",
        "{{ 'a' in xs }} {{ 1 < 2 < 3 }} {{ xs == ['a', 'b', 'c'] }} {{ 'b' is in xs }} {{ 4 is divisibleby 2 }} {{ 'a' not in 'abc' }}": "True True True True True False",
        "{% for x in xs if x != 'b' %}{{ x }}{% else %}none{% endfor %}{% for x in [] %}{% else %}none{% endfor %}": "acnone",
    }
    for text, expected in cases.items():
        assert project.text(text, xs=["a", "b", "c"], d={"b": 1, "a": 2}, rows=[{"n": 1}, {"n": 2}]) == expected, text


def test_rendering_twice_gives_the_same_and_changes_no_variable(project):
    """No state is left in the template, and the case's values stay as they were."""
    project.write("prompts/p/v1.j2", "{% set ns = namespace(v=xs) %}{% set ns.v = ns.v + [3] %}{{ ns.v }}")
    library = project.library
    version = library.get("p:v1")
    values = {"xs": [1, 2]}
    assert {library.render(version, values)[0].content for _ in range(3)} == {"[1, 2, 3]"}
    assert values == {"xs": [1, 2]}


def test_a_variable_that_is_no_json_is_refused(project):
    """An object in the variables could be called by the template: {{ path.unlink() }}."""
    message = project.refused("{{ path.unlink() }}", path=project.root)
    assert "the variable 'path' holds a PosixPath, which is not JSON" in message
    assert project.root.exists()
    deep: list[object] = []
    for _ in range(200):
        deep = [deep]
    assert "nested deeper" in project.refused("{{ x }}", x=deep)


def test_no_environment_variable_is_visible(project, monkeypatch):
    """A template knows its variables and five helpers, nothing of the process."""
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    for text in ("{{ env }}", "{{ environ }}", "{{ os }}", "{{ SECRET_TOKEN }}"):
        assert "is undefined" in project.refused(text)
    assert project.text("${SECRET_TOKEN}") == "${SECRET_TOKEN}"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a\n{{ 1/0 }}", ":2: division by zero"),
        ("a\n{{ 'a' + 1 }}", ":2: "),
        ("a\n{{ x( }}", ":2: "),
        ("a\n{% for %}", ":2: "),
        ("a\n{% if x %}", ":2: "),
        ("a\n{{ x() }}", ":2: "),
        ("a\n{{ x|batch }}", ":2: "),
    ],
)
def test_every_other_mistake_has_file_and_line_too(project, text, part):
    """Arithmetic, syntax and calls: one clear line, never a traceback."""
    assert f"prompts/p/v1.j2{part}" in project.refused(text, x="v")


def test_what_an_include_is_handed_counts(project):
    """Every include copies the variables that there are: many of them, handed over in a loop, are work."""
    project.write("prompts/a.j2", "x")
    names = "".join(f"{{% set v{n} = 1 %}}" for n in range(3000))
    message = project.refused(names + "{% for i in range(2000) %}{% include 'a.j2' %}{% endfor %}")
    assert "too much work" in message
