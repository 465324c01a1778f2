"""The report in a real Firefox, driven by WebDriver BiDi: the other engine that reviewers use."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREFERENCES = """
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "http://127.0.0.1:1/");
user_pref("toolkit.telemetry.server", "http://127.0.0.1:1/");
"""
READY = """new Promise((done) => {
  const look = () => document.documentElement.hasAttribute("data-ready") ? done(true) : setTimeout(look, 20);
  look();
})"""
COUNT = """new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() =>
  done(document.querySelector("#cases-count").innerText.split(" of ")[0]))))"""


@contextmanager
def firefox(profile: Path) -> Iterator[str]:
    """A headless Firefox with a profile of its own; the address at which it takes commands."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        pytest.skip("no firefox found: install it to run this test")
    profile.mkdir()
    (profile / "user.js").write_text(PREFERENCES, encoding="utf-8")
    words = [
        path,
        "--headless",
        "--no-remote",
        "--profile",
        str(profile),
        "--remote-debugging-port",
        "0",
        "about:blank",
    ]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            said = ""
            for line in process.stderr:
                said += line
                if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
                    yield f"{found[1]}/session"
                    break
            else:
                raise AssertionError(said)
        finally:
            process.kill()


class Tab:
    """One page: commands go out, and what the page complained about comes in."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.context = ""
        self.complaints: list[str] = []
        self.requests: list[str] = []

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and return its result; events that come before it are noted."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        while True:
            told = json.loads((await self._socket.receive(timeout=60)).data)
            if told.get("method") == "log.entryAdded":
                self.complaints.append(told["params"]["text"])
            elif told.get("method") == "network.beforeRequestSent":
                self.requests.append(told["params"]["request"]["url"])
            elif told.get("id") == self._number:
                assert told["type"] == "success", told
                return dict(told["result"])

    async def open(self, address: str) -> None:
        """Go to a page and wait until its script is done."""
        await self.command("browsingContext.navigate", context=self.context, url=address, wait="complete")
        await self.value(READY)

    async def value(self, script: str) -> Any:
        """What an expression comes to; a promise is waited for."""
        found = await self.command(
            "script.evaluate", expression=script, target={"context": self.context}, awaitPromise=True
        )
        assert found["type"] == "success", found
        return found["result"].get("value")

    async def press(self, keys: str) -> None:
        """Type characters into whatever has the focus."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        actions = [{"type": "key", "id": "keyboard", "actions": strokes}]
        await self.command("input.performActions", context=self.context, actions=actions)


def test_the_page_works_in_firefox_as_well(tmp_path, address):
    """From file://, without a network: the rows are there, a key opens a case, a search narrows the list, and nothing complains."""

    async def look(remote: str) -> Tab:
        async with aiohttp.ClientSession() as session, session.ws_connect(remote, max_msg_size=0) as socket:
            tab = Tab(socket)
            await tab.command("session.new", capabilities={})
            await tab.command("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
            tree = await tab.command("browsingContext.getTree")
            tab.context = tree["contexts"][0]["context"]
            await tab.open(address)
            everything = int((await tab.value(COUNT)).split()[0].replace(",", ""))
            assert everything > 100
            assert await tab.value("document.querySelectorAll('#case-list .window .row').length") > 5
            await tab.press("j\ue007")
            assert await tab.value("document.querySelector('#detail').open")
            assert len(await tab.value("document.querySelector('#detail').innerText")) > 200
            await tab.press("\ue00c/")
            assert not await tab.value("document.querySelector('#detail').open")
            assert await tab.value("document.activeElement.type") == "search"
            await tab.press("refund")
            narrowed = int((await tab.value(COUNT)).split()[0].replace(",", ""))
            assert 0 < narrowed < everything
            assert "refund" in await tab.value("location.hash")
            assert await tab.value("document.querySelectorAll('svg').length") > 0
            return tab

    with firefox(tmp_path / "profile") as remote:
        tab = asyncio.run(look(remote))
    assert tab.complaints == []
    assert {request.partition(":")[0] for request in tab.requests} <= {"file", "data", "blob"}
