"""What tables of quality stand on: a model that knows its facts, encodings of all its documents, and how runs fare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.bench.corpus import BenchCorpus
from tests.bench.measure import Missing
from trackstar_db.database.queries import query
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.prediction import Sampling
from trackstar_db.query_sets import Selection
from trackstar_db.store import Store

CORPUS = "facts"
QUERIES = "right"
LIMIT = 400  # facts that the model answers right, the first in the order of the file
RESAMPLES = 2000


@dataclass(frozen=True)
class Recipe:
    """What tells the encodings of a table apart."""

    blocks: int
    block_rank: int
    seed: int = 0

    @property
    def dimension(self) -> int:
        return self.blocks * self.block_rank**2

    @property
    def name(self) -> str:
        return f"d{self.dimension}-seed{self.seed}"

    @property
    def bytes_per_document(self) -> int:
        """Of the stored numbers alone."""
        return 2 * self.dimension


DEFAULT = Recipe(8, 22)


def load_facts(store: Store, corpus: BenchCorpus) -> None:
    """Nothing; all documents of the model are corpus CORPUS, and QUERIES the facts that it answers right."""
    if corpus.name != "trex_model":
        raise Missing("the T-REx model, in ../shared/data or TRACKSTAR_TEST_DATA")
    store.load_facts([corpus.model / "facts.jsonl"], query_set="facts")
    store.load_sentences([corpus.model / "sentences.jsonl"], corpus=CORPUS)
    store.judge_predictions("facts", model=str(corpus.model), sampling=Sampling(samples=0))
    store.create_query_set(QUERIES, "facts", Selection(is_correct=True, limit=LIMIT))


def encode(store: Store, corpus: BenchCorpus, recipe: Recipe) -> None:
    """Nothing; the documents and the queries are encoded by an encoding of the recipe's name, with rank-1 V."""
    store.create_encoding(
        NewEncoding(
            recipe.name,
            str(corpus.model),
            CORPUS,
            optimizer_state=corpus.second_moment,
            blocks=recipe.blocks,
            block_rank=recipe.block_rank,
            seed=recipe.seed,
        )
    )
    store.encode_documents(recipe.name, CORPUS)
    store.encode_queries(recipe.name, QUERIES)


def reciprocal_ranks(store: Store, run: str) -> NDArray[np.float64]:
    """1 / rank of the first annotated document of each query, 0 without one: [query], in the order of the queries."""
    with store.database.connect() as connection:
        rows = connection.execute(query("evaluate_values"), {"run": run, "judge": "annotation"}).fetchall()
    return np.array([row[2] for row in rows], dtype=np.float64)


def ratio_of_means(values: NDArray[np.float64], reference: NDArray[np.float64]) -> tuple[float, tuple[float, float]]:
    """The ratio of two means over the same queries, and its 95 % interval over resamples of the queries."""
    drawn = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(1) / reference[drawn].mean(1), (2.5, 97.5))
    return float(values.mean() / reference.mean()), (float(low), float(high))
