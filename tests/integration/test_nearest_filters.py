"""Searches of some documents only: by corpus, relation and metadata, exact, by SQL, library and command."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import psycopg
import pytest

from tests.conftest import RunTrackstar
from tests.integration.conftest import SmallCorpus, WriteRecords
from trackstar_db.errors import EncodingIncomplete, InputError, NotFound
from trackstar_db.search.trace import TraceOptions

FILTERS: dict[str, tuple[dict[str, object], str]] = {
    "corpus": ({"corpus": "other"}, "corpus = 'other'"),
    "relation by label": ({"relation": "capital"}, "relation = 'capital'"),
    "relation by uri": ({"relation": "P47"}, "relation = 'river'"),
    "metadata": ({"metadata": {"kind": "statement"}}, "kind = 'statement'"),
    "all three": (
        {"corpus": "small", "relation": "river", "metadata": {}},
        "corpus = 'small' AND relation = 'river'",
    ),
    "two that exclude each other": ({"corpus": "small", "metadata": {"kind": "statement"}}, "false"),
    "no filter": ({"metadata": {}}, "true"),
}
# Who is meant, by the public views.
MEANT = """
    SELECT array_agg(DISTINCT document_id)
    FROM (SELECT d.document_id, d.corpus, d.metadata ->> 'kind' AS kind, f.relation
          FROM tda.document d
          LEFT JOIN tda.annotation a USING (document_id)
          LEFT JOIN tda.fact f USING (fact_id)) d
    WHERE """
NEAREST = """
    SELECT document_id, influence, rank
    FROM tda.nearest(1, 1000, task => %(task)s, corpus => %(corpus)s, relation => %(relation)s,
                     metadata => %(metadata)s)
    ORDER BY rank"""


@pytest.fixture
def two_corpora(small_corpus: SmallCorpus, write_records: WriteRecords) -> SmallCorpus:
    """The small corpus and another, of which every second document is a statement; all encoded."""
    records = [{"id": f"o{n}", "text": f"Rome by the river {n}", "kind": "statement"} for n in range(0, 10, 2)]
    records += [{"id": f"o{n}", "text": f"a king of {n} stones", "kind": "list"} for n in range(1, 10, 2)]
    small_corpus.store.load_documents([write_records("o.jsonl", records)], corpus="other")
    small_corpus.encode()
    small_corpus.store.encode_documents("small", "other")
    return small_corpus


def test_a_filter_leaves_the_exact_answer_of_the_documents_it_names(two_corpora: SmallCorpus) -> None:
    two_corpora.store.create_task("own", "small", "facts")
    with two_corpora.store.database.connect() as connection:
        stored = connection.execute("SELECT document_id, gradient FROM trackstar.gradient ORDER BY 1").fetchall()
        (side,) = (
            connection.execute("SELECT gradient FROM trackstar.query_gradient WHERE query_id = 1").fetchone() or ()
        )
        query = side.to_numpy().astype(np.float64)
        cosines = {n: float(g.to_numpy().astype(np.float64) @ query / np.linalg.norm(query)) for n, g in stored}
        nothing = {"task": None, "corpus": None, "relation": None, "metadata": None}
        under_task = dict(row[:2] for row in connection.execute(NEAREST, {**nothing, "task": "own"}))
        connection.execute("SET LOCAL ROLE tda_reader")  # who may read nothing but the public schema
        for name, (asked, where) in FILTERS.items():
            (meant,) = connection.execute(MEANT + where).fetchone() or ()  # type: ignore[call-overload]
            for task, influences in ((None, cosines), ("own", under_task)):
                values = {**nothing, **asked, "task": task}
                if values["metadata"] is not None:
                    values["metadata"] = json.dumps(values["metadata"])
                found = connection.execute(NEAREST, values).fetchall()
                assert {row[0] for row in found} == set(meant or []), (name, task)
                expected = sorted((influences[n] for n in meant or []), reverse=True)
                np.testing.assert_allclose([row[1] for row in found], expected, atol=2e-3, err_msg=name)
                assert [row[2] for row in found] == list(range(1, len(expected) + 1))


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ("corpus => 'nowhere'", "no corpus 'nowhere'", "The database has: small"),
        ("relation => 'spouse'", "no relation has the label or uri 'spouse'", "tda.fact lists them"),
        ("metadata => '[1]'", r"metadata is \[1\], expected a JSON object", '{"kind": "statement"}'),
    ],
)
def test_what_a_filter_names_must_be_there(small_corpus: SmallCorpus, arguments: str, message: str, hint: str) -> None:
    small_corpus.encode()
    with pytest.raises(psycopg.Error, match=message) as raised, small_corpus.store.database.connect() as connection:
        connection.execute(f"SELECT * FROM tda.nearest(1, {arguments})")  # type: ignore[call-overload]  # noqa: S608
    assert hint in str(raised.value.diag.message_hint)


def test_a_trace_takes_the_same_filters(two_corpora: SmallCorpus, run_trackstar: RunTrackstar) -> None:
    store = two_corpora.store
    everything = store.trace("the king of", "Rome", "small", k=1000)

    def only(documents: list[str]) -> list[str]:
        return [found.external_id for found in everything.proponents if found.external_id in documents]

    statements = only([f"o{n}" for n in range(0, 10, 2)])
    traced = store.trace("the king of", "Rome", "small", options=TraceOptions("other", None, {"kind": "statement"}))
    assert [found.external_id for found in traced.proponents] == statements
    assert [found.external_id for found in traced.opponents] == statements[::-1]
    arguments: list[Any] = ["trace", "the king of", "Rome", "--encoding", "small", "--format", "json"]
    shown = run_trackstar(*arguments, "--relation", "P36", "--corpus", "small", "-k", 20)
    assert shown.returncode == 0, shown.stderr
    capitals = only([f"s{n}" for n in range(1, 24, 2)])
    assert [found["external_id"] for found in json.loads(shown.stdout)["proponents"]] == capitals
    refused = run_trackstar(*arguments, "--metadata", "kind")
    assert refused.returncode == 2
    assert """'kind' is not JSON""" in refused.stderr

    with pytest.raises(NotFound, match="no corpus named 'nowhere'; the database has: other, small"):
        store.trace("the king of", "Rome", "small", options=TraceOptions(corpus="nowhere"))
    with pytest.raises(NotFound, match="no relation has the label or uri 'spouse'"):
        store.trace("the king of", "Rome", "small", options=TraceOptions(relation="spouse"))
    with pytest.raises(InputError, match="expected an object"):
        store.trace("the king of", "Rome", "small", options=TraceOptions(metadata=["kind"]))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="k is 0; expected a whole number from 1"):
        store.trace("the king of", "Rome", "small", 0)
    with pytest.raises(
        EncodingIncomplete, match=r"no document with the metadata \{'kind': 'song'\} is encoded by 'small'"
    ):
        store.trace("the king of", "Rome", "small", options=TraceOptions(metadata={"kind": "song"}))
