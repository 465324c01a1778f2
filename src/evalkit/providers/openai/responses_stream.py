"""A streamed reply of OpenAI's Responses API, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.providers.failures import told_error

if TYPE_CHECKING:
    from evalkit.providers.transport.body import Received

OPTIONS = {"stream": True}
"""What a request says to be streamed."""

_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})
_CONTENT = frozenset({
    "response.output_text.delta",
    "response.refusal.delta",
    "response.function_call_arguments.delta",
})


class ResponseAssembly:
    """Waits for the last event, which carries the whole response; its items, if it left them out, are those told before."""

    def __init__(self) -> None:
        self.began = False
        self.complete = False
        self._items: list[Any] = []
        self._response: dict[str, Any] = {}

    def add(self, event: Received) -> None:
        """Take the next event. Raises CallError."""
        data = event.object()
        kind = data.get("type")
        if kind == "error":
            raise told_error({"error": data}, status=event.status) or event.bad("it tells an error")
        self.began = self.began or kind in _CONTENT
        if kind == "response.output_item.done":
            self._items.append(data.get("item"))
        if kind in _ENDS:
            self._end(data.get("response"), event)

    def _end(self, response: object, event: Received) -> None:
        if not isinstance(response, dict):
            raise event.bad("its last event holds no response")
        told = told_error(response, status=event.status)
        if told is not None:
            raise told
        self._response = response
        self.complete = True

    def body(self) -> dict[str, Any]:
        """Return the response, as the API sends it unstreamed."""
        return {**self._response, "output": self._response.get("output") or self._items}
