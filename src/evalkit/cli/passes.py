"""pytest as a command of evalkit: what is to run, what it returned, and what that means in this tool's exit codes."""

from __future__ import annotations

import os
from contextlib import chdir
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.cli.deaf import heard_or_not

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

    from evalkit.config import Config

_QUIET = ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
"""This command is itself part of the package that pytest would like to rewrite; there is no assertion in it to rewrite."""


class _Session:
    """The pytest plugin of one command: it finds what is to run, and remembers whether a signal ended it.

    Only pytest's parser knows which words are paths and which are values of options, so the choice is made when it is done.
    """

    def __init__(self, command: str, root: Path, suites: Path) -> None:
        self._command = command
        self._root = root
        self._suites = suites
        self.interrupted = False

    def pytest_addoption(self, parser: pytest.Parser) -> None:
        """Let pytest's usage errors speak of this command."""
        parser.prog = f"evalkit {self._command}"

    def pytest_configure(self, config: pytest.Config) -> None:
        """Without a path on the command line run every suite. Raises pytest.UsageError for a path that does not exist."""
        import pytest

        folder, words = config.invocation_params.dir, [*map(str, config.invocation_params.args)]
        if config.args_source is not pytest.Config.ArgsSource.ARGS:
            config.args = [self._all()]
            words += config.args
        elif not config.option.pyargs:
            found = {word: self._found(word, folder) for word in config.args}
            config.args = [*found.values()]
            words = [found.get(word, word) for word in words]
        # The workers of pytest-xdist are started with these words.
        config.invocation_params = pytest.Config.InvocationParams(args=words, plugins=None, dir=folder)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Called on Ctrl-C, and on SIGTERM, which the plugin turns into it; not when a suite could not be collected."""
        self.interrupted = excinfo.type is KeyboardInterrupt  # not a subclass: pytest has one for "collection failed"

    def _all(self) -> str:
        import pytest

        if not self._suites.is_dir():
            raise pytest.UsageError(
                f"there is no folder {self._suites}\n  hint: name the suite files, or write an example: evalkit init"
            )
        return str(self._suites)

    def _found(self, word: str, folder: Path) -> str:
        """A path or test id; one that was printed relative to the project is also found from a folder inside it."""
        import pytest

        from evalkit.harness.before.discovery import file_meant

        path = word.partition("::")[0]
        if (folder / path).exists():
            return word
        if (self._root / path).exists():
            return str(self._root / word)
        there = [os.path.relpath(found, folder) for found in self._suites.glob("**/*.y*ml")]
        raise pytest.UsageError(f"there is no {path}\n  hint: {file_meant(path, there)}")


def default_words(config: Config) -> list[str]:
    """The words that every pass begins with. Raises ConfigError for an untrusted project that is unsafe, or without a ceiling."""
    from evalkit.cli.untrusted import safe_words

    words = safe_words(config) if config.untrusted else ["--rootdir", str(config.root)]
    return [
        *words,
        "--no-header",
        "-rfE",
        *_QUIET,
        *(["--full-trace"] if click.get_current_context().obj else []),
    ]  # evalkit --debug


def chosen_words(chosen: Mapping[str, object]) -> list[str]:
    """Options with their values, without those that nobody chose."""
    return [word for name, value in chosen.items() if value is not None for word in (name, str(value))]


def one_pass(config: Config, words: list[str], folder: Path, *, command: str = "run") -> tuple[int, bool]:
    """Run pytest with ``words`` in ``folder``. Returns what pytest returned, and whether it was interrupted."""
    import pytest

    session = _Session(command, config.root, config.folder("suites"))
    with chdir(folder), heard_or_not():
        return int(pytest.main(words, plugins=[session])), session.interrupted


def tell_hint(code: int, arguments: Sequence[str], command: click.Command) -> None:
    """Add to pytest's own message, if there is anything to add: an option that was meant, or that nothing was left to run."""
    hint = _hint(code, arguments, command)
    if hint is not None:
        click.echo(hint, err=True)


def _hint(code: int, arguments: Sequence[str], command: click.Command) -> str | None:
    import pytest

    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        hint = "evalkit run --collect-only -q lists the cases that there are"
        return f"error: no case was found or selected, nothing was called\n  hint: {hint}"
    if code != pytest.ExitCode.USAGE_ERROR:
        return None
    own = [name for option in command.params for name in option.opts if name.startswith("--")]
    meant = [get_close_matches(word, own, n=1, cutoff=0.75) for word in arguments if word.startswith("--")]
    return next((f"hint: did you mean {names[0]}?" for names in meant if names), _wrong_path(arguments))


def _wrong_path(arguments: Sequence[str]) -> str | None:
    """Why pytest found nothing in a file that is there: it is no suite and no test, or it has no such case."""
    for word in arguments:
        path, colons, _ = word.partition("::")
        there = Path(path).is_file()
        if there and not path.endswith((".yaml", ".yml", ".py")):
            return f"hint: {path} is no suite; evalkit run SUITE runs what a suite asks"
        if colons and there:
            return f"hint: evalkit run {path} --collect-only -q lists its tests"
    return None


def exit_code_of(code: int, *, interrupted: bool) -> int:
    """Map what pytest returns: 2 is Ctrl-C or a collection error, 4 a usage error, 5 means that nothing was collected."""
    if code == 2:
        return 130 if interrupted else 2
    return {4: 2, 5: 2}.get(code, int(code))
