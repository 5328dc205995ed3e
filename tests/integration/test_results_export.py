"""Exports of retrieval results: imported ones as they came, our own from what the tables say, always the same."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.conftest import SmallCorpus, write_small_corpus
from tests.integration.results_format import (
    FULL,
    LEAST,
    OLD,
    STORED,
    as_text,
    counts,
    exported,
    fetch,
    record,
    write,
)
from trackstar_db.database.engine import Database, open_database
from trackstar_db.errors import InputError, NotFound
from trackstar_db.export import results
from trackstar_db.loaders import LabelDefaults, ResultDefaults, load_facts, load_results, load_sentences
from trackstar_db.search.request import SearchOptions
from trackstar_db.store import Store

PATIENCE_SECONDS = 60


def parsed(content: bytes) -> list[Any]:
    return [json.loads(line) for line in content.split(b"\n")[:-1]]


# Round trips -------------------------------------------------------------------------------------


def test_what_was_imported_goes_out_as_it_came_and_in_and_out_again(database: Database, tmp_path: Path) -> None:
    records = [
        FULL,
        OLD | {"query_set": "trex"},
        LEAST | {"query_set": "trex", "opponents": None, "fact_id": 7, "proponent_ais_scores": None},
        record(example_id=5, trex_id="kept", query_set="trex", proponent_ids=["x", 10**20], method="m"),
        record(example_id="e9", query_set="trex", proponents=["alone"], proponent_ids=None, proponent_scores=[10**30]),
    ]
    assert counts(load_results(database, [write(tmp_path / "r.jsonl", *records)], "r")) == (5, 5, 0, 0, 0)
    first = exported(database, "r", tmp_path / "first.jsonl")
    assert as_text(parsed(first)) == as_text(records)
    assert as_text(list(results(database, "r"))) == as_text(records)
    load_results(database, [tmp_path / "first.jsonl"], "again", ResultDefaults(corpus="c", query_set="q"))
    assert exported(database, "again", tmp_path / "second.jsonl") == first


characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.text(characters, max_size=20)
said = texts.filter(lambda text: text != "" and not text.isspace())
identifiers = st.one_of(st.integers(), said)
numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
scores = st.one_of(st.integers(-(2**60), 2**60), st.floats(allow_nan=False, allow_infinity=False))
shares = st.one_of(st.none(), st.integers(0, 1), st.floats(0, 1))
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


@st.composite
def retrieved(draw: st.DrawFn, direction: str) -> dict[str, Any]:
    """The lists of one direction; the text of a document follows from its id."""
    documents = draw(st.lists(st.integers(0, 9), max_size=4, unique=True))
    lists: dict[str, Any] = {f"{direction}s": [f"text {n}" for n in documents]}
    if draw(st.booleans()):
        lists[f"{direction}_ids"] = [draw(st.sampled_from([n, str(n)])) for n in documents]
    lists[f"{direction}_scores"] = [draw(scores) for _ in documents]
    if direction == "proponent" and draw(st.booleans()):
        lists["proponent_ais_scores"] = [draw(shares) for _ in documents]
        lists["proponent_correct"] = [draw(st.booleans()) for _ in documents]
    return lists


@st.composite
def format_records(draw: st.DrawFn) -> dict[str, Any]:
    """A record within the format."""
    fields: dict[str, Any] = draw(st.dictionaries(texts, anything, max_size=3))
    known: dict[str, st.SearchStrategy[Any]] = {
        "query_set": st.one_of(st.none(), said), "fact_id": st.one_of(st.none(), identifiers), "relation": texts,
        "8b_generations": st.lists(texts, max_size=3), "8b_confidence": numbers, "c4_frequency": st.integers(0),
        "has_trex_sentence": st.booleans(), "is_8b_correct": st.booleans(), "groundtruth": anything, "task": anything,
        "opponents": st.none(), "trex_id": anything, "metadata": anything, "method": anything,
    }  # fmt: skip
    for name in draw(st.lists(st.sampled_from(sorted(known)), unique=True)):
        fields[name] = draw(st.one_of(st.none(), known[name]))
    fields |= {"inputs_plaintext": draw(texts), "targets_plaintext": draw(said), "example_id": draw(identifiers)}
    fields |= draw(retrieved("proponent"))
    if draw(st.booleans()):
        fields |= draw(retrieved("opponent"))
    return dict(draw(st.permutations(list(fields.items()))))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(format_records(), min_size=1, max_size=3, unique_by=lambda record: str(record["example_id"])))
def test_no_record_of_the_format_loses_anything(
    database: Database, tmp_path: Path, records: list[dict[str, Any]]
) -> None:
    run = f"run {len(Store(database).runs())}"
    defaults = ResultDefaults(query_set=run, corpus="c")
    assert load_results(database, [write(tmp_path / "r.jsonl", *records)], run, defaults).inserted == len(records)
    first = exported(database, run, tmp_path / "first.jsonl")
    assert as_text(parsed(first)) == as_text(records)
    load_results(database, [tmp_path / "first.jsonl"], f"{run} again", defaults)
    assert exported(database, f"{run} again", tmp_path / "second.jsonl") == first


@pytest.mark.parametrize(
    ("name", "compress", "decompress"),
    [
        ("r.jsonl.gz", gzip.compress, gzip.decompress),
        (
            "r.jsonl.zst",
            zstandard.ZstdCompressor().compress,
            lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
        ),
    ],
)
def test_names_tell_how_files_are_compressed(
    database: Database,
    tmp_path: Path,
    name: str,
    compress: Callable[[bytes], bytes],
    decompress: Callable[[bytes], bytes],
) -> None:
    content = json.dumps(FULL, ensure_ascii=False).encode() + b"\n"
    (tmp_path / name).write_bytes(compress(content))
    load_results(database, [tmp_path / name], "r")
    out = exported(database, "r", tmp_path / f"out.{name}")
    assert as_text(parsed(decompress(out))) == as_text([FULL])
    assert exported(database, "r", tmp_path / f"out.{name}") == out
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, f"out.{name}"])


def test_a_file_is_replaced_only_by_a_whole_export(database: Database, tmp_path: Path) -> None:
    load_results(database, [write(tmp_path / "r.jsonl", record())], "r")
    kept = tmp_path / "kept.jsonl"
    kept.write_text("before")
    with pytest.raises(NotFound, match="no run named 'other'"):
        Store(database).export_results("other", kept)
    with database.connect() as connection:
        connection.execute("UPDATE trackstar.run_query SET fields = fields || ARRAY['gone']")
    with pytest.raises(KeyError):
        Store(database).export_results("r", kept)
    assert kept.read_text() == "before"
    for path in (tmp_path, tmp_path / "missing" / "out.jsonl"):
        with pytest.raises(InputError, match="cannot write"):
            Store(database).export_results("r", path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.jsonl", "r.jsonl"]


# A run of our own --------------------------------------------------------------------------------


@pytest.fixture
def own_run(small_corpus: SmallCorpus, tmp_path: Path) -> Database:
    """A run of our own over facts, and one over a query that is no fact; judged, predicted, counted."""
    store = small_corpus.store
    store.load_queries(
        [write(tmp_path / "q.jsonl", {"id": "sum", "prompt": "one and one is", "target": "Rome"})], "sums"
    )
    small_corpus.encode()
    store.encode_queries("small", "sums")
    for query_set in ("facts", "sums"):
        store.attribute("small", query_set, f"own {query_set}", options=SearchOptions(top_k=60))
    labels = [{"document_id": "s1", "fact_id": "f1", "score": 0.9}, {"document_id": "s2", "fact_id": "f1", "score": 0}]
    store.load_labels([write(tmp_path / "l.jsonl", *labels)], LabelDefaults(corpus="small", labeler="nli"))
    with store.database.connect() as connection:
        connection.execute("INSERT INTO trackstar.fact_frequency VALUES ('f1', 'c4', 113), ('f1', 'small', 7)")
        connection.execute(
            "INSERT INTO trackstar.prediction (model_id, query_id, greedy_answer, samples, confidence,"
            " target_probability, is_correct, seed)"
            " SELECT model_id, query_id, 'Paris', ARRAY['Paris', 'Rome'], 0.5, 0.25, true, 1"
            " FROM trackstar.model, trackstar.query WHERE external_id IN ('f1', 'sum')"
        )
    return store.database


def test_a_run_of_our_own_says_all_that_is_known(own_run: Database) -> None:
    by_id = {record["example_id"]: record for record in results(own_run, "own facts")}
    assert list(by_id) == [f"f{n}" for n in range(12)]
    found = by_id["f1"]
    assert list(found) == [
        "example_id", "query_set", "inputs_plaintext", "targets_plaintext", "proponents", "proponent_ids",
        "proponent_scores", "opponents", "opponent_ids", "opponent_scores", "fact_id", "relation", "8b_generations",
        "8b_confidence", "c4_frequency", "c4_frequency_bucket", "has_trex_sentence", "proponent_correct",
        "proponent_ais_scores",
    ]  # fmt: skip
    ranked = {"proponent": [], "opponent": []}
    statement = (
        "SELECT p.direction, p.external_id, p.text, p.influence, p.is_annotated, p.ais_score FROM tda.proponent p"
        " WHERE run = 'own facts' AND fact_id = 'f1' ORDER BY direction, rank"
    )
    for direction, *values in fetch(own_run, statement):
        ranked[direction].append(values)
    for direction, rows in ranked.items():
        ids, texts, scores, correct, ais = map(list, zip(*rows, strict=True))
        assert (found[f"{direction}_ids"], found[f"{direction}s"]) == (ids, texts)
        assert found[f"{direction}_scores"] == scores
        if direction == "proponent":
            assert (found["proponent_correct"], found["proponent_ais_scores"]) == (correct, ais)
            assert sorted(value for value in ais if value is not None) == [0, 0.9]
    assert (found["query_set"], found["fact_id"], found["relation"]) == ("facts", "f1", "capital")
    assert (found["8b_generations"], found["8b_confidence"]) == (["Paris", "Rome"], 0.5)
    assert (found["c4_frequency"], found["c4_frequency_bucket"], found["has_trex_sentence"]) == (113, 2, True)
    assert not {"8b_generations", "c4_frequency", "proponent_ais_scores"} & set(by_id["f2"])
    [other] = results(own_run, "own sums")
    assert list(other)[10:] == ["8b_generations", "8b_confidence", "is_8b_correct"]
    assert other["is_8b_correct"] is True


def test_a_run_of_our_own_goes_through_another_database_unchanged(
    own_run: Database, make_database_url: Callable[[], str], tmp_path: Path
) -> None:
    second = open_database(make_database_url())
    facts, sentences = write_small_corpus(tmp_path)
    load_facts(second, [facts])
    load_sentences(second, [sentences], "small")
    for run in ("own facts", "own sums"):
        out = exported(own_run, run, tmp_path / "own.jsonl")
        summary = load_results(second, [tmp_path / "own.jsonl"], run, ResultDefaults("trackstar_train", "small"))
        assert (summary.inserted, summary.rejected) == (summary.read, 0)
        assert exported(second, run, tmp_path / "again.jsonl") == out
    assert fetch(second, "SELECT count(*) FROM trackstar.document") == [(60,)]
    second.close()


def test_published_results_are_joined_with_a_run_of_our_own(own_run: Database, tmp_path: Path) -> None:
    records = list(results(own_run, "own facts"))
    for found in records:
        for name in ("proponents", "proponent_ids", "proponent_scores", "proponent_correct", "proponent_ais_scores"):
            if name in found:
                found[name] = found[name][::-1]
    load_results(own_run, [write(tmp_path / "p.jsonl", *records)], "published", ResultDefaults("theirs", "small"))
    joined = fetch(
        own_run,
        "SELECT count(*), count(DISTINCT query_id), min(ours.rank + theirs.rank), max(ours.rank + theirs.rank)"
        " FROM tda.proponent ours JOIN tda.proponent theirs USING (query_id, direction, document_id)"
        " WHERE ours.run = 'own facts' AND theirs.run = 'published' AND direction = 'proponent'",
    )
    assert joined == [(12 * 60, 12, 61, 61)]
    assert fetch(
        own_run, "SELECT run, count(*) FROM tda.query_metric WHERE judge = 'annotation' GROUP BY 1 ORDER BY 1"
    ) == [
        ("own facts", 12),
        ("published", 12),
    ]


# Killed ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_load_killed_between_its_parts_continues_and_ends_as_an_undisturbed_one(
    database: Database, database_url: str, make_database_url: Callable[[], str], tmp_path: Path
) -> None:
    large = 15_000
    path = write(
        tmp_path / "large.jsonl", *(record(example_id=f"e{n}", proponent_scores=[n, 0.5]) for n in range(large))
    )
    command = [sys.executable, "-m", "trackstar_db.cli", "load", "results", str(path), "--run", "r"]
    environment = {**os.environ, "TRACKSTAR_DATABASE_URL": database_url}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while fetch(database, "SELECT count(*) FROM trackstar.load_part") == [(0,)]:
        assert time.monotonic() < deadline, "the load wrote no part"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    [(begun,)] = fetch(database, "SELECT query_count FROM tda.run")
    assert begun == 10_000
    summary = load_results(database, [path], "r")
    assert counts(summary) == (large, large, 0, 0, 0)
    undisturbed = open_database(make_database_url())
    load_results(undisturbed, [path], "r")
    assert fetch(database, STORED) == fetch(undisturbed, STORED)
    undisturbed.close()
