"""The providers of a configuration as models of evalkit: the two vendors' own, and servers that speak OpenAI's protocol."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from evalkit.importers.notes import UnportableError
from evalkit.importers.promptfoo.config import entries, items

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalkit.importers.promptfoo.config import Source
    from evalkit.model.calls import JSON
    from evalkit.model.nodes import Node


class Server(NamedTuple):
    """A server that speaks OpenAI's protocol: an entry of ``[tool.evalkit.providers]``."""

    base_url: str | None
    api_key_env: str | None
    api: str | None = None


_SERVERS = {
    "google": Server("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "ollama": Server("http://localhost:11434/v1", None),
    "openrouter": Server("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "groq": Server("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "deepseek": Server("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "mistral": Server("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "togetherai": Server("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "xai": Server("https://api.x.ai/v1", "XAI_API_KEY"),
    "cerebras": Server("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "openai-responses": Server(None, None, "responses"),
}
_KINDS = {"chat", "messages", "completion", "completions", "responses"}
_MODEL = re.compile(r"[\w:+\-./]+\Z", re.ASCII)
_PARAMS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "max_output_tokens": "max_output_tokens",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "stop": "stop",
    "reasoning_effort": "reasoning_effort",
    "parallel_tool_calls": "parallel_tool_calls",
    "service_tier": "service_tier",
}
OF_THE_PROMPT = ("response_format", "tools")
"""Settings of a provider that the front matter of a prompt holds in evalkit."""
_NO_LONGER = {"temperature", "top_p", "top_k"}
_OURS = {"prompts", "id", "label", "config"}


@dataclass(frozen=True, slots=True)
class Model:
    """One model: ``reference`` as ``provider/model``, its sampling parameters, what it was called, the labels of its prompts (none: all), and
    its ``settings`` that are a prompt's in evalkit.
    """

    reference: str
    label: str
    params: Mapping[str, JSON] = field(default_factory=dict)
    prompts: tuple[str, ...] = ()
    settings: Mapping[str, Node] = field(default_factory=dict)

    @property
    def server(self) -> Server | None:
        """The entry that ``pyproject.toml`` needs for it, or None."""
        return _SERVERS.get(self.reference.partition("/")[0])


def read_models(source: Source) -> list[Model]:
    """Every provider that is a model of evalkit; the others are noted and left out."""
    found: list[Model] = []
    for name, node, known in _providers(source):
        try:
            reference = reference_of(name)
        except UnportableError as why:
            source.notes.left_out(source.where(node), f"the provider {name[:80]!r}: {why}")
            continue
        label = known.get("label")
        prompts = tuple(str(one.value) for one in items(known.get("prompts")))
        config = entries(known.get("config"))
        settings = {key: config.pop(key) for key in OF_THE_PROMPT if key in config}
        params = _params(source, config, anthropic=reference.startswith("anthropic/"))
        found.append(Model(reference, str(label.value) if label else "", params, prompts, settings))
    return found


def reference_of(name: str) -> str:
    """``openai:chat:gpt-5`` as ``openai/gpt-5``. Raises UnportableError for what evalkit does not speak to."""
    provider, *rest = name.split(":")
    kind = rest.pop(0) if len(rest) > 1 and rest[0] in _KINDS else ""
    model = ":".join(rest)
    if provider == "openai" and kind == "responses":
        provider = "openai-responses"
    if provider not in {"openai", "anthropic", *_SERVERS}:
        raise UnportableError(
            "evalkit speaks to OpenAI, Anthropic and servers with OpenAI's protocol: name another model with --model, or add a provider"
        )
    if kind in {"completion", "completions"}:
        raise UnportableError("evalkit asks chat models only")
    if not _MODEL.match(model):
        raise UnportableError("it names no model")
    return f"{provider}/{model}"


def _providers(source: Source) -> Iterator[tuple[str, Node, dict[str, Node]]]:
    """The providers with their settings, in every form that promptfoo reads."""
    for node in items(source.get("providers") or source.get("targets")):
        known = entries(node)
        if isinstance(node.value, str):
            yield node.value, node, {}
        elif "id" in known:
            yield str(known["id"].value), node, known
        elif len(known) == 1:
            name, settings = next(iter(known.items()))
            yield name, node, entries(settings)
        else:
            source.notes.left_out(source.where(node), "a provider without an id")
            continue
        for key in known.keys() - _OURS if "id" in known else ():
            source.notes.left_out(source.where(known[key]), f"{key[:40]} of the provider {known['id'].value!s:.60}")


def _params(source: Source, config: Mapping[str, Node], *, anthropic: bool) -> dict[str, JSON]:
    """The sampling parameters of a provider. Addresses and keys are no business of a suite, and no key is copied."""
    found: dict[str, JSON] = {}
    for key, value in config.items():
        if anthropic and key in _NO_LONGER:
            source.notes.changed(source.where(value), f"{key}: Anthropic's API takes none since version 2026-10-21")
        elif key in _PARAMS:
            found[_PARAMS[key]] = value.plain()
        elif re.search(r"key|token|secret|password", key, re.IGNORECASE):
            source.notes.left_out(source.where(value), f"{key[:40]}: keys stay in the environment (docs/providers.md)")
        else:
            hint = (
                "an address belongs into [tool.evalkit.providers]"
                if "url" in key.lower() or "host" in key.lower()
                else "set it by hand"
            )
            source.notes.left_out(source.where(value), f"{key[:40]} of a provider: {hint}")
    return found
