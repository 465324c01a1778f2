"""Checks that ask a provider for something else than an answer: moderation and embeddings, through plugin, engine and cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakes.eval_project import cases
from fakes.llm_server import LLMServer

if TYPE_CHECKING:
    import pytest
    from fakes.eval_project import PytestProject

SUITE = f"""suite: hello
prompt: hello:v1
{cases("Ana", "Ben")}
checks:
  - moderation
  - embedding_similarity: {{to: Hello, min: 0.9}}
  - embedding_similarity: {{to: "a much longer text with many more blanks in it, so that the fake vector turns away", min: 0.999}}
"""


def test_moderation_and_embeddings_are_asked_once_and_cached(
    project: PytestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal answers are moderated and embedded once, a reference once for all cases; the second run asks nothing."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    with LLMServer(lambda asked: "Hello") as server:
        project.prompt("v1", tone="kind", model="openai/gpt-5-mini")
        project.suite(SUITE)
        project.configure()
        config = project.root / "pyproject.toml"
        provider = f'\n[tool.evalkit.providers.openai]\nbase_url = "{server.url}/v1"\n'
        config.write_text(config.read_text() + provider, encoding="utf-8")
        first = project.run_here("suites")
        first.stdout.fnmatch_lines(["*expected at least 0.999, found 0.9*"])
        paths = [asked.path.rpartition("/")[2] for asked in server.requests]
        assert (paths.count("moderations"), paths.count("embeddings")) == (1, 2)
        asked_once = len(server.requests)
        project.run_here("suites")
        assert len(server.requests) == asked_once
