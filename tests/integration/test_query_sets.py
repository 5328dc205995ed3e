"""Query sets made from others: who is copied, in which order, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import SmallCorpus, WriteRecords, save_small_model
from trackstar_db.database.engine import Database
from trackstar_db.errors import AlreadyExists, EncodingIncomplete, InputError, InUse, NotFound
from trackstar_db.prediction import Sampling
from trackstar_db.query_sets import Selection
from trackstar_db.search.request import SearchOptions

NO_SAMPLES = Sampling(samples=0)


def queries(database: Database, query_set: str) -> list[tuple[Any, ...]]:
    """All that is told of a set's queries, in the order of their numbers."""
    with database.connect() as connection:
        return connection.execute(
            """SELECT external_id, prompt, target, fact_id, metadata, content_digest FROM trackstar.query
               JOIN trackstar.query_set USING (query_set_id) WHERE name = %s ORDER BY query_id""",
            (query_set,),
        ).fetchall()


def make_right(database: Database, names: list[str]) -> None:
    """As if the model had answered these right and the others wrong."""
    with database.connect() as connection:
        connection.execute(
            """UPDATE trackstar.prediction SET is_correct = q.external_id = ANY(%s)
               FROM trackstar.query q WHERE q.query_id = prediction.query_id""",
            (names,),
        )


@pytest.fixture
def predicted(small_corpus: SmallCorpus) -> SmallCorpus:
    """The facts, of which the model answers f2, f3, f5, f8 and f11 right."""
    small_corpus.store.judge_predictions("facts", str(small_corpus.model), sampling=NO_SAMPLES)
    make_right(small_corpus.store.database, ["f11", "f2", "f3", "f5", "f8"])
    return small_corpus


def test_right_and_wrong_queries_are_copied_in_their_order(predicted: SmallCorpus) -> None:
    store = predicted.store
    right = store.create_query_set("right", "facts", Selection(is_correct=True))
    wrong = store.create_query_set("wrong", "facts", Selection(is_correct=False))
    first = store.create_query_set("first", "facts", Selection(is_correct=True, limit=3))
    assert (right.queries, wrong.queries, first.queries) == (5, 7, 3)
    assert right.notices == ()
    everything = queries(store.database, "facts")
    names = ["f2", "f3", "f5", "f8", "f11"]
    assert queries(store.database, "right") == [row for row in everything if row[0] in names]
    assert queries(store.database, "wrong") == [row for row in everything if row[0] not in names]
    assert [row[0] for row in queries(store.database, "first")] == names[:3]
    assert len(queries(store.database, "facts")) == 12
    with store.database.connect() as connection:  # what the model said goes with them
        answers = "SELECT prompt, greedy_answer, is_correct FROM tda.prediction WHERE query_set = %s ORDER BY 1"
        copied = connection.execute(answers, ("right",)).fetchall()
        said = connection.execute(answers, ("facts",)).fetchall()
    assert copied == [row for row in said if row[2]]


def test_a_seeded_sample_is_the_same_in_any_database(predicted: SmallCorpus, write_records: WriteRecords) -> None:
    store = predicted.store
    records = [{"id": f"q{n}", "prompt": "the king of", "target": f"{n}"} for n in range(100)]
    store.load_queries([write_records("a.jsonl", records)], query_set="a")
    store.load_queries([write_records("b.jsonl", records[::-1])], query_set="b")
    for name, source, seed in (("a0", "a", 0), ("b0", "b", 0), ("a1", "a", 1)):
        assert store.create_query_set(name, source, Selection(limit=20, seed=seed)).queries == 20
    chosen = {name: [row[0] for row in queries(store.database, name)] for name in ("a0", "b0", "a1")}
    assert set(chosen["a0"]) == set(chosen["b0"]) != set(chosen["a1"])
    assert chosen["a0"] == sorted(chosen["a0"], key=lambda name: int(name[1:]))  # in the order loaded
    assert chosen["a0"] != [f"q{n}" for n in range(20)]


def test_a_limit_beyond_what_is_there_is_told(predicted: SmallCorpus) -> None:
    made = predicted.store.create_query_set("right", "facts", Selection(is_correct=True, limit=400))
    assert made.queries == 5
    assert made.notices == ("5 queries are all there are; 400 were asked for.",)


def test_several_models_must_be_told_apart(predicted: SmallCorpus, tmp_path: Path) -> None:
    store = predicted.store
    save_small_model(tmp_path / "other", seed=2)
    store.judge_predictions("facts", str(tmp_path / "other"), sampling=NO_SAMPLES)
    with pytest.raises(InputError, match=r"several models have predicted 'facts'.*Name one with --model"):
        store.create_query_set("right", "facts", Selection(is_correct=True))
    made = store.create_query_set("right", "facts", Selection(is_correct=True, model=str(predicted.model)))
    assert made.queries == 5
    with pytest.raises(NotFound, match="no model 'x' has predicted 'facts'"):
        store.create_query_set("more", "facts", Selection(is_correct=True, model="x"))
    with store.database.connect() as connection:
        connection.execute("DELETE FROM trackstar.prediction WHERE query_id = 1")
    made = store.create_query_set("more", "facts", Selection(is_correct=True, model=str(predicted.model)))
    assert made.notices[0].startswith("1 of the 12 queries of 'facts' are not predicted and were left out")


def test_what_cannot_be_made_leaves_nothing(small_corpus: SmallCorpus, write_records: WriteRecords) -> None:
    store = small_corpus.store
    with pytest.raises(EncodingIncomplete, match="trackstar judge predictions --model DIR --query-set facts"):
        store.create_query_set("right", "facts", Selection(is_correct=True))
    story = [{"id": "s", "prompt": "the stone was", "target": "never a king"}]
    store.load_queries([write_records("s.jsonl", story)], query_set="stories")
    for name in ("facts", "stories"):
        store.judge_predictions(name, str(small_corpus.model), sampling=NO_SAMPLES)
    make_right(store.database, [])
    with pytest.raises(InputError, match="no query of 'facts' is answered right"):
        store.create_query_set("right", "facts", Selection(is_correct=True))
    with store.database.connect() as connection:
        connection.execute("UPDATE trackstar.prediction SET is_correct = NULL")
    with pytest.raises(EncodingIncomplete, match="no query of 'stories' has a right answer"):
        store.create_query_set("right", "stories", Selection(is_correct=True))
    with pytest.raises(AlreadyExists, match="trackstar query-set drop facts"):
        store.create_query_set("facts", "stories")
    with pytest.raises(NotFound, match="no query set named 'x'"):
        store.create_query_set("right", "x")
    with pytest.raises(InputError, match="without --correct or --wrong"):
        store.create_query_set("right", "facts", Selection(model="m"))
    with pytest.raises(InputError, match="the limit is 0"):
        store.create_query_set("right", "facts", Selection(limit=0))
    with pytest.raises(InputError, match="a seed was given without a limit"):
        store.create_query_set("right", "facts", Selection(seed=1))
    with pytest.raises(InputError, match="whole number of 64 bits"):
        store.create_query_set("right", "facts", Selection(limit=1, seed=2**63))
    assert [found["query_set"] for found in store.query_sets()] == ["facts", "stories"]


def test_a_query_set_in_use_is_not_dropped(predicted: SmallCorpus) -> None:
    store = predicted.store
    store.create_query_set("right", "facts", Selection(is_correct=True))
    predicted.encode()
    store.encode_queries("small", "right")
    store.attribute("small", "right", "first", options=SearchOptions(top_k=2))
    listed = {found["query_set"]: (found["queries"], found["of_facts"], found["runs"]) for found in store.query_sets()}
    assert listed == {"facts": (12, 12, 0), "right": (5, 5, 1)}
    with pytest.raises(InUse, match=r"run first.*trackstar run drop NAME"):
        store.drop_query_set("right")
    store.drop_run("first")
    store.drop_query_set("right")
    with pytest.raises(NotFound, match="right"):
        store.drop_query_set("right")
    assert len(queries(store.database, "facts")) == 12


def test_the_commands_do_what_the_library_does(predicted: SmallCorpus, run_trackstar: Callable[..., Any]) -> None:
    options = ("--from", "facts", "--correct", "--limit", 2, "--seed", 1, "--format", "json")
    created = run_trackstar("query-set", "create", "right", *options)
    assert json.loads(created.stdout) == {"query_set": "right", "queries": 2}
    listed = run_trackstar("query-set", "list")
    assert [line.split()[:2] for line in listed.stdout.splitlines()[2:]] == [["facts", "12"], ["right", "2"]]
    dropped = run_trackstar("query-set", "drop", "right", "--yes")
    assert (dropped.returncode, dropped.stderr) == (0, "Dropped query set right.\n")
    assert queries(predicted.store.database, "right") == []
