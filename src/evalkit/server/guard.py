"""The door: host, token, origin and size of every request are looked at before any page sees it, and every reply gets its headers."""

from __future__ import annotations

import hmac
import ipaddress
import json
import secrets
from dataclasses import dataclass
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from evalkit.server.site import Access

OPEN = frozenset({"/healthz", "/readyz"})
"""Paths that need no token: they say nothing about the project."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: int
    detail: str


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request here; pass any other on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # there are no websockets
        headers = Headers(scope=scope)
        nonce = secrets.token_urlsafe(18)
        scope.setdefault("state", {})["nonce"] = nonce
        reply = _with_headers(send, nonce)
        refusal = self._refused(scope, headers)
        entering = self._entering(scope)
        if refusal is None or (refusal.status == 401 and entering):
            if entering:
                await self._enter(scope, reply)
            else:
                await self._app(scope, receive, reply)
            return
        await _refuse(scope, reply, refusal)

    def _refused(self, scope: Scope, headers: Headers) -> _Refusal | None:
        if not self._knows(headers.getlist("host"), scope):
            return _Refusal(421, "this server does not answer to that host name")
        if scope["path"] not in OPEN and not self._trusts(headers):
            return _Refusal(401, "no valid token: open the address that evalkit serve printed")
        if scope["method"] not in _SAFE:
            return self._unsafe(scope, headers)
        return None

    def _knows(self, hosts: list[str], scope: Scope) -> bool:
        if len(hosts) != 1:
            return False
        name, port = _split(hosts[0])
        server = scope.get("server")
        if server is not None and port != server[1]:
            return False
        return name in self._access.hosts or (self._access.any_address and _is_address(name))

    def _trusts(self, headers: Headers) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = bearer.strip() if scheme.lower() == "bearer" else _cookie(headers, self._access.cookie)
        return self._is_token(given)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._access.token.encode())

    def _unsafe(self, scope: Scope, headers: Headers) -> _Refusal | None:
        """A page of another origin can send a form with the cookie, but neither JSON nor a matching origin."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site not in {None, "same-origin"} or origin not in {None, f"{scope['scheme']}://{headers['host']}"}:
            return _Refusal(403, "requests that change something must come from this server's own pages")
        return None

    def _entering(self, scope: Scope) -> bool:
        """Whether the address holds the right token: it is traded for a cookie, and does not stay in the address bar."""
        if scope["method"] != "GET" or scope["path"].startswith("/api/") or b"token=" not in scope["query_string"]:
            return False
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
        return len(given) == 1 and self._is_token(given[0]) and self._knows(Headers(scope=scope).getlist("host"), scope)

    async def _enter(self, scope: Scope, send: Send) -> None:
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        query.pop("token")
        raw = "/" + scope.get("raw_path", b"/").decode("latin-1").lstrip("/\\")  # never "//host", which leads elsewhere
        place = raw + (f"?{urlencode(query, doseq=True)}" if query else "")
        cookie = f"{self._access.cookie}={self._access.token}; HttpOnly; SameSite=Strict; Path=/"
        headers = [(b"location", place.encode("latin-1")), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def _with_headers(send: Send, nonce: str) -> Send:
    """Add what every reply carries; a page may bring a stricter content-security policy of its own."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("content-security-policy", policy(nonce))
        await send(message)

    return sending


def policy(nonce: str) -> str:
    """The content-security policy of a page whose own scripts and styles carry ``nonce``."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


async def _refuse(scope: Scope, send: Send, refusal: _Refusal) -> None:
    if scope["path"].startswith("/api/") or scope["path"] == "/openapi.json" or scope["method"] not in _SAFE:
        kind, body = b"application/json", json.dumps({"detail": refusal.detail})
    else:
        kind = b"text/html; charset=utf-8"
        body = (
            f"<!doctype html><html lang=en><title>evalkit</title><h1>{refusal.status}</h1><p>{escape(refusal.detail)}"
        )
    data = body.encode()
    headers = [(b"content-type", kind), (b"content-length", str(len(data)).encode())]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="evalkit"'))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else data})


def _cookie(headers: Headers, name: str) -> str:
    for line in headers.getlist("cookie"):
        try:
            found = SimpleCookie(line).get(name)
        except CookieError:
            continue
        if found is not None:
            return found.value
    return ""


def _split(host: str) -> tuple[str, int]:
    """``Name:Port`` of a Host header; port 80 if it names none, -1 if it makes no sense."""
    name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not colon:
        return (name or port or host).strip("[]").lower(), 80
    known = port.isascii() and port.isdigit() and len(port) < 6
    return name.strip("[]").lower(), int(port) if known else -1


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
