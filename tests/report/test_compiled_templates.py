"""The pages' templates are compiled once per installation, and nothing depends on that."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from jinja2 import DictLoader, Environment

from evalkit.report.page.compiled import compiled_templates

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _python_keeps_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


class Counting(Environment):
    """An environment that counts how often it compiles."""

    compiled = 0

    def compile(self, *args, **kwargs):
        """Count, then compile."""
        self.compiled += 1
        return super().compile(*args, **kwargs)


def filled_in(assets: Path) -> tuple[str, int]:
    """A page made from ``assets`` by a new process, and how many templates that compiled."""
    environment = Counting(
        loader=DictLoader({"page": "{{ 6 * seven }}"}), bytecode_cache=compiled_templates(assets), autoescape=True
    )
    return environment.get_template("page").render(seven=7), environment.compiled


def test_a_template_is_compiled_once_for_all_later_runs(tmp_path):
    """The first page compiles, the second only fills in."""
    assert filled_in(tmp_path) == ("42", 1)
    assert filled_in(tmp_path) == ("42", 0)


def test_a_damaged_file_is_compiled_again(tmp_path):
    """Bytes that are no compiled template change nothing but the time."""
    filled_in(tmp_path)
    (kept,) = (tmp_path / "__pycache__").iterdir()
    kept.write_bytes(kept.read_bytes()[:-20])
    assert filled_in(tmp_path) == ("42", 1)


def test_where_python_may_keep_nothing_neither_does_evalkit(tmp_path, monkeypatch):
    """PYTHONDONTWRITEBYTECODE holds for templates too."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert filled_in(tmp_path) == ("42", 1)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_no_trouble(tmp_path):
    """An installation that is read-only, or a file in the way, compiles each time."""
    (tmp_path / "__pycache__").write_text("a file is in the way")
    assert filled_in(tmp_path) == ("42", 1)
    assert filled_in(tmp_path) == ("42", 1)


def test_a_disk_that_fills_up_meanwhile_is_no_trouble(tmp_path, monkeypatch):
    """A template that cannot be kept is still used."""

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jinja2.bccache.Bucket.write_bytecode", full)
    assert filled_in(tmp_path) == ("42", 1)
    assert list((tmp_path / "__pycache__").iterdir()) == []
