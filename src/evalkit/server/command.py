"""``evalkit serve``: the stored runs in a browser, on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from evalkit.config import find_root, load_config
from evalkit.errors import MissingExtraError

DEFAULT_PORT = 8321


@click.command("serve")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0 picks a free one."
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="An address that other machines reach needs --public too.",
)
@click.option(
    "--public",
    is_flag=True,
    help="Allow a --host that other machines reach: without TLS, so only on a network you trust.",
)
@click.option("--open", "browse", is_flag=True, help="Open the page in the browser.")
def serve_command(port: int, host: str, public: bool, browse: bool) -> int:
    """Show runs, trials and comparisons in the browser, follow a run while it goes on, and label answers.

    Prints one address with a token that is new at every start; who does not have it sees nothing. Reads the journals into a database of
    its own: it never holds up a run. Ctrl-C ends it. Needs the extra "serve".

    \b
    Examples:
      evalkit serve --open
      evalkit serve --port 0
    """
    try:
        import fastapi  # noqa: F401 - asked for here, so that what is missing is said in one sentence
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("evalkit serve", package=error.name or "fastapi", extra="serve") from error
    from evalkit.server.serving import Address, serve

    serve(load_config(find_root(Path.cwd())), Address(host, port, public=public), browse=browse)
    return 0
