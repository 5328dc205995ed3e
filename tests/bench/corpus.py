"""The corpus and the model that the benchmarks work on: the shared T-REx model's where it is, else the demo's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from trackstar_db import demo
from trackstar_db.store import Store

CORPUS = "bench"


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
    summary = store.load_sentences([sentences], corpus=CORPUS)
    return BenchCorpus(
        "trex_model" if has_shared else "demo", model, model / "exp_avg_sq.safetensors", summary.inserted
    )
