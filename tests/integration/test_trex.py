"""The real thing: a model trained on T-REx sentences, whose reference figures are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from trackstar_db.attribution.tokens import query_piece, tokenize_documents
from trackstar_db.database.engine import Database
from trackstar_db.encoding.encodings import load_encoder
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.loaders import LoadOptions
from trackstar_db.search.request import SearchOptions
from trackstar_db.store import Store

RECALL = """
    SELECT avg(is_found::integer), avg(reciprocal_rank), count(*)
    FROM (SELECT bool_or(is_annotated AND rank <= 10) AS is_found,
                 coalesce(max(1.0 / rank) FILTER (WHERE is_annotated), 0) AS reciprocal_rank
          FROM tda.proponent
          WHERE run = 'first' AND direction = 'proponent'
          GROUP BY query_id) query"""

# A plain independent implementation: Gaussian projections, the same blocks, damping and V.
REFERENCE_RECALL, REFERENCE_MRR, ALLOWANCE = 0.334, 0.255, 0.03


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.timeout(900)
def test_trackstar_finds_the_annotated_documents_as_often_as_the_reference(
    database: Database, shared_data: Path, run_trackstar: Callable[..., Any]
) -> None:
    folder = shared_data / "trex_model"

    def succeed(*arguments: object) -> dict[str, Any]:
        result = run_trackstar(*arguments, "--format", "json", timeout=800)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)  # type: ignore[no-any-return]

    assert succeed("load", "facts", folder / "facts.jsonl", "--query-set", "facts")["inserted"] == 1500
    assert succeed("load", "sentences", folder / "sentences.jsonl", "--corpus", "trex")["inserted"] == 9866
    state = ("--optimizer-state", folder / "optimizer.pt", "--sample", 9866)
    succeed("encoding", "create", "trex", "--model", folder, "--corpus", "trex", *state)
    assert succeed("encode", "documents", "--encoding", "trex", "--corpus", "trex")["stored"] == 9866
    assert succeed("encode", "queries", "--encoding", "trex", "--query-set", "facts")["stored"] == 1500
    succeed("attribute", "--encoding", "trex", "--query-set", "facts", "--run", "first")
    with database.connect() as connection:
        connection.execute("SET LOCAL ROLE tda_reader")
        recall, mrr, queries = connection.execute(RECALL).fetchone() or (0, 0, 0)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("SELECT * FROM trackstar.proponent")
    print(f"recall@10 {recall:.3f}, MRR {mrr:.3f} over {queries} queries")
    assert queries == 1500
    assert float(recall) == pytest.approx(REFERENCE_RECALL, abs=ALLOWANCE)
    assert float(mrr) == pytest.approx(REFERENCE_MRR, abs=ALLOWANCE)


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.timeout(900)
def test_retargeted_scores_are_those_of_the_task_specific_definition(database: Database, shared_data: Path) -> None:
    """The direct route in float64: R mixed from raw projected gradients, its inverse, cosines."""
    folder, store = shared_data / "trex_model", Store(database)
    store.load_facts([folder / "facts.jsonl"], "facts", options=LoadOptions(limit=300))
    store.load_sentences([folder / "sentences.jsonl"], "trex", options=LoadOptions(limit=1500))
    store.create_encoding(NewEncoding("trex", str(folder), "trex", optimizer_state=folder / "optimizer.pt"))
    store.encode_documents("trex", "trex")
    store.encode_queries("trex", "facts")
    store.attribute("trex", "facts", "own", "trackstar", SearchOptions(top_k=1500))
    with database.connect() as connection:
        _, encoder = load_encoder(connection, "trex")
        texts = [text for (text,) in connection.execute("SELECT text FROM tda.document ORDER BY document_id")]
        asked = connection.execute("SELECT prompt, target FROM tda.query ORDER BY query_id").fetchall()
        ((mixing_lambda,),) = connection.execute("SELECT mixing_lambda FROM tda.task").fetchall()
        stored = connection.execute(
            "SELECT array_agg(influence ORDER BY document_id) FROM tda.proponent "
            "WHERE direction = 'proponent' GROUP BY query_id ORDER BY query_id"
        ).fetchall()
    found = np.array([row for (row,) in stored])
    settings, tokenizer = encoder.settings, encoder.loaded.tokenizer
    pieces = [query_piece(tokenizer, prompt, target, settings.max_tokens) for prompt, target in asked]
    documents, queries = (
        gradients.double().numpy().reshape(-1, settings.blocks, settings.block_rank**2)
        for gradients in (
            encoder.document_gradients(tokenize_documents(tokenizer, texts, settings.max_tokens)),
            encoder.query_gradients(pieces),
        )
    )
    train = np.einsum("nbi,nbj->bij", documents, documents, optimize=True) / len(documents)
    damping = settings.damping * np.trace(train, axis1=1, axis2=2) / train.shape[1]
    train += damping[:, None, None] * np.eye(train.shape[1])
    evaluation = np.einsum("nbi,nbj->bij", queries, queries, optimize=True) / len(queries)
    inverse = np.linalg.inv(mixing_lambda * evaluation + (1 - mixing_lambda) * train)

    def length(side: Any) -> Any:
        return np.sqrt(np.einsum("nbi,bij,nbj->n", side, inverse, side, optimize=True))

    scores = np.einsum("qbi,bij,mbj->qm", queries, inverse, documents, optimize=True)
    scores = scores / length(queries)[:, None] / length(documents)
    difference = float(np.abs(found - scores).max())
    same = np.mean([set(np.argsort(-a)[:10]) == set(np.argsort(-b)[:10]) for a, b in zip(found, scores, strict=True)])
    print(f"largest difference {difference:.1e}, the same ten proponents for {same:.1%} of {len(asked)} queries")
    assert found.shape == (300, 1500)
    assert difference <= 2e-3
    assert same >= 0.98
