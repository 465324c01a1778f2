"""The secret of a reports folder from which labelling draws its names, its order and its sides: whoever does not have it cannot tell which is which."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalkit.errors import StoreError, Where
from evalkit.files import private_folder

if TYPE_CHECKING:
    from pathlib import Path

SECRET_FILE = ".labelling"  # noqa: S105 - a file's name
"""The file in the reports folder. It stays, so that an answer stands where it stood when a server starts again."""
_LENGTH = 64
_BLOCK = 64
"""Bytes that SHA-256 takes at once."""


@dataclass(frozen=True, slots=True)
class Veil:
    """Names for things that must not say what they are. The same thing has the same name as long as the secret is the same."""

    secret: str = field(repr=False)

    def name(self, *parts: str) -> str:
        """32 hexadecimal digits for ``parts``: HMAC-SHA-256 (RFC 2104), shortened."""
        return hmac.digest(self.secret.encode(), "\x1f".join(parts).encode("utf-8", "surrogatepass"), "sha256").hex()[
            :32
        ]

    @staticmethod
    def sql(*parts: str) -> str:
        """The same name as an expression of SQL, of which ``parts`` are expressions of texts that are not null; it takes :attr:`pads`."""
        text = f"encode(concat_ws(chr(31), {', '.join(parts)}))"
        return f"left(sha256($outer_pad || unhex(sha256($inner_pad || {text}))), 32)"

    @property
    def pads(self) -> dict[str, bytes]:
        """The values of an expression of :meth:`sql`: the two keys that RFC 2104 makes of the secret."""
        key = self.secret.encode()
        key = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        return {"inner_pad": bytes(one ^ 0x36 for one in key), "outer_pad": bytes(one ^ 0x5C for one in key)}

    def swapped(self, key: str) -> bool:
        """Whether the second variant of the pair ``key`` stands on the left. The key itself does not tell."""
        return int(self.name("side", key)[-1], 16) % 2 == 1


def veil_of(reports: Path) -> Veil:
    """The veil of a reports folder, made when it is asked for first. Raises StoreError if the secret can be neither read nor written."""
    path = reports / SECRET_FILE
    try:
        return Veil(_read(path) or _made(path))
    except OSError as error:
        raise StoreError(
            f"cannot keep the secret of the labels: {error.strerror or error}",
            hint="the reports folder must be writable",
            where=Where(str(path)),
        ) from error


def _read(path: Path) -> str | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(fd, encoding="ascii", errors="replace") as file:
        text = file.read(_LENGTH + 1).strip()
    return text if len(text) == _LENGTH else None


def _made(path: Path) -> str:
    """A new secret, unless another server was faster."""
    private_folder(path.parent)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_LENGTH // 2))
    try:
        os.link(draft, path)
    except FileExistsError:
        if _read(path) is None:  # cut short, or written by somebody else
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return _read(path) or ""
