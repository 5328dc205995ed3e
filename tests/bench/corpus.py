"""The corpus and the model that the benchmarks work on: the shared T-REx model's where it is, else the demo's."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from trackstar_db import demo
from trackstar_db.store import Store

CORPUS = "bench"
EVERY = 5  # documents of the T-REx model's corpus are taken one in five: about 2,000


@dataclass(frozen=True)
class BenchCorpus:
    """Where the model and its second moments lie, and which documents were loaded."""

    name: str
    model: Path
    second_moment: Path
    documents: int


def prepare(store: Store) -> BenchCorpus:
    """The corpus, loaded."""
    default = Path(__file__).parents[3] / "shared" / "data"
    shared = Path(os.environ.get("TRACKSTAR_TEST_DATA", default)) / "trex_model"
    has_shared = shared.is_dir()
    model = shared if has_shared else demo.MODEL
    sentences = shared / "sentences.jsonl" if has_shared else demo.SENTENCES
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as sample:
        sample.writelines(islice(sentences.open(encoding="utf-8"), 0, None, EVERY if has_shared else 1))
        sample.flush()
        summary = store.load_sentences([sample.name], corpus=CORPUS)
    return BenchCorpus(
        "trex_model" if has_shared else "demo", model, model / "exp_avg_sq.safetensors", summary.inserted
    )
