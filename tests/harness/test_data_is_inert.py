"""Case data is data: a template inside it stays text through prompts, check parameters, judges, metamorphic changes and judged answers."""

from __future__ import annotations

import json

import pytest
from fakes.llm_server import Asked, LLMServer

import evalkit

HOSTILE = "{{ 7*7 }}{% raw %}${7*7}#{7*7}"


@pytest.fixture
def asked(project, monkeypatch) -> list[Asked]:
    """What a model was asked in a run whose case, answers and expectations hold a template."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    case = {"id": "hostile", "vars": {"customer": HOSTILE}, "expect": {"word": HOSTILE}}
    project.suite(f"""
suite: hello
prompt: hello:v1
cases: [{json.dumps(case)}]
checks:
  - contains: "{{{{ customer }}}}"
  - equals: "{{{{ expect.word }}}} said"
  - rubric: {{ask: "Is this kind: {{{{ customer }}}}?", model: openai/judge}}
  - distracted: {{var: customer}}
""")
    with LLMServer(lambda one: f"{HOSTILE} said") as server:
        project.live(server.url)
        done = evalkit.run()
        verdicts = {verdict.check: verdict for result in done.report.results for verdict in result.verdicts}
        assert verdicts["contains"].status == "pass", verdicts
        assert verdicts["equals"].status == "pass", verdicts
        return list(server.requests)


def test_no_template_in_data_is_rendered(project, asked) -> None:
    """Prompt, judge and changed prompts carry it letter by letter, and no 49 is anywhere in what was sent, stored or shown."""
    sent = [json.dumps(one.body, ensure_ascii=False) for one in asked]
    assert len(sent) >= 3, "the prompt, the judge, the changed prompt"
    assert all(HOSTILE in text for text in sent)
    assert not [text for text in sent if "{{ 7*7 }}" not in text or "49" in text.replace(HOSTILE, "")]
