"""The list of models that a provider offers: the cheapest question that shows whether address and key are right."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from evalkit.errors import CallError
from evalkit.providers.catalog import resolve

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from types import ModuleType

    from evalkit.config import Config
    from evalkit.providers.base import ProviderSettings

_TIMEOUT_S = 15.0


def count_models(name: str, config: Config) -> int | None:
    """Ask the provider ``name`` once for its models and return how many it lists (on its first page); None if it has no such list.

    Costs nothing. Raises CallError if it does not answer, or not with a list, and ConfigError without a key.
    """
    _, settings = resolve(name, config)
    kind = str(settings.options.get("kind", name))
    if kind not in {"openai", "anthropic"}:
        return None
    return asyncio.run(_count(kind, settings))


async def _count(kind: str, settings: ProviderSettings) -> int:
    from evalkit.providers.transport.batch_http import Exchanges

    client, sdk = _open(kind, settings)
    send: AbstractAsyncContextManager[Any] = client.models.with_streaming_response.list()
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            body = await Exchanges(sdk).object(send)
    except TimeoutError:
        raise CallError(f"no answer within {_TIMEOUT_S:g} s", kind="timeout") from None
    finally:
        await client.close()
    found = body.get("data")
    if not isinstance(found, list):
        raise CallError("the list of models is none", kind="bad_response", hint="check base_url")
    return len(found)


def _open(kind: str, settings: ProviderSettings) -> tuple[Any, ModuleType]:
    if kind == "anthropic":
        import anthropic

        from evalkit.providers.anthropic import provider as ours

        return ours.open_sdk(ours.Options.of(settings), settings), anthropic
    import openai

    from evalkit.providers.openai import provider as theirs

    return theirs.open_sdk(theirs.Options.of(settings).connection, settings), openai
