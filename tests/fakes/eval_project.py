"""A small evalkit project in a fresh folder, run by the command line or by pytest."""

from __future__ import annotations

import gc
import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

UNUSED_PLUGINS = ("-p", "no:schemathesis", "-p", "no:hypothesispytest", "-p", "no:anyio")
"""For sessions of pytest inside tests: importing what other packages plug in took them longer than evalkit."""

PROMPT = """---
description: Greets a customer.
inputs: {{customer: string}}
defaults: {{model: {model}}}
---
{{% system %}}Be {tone}.{{% endsystem %}}
{{% user %}}I am {{{{ customer }}}}.{{% enduser %}}
"""


@dataclass(frozen=True)
class Ran:
    """What a command of evalkit left behind."""

    code: int
    out: str
    err: str


class Project:
    """A project with the prompt ``hello`` in two versions and scripted answers; suites are added by a test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.configure(answers={"default": "Hello!"})
        self.prompt("v1", tone="kind")
        self.prompt("v2", tone="very kind")

    def configure(self, *, answers: Any = None, **settings: Any) -> None:
        """Write ``[tool.evalkit]``; ``answers`` are the scripted provider's."""
        lines = ["[tool.evalkit]", *(f"{key} = {json.dumps(value)}" for key, value in settings.items())]
        if answers is not None:
            pairs = ", ".join(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in answers.items())
            lines += ["[tool.evalkit.providers.scripted]", f"answers = {{{pairs}}}"]
        self.write("pyproject.toml", "\n".join(lines))

    def live(self, url: str, **settings: Any) -> None:
        """Let version 1 ask OpenAI's API, which is at ``url``."""
        self.configure(**settings)
        with (self.root / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(f'\n[tool.evalkit.providers.openai]\nbase_url = "{url}/v1"\n')
        self.prompt("v1", tone="kind", model="openai/gpt-5-mini")

    def prompt(self, version: str, *, tone: str, model: str = "scripted/m") -> None:
        """Write a version of the prompt ``hello``."""
        self.write(f"prompts/hello/{version}.j2", PROMPT.format(tone=tone, model=model))

    def suite(self, text: str, *, name: str = "hello") -> None:
        """Write ``suites/<name>.yaml``."""
        self.write(f"suites/{name}.yaml", text)

    def write(self, path: str, text: str) -> Path:
        """Write a file of the project."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def evalkit(self, *words: str) -> Ran:
        """Run a command line of evalkit in this process and the current folder."""
        from evalkit.cli.main import main

        _leave_garbage_aside()
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main(words)
            except SystemExit as end:
                return Ran(int(end.code or 0), out.getvalue(), err.getvalue())
        raise AssertionError("a command ends with an exit code")

    def journal(self) -> list[dict[str, Any]]:
        """Every record of every journal, in the order of the files."""
        records = []
        for path in sorted((self.root / "reports" / "journal").glob("*/*.jsonl")):
            records += [json.loads(line[9:]) for line in path.read_text(encoding="ascii").splitlines()]
        return records


class PytestProject(Project):
    """A project that is run by pytest itself."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        super().__init__(pytester.path)
        self.pytester = pytester
        pytester._monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(UNUSED_PLUGINS))  # which pytester has taken away
        pytester._sys_modules_snapshot = _KeepModules()  # type: ignore[assignment]
        pytester._Pytester__take_sys_modules_snapshot = _KeepModules  # type: ignore[attr-defined]

    def run(self, *words: str) -> pytest.RunResult:
        """Run pytest on the project in a process of its own, as a user would."""
        return self.pytester.run(sys.executable, "-m", "pytest", *words)

    def run_here(self, *words: str) -> pytest.RunResult:
        """Run pytest in this process: faster, for what does not depend on a fresh interpreter.

        Only the project's own modules are forgotten afterwards.
        """
        _leave_garbage_aside()
        before = set(sys.modules)
        result = self.pytester.runpytest_inprocess(*words)
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(self.root)):
                del sys.modules[name]
        return result


def _leave_garbage_aside() -> None:
    """Look for garbage once and never again among what is left: pytest looks many times at its end, which took longer than the run."""
    gc.collect()
    gc.freeze()


class _KeepModules:
    """Stands where pytester would take a snapshot of ``sys.modules``, to forget every module that a run imported.

    Libraries do not survive that: C extensions go on making objects of forgotten classes, exceptions no longer match their names.
    """

    def restore(self) -> None:
        """Keep what was imported."""


def cases(*names: str, tags: str = "") -> str:
    """Suite text with one case per name."""
    rows = [f"  - {{id: {name.lower()}, vars: {{customer: {name}}}{tags}}}" for name in names]
    return "\n".join(["cases:", *rows])
