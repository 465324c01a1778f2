"""A small project on disk, for suites to live in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from evalkit.errors import SuiteError
from evalkit.suites.loader import load_suite

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.suites.spec import SuiteSpec

FAMILIES = {
    "contains": "content",
    "equals": "content",
    "number": "content",
    "regex": "shape",
    "json": "shape",
    "json_schema": "shape",
    "pii": "safety",
    "rubric": "judge",
    "cost_usd": "operational",
}


@dataclass
class Project:
    """Writes files below ``root`` and loads suites from ``suites/``."""

    root: Path

    def write(self, path: str, content: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return target

    def load(self, text: str | bytes, **options: object) -> SuiteSpec:
        """Load ``text`` as ``suites/s.yaml``."""
        path = self.write("suites/s.yaml", text)
        return load_suite(path, root=self.root, **{"check_names": FAMILIES, "families": FAMILIES, **options})

    def complaints(self, text: str | bytes, **options: object) -> list[str]:
        """Every complaint about ``text``: ``file:line: message`` and the hint."""
        with pytest.raises(SuiteError) as caught:
            self.load(text, **options)
        error = caught.value
        return [str(complaint) for complaint in error.complaints or (error,)]

    def complaint(self, text: str | bytes, **options: object) -> str:
        """The only complaint about ``text``."""
        found = self.complaints(text, **options)
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


REFUNDS = """\
suite: refund-replies
description: First replies to refund requests.
prompt: refund-reply
variants:
  baseline:  {prompt: refund-reply:v1}
  candidate: {prompt: refund-reply:v2, params: {temperature: 0.2}}
models: [openai/gpt-5-mini]
params: {max_output_tokens: 400}
grid: {temperature: [0, 0.7]}
repeats: 3
require: 2
tags: [refunds]
cases:
  - id: late-parcel
    vars: {customer: Ana, order_id: A-1001, policy: "30 days"}
    expect: {answer: yes}
    tags: [smoke]
    cluster: parcels
    checks:
      - contains: "{{ order_id }}"
  - vars: {customer: Bo, order_id: A-1002, policy: none}
    tags: smoke, slow
checks:
  - json
  - json_schema: schemas/reply.json
  - pii: {allow: [email]}
  - not: {contains: "as an AI"}
  - any_of: [{contains: sorry}, {regex: "apolog(y|ies)"}]
  - rubric: {ask: "Is the tone kind?", model: anthropic/claude-sonnet-4-5, votes: 3, severity: warn}
  - number: {select: $.amount, equals: 12.5, within: 0.01}
  - {cost_usd: {max: 0.002}, severity: warn}
gates:
  - pass_rate >= 0.95
  - pass_rate(safety) == 1
  - pass_rate(tag:smoke) >= 95%
  - p95(latency_s) <= 4
  - no_regression: {against: baseline, margin: 2pp}
  - better_than: {against: baseline, metric: cost_usd, by: 10%}
  - {gate: "pass_rate > 0.9", variant: candidate, confidence: 0.9, allow_infeasible: true}
  - must_pass: tag:smoke
"""
"""A suite that uses the whole format."""


@pytest.fixture
def refunds() -> str:
    return REFUNDS
