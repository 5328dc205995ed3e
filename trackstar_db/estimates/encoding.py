"""What encoding a corpus, or fitting an encoding on one, will take: from a sample of its documents and a few batches.

The sampled documents are tokenized and some of them encoded; nothing is stored.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.attribution.autocorrelation import autocorrelation_memory_bytes, inverse_root_memory_bytes
from trackstar_db.attribution.batching import token_budget_batches
from trackstar_db.attribution.encoder import Encoder, EncodingSettings
from trackstar_db.attribution.tokens import TokenizedDocument, tokenize_documents
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding
from trackstar_db.estimates import disk
from trackstar_db.estimates.estimate import Estimate, peak_memory

SAMPLE_DOCUMENTS = 128

SPARE = 1.2
"""How much more memory the whole may take than a few batches took: longer documents, queues, fragments."""

MEMORY_OF_WRITING = 64 * 2**20
"""Memory of a chunk's texts and tokens, and of gradients on their way into the database."""

_EIGENVECTOR_FLOPS = 20  # about, of n^3, for the eigenvectors of a symmetric matrix
_PROBE = 256  # width of the matrix that tells how fast they are found here


@dataclass(frozen=True)
class Sampled:
    """What a sample of documents showed.

    tokens: mean tokens that the model reads of a document
    stored: share of documents that have a gradient
    rewritten_bytes: mean bytes of disk of a document's row, which is written anew when its tokens are counted
    token_seconds: for a token of the timed batches
    memory: peak memory of this process after them, bytes
    """

    tokens: float
    stored: float
    rewritten_bytes: float
    token_seconds: float
    memory: int

    def seconds(self, documents: int) -> float:
        """Seconds that the model takes for so many documents."""
        return documents * self.tokens * self.token_seconds


def estimate_documents(
    connection: Connection[TupleRow],
    encoding: Encoding,
    encoder: Encoder,
    corpus_id: int,
    documents: int,
    token_budget: int,
) -> Estimate:
    """What encoding so many documents of a corpus takes that are left to be encoded."""
    sampled = sample_corpus(connection, encoder, corpus_id, documents, token_budget)
    written = documents * (sampled.stored * disk.gradient_rows(encoding) + sampled.rewritten_bytes)
    return Estimate(
        work=f"encode {documents:,} documents under encoding {encoding.name!r}",
        disk_bytes=int(written),
        log_bytes=disk.log_bytes(connection, written),
        free_bytes=disk.free_bytes(connection),
        memory_bytes=int(SPARE * sampled.memory) + MEMORY_OF_WRITING,
        seconds=sampled.seconds(documents),
        details=_details(documents, sampled),
    )


def estimate_fit(
    connection: Connection[TupleRow], name: str, encoder: Encoder, corpus_id: int, documents: int, token_budget: int
) -> Estimate:
    """What fitting R of a new encoding on so many documents takes, their gradients and the eigenvectors.

    documents: those that V is estimated from count too
    """
    sampled = sample_corpus(connection, encoder, corpus_id, documents, token_budget)
    settings = encoder.settings
    fitting = autocorrelation_memory_bytes(settings.blocks, settings.block_rank)
    stored = inverse_root_memory_bytes(settings.blocks, settings.block_rank)
    factors = sum(4 * (weight.out_features + weight.in_features) for weight in encoder.weights)
    full = sum(4 * weight.out_features * weight.in_features for weight in encoder.weights)
    moments = {"none": 0, "rank1": factors, "full": full}[settings.second_moment]
    written = stored / 2 + moments
    return Estimate(
        work=f"create encoding {name!r} from {documents:,} documents",
        disk_bytes=int(written),
        log_bytes=disk.log_bytes(connection, written),
        free_bytes=disk.free_bytes(connection),
        memory_bytes=int(SPARE * sampled.memory) + fitting + stored,
        seconds=sampled.seconds(documents) + eigenvector_seconds(settings),
        details={**_details(documents, sampled), "dimension": settings.dimension, "autocorrelation_bytes": fitting},
    )


def sample_corpus(
    connection: Connection[TupleRow], encoder: Encoder, corpus_id: int, documents: int, token_budget: int
) -> Sampled:
    """What a few documents of a corpus show, after some of them were encoded.

    documents: how many there is work for; the sample is not larger
    """
    settings = encoder.settings
    parameters = {"corpus_id": corpus_id, "size": min(documents, SAMPLE_DOCUMENTS)}
    rows = connection.execute(query("estimate_sample"), parameters).fetchall()
    texts, row_bytes = [text for text, _ in rows], [size for _, size in rows]
    tokenizer = encoder.loaded.tokenizer
    tokenized = tokenize_documents(tokenizer, texts, settings.max_tokens, settings.long_documents)
    lengths = [sum(len(piece.token_ids) for piece in document.pieces) for document in tokenized]
    count = max(1, len(tokenized))
    return Sampled(
        tokens=sum(lengths) / count,
        stored=sum(bool(length) for length in lengths) / count,
        rewritten_bytes=sum(row_bytes) / count,
        token_seconds=_token_seconds(encoder, tokenized, lengths, token_budget),
        memory=peak_memory(),
    )


def eigenvector_seconds(settings: EncodingSettings) -> float:
    """Seconds for the eigenvectors of every block of R, from those of a small matrix here and now."""
    probe = torch.eye(_PROBE, dtype=torch.float64)
    torch.linalg.eigh(probe)  # the first call sets the library up
    started = time.perf_counter()
    torch.linalg.eigh(torch.randn(_PROBE, _PROBE, dtype=torch.float64).cov())
    seconds = time.perf_counter() - started
    return settings.blocks * seconds * (settings.block_rank**2 / _PROBE) ** 3


def _token_seconds(
    encoder: Encoder, documents: Sequence[TokenizedDocument], lengths: Sequence[int], token_budget: int
) -> float:
    """Seconds that the encoder takes for a token, in batches of middling and of long documents."""
    batches = [batch for batch in token_budget_batches(lengths, token_budget) if any(lengths[i] for i in batch)]
    if not batches:
        return 0.0
    chosen = batches[-1:] if len(batches) == 1 else [batches[len(batches) // 2], batches[-1]]
    _encode(encoder, [documents[batches[0][0]]], token_budget)  # sets libraries up
    started = time.perf_counter()
    for batch in chosen:
        _encode(encoder, [documents[index] for index in batch], token_budget)
    return (time.perf_counter() - started) / sum(lengths[index] for batch in chosen for index in batch)


def _encode(encoder: Encoder, documents: Sequence[TokenizedDocument], token_budget: int) -> None:
    """Nothing; one batch went all the way, R included where it is fitted."""
    gradients = encoder.document_gradients(documents, token_budget)
    encodings = gradients if encoder.inverse_roots is None else encoder.encode(gradients)
    encodings[:1].cpu()  # a GPU is waited for


def _details(documents: int, sampled: Sampled) -> dict[str, float]:
    return {
        "documents": documents,
        "tokens": round(documents * sampled.tokens),
        "tokens_per_second": round(1 / sampled.token_seconds) if sampled.token_seconds else 0,
    }
