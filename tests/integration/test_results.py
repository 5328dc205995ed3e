"""Retrieval results of the data release: loaded line by line, exported as they came, joined with runs of our own."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.integration.results_format import FACT, FULL, LEAST, OLD, STORED, counts, exported, fetch, record, write
from trackstar_db.database.engine import Database, open_database
from trackstar_db.errors import ConflictingRecord, InputError, UnreadableSource
from trackstar_db.loaders import (
    LoadOptions,
    ResultDefaults,
    load_documents,
    load_facts,
    load_queries,
    load_results,
)

UPDATE = LoadOptions(on_conflict="update")


# What is stored ----------------------------------------------------------------------------------


def test_a_record_with_everything_becomes_rows_of_every_kind(database: Database, tmp_path: Path) -> None:
    load_facts(database, [write(tmp_path / "facts.jsonl", FACT)])
    defaults = ResultDefaults(method="trackstar", corpus="c4", model_name="base-8b")
    summary = load_results(database, [write(tmp_path / "r.jsonl", FULL)], "published", defaults)
    assert counts(summary) == (1, 1, 0, 0, 0)
    assert summary.notices == ()
    assert fetch(database, "SELECT query_set, external_id, prompt, target, fact_id FROM tda.query") == [
        ("trex", "e1", "The capital of France is", "Paris", "f1")
    ]
    assert fetch(
        database,
        "SELECT direction, rank, external_id, text, influence, corpus, ais_score FROM tda.proponent"
        " WHERE run = 'published' ORDER BY direction DESC, rank",
    ) == [
        ("proponent", 1, "c4-1", FULL["proponents"][0], 0.75, "c4", 0.9),
        ("proponent", 2, "c4-2", FULL["proponents"][1], 0.0, "c4", None),
        ("opponent", 1, "c4-3", "Rome is the capital.", -0.5, "c4", None),
        ("opponent", 2, "c4-1", "Paris is the capital.", -1e-300, "c4", 0.9),
    ]
    assert fetch(database, "SELECT fact_id, query_id, labeler, score FROM trackstar.entailment_label") == [
        ("f1", None, "results:published", 0.9)
    ]
    assert fetch(
        database,
        "SELECT method, encoding_id, top_k, query_count, document_count, ais_labeler, settings FROM trackstar.run",
    ) == [
        (
            "trackstar", None, 2, 1, 3, "results:published",
            {"imported": {"sources": [str(tmp_path / "r.jsonl")], "model_name": "base-8b"}},
        )
    ]  # fmt: skip
    [(run, position, kept)] = fetch(database, "SELECT run, position, metadata FROM tda.run_query")
    assert (run, position) == ("published", 1)
    held = {
        "example_id", "query_set", "inputs_plaintext", "targets_plaintext", "proponents", "proponent_ids",
        "proponent_scores", "opponents", "opponent_ids", "opponent_scores", "fact_id",
    }  # fmt: skip
    assert set(kept) == set(FULL) - held
    assert (kept["is_8b_correct"], kept["8b_generations"]) == (True, ["Paris", "Lyon", ""])


def test_a_fact_that_is_not_loaded_is_kept_beside_the_query_and_its_labels_are_the_querys(
    database: Database, tmp_path: Path
) -> None:
    load_results(database, [write(tmp_path / "r.jsonl", FULL)], "r")
    assert fetch(database, "SELECT fact_id FROM trackstar.query") == [(None,)]
    assert fetch(database, "SELECT metadata->>'fact_id' FROM tda.run_query") == [("f1",)]
    assert fetch(database, "SELECT fact_id, query_id IS NULL, score FROM trackstar.entailment_label") == [
        (None, False, 0.9)
    ]
    assert fetch(database, "SELECT DISTINCT corpus FROM tda.document") == [("r",)]


def test_older_names_missing_options_and_named_sets_are_fine(database: Database, tmp_path: Path) -> None:
    defaults = ResultDefaults(query_set="mine")
    summary = load_results(database, [write(tmp_path / "r.jsonl", OLD, LEAST)], "r", defaults)
    assert counts(summary) == (2, 2, 0, 0, 0)
    assert fetch(database, "SELECT query_set, external_id, target FROM tda.query ORDER BY query_id") == [
        ("mine", "t1", "x"),
        ("mine", "e2", "t"),
    ]
    assert fetch(database, "SELECT method, query_set, top_k, query_count, document_count FROM tda.run") == [
        ("imported", "mine", 1, 2, 1)
    ]
    assert fetch(database, "SELECT ais_labeler FROM trackstar.run") == [(None,)]


def test_texts_without_ids_get_the_same_id_wherever_they_stand(database: Database, tmp_path: Path) -> None:
    records = [record(proponent_ids=None), record(example_id="e2", proponent_ids=None, proponents=["two", "three"])]
    load_results(database, [write(tmp_path / "r.jsonl", *records)], "r")
    found = fetch(database, "SELECT external_id, text FROM tda.document ORDER BY document_id")
    assert [text for _, text in found] == ["one", "two", "three"]
    assert all(external_id.startswith("sha256:") and len(external_id) == 39 for external_id, _ in found)
    assert fetch(database, "SELECT document_count FROM tda.run") == [(3,)]


def test_ids_without_texts_name_documents_of_the_corpus(database: Database, tmp_path: Path) -> None:
    load_documents(database, [write(tmp_path / "d.jsonl", {"id": 1, "text": "one"}, {"id": 2, "text": "two"})], "c")
    path = write(tmp_path / "r.jsonl", record(proponents=None), record(example_id="e2", proponents=["one", "other"]))
    summary = load_results(database, [path], "r", ResultDefaults(corpus="c"))
    assert counts(summary) == (2, 1, 0, 0, 1)
    assert "document '2' is in corpus 'c' with another text" in str(summary.first_rejection)
    assert fetch(database, "SELECT rank, text FROM tda.proponent ORDER BY rank") == [(1, "one"), (2, "two")]
    assert exported(database, "r", tmp_path / "out.jsonl") == path.read_bytes().splitlines(keepends=True)[0]


def test_a_run_of_queries_that_are_there_is_joined_with_them(database: Database, tmp_path: Path) -> None:
    load_facts(database, [write(tmp_path / "facts.jsonl", FACT)])
    query = {"id": "e1", "prompt": "p", "target": "t", "fact_id": "f1"}
    load_queries(database, [write(tmp_path / "q.jsonl", query, {"id": "e3", "prompt": "p", "target": "t"})], "q")
    records = [
        record(),
        record(example_id="e2", fact_id="f1"),
        record(example_id="e3", targets_plaintext="other"),
        record(example_id="e1", fact_id="f2"),
    ]
    path = write(tmp_path / "r.jsonl", *records)
    rejects = tmp_path / "rejects.jsonl"
    options = LoadOptions(on_conflict="update", rejects=rejects)
    summary = load_results(database, [path], "r", ResultDefaults(query_set="q"), options=options)
    assert counts(summary) == (4, 2, 0, 0, 2)
    reasons = {entry["line"]: entry["reason"] for entry in map(json.loads, rejects.read_text().splitlines())}
    assert "query 'e3' of query set 'q' is there already with another prompt or target ('p', 't')" in reasons[3]
    assert reasons[4].startswith("query 'e1' of query set 'q' asks for fact 'f1'; the record has 'f2'.")
    asked = "SELECT external_id, p.fact_id FROM tda.query p WHERE query_id IN (SELECT query_id FROM tda.run_query)"
    assert fetch(database, f"{asked} ORDER BY 1") == [("e1", "f1"), ("e2", "f1")]


@pytest.mark.parametrize("on_conflict", ["skip", "update", "error"])
def test_one_id_for_queries_of_two_tasks_is_rejected(
    database: Database, tmp_path: Path, on_conflict: Literal["skip", "update", "error"]
) -> None:
    other = record(query_set="b", inputs_plaintext="another task", proponents=["three", "four"])
    path = write(tmp_path / "r.jsonl", record(query_set="a"), other)
    options = LoadOptions(on_conflict=on_conflict)
    for expected in ((2, 1, 0, 0, 1), (2, 0, 0, 1, 1)):
        summary = load_results(database, [path], "r", ResultDefaults(query_set="all"), options=options)
        assert counts(summary) == expected
        assert (
            "query 'e1' of query set 'all' is there already with another prompt or target ('p', 't'); expected the "
            "same. Name another --query-set and --run for records of another task"
        ) in str(summary.first_rejection)
    assert fetch(database, "SELECT prompt, text FROM tda.proponent ORDER BY rank") == [("p", "one"), ("p", "two")]


# What is rejected --------------------------------------------------------------------------------

REJECTED = [
    (record(example_id=None), "no field 'example_id' or 'trex_id'; the record has: inputs_plaintext"),
    (record(inputs_plaintext=None), "no field 'inputs_plaintext'"),
    (record(targets_plaintext=None), "no field 'targets_plaintext'"),
    (record(targets_plaintext=" "), "field 'targets_plaintext' is empty"),
    (record(proponents=None, proponent_ids=None), "no field 'proponents' or 'proponent_ids'"),
    (record(proponent_scores=None), "no field 'proponent_scores'"),
    (record(opponents=["a"]), "no field 'opponent_scores'"),
    (record(opponent_scores=[1.0]), "no field 'opponents' or 'opponent_ids'"),
    (record(proponents=["one"]), "field 'proponent_ids' has 2 entries and 'proponents' has 1; expected an entry"),
    (record(proponent_ids=["1"]), "field 'proponent_ids' has 1 entries and 'proponents' has 2"),
    (record(proponent_scores=[1.0]), "field 'proponent_scores' has 1 entries and 'proponents' has 2"),
    (record(proponent_correct=[True]), "field 'proponent_correct' has 1 entries and 'proponents' has 2"),
    (record(proponent_ais_scores=[0.5] * 3), "field 'proponent_ais_scores' has 3 entries and 'proponents' has 2"),
    (record(opponents=["a"], opponent_scores=[]), "field 'opponent_scores' has 0 entries and 'opponents' has 1"),
    (record(proponent_scores=[float("nan"), 1]), "holds NaN, which is not JSON"),
    (record(proponent_scores=[float("inf"), 1]), "holds Infinity, which is not JSON"),
    (record(proponent_scores=[10**400, 1]), "field 'proponent_scores[0]' is no finite number"),
    (record(proponent_scores=["1", 1]), "field 'proponent_scores[0]' is a string ('1'); expected a number"),
    (record(proponent_scores=[True, 1]), "field 'proponent_scores[0]' is a boolean (True); expected a number"),
    (record(proponent_scores=[1, []]), "field 'proponent_scores[1]' is an array ([]); expected a number"),
    (record(proponent_ids=["1", 2.5]), "field 'proponent_ids[1]' is a number (2.5); expected a string"),
    (record(proponent_ids=["1", True]), "field 'proponent_ids[1]' is a boolean (True)"),
    (record(proponent_ids=["1", ""]), "field 'proponent_ids[1]' is empty"),
    (record(proponent_ids=["1", "1"]), "field 'proponent_ids' has one document at ranks 1 and 2 ('1')"),
    (record(proponent_ids=None, proponents=["a", "a"]), "field 'proponents' has one document at ranks 1 and 2"),
    (record(proponents=["one", 2]), "field 'proponents[1]' is a number (2); expected a string"),
    (record(proponents=["one", " "]), "field 'proponents[1]' is empty; expected text"),
    (record(proponents="one"), "field 'proponents' is a string ('one'); expected an array"),
    (
        record(opponents=["other"], opponent_ids=["1"], opponent_scores=[1]),
        "document '1' is in corpus 'r' with",
    ),
    (record(proponents=None), "names document '1' without its text, and corpus 'r' does not hold it"),
    (record(proponent_ais_scores=[1.5, 0]), "field 'proponent_ais_scores[0]' is 1.5; expected a number from 0 to 1"),
    (record(proponent_correct=["yes", True]), "field 'proponent_correct' is an array (['yes', True]); expected an"),
    (record(is_8b_correct="yes"), "field 'is_8b_correct' is a string ('yes'); expected a boolean"),
    (record(unknown="\0"), "holds a NUL character"),
    (record(unknown={"a": ["\ud800"]}), "holds a lone surrogate"),
    (record(example_id=1.5), "field 'example_id' is a number (1.5)"),
    ([], "found an array"),
]


def test_wrong_records_are_rejected_with_their_lines_and_reasons_and_the_others_loaded(
    database: Database, tmp_path: Path
) -> None:
    good = record(example_id="good", proponent_ids=["3", "4"], opponents=["two"], opponent_scores=[0], opponent_ids=[5])
    rejects = tmp_path / "rejects.jsonl"
    path = write(tmp_path / "r.jsonl", *(wrong for wrong, _ in REJECTED), good)
    summary = load_results(database, [path], "r", options=LoadOptions(rejects=rejects))
    assert counts(summary) == (len(REJECTED) + 1, 1, 0, 0, len(REJECTED))
    told = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [entry["line"] for entry in told] == list(range(1, len(REJECTED) + 1))
    for entry, (_, reason) in zip(told, REJECTED, strict=True):
        assert reason in entry["reason"], entry
    assert fetch(database, "SELECT external_id FROM trackstar.document ORDER BY 1") == [("3",), ("4",), ("5",)]
    assert fetch(database, "SELECT query_count, document_count FROM tda.run") == [(1, 3)]


def test_a_document_with_two_texts_is_the_first_ones(database: Database, tmp_path: Path) -> None:
    records = [record(), record(example_id="e2", proponents=["one", "other"]), record(example_id="e3", proponents=None)]
    summary = load_results(database, [write(tmp_path / "r.jsonl", *records)], "r")
    assert counts(summary) == (3, 2, 0, 0, 1)
    assert "line 2 of" in str(summary.first_rejection)
    assert fetch(database, "SELECT external_id FROM tda.query ORDER BY 1") == [("e1",), ("e3",)]


def test_records_that_are_all_rejected_make_nothing(database: Database, tmp_path: Path) -> None:
    summary = load_results(database, [write(tmp_path / "r.jsonl", record(proponents=None))], "r")
    assert counts(summary) == (1, 0, 0, 0, 1)
    kinds = ("run", "query", "query_set", "corpus", "document")
    assert fetch(database, " UNION ALL ".join(f"SELECT count(*) FROM trackstar.{kind}" for kind in kinds)) == [(0,)] * 5  # noqa: S608


def test_queries_of_another_set_do_not_go_into_the_run(database: Database, tmp_path: Path) -> None:
    records = [record(query_set="a"), record(example_id="e2", query_set="b"), record(example_id="e3")]
    summary = load_results(database, [write(tmp_path / "r.jsonl", *records)], "r")
    assert counts(summary) == (3, 1, 0, 0, 2)
    assert "is of query set 'b', and the run is of 'a'; load it into another --run" in str(summary.first_rejection)
    assert counts(load_results(database, [tmp_path / "r.jsonl"], "all", ResultDefaults(query_set="c"))) == (
        3,
        3,
        0,
        0,
        0,
    )


# A second load -----------------------------------------------------------------------------------


def test_the_same_file_again_changes_nothing_and_another_adds_to_the_run(database: Database, tmp_path: Path) -> None:
    first = write(
        tmp_path / "1.jsonl", record(), record(example_id="e2", proponent_ids=["3", "2"], proponents=["3", "two"])
    )
    second = write(tmp_path / "2.jsonl", record(example_id="e3", opponents=list("abc"), opponent_scores=[3, 2, 1]))
    assert counts(load_results(database, [first], "r")) == (2, 2, 0, 0, 0)
    before = exported(database, "r", tmp_path / "1.out")
    assert counts(load_results(database, [first], "r")) == (2, 0, 0, 2, 0)
    assert exported(database, "r", tmp_path / "1.out") == before
    assert counts(load_results(database, [first, second], "r")) == (3, 1, 0, 2, 0)
    assert exported(database, "r", tmp_path / "2.out") == first.read_bytes() + second.read_bytes()
    assert fetch(database, "SELECT top_k, query_count, document_count FROM tda.run") == [(3, 3, 6)]
    assert fetch(database, "SELECT settings->'imported'->'sources' FROM trackstar.run") == [
        ([str(first), str(second)],)
    ]
    assert fetch(database, "SELECT position FROM tda.run_query ORDER BY 1") == [(1,), (2,), (3,)]


def test_another_record_of_a_query_is_skipped_refused_or_replaces_it(database: Database, tmp_path: Path) -> None:
    load_results(
        database, [write(tmp_path / "1.jsonl", record(proponent_ais_scores=[0.1, 1]), record(example_id="e2"))], "r"
    )
    changes = {"proponents": ["new"], "proponent_ids": ["9"], "proponent_scores": [5.5], "proponent_ais_scores": [0.7]}
    other = write(tmp_path / "2.jsonl", record(**changes))
    kept = load_results(database, [other], "r")
    assert counts(kept) == (1, 0, 0, 1, 0)
    assert "1 records differ from what is stored under their id, which was kept" in kept.notices[0]
    with pytest.raises(ConflictingRecord, match="'e1' is already there with other content"):
        load_results(database, [other], "r", options=LoadOptions(on_conflict="error"))
    assert fetch(database, "SELECT count(*) FROM trackstar.document WHERE external_id = '9'") == [(0,)]
    assert counts(load_results(database, [other], "r", options=UPDATE)) == (1, 0, 1, 0, 0)
    assert exported(database, "r", tmp_path / "out").splitlines(keepends=True) == [
        other.read_bytes(),
        json.dumps(record(example_id="e2")).encode() + b"\n",
    ]
    assert fetch(database, "SELECT top_k, query_count, document_count FROM tda.run") == [(2, 2, 3)]


def test_scores_of_one_pair_that_differ_leave_the_label_alone_and_are_told(database: Database, tmp_path: Path) -> None:
    load_facts(database, [write(tmp_path / "facts.jsonl", FACT)])
    records = [
        record(fact_id="f1", proponent_ais_scores=[0.25, 0.5]),
        record(example_id="e2", fact_id="f1", proponent_ais_scores=[0.75, None]),
    ]
    path = write(tmp_path / "r.jsonl", *records)
    summary = load_results(database, [path], "r", ResultDefaults(labeler="nli"))
    assert "AIS scores differ from the label of 'nli' that is stored" in summary.notices[0]
    labels = "SELECT d.external_id, l.score, l.labeler FROM trackstar.entailment_label l JOIN trackstar.document d"
    assert fetch(database, f"{labels} USING (document_id) ORDER BY 1") == [("1", 0.25, "nli"), ("2", 0.5, "nli")]
    assert exported(database, "r", tmp_path / "out") == path.read_bytes()


def test_a_run_of_our_own_or_of_another_method_is_not_added_to(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", record(method="paper"))
    load_queries(database, [write(tmp_path / "q.jsonl", {"id": "q", "prompt": "p", "target": "t"})], "q")
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO trackstar.run (name, method, query_set_id, top_k, query_count, document_count, code_version,"
            " started_at, finished_at)"
            " SELECT 'own', 'bm25', query_set_id, 1, 0, 0, '', now(), now() FROM trackstar.query_set"
        )
    with pytest.raises(
        InputError, match="run 'own' was made here by method 'bm25'; results are added to imported runs"
    ):
        load_results(database, [path], "own")
    load_results(database, [path], "r")
    assert fetch(database, "SELECT method FROM tda.run WHERE run = 'r'") == [("paper",)]
    with pytest.raises(InputError, match="run 'r' was imported with method 'paper'; given was 'trak'"):
        load_results(database, [path], "r", ResultDefaults(method="trak"))
    with pytest.raises(InputError, match="run 'r' was imported without a model name; given was 'm'"):
        load_results(database, [path], "r", ResultDefaults(model_name="m"))
    with pytest.raises(InputError, match="a labeler cannot be named ' '"):
        load_results(database, [path], "r", ResultDefaults(labeler=" "))


def test_a_dry_run_stores_nothing(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", FULL, OLD | {"query_set": "trex"})
    assert counts(load_results(database, [path], "r", options=LoadOptions(dry_run=True))) == (2, 2, 0, 0, 0)
    assert fetch(database, "SELECT count(*) FROM trackstar.run") == [(0,)]
    assert fetch(database, "SELECT count(*) FROM trackstar.document") == [(0,)]


# Stopped and continued ---------------------------------------------------------------------------


def many(count: int) -> list[dict[str, Any]]:
    """Records that share documents; every seventh is rejected."""
    return [
        record(
            example_id=f"e{n}",
            proponents=[f"text {n % 9}", f"text {9 + n % 4}"],
            proponent_ids=[f"{n % 9}", f"{9 + n % 4}"],
            proponent_scores=[n + 0.5, None if n % 7 == 6 else -n],
            proponent_ais_scores=[n / count, None],
        )
        for n in range(count)
    ]


@pytest.fixture
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of ten records."""
    monkeypatch.setattr("trackstar_db.loaders.readers.lines.PART_RECORDS", 10)


@pytest.mark.usefixtures("_small_parts")
def test_a_load_that_breaks_off_continues_and_ends_as_an_undisturbed_one(
    database: Database, make_database_url: Callable[[], str], tmp_path: Path
) -> None:
    lines = "".join(json.dumps(record) + "\n" for record in many(95)).encode()
    whole = gzip.compress(lines, compresslevel=0)
    path, rejects = tmp_path / "r.jsonl.gz", tmp_path / "rejects.jsonl"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableSource):
        load_results(database, [path], "r")
    [(begun,)] = fetch(database, "SELECT query_count FROM tda.run")
    assert 10 < begun < 60
    path.write_bytes(whole)
    summary = load_results(database, [path], "r", options=LoadOptions(rejects=rejects))
    assert (summary.read, summary.inserted + summary.skipped, summary.rejected) == (95, 82, 13)
    assert summary.notices[0].startswith(f"continued a load of {path} that had written ")
    assert len(rejects.read_text().splitlines()) == 13
    undisturbed = open_database(make_database_url())
    assert counts(load_results(undisturbed, [path], "r")) == (95, 82, 0, 0, 13)
    assert fetch(database, STORED) == fetch(undisturbed, STORED)
    assert fetch(database, "SELECT query_count, document_count FROM tda.run") == [(82, 13)]
    undisturbed.close()
