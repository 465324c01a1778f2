"""Models as written in a suite: by name or with parameters, how their answers travel, and what stands in for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from evalkit.errors import did_you_mean
from evalkit.model.calls import Transport
from evalkit.suites.spec import FallbackSpec, ModelSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.model.calls import JSON
    from evalkit.model.nodes import Node
    from evalkit.suites.reading import Reader

DELIVERY_KEYS = ("stream", "transport")
MODEL_KEYS = ("model", "params", *DELIVERY_KEYS)
MODEL = re.compile(r"[A-Za-z0-9_.-]+/[\w:+\-./]+\Z", re.ASCII)
"""How a model is written: ``provider/model``."""


@dataclass(frozen=True, slots=True)
class ModelReader:
    """Reads what a suite says of models."""

    reader: Reader

    def name(self, node: Node | None) -> str | None:
        """A model reference ``provider/model``."""
        text = self.reader.text(node, "a model")
        if text is None or node is None or MODEL.match(text):
            return text
        self.reader.complain(f"{text[:100]!r} is not a model", node.line, _meant(text))
        return None

    def many(self, node: Node | None) -> tuple[ModelSpec, ...]:
        """The list of models to cross; one text counts as a list of one."""
        items = [node] if node is not None and isinstance(node.value, str) else self.reader.items(node, "models")
        models: dict[str, ModelSpec] = {}
        for item in items:
            model = self._model(item)
            if model is not None and model.name in models:
                self.reader.complain(f"the model {model.name!r} is there twice", item.line, "name each model once")
            elif model is not None:
                models[model.name] = model
        if node is not None and node.value in ([], None):
            self.reader.complain("models: is empty", node.line, "name one, or remove the key")
        return tuple(models.values())

    def fallbacks(self, node: Node | None) -> FallbackSpec | None:
        """What is asked, in order, when there is no answer: models, and last, if at all, a text. None if the key is not there."""
        if node is None:
            return None
        models: list[ModelSpec] = []
        answer: str | None = None
        for item in self.reader.items(node, "fallbacks"):
            if answer is not None:
                self.reader.complain("nothing is asked after an answer", item.line, "write {answer: …} last")
            elif isinstance(item.value, dict) and item.value.keys() == {"answer"}:
                answer = self.reader.text(item.value["answer"], "answer")
            else:
                model = self._model(item)
                models += [] if model is None else [model]
        return FallbackSpec(tuple(models), answer)

    def params(self, node: Node | None) -> Mapping[str, JSON]:
        """Sampling parameters; their names and types are judged when requests exist."""
        entries = self.reader.mapping(node, "params")
        if "model" in entries:
            self.reader.complain("model is not a parameter", entries["model"].line, "write model: beside params:")
        return {key: value.plain() for key, value in entries.items()}

    def delivery(self, entries: Mapping[str, Node]) -> Mapping[str, JSON]:
        """The keys among ``entries`` that say how an answer travels: those of :class:`evalkit.model.calls.Delivery`."""
        found: dict[str, JSON] = {}
        if "stream" in entries:
            found["stream"] = self.reader.flag(entries["stream"], "stream")
        transport = self.reader.text(entries.get("transport"), "transport")
        if transport is not None and transport not in get_args(Transport):
            hint = did_you_mean(transport, get_args(Transport))
            self.reader.complain(f"there is no transport {transport[:40]!r}", entries["transport"].line, hint)
        elif transport is not None:
            found["transport"] = transport
        return found

    def _model(self, node: Node) -> ModelSpec | None:
        if not isinstance(node.value, dict):
            name = self.name(node)
            return None if name is None else ModelSpec(name, self.reader.where(node.line))
        unknown = [key[:40] for key in node.value if key not in MODEL_KEYS]
        if unknown or "model" not in node.value:
            hint = (
                f"write provider/model, or a mapping with {', '.join(MODEL_KEYS)}; endpoints and keys come only from "
                "[tool.evalkit.providers] in pyproject.toml"
            )
            wrong = f"the unknown keys {', '.join(unknown)}" if unknown else "no model"
            self.reader.complain(f"a model's mapping has {wrong}", node.line, hint)
            return None
        name = self.name(node.value["model"])
        params, delivery = self.params(node.value.get("params")), self.delivery(node.value)
        return None if name is None else ModelSpec(name, self.reader.where(node.line), params, delivery)


def _meant(text: str) -> str:
    """What to write instead of ``text``: with another tool's colon it is a model all the same."""
    written = text.replace(":chat:", "/").replace(":messages:", "/").replace(":", "/", 1)
    if ":" in text and MODEL.match(written):
        return f"write provider/model: {written}"
    return "write provider/model, as in openai/gpt-5-mini; only letters, digits and _ : + - . /"
