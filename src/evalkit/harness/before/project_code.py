"""The project's own Python: the modules of its checks, and what its suites name by a dotted path."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

from evalkit.errors import ConfigError, EvalkitError, Where, did_you_mean
from evalkit.files import shown
from evalkit.tomlfile import project_file

if TYPE_CHECKING:
    from evalkit.config import Config


def load_python(dotted: str, config: Config) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import ``package.module.Name`` (or ``package.module:Name``), if the project's configuration allows it. Raises ConfigError."""
    module, _, name = dotted.replace(":", ".").rpartition(".")
    top = module.partition(".")[0]
    if not name or not all(part.isidentifier() for part in module.split(".")):
        raise ConfigError(f"{dotted!r} is not a dotted path", hint="write package.module.Name")
    if top not in config.allow_python:
        raise ConfigError(
            f"a suite may not import {top!r}",
            hint=f'if you trust it, set allow_python = ["{top}"] in [tool.evalkit] of pyproject.toml',
        )
    loaded = import_project_module(module, config)
    if not hasattr(loaded, name):
        raise ConfigError(f"{module} has no {name!r}", hint=did_you_mean(name, vars(loaded)))
    return getattr(loaded, name)


def import_check_modules(config: Config) -> None:
    """Import the modules whose ``@check`` functions the suites use. Raises ConfigError, at the setting's line unless the module knows better."""
    for module in config.check_modules:
        try:
            import_project_module(module, config)
        except ConfigError as error:
            setting = project_file(config.root).where("check_modules")
            if error.where is not None or config.untrusted or setting.line is None:
                raise
            raise ConfigError(error.message, hint=error.hint, where=setting) from error


def import_project_module(module: str, config: Config) -> Any:  # noqa: ANN401 - a module
    """Import a module of the project, with the project's folder first on the path while it loads.

    Of a project that is not trusted nothing is imported, only what is installed elsewhere. Raises ConfigError.
    """
    if config.untrusted:
        from evalkit.harness.untrusted import import_installed

        return import_installed(module, config.root)
    root = str(config.root)
    sys.path.insert(0, root)
    try:
        return import_module(module)
    except SyntaxError as error:
        where = Where(shown(Path(error.filename), config.root), error.lineno) if error.filename else None
        raise ConfigError(f"cannot import {module!r}: {error.msg}", hint="mend the file", where=where) from error
    except ImportError as error:
        raise ConfigError(
            f"cannot import {module!r}: {error}",
            hint=f"modules are looked up from {root}; [tool.evalkit] of pyproject.toml or the suite names it",
        ) from error
    except EvalkitError:
        raise
    except (Exception, SystemExit) as error:  # the project's own code, which may raise anything
        problem = f"cannot import {module!r}: {type(error).__name__}: {error}"
        hint = "mend the module, or take it out; --debug shows the traceback"
        raise ConfigError(problem[:500], hint=hint, where=_blamed(error, config.root)) from error
    finally:
        sys.path.remove(root)


def _blamed(error: BaseException, root: Path) -> Where | None:
    """The last line of the project's own code that ``error`` came through."""
    frames = [frame for frame in extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(root)]
    return Where(shown(Path(frames[-1].filename), root), frames[-1].lineno) if frames else None
