"""OpenAI's embeddings and moderations: the JSON bodies, and the replies as a ``Response`` with vectors or labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from evalkit.model.calls import Response, Usage
from evalkit.providers.transport.body import Received, count, served_model

if TYPE_CHECKING:
    from evalkit.model.calls import Request


def embed_keywords(request: Request) -> dict[str, Any]:
    """Return the JSON body of ``/embeddings``: one input per message."""
    texts = [message.content for message in request.messages]
    return {"model": request.model_name, "input": texts, "encoding_format": "float"}


def moderate_keywords(request: Request) -> dict[str, Any]:
    """Return the JSON body of ``/moderations``: one input per message."""
    return {"model": request.model_name, "input": [message.content for message in request.messages]}


def understand_vectors(received: Received, *, texts: int) -> Response:
    """Return the vectors of an embeddings reply in the order of the inputs. Raises CallError unless there is one per text."""
    data = received.object()
    rows = data.get("data")
    if not isinstance(rows, list) or len(rows) != texts or not all(_is_vector(row) for row in rows):
        raise received.bad(f"it does not hold {texts} vector(s) of finite numbers")
    ordered = sorted(rows, key=lambda row: int(row.get("index") or 0))
    return Response(
        text="",
        usage=Usage(input_tokens=count(data, "usage", "prompt_tokens"), output_tokens=0),
        served_model=served_model(data),
        request_id=received.headers.get("x-request-id"),
        vectors=tuple(tuple(float(number) for number in row["embedding"]) for row in ordered),
    )


def _is_vector(row: object) -> bool:
    vector = row.get("embedding") if isinstance(row, dict) else None
    index = row.get("index", 0) if isinstance(row, dict) else None
    return (
        isinstance(vector, list)
        and isinstance(index, int)
        and bool(vector)
        and all(isinstance(x, (int, float)) and not isinstance(x, bool) and math.isfinite(x) for x in vector)
    )


def understand_labels(received: Received, *, texts: int) -> Response:
    """Return the categories that a moderations reply flags in any of the inputs. Raises CallError unless all were judged."""
    data = received.object()
    results = data.get("results")
    judged = [row.get("categories") for row in results if isinstance(row, dict)] if isinstance(results, list) else []
    if len(judged) != texts or not all(isinstance(categories, dict) for categories in judged):
        raise received.bad(f"it does not hold {texts} result(s) with categories")
    flagged = {str(name) for row in judged if row for name, hit in row.items() if hit is True}
    return Response(
        text="",
        served_model=served_model(data),
        request_id=received.headers.get("x-request-id"),
        labels=tuple(sorted(flagged)),
    )
