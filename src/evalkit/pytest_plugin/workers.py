"""What the workers of xdist tell the process that started them: how far they are, and why the session cannot go on.

Each worker gets a channel of its own on the connection that xdist has to it. xdist itself has no word for either: a worker that ends early is
"crashed" to it, and while no test ends it says nothing.
"""

from __future__ import annotations

import time
from queue import Empty
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pytest

from evalkit.pytest_plugin.not_started import NotStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from evalkit.pytest_plugin.display import Display

Why: TypeAlias = Literal["usage", "stopped", "broken"]
"""What ends a session: a mistake of its user, something that cannot be opened or written, or a suite that cannot be collected."""

_CHANNEL = "evalkit_channel"
_SHOWS = "evalkit_shows_progress"
_STOP = "evalkit stop"
_PATIENCE_S = 0.05  # a status line that stands for less than that only flickers


class Workers:
    """The controller's end of all channels."""

    def __init__(self, config: pytest.Config) -> None:
        from evalkit.harness.watching.progress import Gathered

        self.gathered = Gathered()
        self._config = config
        self._put: Callable[[Any], None] | None = None
        self._early: list[Any] = []

    def connect(self, node: Any, *, shows: bool) -> None:  # noqa: ANN401 - xdist's type
        """Open the channel of ``node``, which is about to start; ``shows``: somebody wants to see how far it is."""
        channel = node.gateway.newchannel()
        node.workerinput |= {_CHANNEL: channel, _SHOWS: shows}
        channel.setcallback(lambda message: self._heard(node.gateway.id, message))

    def watch(self, display: Display) -> None:
        """From now on show progress at ``display`` while xdist waits for its workers, and end the session as soon as one of them says why."""
        session: Any = self._config.pluginmanager.get_plugin("dsession")
        queue = getattr(session, "queue", None)
        if queue is None:
            return
        inner = queue.get
        queue.get = lambda timeout: self._next(inner, timeout, display)
        self._put = queue.put
        for stop in self._early:
            queue.put(stop)

    def _heard(self, worker: str, message: tuple[str, Any]) -> None:
        """Called by the thread that receives, in the order in which a worker tells."""
        kind, what = message
        if kind == "progress":
            self.gathered.hear(worker, what)
            return
        stop = (_STOP, {"why": kind, **what})
        if self._put is None:
            self._early.append(stop)
        else:
            self._put(stop)

    def _next(self, get: Callable[..., Any], timeout: float, display: Display) -> Any:  # noqa: ANN401 - xdist's event
        """The next event of xdist's queue. Raises queue.Empty after ``timeout`` seconds, and what ends the session."""
        try:
            event = get(timeout=min(timeout, _PATIENCE_S))
        except Empty:
            event = _shown(get, timeout, display) if self.gathered.begun else get(timeout=timeout)
        name, what = event
        if name != _STOP:
            return event
        if what["why"] == "usage":
            raise pytest.UsageError(what["message"])
        if what["why"] == "broken":
            raise pytest.Session.Interrupted(what["message"])
        raise NotStarted(what["message"], returncode=what["code"])


def _shown(get: Callable[..., Any], timeout: float, display: Display) -> Any:  # noqa: ANN401 - xdist's event
    ends, found = time.monotonic() + timeout, []

    def ready(seconds: float) -> bool:
        left = ends - time.monotonic()
        try:
            found.append(get(timeout=max(0.0, min(seconds, left))))
        except Empty:
            return left <= 0
        return True

    display.until(ready)
    if not found:
        raise Empty
    return found[0]


def teller_of(config: pytest.Config) -> Callable[[Mapping[str, Any]], None] | None:
    """How this process tells its controller how far it is; None if it has none, or one that does not want to know."""
    given: Mapping[str, Any] = getattr(config, "workerinput", {})
    if not given.get(_SHOWS):
        return None
    channel = given[_CHANNEL]
    return lambda told: _send(channel, ("progress", told))


def tell_why(config: pytest.Config, why: Why, message: str, *, code: int = 3) -> None:
    """In a worker, tell the controller why the session cannot go on (``code`` is the exit code of what "stopped"); elsewhere nothing."""
    channel = getattr(config, "workerinput", {}).get(_CHANNEL)
    if channel is not None:
        _send(channel, (why, {"message": message, "code": code}))


def _send(channel: Any, message: tuple[str, Any]) -> None:  # noqa: ANN401 - execnet's type
    try:
        channel.send(message)
    except OSError:
        return  # the controller is gone or about to go: nobody is left to hear it


def handed_over(item: pytest.Item) -> Iterator[pytest.Item]:
    """What xdist has handed to this worker to be run after ``item``, as far as nobody can take it away again."""
    config = item.config
    if config.option.dist == "worksteal":
        return
    queue = next((plugin.torun for plugin in config.pluginmanager.get_plugins() if hasattr(plugin, "torun")), None)
    if queue is None:
        return
    items: Sequence[pytest.Item] = item.session.items
    with queue.lock() as waiting:
        indices = [index for index in waiting if isinstance(index, int)]
    for index in indices:
        yield items[index]
