"""What does encoding cost over the model's own forward and backward pass?

Ours is the whole of `encode documents` (tokenizing, projection, V, R^(-1/2), half precision, the database with its
commits), the reference plain training steps, with weight gradients and without an optimizer, on the same padded
batches. Once on documents of one length for a GPT-NeoX of hidden 256 x 6 layers with random weights, and once
(`_short`) on the sentences and the trained model of the corpus, short and uneven.
"""

from __future__ import annotations

import json
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, PreTrainedModel

from tests.bench.corpus import CORPUS, BenchCorpus
from tests.bench.measure import Measurement, alternate
from trackstar_db.attribution.batching import token_budget_batches
from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET, SecondMomentKind
from trackstar_db.attribution.model import LoadedModel, load_model, read_tokenizer
from trackstar_db.attribution.tokens import tokenize_documents
from trackstar_db.encoding.documents import CHUNK_DOCUMENTS
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.store import Store

REFERENCE = "forward + backward with weight gradients, same padded batches"
DOCUMENTS, TOKENS = 2000, 128
SAMPLE = 500  # documents that R is fitted on, which is not timed


@dataclass(frozen=True)
class Work:
    """A model and the corpus to encode with it."""

    model: Path
    corpus: str
    shape: str


def encode_plain(store: Store, corpus: BenchCorpus) -> Measurement:
    """GPT-NeoX, without V."""
    with _neox(store, corpus) as work:
        return _measured("encode_plain", store, work, "none")


def encode_rank1(store: Store, corpus: BenchCorpus) -> Measurement:
    """GPT-NeoX, rank-one V folded into the projections."""
    with _neox(store, corpus) as work:
        return _measured("encode_rank1", store, work, "rank1")


def encode_full_v(store: Store, corpus: BenchCorpus) -> Measurement:
    """GPT-NeoX, full V: every gradient is formed."""
    with _neox(store, corpus) as work:
        return _measured("encode_full_v", store, work, "full")


def encode_plain_short(store: Store, corpus: BenchCorpus) -> Measurement:
    """Short sentences, without V."""
    return _measured("encode_plain_short", store, _sentences(corpus), "none")


def encode_rank1_short(store: Store, corpus: BenchCorpus) -> Measurement:
    """Short sentences, rank-one V."""
    return _measured("encode_rank1_short", store, _sentences(corpus), "rank1")


def encode_full_v_short(store: Store, corpus: BenchCorpus) -> Measurement:
    """Short sentences, full V."""
    return _measured("encode_full_v_short", store, _sentences(corpus), "full")


def _sentences(corpus: BenchCorpus) -> Work:
    return Work(corpus.model, CORPUS, f"{corpus.name}, its sentences")


@contextmanager
def _neox(store: Store, corpus: BenchCorpus) -> Iterator[Work]:
    """A GPT-NeoX with random weights and a random V, and documents of TOKENS tokens each from real text."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tokenizer = read_tokenizer(corpus.model)
        torch.manual_seed(0)
        config = GPTNeoXConfig(
            vocab_size=len(tokenizer),
            hidden_size=256,
            num_hidden_layers=6,
            num_attention_heads=8,
            intermediate_size=1024,
            max_position_embeddings=2 * TOKENS,
        )
        model = GPTNeoXForCausalLM(config)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        # Only the time is of interest, and that does not depend on what V holds.
        moments = {name: torch.rand_like(value) + 1e-3 for name, value in model.named_parameters()}
        save_file(moments, folder / "exp_avg_sq.safetensors")
        documents = folder / "documents.jsonl"
        texts = _equal_texts(tokenizer, _real_text(store, corpus))
        documents.write_text("".join(json.dumps({"id": str(n), "text": t}) + "\n" for n, t in enumerate(texts)))
        store.load_documents([documents], corpus="equal")
        yield Work(folder, "equal", f"GPT-NeoX, hidden 256, 6 layers, vocabulary {len(tokenizer)}")


def _real_text(store: Store, corpus: BenchCorpus) -> str:
    """WikiText where it lies beside the T-REx model, else the documents of the corpus."""
    path = corpus.model.parent / "wikitext2" / "test.txt"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    with store.database.connect() as connection:
        return " ".join(t for (t,) in connection.execute("SELECT text FROM tda.document ORDER BY document_id"))


def _equal_texts(tokenizer: Any, text: str) -> list[str]:
    """DOCUMENTS stretches of a text that are TOKENS tokens each, with the tokenizer's own special tokens."""
    special = len(tokenizer("")["input_ids"])
    token_ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    # A short text is gone through several times, from another token each time.
    starts = chain.from_iterable(range(shift, len(token_ids) - TOKENS, TOKENS - special) for shift in range(TOKENS))
    stretches = (tokenizer.decode(token_ids[start : start + TOKENS - special]) for start in starts)
    exact = (text for text in stretches if len(tokenizer(text, verbose=False)["input_ids"]) == TOKENS)
    return list(islice(exact, DOCUMENTS))


def _measured(benchmark: str, store: Store, work: Work, second_moment: SecondMomentKind) -> Measurement:
    store.create_encoding(
        NewEncoding(benchmark, str(work.model), work.corpus, second_moment=second_moment, sample=SAMPLE)
    )
    loaded = load_model(work.model)
    batches = _padded_batches(store, work, loaded)

    def empty() -> None:
        with store.database.connect() as connection:
            connection.execute("TRUNCATE trackstar.encoded_document CASCADE")
            connection.execute("UPDATE trackstar.document SET token_count = NULL WHERE token_count IS NOT NULL")

    def ours() -> None:
        store.encode_documents(benchmark, work.corpus)

    def reference() -> None:
        _train_steps(loaded.model, batches)

    def warm_up() -> None:  # fitting R, just now, has warmed ours
        _train_steps(loaded.model, batches[:4])

    measurement = alternate(benchmark, REFERENCE, ours, reference, before=empty, warm_up=warm_up)
    tokens = sum(int(mask.sum()) for _, mask in batches)
    documents = sum(len(mask) for _, mask in batches)
    extra = {
        "model": work.shape,
        "documents": documents,
        "tokens_per_document": round(tokens / documents),
        "tokens_per_second": round(tokens / (measurement.ours_seconds or 1)),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10,
    }
    return replace(measurement, extra=extra)


def _padded_batches(store: Store, work: Work, loaded: LoadedModel) -> list[tuple[Tensor, Tensor]]:
    """The batches that encoding makes, padded: token ids and mask, [example, token] each."""
    statement = "SELECT text FROM tda.document WHERE corpus = %s ORDER BY document_id"
    with store.database.connect() as connection:
        texts = [text for (text,) in connection.execute(statement, (work.corpus,))]
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


BENCHMARKS = (encode_rank1, encode_full_v, encode_rank1_short)
FULL = (encode_plain, encode_plain_short, encode_full_v_short)
