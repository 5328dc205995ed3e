"""How much does the reduced dimension cost?

Quality against the stored dimension d = blocks × k², on the 9,866 documents of the T-REx model and 400 facts that it
answers right: MRR and recall@10 by the source's annotation, tail-patch in percentage points over the first ten
proponents of every query, 95 % bootstrap intervals over the queries. V is of rank one. The ratio is that of the MRR to
the MRR of the default (8 blocks of rank 22 in half precision, projection seed 0) by the same method. Bytes are those of
the numbers alone. What fewer bits cost stands below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.bench.corpus import BenchCorpus
from tests.bench.measure import Measurement
from tests.bench.quality import DEFAULT, QUERIES, Recipe, encode, load_facts, ratio_of_means, reciprocal_ranks
from trackstar_db.store import Store

METHODS = ("trackstar_train", "trackstar")
REFERENCE = "MRR of the default d = 3,872, seed 0, by the same method"


def dimension_reduced(store: Store, corpus: BenchCorpus) -> list[Measurement]:
    """Dimensions up to the default's, each by two seeds of the projection."""
    recipes = [Recipe(blocks, 22, seed) for blocks in (1, 2, 4, 8) for seed in (0, 1)]
    return _measure("dimension_reduced", store, corpus, recipes)


def dimension_15488(store: Store, corpus: BenchCorpus) -> list[Measurement]:
    """Twice and four times the default, in half precision; the latter by layer block."""
    return _measure("dimension_15488", store, corpus, [Recipe(8, 31), Recipe(8, 44)])


def dimension_65348(store: Store, corpus: BenchCorpus) -> list[Measurement]:
    """About the 2^16 of the paper, a row of 3,844 numbers for each of 17 blocks."""
    return _measure("dimension_65348", store, corpus, [Recipe(17, 62)])


def _measure(benchmark: str, store: Store, corpus: BenchCorpus, recipes: Sequence[Recipe]) -> list[Measurement]:
    load_facts(store, corpus)
    for recipe in dict.fromkeys([DEFAULT, *recipes]):
        encode(store, corpus, recipe)
        for method in METHODS:
            store.attribute(recipe.name, QUERIES, _run(recipe, method), method)
    judged = [_run(recipe, method) for recipe in recipes if recipe.seed == 0 for method in METHODS]
    store.judge_tail_patch(judged)
    runs = [_run(recipe, method) for recipe in recipes for method in METHODS]
    comparison = {row["run"]: row for row in store.evaluate(runs).comparison}
    return [
        _measurement(benchmark, store, recipe, method, comparison[_run(recipe, method)])
        for method in METHODS
        for recipe in recipes
    ]


def _run(recipe: Recipe, method: str) -> str:
    return f"{recipe.name}/{method}"


def _measurement(benchmark: str, store: Store, recipe: Recipe, method: str, row: dict[str, Any]) -> Measurement:
    reference = reciprocal_ranks(store, _run(DEFAULT, method))
    ratio, spread = ratio_of_means(reciprocal_ranks(store, row["run"]), reference)
    patched = row["tail_patch_delta"] is not None
    extra = {
        "method": method,
        "d": recipe.dimension,
        "blocks": recipe.blocks,
        "block_rank": recipe.block_rank,
        "seed": recipe.seed,
        "bytes_per_document": recipe.bytes_per_document,
        "mrr": row["mrr"],
        "mrr_interval": [row["mrr_low"], row["mrr_high"]],
        "recall_at_10": row["recall_at_10"],
        "recall_interval": [row["recall_at_10_low"], row["recall_at_10_high"]],
        "tail_patch": row["tail_patch_delta"],
        "tail_patch_interval": [row["tail_patch_delta_low"], row["tail_patch_delta_high"]] if patched else None,
    }
    return Measurement(benchmark, ratio, spread, REFERENCE, extra=extra)


FULL = (dimension_reduced, dimension_15488, dimension_65348)
