"""A server that really listens, asked as a program would ask it."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fakes.eval_project import Project, cases

if TYPE_CHECKING:
    from pathlib import Path

BROWSER = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
SUITE = f"""suite: hello
prompt: hello
variants:
  baseline: {{prompt: hello:v1}}
  candidate: {{prompt: hello:v2}}
{cases("Ana", "Ben", "Cem")}
checks:
  - contains: Hello
  - length: {{chars: {{max: 30}}}}
"""


class Reply:
    """What came back for one request."""

    def __init__(self, got: http.client.HTTPResponse) -> None:
        self.status = got.status
        self.headers = got.headers
        self.text = got.read().decode()

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Served:
    """``evalkit serve`` on a project, in a process of its own."""

    def __init__(self, root: Path, *words: str) -> None:
        self.root = root
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from evalkit.cli.main import main; main()", "serve", "--port", "0", *words],
            cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout
        self.said = self.process.stdout.readline()
        found = re.search(r"http://([^/:]+):(\d+)/\?token=(\S+)", self.said)
        if found is None:
            raise AssertionError(self.said + self.process.communicate()[1])
        self.url, self.host, self.port, self.token = found[0], found[1], int(found[2]), found[3]

    def ask(self, path: str, *, method: str = "GET", body: Any = None, token: bool = True, **headers: str) -> Reply:
        """One request, with the token unless told otherwise."""
        given = {"Authorization": f"Bearer {self.token}"} if token else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and "Content-Type" not in given:
            given["Content-Type"] = "application/json"
        data = body if isinstance(body, (str, bytes)) or body is None else json.dumps(body)
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            link.request(method, path, data, given)
            return Reply(link.getresponse())
        finally:
            link.close()

    def get(self, path: str, **query: object) -> Any:
        """The JSON of an API path; it must be there."""
        reply = self.ask(path + (f"?{urlencode(query)}" if query else ""))
        assert reply.status == 200, reply.text
        return reply.json

    def until(self, path: str, wanted: Any, **query: object) -> Any:
        """Ask until ``wanted(answer)`` holds; a promise that is broken ends the wait after a minute."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            found = self.get(path, **query)
            if wanted(found):
                return found
        raise AssertionError(f"{path} never became what was waited for: {found}")

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """End it; its exit code and what it said on standard error."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=30)
        return self.process.returncode, err


def start(root: Path, *words: str) -> Served:
    """A server that has read the journals."""
    served = Served(root, *words)
    while served.ask("/readyz").status != 200:
        pass
    return served


def answers(project: Project, **texts: str) -> None:
    """Let version 2 answer these texts to these customers, and version 1 greet everybody."""
    project.configure(answers={"default": "Hello!", **{f"I am {name}.": text for name, text in texts.items()}})
