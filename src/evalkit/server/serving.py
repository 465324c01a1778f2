"""From the command line to a server that listens: address, token, signals, and a clean end."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import secrets
import signal
import socket
import webbrowser
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import uvicorn

from evalkit.errors import ConfigError
from evalkit.harness.during.secrecy import redactor_for
from evalkit.server.app import create_app
from evalkit.server.live import Live
from evalkit.server.rendering import templates
from evalkit.server.site import Access, Site
from evalkit.server.troubles import Troubles
from evalkit.store.labels.book import LabelBook
from evalkit.store.labels.secret import veil_of
from evalkit.store.mirror import mirrored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.config import Config

GRACE_S = 3
"""Seconds that open requests have to end."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. Without ``public`` only an address that no other machine reaches will do; port 0 is any free one."""

    host: str
    port: int
    public: bool = False

    @property
    def loopback(self) -> bool:
        """Whether no other machine reaches it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def serve(config: Config, address: Address, *, browse: bool = False) -> None:
    """Serve the project until Ctrl-C or SIGTERM. Raises ConfigError for an address that cannot be had, StoreError."""
    if not address.loopback and not address.public:
        raise ConfigError(
            f"{address.host} can be reached from other machines",
            hint="add --public if you mean it: there is no TLS, and whoever has the address with its token reads everything",
        )
    with _garbage_passed_by(), listening(address) as door, mirrored(config.folder("reports")) as store:
        access = _access(address, door.getsockname()[1])
        journals, veil = config.folder("reports") / "journal", veil_of(config.folder("reports"))
        troubles = Troubles()
        live = Live(journals, store, troubles)
        book = LabelBook(journals, store, clean=redactor_for(config).text)
        site = Site(config, store, access, templates(), live, book, veil, troubles=troubles)
        if address.public and not address.loopback:
            click.echo("warning: other machines can reach this server, and nothing is encrypted", err=True)
        link = _link(address, door.getsockname()[1], access.token)
        click.echo(f"evalkit serve: {link}  (Ctrl-C ends it)")
        if browse:
            webbrowser.open(link)
        run(site, door)


@contextmanager
def _garbage_passed_by() -> Iterator[None]:
    """Leave the modules that are loaded out of every search for cyclic garbage: one search through them made a page wait for 0.1 s."""
    gc.collect()
    gc.freeze()
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def run(site: Site, door: socket.socket) -> None:
    """Answer on ``door`` until a signal comes. Event streams end at once, other requests have a moment."""
    settings = uvicorn.Config(
        create_app(site),
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
    )
    _Server(settings, site).run(sockets=[door])


class _Server(uvicorn.Server):
    """uvicorn's server, for which a signal is the ordinary end and not an error."""

    def __init__(self, config: uvicorn.Config, site: Site) -> None:
        super().__init__(config)
        self._site = site

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End on SIGINT and SIGTERM; a second one does not wait for open requests."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop, number)
        try:
            yield
        finally:
            self._site.closing.set()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _stop(self, number: int) -> None:
        self._site.closing.set()
        self.handle_exit(number, None)


@contextmanager
def listening(address: Address) -> Iterator[socket.socket]:
    """A socket that listens at the address, closed at the end of the block. Raises ConfigError."""
    try:
        family, _, _, _, place = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ConfigError(
            f"there is no address {address.host!r}: {error.strerror or error}",
            hint="name an address of this machine, such as 127.0.0.1",
        ) from error
    with socket.socket(family, socket.SOCK_STREAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(place)
            door.listen(128)
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {address.host} port {address.port}: {error.strerror or error}",
                hint="another evalkit serve may be running; --port 0 picks a free port",
            ) from error
        yield door


def _access(address: Address, port: int) -> Access:
    return Access(
        token=secrets.token_urlsafe(32),
        cookie=f"evalkit-{port}",  # cookies do not know ports: two servers must not log each other out
        hosts=frozenset({"127.0.0.1", "localhost", "::1", _shown_host(address).lower()}),
        any_address=not address.loopback,
    )


def _link(address: Address, port: int, token: str) -> str:
    host = _shown_host(address)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/?token={token}"


def _shown_host(address: Address) -> str:
    """The name that the printed link has, and that a browser sends back."""
    return socket.gethostname() if address.host in {"0.0.0.0", "::"} else address.host  # noqa: S104 - compared, not bound
