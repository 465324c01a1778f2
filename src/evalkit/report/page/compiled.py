"""The pages' templates, compiled once per installation: compiling them costs more than filling them in."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import FileSystemBytecodeCache

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from jinja2 import BytecodeCache
    from jinja2.bccache import Bucket


def compiled_templates(assets: Traversable) -> BytecodeCache | None:
    """Where the compiled templates of the folder ``assets`` are kept: in ``__pycache__`` beside them, as Python keeps its own compiled modules.

    Whoever can write there can change evalkit itself, so what is read there is trusted as much as evalkit is. None where nothing may be
    written: an installation that is read-only, a zip, or ``PYTHONDONTWRITEBYTECODE``.
    """
    if sys.dont_write_bytecode or not isinstance(assets, Path):
        return None
    folder = assets / "__pycache__"
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return None
    return _Kept(str(folder), f"{sys.implementation.cache_tag}-%s.cache") if os.access(folder, os.W_OK) else None


class _Kept(FileSystemBytecodeCache):
    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template if that is possible; where it is not (a full disk), the next run compiles it again."""
        try:
            super().dump_bytecode(bucket)
        except OSError:
            return
