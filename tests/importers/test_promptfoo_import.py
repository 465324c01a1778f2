"""``evalkit import``: a promptfoo configuration becomes prompts and a suite that run, and nothing that was lost goes unsaid."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from evalkit.cli.import_suite import import_command
from evalkit.config import load_config
from evalkit.errors import ConfigError, EvalkitError
from evalkit.importers.promptfoo.assertions import KINDS
from evalkit.importers.promptfoo.project import Wanted, import_promptfoo
from evalkit.suites.loader import load_suite
from evalkit.yamlfile import load_yaml, parse_yaml

CONFIG = """
description: "Refunds: first reply"
prompts:
  - "Answer kindly: {{question}}{% if tone %} Be {{tone}}.{% endif %}"
  - {id: file://chat.json, label: Chat}
providers: [{id: openai:chat:gpt-5-mini, config: {temperature: 0.2, max_tokens: 300}}]
defaultTest:
  assert: [{type: not-contains, value: as an AI}]
tests:
  - description: Late parcel
    vars: {question: Where is it?, order: [A-1, A-2], tone: kind}
    assert:
      - {type: contains, value: "{{order}}"}
      - {type: javascript, value: "output.length < 400 && !output.includes('sorry')"}
  - vars: {question: As JSON?, count: 3}
    assert:
      - {type: is-json, value: {type: object, required: [total]}}
      - {type: python, value: "json.loads(output)['total'] == 3"}
"""
CHAT = '[{"role": "system", "content": "You are a shop."}, {"role": "user", "content": "{{question}} ({{ items | dump }})"}]'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, and the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "promptfooconfig.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "chat.json").write_text(CHAT, encoding="utf-8")
    return tmp_path


def ask(*words: str) -> Any:
    """The command, run in this process."""
    return CliRunner().invoke(
        import_command, ["promptfooconfig.yaml", *words], catch_exceptions=False, standalone_mode=False
    )


def written(folder: Path, tests: str, **wanted: str) -> tuple[dict[str, Any], list[str]]:
    """The suite as data, and the notes, of a configuration with these tests."""
    (folder / "promptfooconfig.yaml").write_text(
        f"description: t\nprompts: ['{{{{q}}}}']\nproviders: [openai:gpt-5-mini]\ntests:\n{tests}", encoding="utf-8"
    )
    imported = import_promptfoo(folder / "promptfooconfig.yaml", Wanted(**wanted))
    (text,) = imported.suites.values()
    path = folder / "made.yaml"
    path.write_text(text, encoding="utf-8")
    suite: Any = load_yaml(path, root=folder).plain()
    return suite, [str(note) for note in imported.notes]


def checks(folder: Path, assertion: str, **wanted: str) -> Any:
    """The checks that one assertion becomes."""
    suite, _ = written(folder, f"  - vars: {{q: Hi, context: c}}\n    assert:\n      - {assertion}\n", **wanted)
    return suite["cases"][0]["checks"]


def test_what_was_imported_runs(folder: Path) -> None:
    """Both prompts are versions of one, every test a case, and pytest judges them: here with answers from a list."""
    (folder / "pyproject.toml").write_text(
        '[tool.evalkit.providers.canned]\nkind = "scripted"\nanswers = ["A-1 A-2 will come."]\n', encoding="utf-8"
    )
    made = ask("--model", "canned/any")
    assert made.return_value == 0, made.output
    assert "3 cases, 2 prompt versions; 0 left out" in made.output
    assert (folder / "prompts/refunds-first-reply/v2.j2").read_text(encoding="utf-8") == (
        "---\ndescription: Chat\n---\n{% system %}\nYou are a shop.\n{% endsystem %}\n{% user %}\n{{question}} ({{ items | tojson }})\n{% enduser %}\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "suites", "-q"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert "2 failed, 4 passed" in ran.stdout, ran.stdout + ran.stderr  # the answer is no JSON


def test_the_suite_says_the_same(folder: Path) -> None:
    """Lists of texts are spread over cases, defaults are the suite's checks, and what Nunjucks printed as nothing is an empty text."""
    assert ask().return_value == 0
    spec = load_suite(folder / "suites/refunds-first-reply.yaml", root=folder)
    assert [case.id for case in spec.cases[:2]] == ["late-parcel", "late-parcel-2"]
    assert [case.vars["order"] for case in spec.cases[:2]] == ["A-1", "A-2"]
    assert spec.cases[2].vars == {"question": "As JSON?", "count": 3, "tone": "", "items": ""}
    assert [check.name for check in spec.checks] == ["not"]
    assert [model.params for model in spec.models] == [{"temperature": 0.2, "max_output_tokens": 300}]
    assert [variant.name for variant in spec.variants] == ["v1", "chat"]


def test_nothing_that_is_there_is_overwritten(folder: Path) -> None:
    """A second import says so and leaves every file as it is."""
    ask()
    mine = folder / "prompts/refunds-first-reply/v1.j2"
    mine.write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="already there; nothing was written"):
        ask()
    assert mine.read_text(encoding="utf-8") == "mine"
    assert ask("--name", "Other One").return_value == 0
    assert (folder / "suites/other-one.yaml").is_file()


def test_what_is_left_out_is_said_with_its_line_and_makes_the_exit_code_1(folder: Path) -> None:
    """Programs, unknown kinds and providers: each on a line of its own, and as a comment in the suite where it was."""
    text = CONFIG + (
        "      - {type: perplexity, threshold: 3}\n"
        "      - type: javascript\n        value: |\n          const a = 1;\n          return output.length > a;\n"
    )
    text = text.replace("providers: [", "providers: [bedrock:nova, ").replace(
        "prompts:\n", "prompts:\n  - file://made.py\n"
    )
    (folder / "made.py").write_text("raise SystemExit('run')", encoding="utf-8")
    (folder / "promptfooconfig.yaml").write_text(text, encoding="utf-8")
    made = ask()
    assert made.return_value == 1
    for said in (
        'left out: promptfooconfig.yaml:4: the prompt "file://made.py": made.py is a program, and nothing is run',
        "left out: promptfooconfig.yaml:7: the provider 'bedrock:nova': evalkit speaks to OpenAI",
        "left out: promptfooconfig.yaml:20: perplexity: evalkit has no such check",
        "left out: promptfooconfig.yaml:21: javascript: it is a program: write it as a check in Python",
    ):
        assert said in made.output
    suite = (folder / "suites/refunds-first-reply.yaml").read_text(encoding="utf-8")
    assert "  # left out: promptfooconfig.yaml:20: perplexity: evalkit has no such check\n" in suite
    assert "\n# left out: promptfooconfig.yaml:7: the provider" in suite
    assert ask("--name", "again", "--allow-left-out").return_value == 0


def test_a_case_that_nothing_judges_any_more_is_left_out(folder: Path) -> None:
    """It would pass whatever the answer; a suite of evalkit may hold no such case."""
    tests = (
        "  - {vars: {q: a}, assert: [{type: perplexity}]}\n  - {vars: {q: b}, assert: [{type: contains, value: b}]}\n"
    )
    suite, notes = written(folder, tests)
    assert [case["vars"] for case in suite["cases"]] == [{"q": "b"}]
    assert any("nothing is left that judges it" in note for note in notes)


def test_a_test_without_assertions_wants_an_answer(folder: Path) -> None:
    """That is all that promptfoo judges then, and it is said; one with the default assertions has those."""
    suite, notes = written(folder, "  - {vars: {q: a}}\n")
    assert suite["cases"][0]["checks"] == [{"length": {"chars": {"min": 1}}}]
    assert any("no assertion: checked is only that there is an answer" in note for note in notes)
    suite, _ = written(folder, "  - {vars: {q: a}}\ndefaultTest: {assert: [{type: contains, value: b}]}\n")
    assert "checks" not in suite["cases"][0]


def test_mistakes_that_evalkit_finds_are_to_mend(folder: Path) -> None:
    """What was written is planned as a run would plan it; the exit code says that it is not ready."""
    text = CONFIG.replace("max_tokens: 300", "max_tokens: -5")
    (folder / "promptfooconfig.yaml").write_text(text, encoding="utf-8")
    made = ask()
    assert made.return_value == 1
    assert "to mend: suites/refunds-first-reply.yaml" in made.output
    assert "max_output_tokens" in made.output


@pytest.mark.parametrize(
    ("assertion", "check"),
    [
        ("{type: contains, value: hi}", {"contains": "hi"}),
        ("{type: not-contains, value: hi}", {"not": {"contains": "hi"}}),
        ("{type: icontains, value: hi}", {"contains": {"value": "hi", "ignore_case": True}}),
        ("{type: contains-any, value: 'a, \"b, c\"'}", {"contains": {"any": ["a", "b, c"]}}),
        ("{type: icontains-all, value: [a, b]}", {"contains": {"all": ["a", "b"], "ignore_case": True}}),
        ("{type: equals, value: yes}", {"equals": "yes"}),
        ("{type: equals, value: {a: 1}}", {"equals": {"json": {"a": 1}}}),
        ("{type: starts-with, value: '{{q}}'}", {"starts_with": "{{q}}"}),
        ("{type: regex, value: '(?<year>\\d+)'}", {"regex": r"(?P<year>\d+)"}),
        ("{type: is-json}", {"json": "whole"}),
        ("{type: contains-json}", {"json": "anywhere"}),
        ("{type: is-json, value: '{type: object}'}", {"json_schema": {"schema": {"type": "object"}, "where": "whole"}}),
        ("{type: word-count, value: {min: 2, max: 5}}", {"length": {"words": {"min": 2, "max": 5}}}),
        ("{type: cost, threshold: 0.002}", {"cost_usd": 0.002}),
        ("{type: latency, threshold: 4000}", {"latency_s": 4.0}),
        ("{type: is-refusal}", {"refusal": "expected"}),
        ("{type: not-is-refusal}", {"refusal": "never"}),
        ("{type: bleu, value: x}", {"bleu": {"to": "x", "min": 0.5}}),
        ("{type: similar, value: x, threshold: 0.8}", {"embedding_similarity": {"to": "x", "min": 0.8}}),
        ("{type: llm-rubric, value: Kind?}", {"rubric": {"ask": "Kind?", "model": "openai/judge"}}),
        ("{type: llm-rubric, value: Kind?, provider: anthropic:messages:c}", {"rubric": {"ask": "Kind?", "model": "anthropic/c"}}),
        ("{type: factuality, value: x}", {"factual": {"to": "x", "model": "openai/judge"}}),
        ("{type: contains, value: a, weight: 0}", {"contains": "a", "severity": "warn"}),
        ("{type: contains, value: a, transform: output.b}", {"contains": "a", "select": "$.b"}),
        ("{type: g-eval, value: [Kind?, Short?]}", {"criteria": {"ask": ["Kind?", "Short?"], "model": "openai/judge"}}),
        ("{type: assert-set, assert: [{type: contains, value: a}, {type: is-xml}]}", {"all_of": [{"contains": "a"}, {"xml": {"where": "whole"}}]}),
        ("{type: assert-set, threshold: 0.5, assert: [{type: contains, value: a}, {type: contains, value: b}]}", {"any_of": [{"contains": "a"}, {"contains": "b"}]}),
    ],
)  # fmt: skip
def test_every_kind_of_assertion_is_the_check_that_means_it(folder: Path, assertion: str, check: Any) -> None:
    """One line of the table each, written and read back."""
    assert checks(folder, assertion, judge="openai/judge") == [check]


@pytest.mark.parametrize(
    ("code", "check"),
    [
        ("output.includes('a')", {"contains": "a"}),
        ("!output.toLowerCase().includes('a')", {"not": {"contains": {"value": "a", "ignore_case": True}}}),
        ("output.startsWith('a') || output.endsWith('b')", {"any_of": [{"starts_with": "a"}, {"ends_with": "b"}]}),
        ("output.length >= 10", {"length": {"chars": {"min": 10}}}),
        ("output.length > 10", {"length": {"chars": {"min": 11}}}),
        ("output.split(' ').length <= 20", {"length": {"words": {"max": 20}}}),
        ("JSON.parse(output).a.b === 'x'", {"equals": {"select": "$.a.b", "value": "x"}}),
        ("output.total === 3", {"equals": {"select": "$.total", "json": 3}}),
        ("JSON.parse(output).score >= 0.5", {"number": {"select": "$.score", "min": 0.5}}),
        (
            "output.trim() === 'x' && output !== \"y && z\"",
            {"all_of": [{"equals": "x"}, {"not": {"equals": "y && z"}}]},
        ),
        ("/^a+$/i.test(output)", {"regex": {"pattern": "^a+$", "ignore_case": True}}),
        ("output.includes(context.vars.q)", {"contains": "{{ q }}"}),
        ("output.items.includes('a')", {"contains": {"value": "a", "select": "$.items"}}),
    ],
)
def test_a_line_of_javascript_that_is_a_plain_comparison_is_a_check(folder: Path, code: str, check: Any) -> None:
    """It is parsed, never run."""
    quoted = code.replace("'", "''")
    assert checks(folder, f"{{type: javascript, value: '{quoted}'}}") == [check]


@pytest.mark.parametrize(
    "code",
    [
        "output => true", "`${output}`", "fetch('http://x')", "output.a.b()", "require('fs')", "output.length > x", "Math.max(1, 2) > 1", "1",
        "output.length > 1e9 ? 1 : 0", "(" * 500, "!" * 900 + "output", "output is None", "output.score > 1",
    ],
)  # fmt: skip
def test_any_other_program_is_left_out(folder: Path, code: str) -> None:
    """What is not surely the same is for a person to write."""
    quoted = code.replace("'", "''")
    tests = f"  - vars: {{q: Hi}}\n    assert:\n      - {{type: contains, value: a}}\n      - {{type: javascript, value: '{quoted}'}}\n"
    suite, notes = written(folder, tests)
    assert suite["cases"][0]["checks"] == [{"contains": "a"}]
    assert any("javascript: it is a program" in note for note in notes)


def test_a_csv_of_tests(folder: Path) -> None:
    """Columns are variables, ``__expected`` an assertion in its own small grammar; other columns of that kind are said."""
    (folder / "t.csv").write_text(
        'q,__expected,__expected2,__description,__metric\nHi,hello,"icontains-any: a, b",First,m\nNo,not-contains:sorry,similar(0.9):x,,\n',
        encoding="utf-8",
    )
    suite, notes = written(folder, "  - file://t.csv\n")
    assert [case["id"] for case in suite["cases"]][0] == "first"
    assert [case["checks"] for case in suite["cases"]] == [
        [{"equals": "hello"}, {"contains": {"any": ["a", "b"], "ignore_case": True}}],
        [{"not": {"contains": "sorry"}}, {"embedding_similarity": {"to": "x", "min": 0.9}}],
    ]
    assert "left out: t.csv:2: the column __metric" in notes


def test_tests_in_other_files_and_scenarios(folder: Path) -> None:
    """YAML and JSON Lines, globs, and every configuration of a scenario with every test of it."""
    (folder / "one.yaml").write_text("- {vars: {q: a}, assert: [{type: contains, value: a}]}\n", encoding="utf-8")
    (folder / "two.jsonl").write_text(
        '{"vars": {"q": "b"}, "assert": [{"type": "contains", "value": "b"}]}\n\n', encoding="utf-8"
    )
    suite, _ = written(
        folder,
        "  - file://o*.yaml\n  - two.jsonl\nscenarios:\n  - config: [{vars: {l: de}}, {vars: {l: fr}}]\n"
        "    tests: [{vars: {q: c}, assert: [{type: contains, value: '{{l}}'}]}]\n",
    )
    assert [case["vars"] for case in suite["cases"]] == [
        {"q": "a"}, {"q": "b"}, {"q": "c", "l": "de"}, {"q": "c", "l": "fr"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["../secret.txt", "/etc/passwd", "file:///etc/passwd", "link.txt", "https://example.com/a.txt"]
)
def test_no_file_outside_the_folder_is_read(folder: Path, name: str) -> None:
    """A configuration may be somebody else's: what it names elsewhere is left out, also behind a link."""
    (folder.parent / "secret.txt").write_text("SECRET", encoding="utf-8")
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    text = name if "://" in name else f"file://{name}"
    suite, notes = written(
        folder, f"  - vars: {{q: '{text}'}}\n    assert: [{{type: contains, value: a}}]\n  - {{vars: {{q: b}}, assert: [{{type: contains, value: b}}]}}\n"
    ) if text.startswith("file://") else written(folder, f"  - {text}\n  - {{vars: {{q: b}}, assert: [{{type: contains, value: b}}]}}\n")  # fmt: skip
    assert [case["vars"]["q"] for case in suite["cases"]] == ["b"]
    assert "SECRET" not in str(suite)
    assert any(note.startswith("left out: promptfooconfig.yaml:5:") for note in notes)


def test_no_key_is_copied(folder: Path) -> None:
    """Keys stay in the environment; what a configuration holds of them is in no file that is written."""
    text = CONFIG.replace(
        "temperature: 0.2", "temperature: 0.2, apiKey: sk-secret-0123456789, apiBaseUrl: http://evil.example"
    )
    (folder / "promptfooconfig.yaml").write_text(text, encoding="utf-8")
    made = ask()
    assert "apiKey: keys stay in the environment" in made.output
    everything = "".join(
        path.read_text(encoding="utf-8") for home in ("prompts", "suites") for path in (folder / home).rglob("*.*")
    )
    assert "sk-secret" not in everything + made.output
    assert "evil" not in everything


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ env.HOME }}", "reads the environment"),
        ("{% include '../x' %}", "includes another file"),
        ("{{ q.toUpperCase() }}", "calls a method of JavaScript"),
        ("{% switch q %}{% endswitch %}", "a tag that Jinja does not have"),
        ("{{ q ", "is not Jinja"),
        ("{{ " + "a" * 3000 + " }}", "longer than"),
        ("{{ " + "{" * 400 + " }}", "nests too deep"),
        ("{{ q | shout }}", "No filter named 'shout'"),
    ],
)
def test_a_template_that_jinja_would_read_differently_is_left_out(folder: Path, template: str, why: str) -> None:
    """Better no prompt than another one."""
    (folder / "promptfooconfig.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "chat.json").write_text(template, encoding="utf-8")
    imported = import_promptfoo(folder / "promptfooconfig.yaml", Wanted())
    assert len(imported.prompts) == 1
    assert any(why in note.what for note in imported.left_out)


@pytest.mark.parametrize(
    ("nunjucks", "jinja"),
    [
        ("{{ a === b }}", "{{ a == b }}"),
        ("{{ a.length }}", "{{ (a | length) }}"),
        ("{{ a | safe }}", "{{ a }}"),
        ("{{ a | dump(2) }}", "{{ a | tojson(indent=2) }}"),
        ("{% for k, v in d %}{{k}}{% endfor %}", "{% for k, v in d.items() %}{{k}}{% endfor %}"),
        ("{% verbatim %}{{ a }}{% endverbatim %}", "{% raw %}{{ a }}{% endraw %}"),
        ("{{ '=== .length' }}", "{{ '=== .length' }}"),
        ("{% if a is not null %}x{% elseif b %}y{% endif %}", "{% if a is not none %}x{% elif b %}y{% endif %}"),
        ("[INST] {{ a }} [/INST]", "[INST] {{ a }} [/INST]"),
        ("unclosed {% nothing", "unclosed {% nothing"),
    ],
)
def test_what_the_two_template_languages_write_differently_is_rewritten(
    folder: Path, nunjucks: str, jinja: str
) -> None:
    """Outside of texts only."""
    (folder / "chat.json").write_text(nunjucks, encoding="utf-8")
    made = [*import_promptfoo(folder / "promptfooconfig.yaml", Wanted()).prompts.values()][1:]
    assert [text.split("---\n", 2)[2].rstrip("\n") for text in made] == ([jinja] if "unclosed" not in nunjucks else [])


@pytest.mark.parametrize("unclosed", ["{{" * 100_000, "{% a" * 100_000, "{#" * 100_000])
def test_a_template_of_nothing_but_openings_takes_no_time(folder: Path, unclosed: str) -> None:
    """Each opening is looked at once: a quadratic search would take hours, and the test's time limit with it."""
    (folder / "chat.json").write_text(unclosed, encoding="utf-8")
    assert len(import_promptfoo(folder / "promptfooconfig.yaml", Wanted()).prompts) == 1


def test_a_pattern_longer_than_any_name_is_left_out(folder: Path) -> None:
    """Found by the fuzzer: the file system refused to look."""
    suite, notes = written(
        folder, f"  - 'file://{'x' * 300}*'\n  - {{vars: {{q: b}}, assert: [{{type: contains, value: b}}]}}\n"
    )
    assert len(suite["cases"]) == 1
    assert any("names no file" in note or "is not a pattern for files" in note for note in notes)
    _, notes = written(
        folder, f"  - 'file://{'x' * 300}/*/[a]'\n  - {{vars: {{q: b}}, assert: [{{type: contains, value: b}}]}}\n"
    )
    assert any("is not a pattern for files" in note for note in notes)


def test_what_contains_itself_is_left_out(folder: Path) -> None:
    """A file of tests that lists itself, and a set of assertions that refers to itself, would never end."""
    (folder / "t.yaml").write_text(
        "- file://t.yaml\n- {vars: {q: a}, assert: [{type: contains, value: a}]}\n", encoding="utf-8"
    )
    suite, notes = written(
        folder,
        "  - file://t.yaml\n  - vars: {q: b}\n    assert: [{$ref: '#/assertionTemplates/x'}, {type: contains, value: b}]\n"
        "assertionTemplates: {x: {type: assert-set, assert: [{$ref: '#/assertionTemplates/x'}]}}\n",
    )
    assert [case["vars"]["q"] for case in suite["cases"]] == ["a", "b"]
    assert "left out: t.yaml:1: the tests of 'file://t.yaml': the file names itself" in notes
    assert any("a set in a set" in note for note in notes)


def test_comments_stay_comments(folder: Path) -> None:
    """A name with line ends in it cannot write a line of the suite."""
    (folder / "promptfooconfig.yaml").write_text(
        CONFIG.replace("providers: [", 'providers: ["x:\\nsuite: evil\\n", ').replace(
            "Refunds: first reply", "a\\nsuite: evil"
        ),
        encoding="utf-8",
    )
    (text,) = import_promptfoo(folder / "promptfooconfig.yaml", Wanted()).suites.values()
    assert [line for line in text.splitlines() if line.startswith("suite:")] == ["suite: a-suite-evil"]


def test_lists_that_make_too_many_cases_are_left_out(folder: Path) -> None:
    """Four lists of a hundred texts are a hundred million cases."""
    lists = ", ".join(f"v{n}: [{', '.join(f't{i}' for i in range(100))}]" for n in range(4))
    tests = f"  - vars: {{q: a, {lists}}}\n    assert: [{{type: contains, value: a}}]\n  - {{vars: {{q: b}}, assert: [{{type: contains, value: b}}]}}\n"
    suite, notes = written(folder, tests)
    assert len(suite["cases"]) == 1
    assert any("more than 10,000 cases" in note for note in notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n", "this is no promptfoo configuration"),
        (
            "prompts: [hi]\nproviders: [echo]\ntests: [{assert: [{type: is-json}]}]\n",
            "has no provider that can be imported",
        ),
        (
            "prompts: [x.py]\nproviders: [openai:a]\ntests: [{assert: [{type: is-json}]}]\n",
            "has no prompt that can be imported",
        ),
        ("prompts: [hi]\nproviders: [openai:a]\ntests: [{assert: [{type: none}]}]\n", "no test has an assertion"),
        ("prompts: [hi\n", "not valid YAML"),
        ("", "the file is empty"),
    ],
)
def test_a_configuration_with_nothing_to_measure_is_a_clear_error(folder: Path, text: str, message: str) -> None:
    """Nothing is written, and the reason says what was left out."""
    (folder / "promptfooconfig.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(EvalkitError, match=message):
        ask()
    assert not (folder / "suites").exists()


@pytest.mark.parametrize("option", ["--model", "--judge"])
def test_a_model_that_is_none_is_refused_before_anything_is_written(folder: Path, option: str) -> None:
    """``gpt-5`` lacks its provider."""
    with pytest.raises(ConfigError, match=f"{option} 'gpt-5' is no model"):
        ask(option, "gpt-5")
    assert not (folder / "prompts").exists()


def test_a_server_with_openais_protocol_gets_its_settings(folder: Path) -> None:
    """They are printed as long as the project lacks them."""
    (folder / "promptfooconfig.yaml").write_text(
        CONFIG.replace("openai:chat:gpt-5-mini", "ollama:chat:llama3:8b"), encoding="utf-8"
    )
    made = ask()
    assert made.return_value == 0
    assert '[tool.evalkit.providers.ollama]\nkind = "openai"\nbase_url = "http://localhost:11434/v1"' in made.output
    (folder / "pyproject.toml").write_text(
        '[tool.evalkit.providers.ollama]\nkind = "openai"\nbase_url = "http://localhost:1/v1"\n', encoding="utf-8"
    )
    assert "add to pyproject.toml" not in ask("--name", "again").output
    assert load_config(folder).providers["ollama"]["base_url"] == "http://localhost:1/v1"


def test_the_page_names_every_kind_of_assertion() -> None:
    """Whoever moves looks there first."""
    page = (Path(__file__).parents[2] / "docs" / "howto" / "promptfoo.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"`{kind}`" not in page] == []


@pytest.mark.parametrize("content", ["{{ document | dump }}", "{{document|dump()}}", '"{{ document }}"'])
def test_a_chat_in_json_whose_values_are_variables(folder: Path, content: str) -> None:
    """Printed with its quotes, as promptfoo's own page writes it, or between quotes: the message is the text itself."""
    (folder / "chat.json").write_text(
        f'[{{"role": "system", "content": "Extract."}},\n {{"role": "user", "content": {content} }}]', encoding="utf-8"
    )
    made = [*import_promptfoo(folder / "promptfooconfig.yaml", Wanted()).prompts.values()][1]
    assert re.search(r"{% user %}\n{{ ?document ?}}\n{% enduser %}", made)


@pytest.mark.parametrize(
    ("assertion", "check"),
    [
        ("{type: contains, value: a}", {"contains": "a", "select": "$.total"}),
        ("{type: equals, value: 3}", {"equals": {"json": 3}, "select": "$.total"}),
        ("{type: equals, value: '03'}", {"equals": "03", "select": "$.total"}),
        ("{type: not-contains, value: a}", {"not": {"contains": "a", "select": "$.total"}}),
        ("{type: javascript, value: output.net >= 3}", {"number": {"select": "$.total.net", "min": 3}}),
        ("{type: contains, value: a, transform: output.b}", {"contains": "a", "select": "$.total.b"}),
        ("{type: latency, threshold: 4000}", {"latency_s": 4.0}),
        (
            "{type: assert-set, assert: [{type: contains, value: a}, {type: cost, threshold: 1}]}",
            {"all_of": [{"contains": "a", "select": "$.total"}, {"cost_usd": 1.0}]},
        ),
    ],
)
def test_a_transform_of_a_test_is_the_part_that_its_checks_judge(folder: Path, assertion: str, check: Any) -> None:
    """``options.transform`` that takes out a part: every check of the answer has it, those of the call do not; evalkit reads them."""
    tests = f"  - vars: {{q: a}}\n    options: {{transform: JSON.parse(output).total}}\n    assert: [{assertion}]\n"
    suite, notes = written(folder, tests)
    assert suite["cases"][0]["checks"] == [check]
    assert not [note for note in notes if note.startswith("left out")]
    load_suite(folder / "made.yaml", root=folder)


def test_a_transform_of_one_test_is_not_that_of_all(folder: Path) -> None:
    """The default assertions judge the part in the test that takes one out, and the whole answer in the others."""
    suite, _ = written(
        folder,
        "  - {vars: {q: a}, options: {transform: output.b}}\n  - {vars: {q: b}}\n"
        "defaultTest: {assert: [{type: contains, value: x}]}\n",
    )
    assert [case["checks"] for case in suite["cases"]] == [
        [{"contains": "x", "select": "$.b"}],
        [{"contains": "x"}],
    ]


def test_a_transform_that_is_a_program_is_left_out(folder: Path) -> None:
    """Its checks stay, and what they judge now is said."""
    _, notes = written(
        folder,
        "  - {vars: {q: a}, options: {transform: \"output.split('a')[0]\"}, assert: [{type: contains, value: x}]}\n",
    )
    assert any("the checks judge the whole answer" in note for note in notes)


def test_metadata_are_tags(folder: Path) -> None:
    """In YAML and in CSV, those of defaultTest too: they choose the cases that run."""
    (folder / "rows.csv").write_text('q,__metadata:team,__metadata:kinds[]\nhi,sales,"a,b\\, c"\n', encoding="utf-8")
    suite, notes = written(
        folder,
        "  - {vars: {q: a}, metadata: {team: billing, smoke: true, deep: {a: 1}}}\n  - file://rows.csv\n"
        "defaultTest: {metadata: {team: all, level: 2}, assert: [{type: contains, value: x}]}\n",
    )
    assert [case["tags"] for case in suite["cases"]] == [
        ["team.billing", "level.2", "smoke"],
        ["team.sales", "level.2", "kinds.a", "kinds.b-c"],
    ]
    assert [note for note in notes if "metadata" in note] == [
        "left out: promptfooconfig.yaml:5: metadata deep: it is no text"
    ]
    assert load_suite(folder / "made.yaml", root=folder).cases[0].tags == {"team.billing", "level.2", "smoke"}


def test_cases_without_a_description_are_named_by_what_they_ask(folder: Path) -> None:
    """By the values that differ, if they are short: a failing test says what it was about. A variable in a description is its value."""
    long = "x" * 200
    suite, _ = written(
        folder,
        "  - {vars: {q: Where is it?, tone: kind}}\n  - {vars: {q: [Why?, Why so?], tone: kind}}\n"
        f"  - {{vars: {{q: {long}, tone: kind}}}}\n  - {{vars: {{q: Hi, tone: kind}}, description: 'greets {{{{q}}}}'}}\n",
    )
    ids = [case["id"] for case in suite["cases"]]
    assert ids[:3] == ["where-is-it", "why", "why-so"]
    assert re.fullmatch(r"case-[0-9a-f]{8}", ids[3])
    assert ids[4] == "greets-hi"


@pytest.mark.parametrize("value", ["file://checks.py", "file://checks.py:get_assert", "file://check.js"])
def test_a_program_in_a_file_is_told_as_one(folder: Path, value: str) -> None:
    """Whether or not the file is there: where a check of one's own is written is said."""
    tests = f"  - {{vars: {{q: a}}, assert: [{{type: python, value: '{value}'}}, {{type: contains, value: a}}]}}\n"
    _, notes = written(folder, tests)
    assert any("it is a program: write it as a check in Python (docs/python.md)" in note for note in notes)


SCHEMA = "{type: object, required: [total], properties: {total: {type: number}}, additionalProperties: false}"
TOOL = "{type: function, function: {name: find, description: Finds it., parameters: {type: object, properties: {q: {type: string}}}}}"


def imported_with(folder: Path, *configs: str) -> tuple[dict[str, Any], list[str]]:
    """The front matter of the prompt and the notes, of a configuration whose providers have these settings."""
    providers = ", ".join(f"{{id: 'openai:gpt-5-mini-{n}', config: {one}}}" for n, one in enumerate(configs))
    (folder / "promptfooconfig.yaml").write_text(
        f"description: t\nprompts: ['{{{{q}}}}']\nproviders: [{providers}]\ntests: [{{vars: {{q: a}}, assert: [{{type: contains, value: a}}]}}]\n",
        encoding="utf-8",
    )
    made = ask("--name", f"n{len(list(folder.glob('suites/*')))}")
    assert "to mend:" not in made.output, made.output
    newest = max(folder.glob("prompts/*/v1.j2"))
    head: Any = parse_yaml(newest.read_text(encoding="utf-8").split("---\n")[1], name="head").plain()
    return head, made.output.splitlines()


@pytest.mark.parametrize(
    "setting",
    [
        f"{{response_format: {{type: json_schema, json_schema: {{name: r, strict: true, schema: {SCHEMA}}}}}}}",
        f"{{response_format: {{type: json_schema, name: r, schema: {SCHEMA}}}}}",
        "{response_format: 'file://format.json'}",
        "{response_format: {type: json_schema, json_schema: {name: r, schema: 'file://schema.yaml'}}}",
    ],
)
def test_structured_output_is_the_prompts_output(folder: Path, setting: str) -> None:
    """Wherever its schema stands; evalkit sends it and checks the answer by it, and says so."""
    schema: Any = parse_yaml(SCHEMA, name="schema").plain()
    (folder / "schema.yaml").write_text(SCHEMA)
    (folder / "format.json").write_text(json.dumps({"type": "json_schema", "json_schema": {"schema": schema}}))
    head, notes = imported_with(folder, setting)
    assert head["output"] == schema
    assert any("response_format: the output: of the prompts, which is sent and checked" in note for note in notes)
    assert not [note for note in notes if note.startswith("left out")]


def test_tools_are_the_prompts_tools(folder: Path) -> None:
    """OpenAI's form and Anthropic's, inline or in a file; who chooses is a parameter of the model."""
    (folder / "tools.json").write_text('[{"name": "find", "input_schema": {"type": "object"}}]')
    head, _ = imported_with(folder, f"{{tools: [{TOOL}], reasoning_effort: low}}")
    assert head["tools"] == [
        {
            "name": "find",
            "description": "Finds it.",
            "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
        }
    ]
    assert "reasoning_effort: low" in (folder / "suites/n0.yaml").read_text()
    head, _ = imported_with(folder, "{tools: 'file://tools.json'}")
    assert head["tools"] == [{"name": "find", "description": "find", "parameters": {"type": "object"}}]


@pytest.mark.parametrize(
    ("configs", "why"),
    [
        ((f"{{tools: [{TOOL}]}}", "{}"), "not every provider has the same"),
        (("{response_format: {type: json_object}}",), "it has no schema"),
        (("{tools: [1]}",), "one of them is no function"),
        (("{tools: 'file://nope.json'}",), "no file"),
    ],
)
def test_settings_that_no_prompt_can_hold_are_left_out(folder: Path, configs: tuple[str, ...], why: str) -> None:
    """With the line and the reason."""
    head, notes = imported_with(folder, *configs)
    assert head.keys() == {"description"}
    assert any(note.startswith("left out: promptfooconfig.yaml:3: ") and why in note for note in notes)
