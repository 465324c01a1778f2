"""Starting pytest beside a checkout that is not trusted: nothing of the checkout is imported, and none of its settings are obeyed."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

import evalkit
from evalkit.harness.during.secrecy import mask_commands
from evalkit.harness.untrusted import left_out, require_ceiling, require_safe
from evalkit.report.clean import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.config import Config

_NOTHING_ELSE = (
    *("-c", os.devnull),  # no pytest.ini, tox.ini, pyproject.toml
    "--noconftest",
    *("-p", "no:python"),  # no test modules and no packages: importing them is running them
    *("-p", "no:cacheprovider"),  # its folder may be a link
    *("--disable-plugin-autoload", "-p", "evalkit.pytest_plugin.plugin"),
)


def safe_words(config: Config) -> list[str]:
    """What pytest is told so that nothing of the checkout runs.

    Raises ConfigError for a project in which even data is not safe, and for a run without a ceiling.
    """
    require_safe(config)
    require_ceiling(config)
    return [*_NOTHING_ELSE, "--rootdir", str(config.root), "--untrusted"]


def told(config: Config) -> list[str]:
    """What a user should know of a project that is not trusted, one line each."""
    return ["untrusted: the suites are read as data only", *(one_line(line, limit=500) for line in left_out(config))]


def keep_out(root: Path) -> None:
    """Take the folders of the project ``root`` off the import path of this process.

    What is installed in a virtual environment inside the project stays, and so does evalkit itself.
    """
    sys.path[:] = [entry for entry in sys.path if not _is_of(entry, root)]


def _is_of(entry: str, root: Path) -> bool:
    path = Path(entry or ".").resolve()
    own = path == Path(evalkit.__file__).resolve().parents[1] or path.is_relative_to(Path(sys.prefix).resolve())
    return path.is_relative_to(root) and not own


def hide_secrets(environ: Mapping[str, str]) -> None:
    """In a job of GitHub Actions let its log hide the secrets of the environment, whoever prints them.

    The commands go to standard error, which a job rarely keeps, and never into a file: they hold the secrets.
    """
    if environ.get("GITHUB_ACTIONS") != "true" or stat.S_ISREG(os.fstat(2).st_mode):
        return
    for command in mask_commands():
        click.echo(command, err=True)


def fork_advice(environ: Mapping[str, str]) -> str | None:
    """One line for a job of GitHub or GitLab that runs the pull request of a fork; None for any other."""
    source, target = _github(environ) if environ.get("GITHUB_ACTIONS") == "true" else _gitlab(environ)
    if source == target:
        return None
    return (
        "advice: this is the pull request of a fork, and its code runs with this job's secrets; "
        "'evalkit run --untrusted' reads its suites as data only (docs/ci.md)"
    )


def _gitlab(environ: Mapping[str, str]) -> tuple[object, object]:
    return environ.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), environ.get("CI_MERGE_REQUEST_PROJECT_ID")


def _github(environ: Mapping[str, str]) -> tuple[object, object]:
    """The repositories that the change comes from and goes to; a fork that was deleted since is None."""
    if not environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request"):
        return None, None
    try:
        event = json.loads(Path(environ.get("GITHUB_EVENT_PATH", "")).read_bytes())
        head, base = event["pull_request"]["head"]["repo"], event["pull_request"]["base"]["repo"]
        return (head or {}).get("full_name"), base.get("full_name")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None, None
