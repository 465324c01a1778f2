"""Who may come in, and what every reply carries."""

from __future__ import annotations

import signal
import socket
import stat

import pytest
from served import Served, start

JSON = "application/json"


def test_nothing_is_told_without_the_token(served):
    """Pages, scripts and the API answer 401 to nobody, to a wrong token and to a wrong cookie; health answers everybody."""
    for path in ("/", "/api/runs", "/openapi.json", "/assets/style.css", "/runs/x", "/docs", "/nowhere"):
        assert served.ask(path, token=False).status == 401, path
        assert served.ask(path, token=False, Authorization="Bearer nonsense").status == 401
        assert served.ask(path, token=False, Cookie=f"evalkit-{served.port}=nonsense").status == 401
        assert served.ask(f"{path}?token=nonsense", token=False).status == 401
    assert served.ask("/healthz", token=False).json == {"status": "ok"}
    assert served.ask("/readyz", token=False).json == {"status": "ok"}
    assert served.ask("/docs").status == 404, "FastAPI's own pages load scripts from elsewhere"


def test_the_printed_address_becomes_a_cookie(served):
    """The token leaves the address bar; the cookie is for this server's pages alone, and no address leads elsewhere."""
    came = served.ask(f"/?token={served.token}&limit=7", token=False)
    assert (came.status, came.headers["location"]) == (303, "/?limit=7")
    cookie = came.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert served.ask("/", token=False, Cookie=cookie.partition(";")[0]).status == 200
    away = served.ask(f"//evil.example/?token={served.token}", token=False)
    assert away.headers["location"].startswith("/evil.example")
    assert served.ask(f"/api/runs?token={served.token}", token=False).status == 401, "programs send a header"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1:1", "127.0.0.1.evil.example:{port}", "", "[::1]:9:{port}"],
)
def test_another_host_name_is_refused(served, host):
    """A name that somebody else's DNS points to this machine opens nothing, with the token or without."""
    assert served.ask("/api/runs", Host=host.format(port=served.port)).status == 421
    assert served.ask("/healthz", Host=host.format(port=served.port)).status == 421
    assert served.ask("/healthz", Host=f"localhost:{served.port}").status == 200


def test_the_link_of_an_open_address_opens(project):
    """A server on every address prints the machine's name, and used to refuse whoever came by it."""
    served = Served(project.root, "--host", "0.0.0.0", "--public")
    assert served.host == socket.gethostname()
    assert served.ask("/healthz", Host=f"{served.host}:{served.port}").status == 200
    assert served.ask("/healthz", Host=f"evil.example:{served.port}").status == 421
    served.stop()


def test_another_origin_changes_nothing(served):
    """A request that writes must be JSON, and must not say that it comes from elsewhere; nothing is allowed to other origins."""
    run_id = served.get("/api/runs")[0]["run_id"]
    path = f"/api/runs/{run_id}/labels"
    body = {"key": "0" * 32, "check": "contains", "passed": True}
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{served.port + 1}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ):
        assert served.ask(path, method="POST", body=body, **headers).status == 403, headers
    form = "application/x-www-form-urlencoded"
    assert served.ask(path, method="POST", body='{"key": "x"}', **{"Content-Type": form}).status == 422
    ours = {"Origin": f"http://127.0.0.1:{served.port}", "Sec_Fetch_Site": "same-origin"}
    assert served.ask(path, method="POST", body=body, **ours).status == 404  # it came in: there is no such answer
    preflight = served.ask(path, method="OPTIONS", Origin="http://evil.example", Access_Control_Request_Method="POST")
    assert not [name for name in preflight.headers if name.lower().startswith("access-control")]


def test_every_reply_carries_the_headers(served):
    """Pages, JSON, refusals and missing pages alike; scripts by nonce only, and each nonce is used once."""
    run_id = served.get("/api/runs")[0]["run_id"]
    policies = []
    for path in (
        "/",
        f"/runs/{run_id}",
        "/api/runs",
        "/nowhere",
        "/healthz",
        "/assets/style.css",
        "/history?suite=hello",
    ):
        for token in (True, False):
            headers = served.ask(path, token=token).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cache-control"] == "no-store"
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert "server" not in headers
            policies.append(policy)
    assert len(set(policies)) >= len(policies) - 1


def test_bodies_and_addresses_are_bounded(served):
    """A body of more than 64 kB is refused, told or not, and so is a path that climbs."""
    run_id = served.get("/api/runs")[0]["run_id"]
    path = f"/api/runs/{run_id}/labels"
    assert served.ask(path, method="POST", body=b"x" * 70_000, **{"Content-Type": JSON}).status == 413
    for climb in (
        "/runs/..%2f..%2fetc",
        "/runs/../../etc/passwd",
        "/assets/..%2fapp.py",
        "/api/runs/..%2f..",
        "/runs/%00",
    ):
        assert served.ask(climb).status in {404, 422}, climb


def test_the_servers_files_are_the_owners_and_go_with_it(project):
    """Its database is in a folder of mode 0700; a signal ends it with 0, says nothing and leaves nothing."""
    for number in (signal.SIGINT, signal.SIGTERM):
        served = start(project.root)
        folders = [
            one
            for one in (project.root / "reports" / ".serve").iterdir()
            if one.name.startswith(f"{served.process.pid}-")
        ]
        assert [stat.S_IMODE(one.stat().st_mode) for one in folders] == [0o700]
        assert [stat.S_IMODE(one.stat().st_mode) for one in folders[0].glob("*.duckdb")] == [0o600]
        assert served.stop(number) == (0, "")
        assert not folders[0].exists()


def test_what_a_killed_server_left_is_swept_away(project):
    """The next start deletes it, and nothing of a server that lives."""
    killed = start(project.root)
    killed.process.kill()
    killed.process.communicate()
    home = project.root / "reports" / ".serve"
    left = [one.name for one in home.iterdir()]
    assert any(name.startswith(f"{killed.process.pid}-") for name in left)
    served = start(project.root)
    assert not any(one.name.startswith(f"{killed.process.pid}-") for one in home.iterdir())
    served.stop()


def test_a_port_in_use_and_an_open_address_are_one_clear_error(project):
    """Exit code 2 and one sentence with what to do; no server, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(AssertionError) as caught:
        Served(project.root, "--port", str(taken.getsockname()[1]))
    assert "cannot listen on 127.0.0.1 port" in str(caught.value)
    assert "--port 0 picks a free port" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    with pytest.raises(AssertionError, match="can be reached from other machines"):
        Served(project.root, "--host", "0.0.0.0")
