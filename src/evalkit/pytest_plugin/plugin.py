"""The pytest plugin: hooks only. Loaded in every pytest session on the machine, so nothing heavy is imported here.

A session without a suite never gets past :func:`pytest_collect_file`: it prints nothing and starts nothing. The first suite (or the
first use of the ``evalkit`` fixture) registers :class:`evalkit.pytest_plugin.session.EvalSession`, which has the remaining hooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evalkit.pytest_plugin.garbage import restore
from evalkit.pytest_plugin.options import add_options

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from evalkit.pytest_plugin.fixtures import Evalkit

_SUFFIXES = frozenset({".yaml", ".yml"})


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add ``--evalkit-…`` and ``--max-cost``. What evalkit imports from now on is imported as Python does it."""
    # pytest compiles the assertions of a plugin's whole package anew to explain them. evalkit has none to explain, and it took a tenth of a short
    # session; without permission to write bytecode, half a second of each. There is no public way out.
    marked = getattr(getattr(pluginmanager, "rewrite_hook", None), "_must_rewrite", None)
    if isinstance(marked, set):
        marked.discard("evalkit")
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and the last clean-up. An xdist controller collects nothing itself, so it gets its session object here."""
    config.addinivalue_line("markers", "evalkit(prompt, model, variant, suite): a case of an evalkit suite")
    # Clean-ups run in reverse: this one comes after pytest's own last look for garbage.
    config.add_cleanup(lambda: restore(config))
    if config.getoption("evalkit_race") is not None:
        from evalkit.pytest_plugin.early import require_raceable

        require_raceable(config)
    if getattr(config.option, "dist", "no") != "no" and not hasattr(config, "workerinput"):
        from evalkit.pytest_plugin.session import session_of

        if config.getoption("evalkit_untrusted"):
            raise pytest.UsageError("untrusted suites cannot be shared by workers: run without -n")
        if config.getoption("evalkit_mode") == "batch":
            raise pytest.UsageError(
                "batch mode cannot be shared by workers: run without -n, nothing in it waits for an answer"
            )
        session_of(config)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what ``--untrusted`` cannot take back when pytest itself was started in the checkout."""
    if not config.getoption("evalkit_untrusted") or config.getoption("noconftest"):
        return None
    return "evalkit: untrusted suites; pytest has obeyed the checkout's own settings and conftest.py, which 'evalkit run --untrusted' does not"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect YAML files of the suites folder, ``*.eval.yaml`` anywhere, and any YAML file named on the command line."""
    if file_path.suffix not in _SUFFIXES:
        return None
    from evalkit.pytest_plugin.collect import collect_suite

    return collect_suite(file_path, parent)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Add to a folder of suites what pytest leaves out because it is no file; end the session if the settings are wrong."""
    report = yield
    if report.failed and not hasattr(collector.config, "workerinput"):
        from evalkit.pytest_plugin.project import raise_trouble

        raise_trouble(collector.config)
    odd = _odd_files(collector.path) if isinstance(collector, pytest.Directory) and report.passed else []
    if odd:
        from evalkit.pytest_plugin.collect import collect_suite

        report.result = [*report.result, *(suite for path in odd if (suite := collect_suite(path, collector)))]
    return report


def _odd_files(folder: Path) -> list[Path]:
    """What is named like a suite and is no file (a FIFO, a link to nowhere): a suite that is passed over measures nothing."""
    named = (path for path in folder.iterdir() if path.suffix in _SUFFIXES)
    return sorted(path for path in named if not path.is_file() and not path.is_dir())


@pytest.fixture
def evalkit(request: pytest.FixtureRequest) -> Iterator[Evalkit]:
    """Prompts, models and checks for a test written in Python, through the same engine, cache, budget and store as suites."""
    from evalkit.pytest_plugin.fixtures import Evalkit
    from evalkit.pytest_plugin.session import session_of

    asked = Evalkit(session_of(request.config).host, request.node)
    yield asked
    asked.close()
