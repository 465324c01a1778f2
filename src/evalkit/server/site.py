"""What every page of one server shares: the project, the store, the token, the templates."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

from evalkit.server.kept import Kept
from evalkit.server.live import Live
from evalkit.server.troubles import Troubles

if TYPE_CHECKING:
    from jinja2 import Environment

    from evalkit.config import Config
    from evalkit.store.labels.book import LabelBook
    from evalkit.store.labels.secret import Veil
    from evalkit.store.mirror import Mirror


@dataclass(frozen=True, slots=True)
class Access:
    """Who may come in: the secret ``token`` of this start, the name of the cookie that carries it, and the ``hosts`` a browser may name.

    ``any_address`` also allows every host that is a literal IP address: no DNS name can be made to point there behind a page's back.
    """

    token: str = field(repr=False)
    cookie: str
    hosts: frozenset[str]
    any_address: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """One server. ``troubles`` says what its threads cannot do; ``histories`` are the pages of suites that were
    made ahead, ``ready`` is set once the journals were read a first time, ``closing`` when it is about to end."""

    config: Config
    store: Mirror
    access: Access
    templates: Environment
    live: Live
    book: LabelBook
    veil: Veil
    kept: Kept = field(default_factory=Kept)
    figures: Kept = field(default_factory=lambda: Kept(most=2000))
    histories: dict[str, str] = field(default_factory=dict)
    reports: Kept = field(default_factory=lambda: Kept(most=4))
    desks: Kept = field(default_factory=lambda: Kept(most=8))
    troubles: Troubles = field(default_factory=Troubles)
    ready: Event = field(default_factory=Event)
    closing: Event = field(default_factory=Event)
