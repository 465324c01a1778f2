"""Pages out of templates: the report's look and macros, scripts by their hash, and one Jinja environment for all."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from html import unescape
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from starlette.responses import HTMLResponse

from evalkit.report.page.html import ICON, asset, chart_script, page_templates

if TYPE_CHECKING:
    from datetime import datetime

    from jinja2 import Environment
    from starlette.requests import Request

    from evalkit.server.site import Site

SCRIPTS = ("charts.js", "live.js", "label.js", "keys.js", "answers.js")
"""The scripts that a page may name."""
_ANSWER_PARTS = ("dom.js", "text.js", "diff.js")
"""What the report's own script shows answers with."""
_WITH_ANSWERS = frozenset({"answers.js", "label.js"})

_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">')


def templates() -> Environment:
    """The report's templates with the server's own before them."""
    from jinja2 import ChoiceLoader, FunctionLoader

    environment = page_templates()
    if environment.loader is None:
        raise AssertionError("the report's templates have a loader")
    environment.loader = ChoiceLoader([FunctionLoader(_own), environment.loader])
    environment.globals.update(
        icon=ICON,
        address=address,
        run_address=run_address,
        trial_address=trial_address,
        moment=moment,
        integrity=integrity,
    )
    return environment


def page(site: Site, request: Request, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401 - a template's values
    """The template ``name`` as a reply; ``nonce`` is what its scripts and styles must carry."""
    text = site.templates.get_template(name).render(
        nonce=request.state.nonce,
        ready=site.ready.is_set(),
        trouble=site.troubles.first,
        here=request.url.path,
        **values,
    )
    return HTMLResponse(text, status_code=status)


def whole_page(text: str) -> HTMLResponse:
    """A page that the report's code has made, which brings its own style, scripts and policy."""
    found = _POLICY.search(text)
    policy = f"{unescape(found[1])}; frame-ancestors 'none'" if found else "default-src 'none'; frame-ancestors 'none'"
    return HTMLResponse(text, headers={"content-security-policy": policy})


def source(name: str) -> str:
    """A script or the style sheet that pages load: the report's look, and what the server adds to it."""
    if name == "style.css":
        return f"{asset('report.css')}\n{_asset('serve.css')}"
    if name in _WITH_ANSWERS:
        parts = [*(asset(f"script/{part}") for part in _ANSWER_PARTS), _asset(name)]
        return "(() => {\n" + "\n".join(parts) + "\n})();\n"
    return chart_script() if name == "charts.js" else _asset(name)


@cache
def integrity(name: str) -> str:
    """The hash that a browser compares a script or style sheet with."""
    return "sha384-" + base64.b64encode(hashlib.sha384(source(name).encode()).digest()).decode()


def address(path: str, **query: object) -> str:
    """A path on this server with a query; what is None or empty is left out."""
    given = {name: value for name, value in query.items() if value not in {None, ""}}
    return f"{path}?{urlencode(given)}" if given else path


def run_address(run_id: str, part: str = "", **query: object) -> str:
    """The page of a run, or a part of it."""
    return address(f"/runs/{quote(run_id, safe='')}{f'/{part}' if part else ''}", **query)


def trial_address(run_id: str, test_id: str, repeat: int) -> str:
    """The page of a trial."""
    return run_address(run_id, "trial", test=test_id, repeat=str(repeat))


def moment(at: datetime | None) -> str | None:
    """A time for a reader, in UTC: ``2026-11-21 04:39:18``."""
    return None if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def _own(name: str) -> str | None:
    path = files("evalkit.server").joinpath("templates", name)
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _asset(name: str) -> str:
    return files("evalkit.server").joinpath("assets", name).read_text(encoding="utf-8")
