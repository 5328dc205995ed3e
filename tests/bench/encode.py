"""Encoding with everything (tokenizing, database write) against plain training steps on the same batches."""

from __future__ import annotations

import resource
from dataclasses import replace

import torch
from torch import Tensor
from transformers import PreTrainedModel

from tests.bench.corpus import CORPUS, BenchCorpus
from tests.bench.measure import Measurement, alternate
from trackstar_db.attribution.batching import token_budget_batches
from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET, SecondMomentKind
from trackstar_db.attribution.model import LoadedModel, load_model
from trackstar_db.attribution.tokens import tokenize_documents
from trackstar_db.encoding.encode import CHUNK_DOCUMENTS
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.store import Store

ROUNDS = 3
REFERENCE = "forward + backward with weight gradients, same padded batches"


def encode_rank1(store: Store, corpus: BenchCorpus) -> Measurement:
    """Rank-one V, folded into the projections."""
    return _encode("encode_rank1", store, corpus, "rank1")


def encode_full_v(store: Store, corpus: BenchCorpus) -> Measurement:
    """Full V: every gradient is formed."""
    return _encode("encode_full_v", store, corpus, "full")


def _encode(benchmark: str, store: Store, corpus: BenchCorpus, second_moment: SecondMomentKind) -> Measurement:
    store.create_encoding(
        NewEncoding(
            benchmark,
            str(corpus.model),
            CORPUS,
            optimizer_state=corpus.second_moment,
            second_moment=second_moment,
        )
    )
    loaded = load_model(corpus.model)
    batches = _padded_batches(store, loaded)

    def empty() -> None:
        with store.database.connect() as connection:
            connection.execute("DELETE FROM trackstar.encoded_document")

    def ours() -> None:
        store.encode_documents(benchmark, CORPUS)

    def reference() -> None:
        _train_steps(loaded.model, batches)

    measurement = alternate(benchmark, REFERENCE, ours, reference, ROUNDS, empty)
    tokens = sum(int(mask.sum()) for _, mask in batches)
    extra = {
        "model": corpus.name,
        "documents": corpus.documents,
        "tokens_per_second": round(tokens / measurement.ours_seconds),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10,
    }
    store.drop_encoding(benchmark)
    return replace(measurement, extra=extra)


def _padded_batches(store: Store, loaded: LoadedModel) -> list[tuple[Tensor, Tensor]]:
    """The batches that encoding makes, padded: token ids and mask, [example, token] each."""
    with store.database.connect() as connection:
        texts = [t for (t,) in connection.execute("SELECT text FROM tda.document ORDER BY document_id")]
    batches = []
    for start in range(0, len(texts), CHUNK_DOCUMENTS):
        documents = tokenize_documents(loaded.tokenizer, texts[start : start + CHUNK_DOCUMENTS], loaded.context_length)
        pieces = [torch.tensor(piece.token_ids) for document in documents for piece in document.pieces]
        for batch in token_budget_batches([len(piece) for piece in pieces], DEFAULT_TOKEN_BUDGET):
            rows = [pieces[index] for index in batch]
            token_ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
            lengths = torch.tensor([len(row) for row in rows])
            batches.append((token_ids, torch.arange(token_ids.shape[1]) < lengths[:, None]))
    return batches


def _train_steps(model: PreTrainedModel, batches: list[tuple[Tensor, Tensor]]) -> None:
    """Forward and backward with weight gradients, without an optimizer."""
    model.requires_grad_(True)
    for token_ids, mask in batches:
        labels = token_ids.masked_fill(~mask, -100)
        model(input_ids=token_ids, attention_mask=mask.long(), labels=labels, use_cache=False).loss.backward()
        model.zero_grad(set_to_none=True)
    model.requires_grad_(False)
