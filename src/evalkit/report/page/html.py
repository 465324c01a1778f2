"""The report as one HTML file: no network, a strict content-security policy, model output as text and never as markup."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from evalkit.compare import words
from evalkit.compare.readings import detectable, p_values
from evalkit.errors import StoreError
from evalkit.files import fresh_file, private_folder
from evalkit.report import wording
from evalkit.report.clean import visible
from evalkit.report.page.charts import chart_data, rate_mark
from evalkit.report.page.pack import packed
from evalkit.report.page.view import page_view

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2 import Environment

    from evalkit.report.values import RunReport

SCRIPTS = (
    "dom.js",
    "text.js",
    "longtext.js",
    "markdown.js",
    "diff.js",
    "data.js",
    "search.js",
    "filter.js",
    "table.js",
    "verdicts.js",
    "facts.js",
    "sent.js",
    "answers.js",
    "detail.js",
    "flips.js",
    "keys.js",
    "app.js",
)
"""The page's script in order; together they are one module, so that nothing is global."""
CHARTS = ("frame.js", "intervals.js", "spread.js", "trend.js", "draw.js")
"""The script of the pictures in order, after D3: a module of its own, which draws before the cases are unpacked."""

STYLES = ("report.css", "cases.css")
"""The page's style sheets in order; those behind may use the variables of the first."""

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' "
    "fill='%233651c9'/%3E%3Cpath d='M4 8.5l2.7 2.7L12 5.4' stroke='white' stroke-width='2' fill='none'/%3E%3C/svg%3E"
)

_UNIT = re.compile(r"(?<=\d) (?=(?:ms|s|min|pp)\b)")


def render_html(report: RunReport) -> str:
    """Return the whole page for ``report``; it can always be encoded as UTF-8 and is the same for the same report."""
    from markupsafe import Markup

    style = "\n".join(map(asset, STYLES))
    charts = chart_script()
    script = "\n".join(asset(f"script/{name}") for name in SCRIPTS)
    return (
        page_templates()
        .get_template("page.html.j2")
        .render(
            view=page_view(report),
            policy=policy(style, charts, script),
            icon=ICON,
            style=Markup(style),  # noqa: S704 - our own file
            charts=Markup(charts),  # noqa: S704 - our own files, and D3
            script=Markup(script),  # noqa: S704 - our own files
            data=Markup(packed(report)),  # noqa: S704 - base 85 without "<"
        )
    )


def chart_script() -> str:
    """What draws the pictures of a page: D3 and our use of it, as the text of one module."""
    return "\n".join([asset("vendor/d3.min.js"), *(asset(f"charts/{name}") for name in CHARTS)])


def page_templates() -> Environment:
    """The templates of every page: escaped, with hidden characters written out; a name that is not there is an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    from evalkit.report.page.compiled import compiled_templates

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(asset),
        bytecode_cache=compiled_templates(files("evalkit.report.page").joinpath("assets")),
    )
    environment.globals.update(
        w=wording,
        words=words,
        usd=wording.money,
        rate_mark=rate_mark,
        case_link=case_link,
        p_values=p_values,
        detectable=detectable,
    )
    environment.filters.update(chart_data=chart_data, together=together)
    return environment


def together(text: str) -> str:
    """``text`` with every number on one line with its unit."""
    return _UNIT.sub("\u00a0", text)


def case_link(**filters: str | None) -> str:
    """The address of a view of the cases: ``#suite=refunds&flip=broken``, as the page itself writes it; what is None does not filter."""
    given = {name: text for name, text in filters.items() if text is not None}
    names = {name: text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for name, text in given.items()}
    return f"#{urlencode(names)}"


def write_html(report: RunReport, folder: Path) -> Path:
    """Write the page to ``folder/<run id>/index.html`` and return that path.

    The run's folder is made readable by its owner only, and the file appears whole or not at all. Raises StoreError.
    """
    target = folder / report.run.run_id / "index.html"
    if target.parent.parent != folder or report.run.run_id in {"", ".", ".."}:
        raise StoreError(
            f"{report.run.run_id!r} cannot be the name of a report's folder", hint="run ids are letters, digits and -"
        )
    text = render_html(report)
    try:
        private_folder(target.parent)
        replace_file(target, text)
    except OSError as error:
        raise StoreError(
            f"cannot write the report {target}: {error.strerror or error}",
            hint="the reports folder must be writable, with room in it",
        ) from error
    return target


def replace_file(target: Path, text: str) -> None:
    """Write ``target``, readable by its owner only, whole or not at all. Raises OSError."""
    with fresh_file(target) as path:
        path.write_text(text, encoding="utf-8", newline="\n")


def _shown(value: object) -> object:
    """What the template prints: hidden characters written out, unknown values said to be unknown."""
    if value is None:
        return wording.UNKNOWN
    return visible(value) if type(value) is str else value


def policy(style: str, *scripts: str) -> str:
    """The content-security policy of a page: this style and these scripts by their hash, and nothing else."""
    allowed = " ".join(f"'sha256-{source_hash(script)}'" for script in scripts) or "'none'"
    return (
        f"default-src 'none'; style-src 'sha256-{source_hash(style)}'; script-src {allowed}; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def source_hash(text: str) -> str:
    """The SHA-256 that a content-security policy names a source by."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def asset(name: str) -> str:
    """The text of a file that the pages are made of."""
    return files("evalkit.report.page").joinpath("assets", name).read_text(encoding="utf-8")
