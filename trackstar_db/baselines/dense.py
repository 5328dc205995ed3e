"""Cosines of text embeddings, by a sentence-transformers model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from trackstar_db.attribution.model import first_line
from trackstar_db.attribution.quiet import quiet
from trackstar_db.baselines.documents import document_blocks, document_count
from trackstar_db.errors import ExtraMissing, InputError, ModelUnreadable
from trackstar_db.progress import progress_bar
from trackstar_db.search.ranking import Strongest
from trackstar_db.search.request import Found, SearchRequest


def rank_by_embeddings(request: SearchRequest) -> Found:
    """The documents whose embeddings are nearest to that of prompt and target."""
    name = request.options.embedding_model
    if name is None:
        raise InputError(
            "method 'dense' needs an embedding model: the folder or name of a sentence-transformers model. "
            "Give --embedding-model NAME."
        )
    model = _embedding_model(name)
    texts = request.query_texts()
    queries = _embedded(model, [f"{text.prompt} {text.target}" for text in texts])
    count = document_count(request)
    best = Strongest(len(texts), request.options.top_k)
    with progress_bar(count, "attribute dense", "document") as bar:
        for numbers, block in document_blocks(request):
            best.add(np.array(numbers, dtype=np.int64), queries @ _embedded(model, block).T)
            bar.update(len(block))
    settings = {"embedding_model": name}
    return Found([text.query_id for text in texts], best.ranking(), None, count, settings)


def _embedding_model(name: str) -> Any:
    try:
        with quiet():
            from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ExtraMissing("method dense", "baselines") from error
    try:
        with quiet():
            return SentenceTransformer(name)
    except Exception as error:  # the library, transformers, safetensors and the hub each raise their own
        raise ModelUnreadable(
            f"no sentence-transformers model can be read from {name!r}: {first_line(error)}. Give the folder of one, "
            "or its name."
        ) from error


def _embedded(model: Any, texts: list[str]) -> torch.Tensor:
    """[text, dimension] in unit norm, on the CPU."""
    embedded = model.encode(texts, convert_to_tensor=True, normalize_embeddings=True, show_progress_bar=False)
    return embedded.float().cpu()  # type: ignore[no-any-return]
