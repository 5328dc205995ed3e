"""The real thing: a model trained on T-REx sentences, whose reference figures are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from trackstar_db.engine import Database

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
