"""JSON Schemas with their references: into themselves and into files of the project, never out of it."""

from __future__ import annotations

from posixpath import dirname
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urljoin

from evalkit.checks.reading.text import quoted
from evalkit.errors import EvalkitError, SuiteError

if TYPE_CHECKING:
    from collections.abc import Callable

_PROJECT = "json-schema:///"
"""The base that the validator itself gives a schema without an address."""


def compile_schema(
    schema: str | dict[str, Any] | bool,
    *,
    read_json: Callable[[str], Any],
    formats: bool,
) -> Any:  # noqa: ANN401 - jsonschema-rs ships no types
    """Return a validator of ``schema``: a file of the project that ``read_json`` reads, or the schema itself.

    ``$ref`` may lead to another file of the project, relative to the file it stands in (for an inline schema, to the folder of the
    suite); an ``$id`` that looks like an address on the web counts as the place of the file, and nothing is ever fetched. Raises SuiteError
    for a bad schema, and for a reference that leads out of the project or to a file that is not there.
    """
    import jsonschema_rs

    loaded: dict[str, Any] | bool = read_json(schema) if isinstance(schema, str) else schema
    files = _Files(read_json, path=schema if isinstance(schema, str) else "", identity=_identity(loaded))
    try:
        return jsonschema_rs.validator_for(
            loaded, validate_formats=formats, retriever=files.read, base_uri=files.base, offline=False
        )
    except (ValueError, RecursionError) as error:
        if files.problem is not None:
            raise files.problem from error
        place = "/".join(str(step) for step in getattr(error, "instance_path", ()))
        reason = quoted(getattr(error, "message", str(error)), 200)
        raise SuiteError(
            f"not a JSON Schema{f': at {place}' if place else ''}: {reason}",
            hint="the schema must hold against its own meta-schema: look at the keyword named here",
        ) from error


def _identity(schema: object) -> str:
    found = schema.get("$id") if isinstance(schema, dict) else None
    return found if isinstance(found, str) else ""


class _Files:
    """Reads what a schema refers to; ``problem`` is the first error, which the validator would only quote."""

    def __init__(self, read_json: Callable[[str], Any], *, path: str, identity: str) -> None:
        self.base = urljoin(_PROJECT, quote(path)) if path else f"{_PROJECT}inline.json"
        self.problem: EvalkitError | None = None
        self._read_json = read_json
        self._identity = urljoin(self.base, identity)

    def read(self, uri: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return the JSON of the project file that ``uri`` means. Raises ValueError, with the reason in ``problem``."""
        path = self._path(uri)
        try:
            if path is None:
                raise SuiteError(
                    f"the schema's $ref leads to {quoted(uri)}; only files of the project are read",
                    hint="save that schema in the project, or put it under $defs",
                )
            return self._read_json(path)
        except EvalkitError as error:
            self.problem = self.problem or error
            raise ValueError(error.message) from error

    def _path(self, uri: str) -> str | None:
        if uri.startswith(_PROJECT):
            return unquote(uri.removeprefix(_PROJECT))
        folder = dirname(self._identity) + "/"
        if self._identity != self.base and uri.startswith(folder):
            return unquote(urljoin(self.base, uri.removeprefix(folder)).removeprefix(_PROJECT))
        return None
