"""What the telemetry library complains of, kept for the end of the run."""

from __future__ import annotations

import logging

from evalkit.report.clean import one_line

_LIBRARY = "opentelemetry"


class Complaints(logging.Handler):
    """Hears what the library logs, until :meth:`stop`: on the terminal it would stand in the middle of pytest's lines."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.first: str | None = None
        self._logger = logging.getLogger(_LIBRARY)
        self._passed_on = self._logger.propagate
        self._logger.addHandler(self)
        self._logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what was said first: the last is but that it was given up."""
        self.first = self.first or one_line(record.getMessage(), limit=300)

    def stop(self) -> None:
        """Leave the library's log as it was."""
        self._logger.removeHandler(self)
        self._logger.propagate = self._passed_on
