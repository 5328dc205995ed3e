"""Loads into a real database: what is stored, what a conflict does, what dry runs and limits leave out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trackstar_db.database.engine import Database
from trackstar_db.errors import ConflictingRecord, InputError, InvalidRecord
from trackstar_db.loaders import (
    DocumentFields,
    LabelDefaults,
    LoadOptions,
    LoadSummary,
    load_documents,
    load_facts,
    load_labels,
    load_queries,
    load_sentences,
)

FACT: dict[str, Any] = {
    "fact_id": "f1",
    "entity0": "France",
    "relation": "capital",
    "entity1": "Paris",
    "entity0_uri": "Q142",
    "predicate_uri": "P36",
    "entity1_uri": "Q90",
    "entity0_alias": ["French Republic"],
    "entity1_alias": ["City of Light"],
    "trex_sentences": ["s1", "s2"],
    "is_repetition": False,
    "prompt0": "The capital of France is",
    "prompt1": None,
    "prompt2": "France's capital is",
    "c4_frequency": 113,
    "kilt_id": "k1",
}
UPDATE = LoadOptions(on_conflict="update")
ERROR = LoadOptions(on_conflict="error")


def write(path: Path, records: Iterable[object]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def rows(database: Database, statement: str) -> list[Any]:
    with database.connect() as connection:
        return connection.execute(statement).fetchall()  # type: ignore[call-overload, no-any-return]


def counts(summary: LoadSummary) -> tuple[int, ...]:
    return summary.read, summary.inserted, summary.updated, summary.skipped, summary.rejected


# Documents ---------------------------------------------------------------------------------------


def test_documents_keep_their_order_text_and_every_other_field(database: Database, tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        [
            {"id": 7, "text": " Ünï \t\\N text\n", "url": None, "n": {"b": [1.5, True], "a": "x"}},
            {"sentence_id": "s", "text": "second", "document_id": "kept", "metadata": {"lang": "en"}},
            {"text": "third"},
        ],
    )
    summary = load_documents(database, [path], "c")
    assert counts(summary) == (3, 3, 0, 0, 0)
    assert rows(database, "SELECT external_id, text, metadata FROM trackstar.document ORDER BY document_id") == [
        ("7", " Ünï \t\\N text\n", {"url": None, "n": {"b": [1.5, True], "a": "x"}}),
        ("s", "second", {"document_id": "kept", "lang": "en"}),
        ("a.jsonl:3", "third", {}),
    ]


def test_id_and_text_are_taken_from_the_fields_that_are_named(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"id": 1, "uid": "u", "text": "no", "body": "yes"}])
    load_documents(database, [path], "c", fields=DocumentFields("uid", "body"))
    assert rows(database, "SELECT external_id, text, metadata FROM trackstar.document") == [
        ("u", "yes", {"id": 1, "text": "no"})
    ]


def test_documents_of_c4_are_known_by_shard_and_line(database: Database, tmp_path: Path) -> None:
    record = {"text": "t", "timestamp": "2019-04-25T12:57:54Z", "url": "http://a.b"}
    (tmp_path / "en").mkdir()
    path = write(tmp_path / "en" / "c4-train.00000-of-01024.json", [record, record])
    load_documents(database, [path], "c4")
    again = load_documents(database, [tmp_path], "c4")
    assert counts(again) == (2, 0, 0, 2, 0)
    assert rows(database, "SELECT external_id, metadata->>'url' FROM trackstar.document ORDER BY 1") == [
        ("c4-train.00000-of-01024.json:1", "http://a.b"),
        ("c4-train.00000-of-01024.json:2", "http://a.b"),
    ]


def test_loading_again_inserts_nothing_and_one_id_may_be_in_two_corpora(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"id": 1, "text": "one"}, {"id": 2, "text": "two"}])
    load_documents(database, [path], "c")
    assert counts(load_documents(database, [path], "c")) == (2, 0, 0, 2, 0)
    assert counts(load_documents(database, [path], "other")) == (2, 2, 0, 0, 0)


def test_skip_keeps_what_is_stored_and_tells_so(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"id": 1, "text": "one"}])
    load_documents(database, [path], "c")
    write(path, [{"id": 1, "text": "another"}, {"id": 2, "text": "two"}])
    summary = load_documents(database, [path], "c")
    assert counts(summary) == (2, 1, 0, 1, 0)
    assert summary.notices == (
        "1 records differ from what is stored under their id, which was kept (first: a.jsonl:1). "
        "Use --on-conflict update to replace what is stored.",
    )
    assert rows(database, "SELECT text FROM trackstar.document ORDER BY document_id") == [("one",), ("two",)]


@pytest.mark.parametrize("options", [LoadOptions(), ERROR])
def test_a_generated_id_that_is_stored_with_other_content_stops_the_load(
    database: Database, tmp_path: Path, options: LoadOptions
) -> None:
    for folder, texts in (("a", ["one", "two"]), ("b", ["one", "deux", "trois"])):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "part.jsonl", [{"text": text} for text in texts])
    load_documents(database, [tmp_path / "a" / "part.jsonl"], "c")
    other = tmp_path / "b" / "part.jsonl"
    with pytest.raises(ConflictingRecord, match=r"part\.jsonl:2' was generated from the file's name") as raised:
        load_documents(database, [other], "c", options=options)
    for told in ("another file of that name", "--id-field", "another --corpus", "--on-conflict update"):
        assert told in str(raised.value)
    texts = "SELECT text FROM trackstar.document JOIN trackstar.corpus USING (corpus_id) WHERE name = 'c' ORDER BY 1"
    assert rows(database, texts) == [("one",), ("two",)]
    # each of the ways that the message names
    assert counts(load_documents(database, [other], "c", options=UPDATE)) == (3, 1, 1, 1, 0)
    assert counts(load_documents(database, [other], "d")) == (3, 3, 0, 0, 0)
    write(other, [{"key": "k", "text": "deux"}])
    assert counts(load_documents(database, [other], "c", fields=DocumentFields("key"))) == (1, 1, 0, 0, 0)


def test_files_of_one_name_in_one_command_are_all_stored(database: Database, tmp_path: Path) -> None:
    paths = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        paths.append(write(tmp_path / folder / "part.jsonl", [{"text": f"{folder}{n}"} for n in range(2)]))
    assert counts(load_documents(database, paths, "c")) == (4, 4, 0, 0, 0)
    assert counts(load_documents(database, paths, "c")) == (4, 0, 0, 4, 0)
    assert rows(database, "SELECT external_id, text FROM trackstar.document ORDER BY document_id") == [
        ("a/part.jsonl:1", "a0"),
        ("a/part.jsonl:2", "a1"),
        ("b/part.jsonl:1", "b0"),
        ("b/part.jsonl:2", "b1"),
    ]


def test_a_file_of_text_that_changed_replaces_its_document_only_when_asked(database: Database, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("old")
    load_documents(database, [tmp_path], "c")
    (tmp_path / "x.txt").write_text("new")
    (tmp_path / "y.txt").write_text("another")
    with pytest.raises(ConflictingRecord, match=r"'x\.txt' was generated"):
        load_documents(database, [tmp_path], "c")
    assert rows(database, "SELECT external_id, text FROM trackstar.document") == [("x.txt", "old")]
    assert counts(load_documents(database, [tmp_path], "c", options=UPDATE)) == (2, 1, 1, 0, 0)


def test_a_generated_id_of_a_query_that_is_stored_with_other_content_stops_the_load(
    database: Database, tmp_path: Path
) -> None:
    path = write(tmp_path / "q.jsonl", [{"prompt": "p", "target": "t"}])
    load_queries(database, [path], "q")
    assert counts(load_queries(database, [path], "q")) == (1, 0, 0, 1, 0)
    write(path, [{"prompt": "p", "target": "u"}])
    with pytest.raises(ConflictingRecord, match="--query-set"):
        load_queries(database, [path], "q")
    assert rows(database, "SELECT target FROM trackstar.query") == [("t",)]


def test_update_replaces_text_and_metadata_and_only_of_those_that_differ(database: Database, tmp_path: Path) -> None:
    records = [{"id": 1, "text": "one", "n": 1}, {"id": 2, "text": "two"}, {"id": 3, "text": "three"}]
    path = write(tmp_path / "a.jsonl", records)
    load_documents(database, [path], "c")
    before = rows(database, "SELECT document_id, loaded_at FROM trackstar.document ORDER BY 1")
    write(path, [{"id": 1, "text": "one", "n": 2}, {"id": 2, "text": "deux"}, {"id": 3, "text": "three"}])
    assert counts(load_documents(database, [path], "c", options=UPDATE)) == (3, 0, 2, 1, 0)
    assert rows(database, "SELECT text, metadata FROM trackstar.document ORDER BY document_id") == [
        ("one", {"n": 2}),
        ("deux", {}),
        ("three", {}),
    ]
    assert rows(database, "SELECT document_id, loaded_at FROM trackstar.document ORDER BY 1") == before


def test_error_names_the_record_and_leaves_its_part_out(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"id": 1, "text": "one"}])
    load_documents(database, [path], "c")
    write(path, [{"id": 0, "text": "zero"}, {"id": 1, "text": "another"}])
    with pytest.raises(ConflictingRecord, match=r"a\.jsonl:2: '1' is already there with other content"):
        load_documents(database, [path], "c", options=ERROR)
    assert rows(database, "SELECT text FROM trackstar.document") == [("one",)]


@pytest.mark.parametrize(
    ("on_conflict", "expected", "text"), [("skip", (4, 1, 0, 3, 0), "a"), ("update", (4, 1, 2, 1, 0), "c")]
)
def test_an_id_twice_in_one_source_follows_the_same_rule_in_order(
    database: Database, tmp_path: Path, on_conflict: Any, expected: tuple[int, ...], text: str
) -> None:
    path = write(tmp_path / "a.jsonl", [{"id": 1, "text": text} for text in "aabc"])
    assert counts(load_documents(database, [path], "c", options=LoadOptions(on_conflict))) == expected
    assert rows(database, "SELECT text FROM trackstar.document") == [(text,)]


def test_a_changed_text_takes_the_tokens_counted_for_the_old_one_away(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"id": 1, "text": "one"}])
    load_documents(database, [path], "c")
    with database.connect() as connection:
        connection.execute("UPDATE trackstar.document SET token_count = 1")
    load_documents(database, [write(path, [{"id": 1, "text": "one", "n": 2}])], "c", options=UPDATE)
    assert rows(database, "SELECT token_count FROM trackstar.document") == [(1,)]
    load_documents(database, [write(path, [{"id": 1, "text": "two"}])], "c", options=UPDATE)
    assert rows(database, "SELECT token_count FROM trackstar.document") == [(None,)]


def test_a_dry_run_counts_like_a_load_and_leaves_nothing(database: Database, tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", [{"id": 1, "text": "one"}, {"id": 2, "text": "two"}])
    second = write(tmp_path / "b.jsonl", [{"id": 1, "text": "one"}, {"id": 2, "text": "deux"}, {"text": ""}])
    options = LoadOptions("update")
    rehearsed = load_documents(database, [first, second], "c", options=replace(options, dry_run=True))
    everything = (
        "SELECT (SELECT count(*) FROM trackstar.document) + (SELECT count(*) FROM trackstar.corpus)"
        " + (SELECT count(*) FROM trackstar.load) + (SELECT count(*) FROM trackstar.load_part)"
    )
    assert rows(database, everything) == [(0,)]
    real = load_documents(database, [first, second], "c", options=options)
    assert counts(rehearsed) == counts(real) == (5, 2, 1, 1, 1)
    assert (rehearsed.is_dry_run, real.is_dry_run) == (True, False)


def test_a_limit_counts_records_over_all_paths(database: Database, tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.jsonl", [{"text": "t"}, {"text": "t"}]) for n in range(3)]
    summary = load_documents(database, paths, "c", options=LoadOptions(limit=3))
    assert counts(summary) == (3, 3, 0, 0, 0)
    assert rows(database, "SELECT external_id FROM trackstar.document ORDER BY 1") == [
        ("0.jsonl:1",),
        ("0.jsonl:2",),
        ("1.jsonl:1",),
    ]


@pytest.mark.parametrize("name", ["", " ", "a\0b", "\ud800", "x" * 1001])
def test_a_name_that_no_corpus_can_have_is_refused(database: Database, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.jsonl", [{"text": "t"}])
    with pytest.raises(InputError, match="corpus"):
        load_documents(database, [path], name)


# Sentences and facts -----------------------------------------------------------------------------


def test_an_annotation_holds_as_soon_as_both_sides_are_there(database: Database, tmp_path: Path) -> None:
    facts = write(tmp_path / "facts.jsonl", [FACT])
    sentences = write(
        tmp_path / "sentences.jsonl",
        [
            {
                "sentence_id": "s1",
                "text": "Paris.",
                "abstract_uri": None,
                "fact_triples": ["f1", "f9"],
                "kind": "k",
            },
            {"sentence_id": "s3", "text": "Paris is the capital.", "fact_triples": ["f1"]},
        ],
    )
    load_facts(database, [facts])
    assert rows(database, "SELECT annotated_documents FROM tda.fact") == [(0,)]
    load_sentences(database, [sentences], "c")
    assert rows(database, "SELECT annotated_documents FROM tda.fact") == [(2,)]
    claims = rows(database, "SELECT fact_id, document_external_id FROM trackstar.annotation ORDER BY 1, 2")
    assert claims == [("f1", "s1"), ("f1", "s2"), ("f1", "s3"), ("f9", "s1")]
    assert rows(database, "SELECT metadata FROM trackstar.document ORDER BY document_id") == [
        ({"abstract_uri": None, "kind": "k"},),
        ({},),
    ]


def test_another_annotation_is_another_content(database: Database, tmp_path: Path) -> None:
    record = {"sentence_id": "s", "text": "t", "fact_triples": ["f1"]}
    path = write(tmp_path / "a.jsonl", [record])
    load_sentences(database, [path], "c")
    write(path, [{**record, "fact_triples": ["f2", "f1"]}])
    kept = load_sentences(database, [path], "c")
    assert counts(kept) == (1, 0, 0, 1, 0)
    assert len(kept.notices) == 1
    assert counts(load_sentences(database, [path], "c", options=UPDATE)) == (1, 0, 1, 0, 0)
    assert rows(database, "SELECT fact_id FROM trackstar.annotation ORDER BY 1") == [("f1",), ("f2",)]


def test_a_fact_is_stored_whole_with_the_query_that_asks_for_it(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "facts.jsonl", [FACT])
    summary = load_facts(database, [path], "capitals", "prompt2")
    assert counts(summary) == (1, 1, 0, 0, 0)
    assert rows(
        database,
        "SELECT fact_id, subject, relation, object, subject_uri, relation_uri, object_uri, subject_aliases,"
        " object_aliases, prompts, fact_frequency, metadata FROM tda.fact",
    ) == [
        ("f1", "France", "capital", "Paris", "Q142", "P36", "Q90", ["French Republic"], ["City of Light"],
         ["The capital of France is", "", "France's capital is"], 113, {"kilt_id": "k1"}),
    ]  # fmt: skip
    assert rows(database, "SELECT query_set, external_id, prompt, target, fact_id, metadata FROM tda.query") == [
        ("capitals", "f1", "France's capital is", "Paris", "f1", {"target_aliases": ["City of Light"]})
    ]


def test_a_fact_of_a_csv_file_has_its_frequency(database: Database, tmp_path: Path) -> None:
    names = ["fact_id", "entity0", "relation", "entity1", "entity0_uri", "predicate_uri", "entity1_uri"]
    head = ",".join(str(FACT[name]) for name in names)
    path = tmp_path / "facts.csv"
    path.write_text(f"{','.join(names)},c4_frequency\n{head},113\n")
    assert counts(load_facts(database, [path])) == (1, 1, 0, 0, 0)
    assert rows(database, "SELECT fact_id, fact_frequency FROM tda.fact") == [("f1", 113)]


def test_facts_that_are_there_still_get_their_queries(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "facts.jsonl", [FACT])
    load_facts(database, [path])
    summary = load_facts(database, [path], "capitals")
    assert counts(summary) == (1, 0, 0, 1, 0)
    assert summary.notices == ("queries of the facts: inserted 1, updated 0, skipped 0",)
    assert counts(load_facts(database, [path], "capitals")) == (1, 0, 0, 1, 0)
    assert rows(database, "SELECT count(*) FROM trackstar.query") == [(1,)]


def test_a_fact_without_the_prompt_that_is_asked_for_is_rejected(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "facts.jsonl", [FACT, {**FACT, "fact_id": "f2", "prompt1": "Where?"}])
    summary = load_facts(database, [path], "capitals", "prompt1")
    assert counts(summary) == (2, 1, 0, 0, 1)
    assert "no 'prompt1' to make the fact's query of" in (summary.first_rejection or "")


def test_entities_gather_names_over_loads_in_the_order_of_appearance(database: Database, tmp_path: Path) -> None:
    second = {**FACT, "fact_id": "f2", "entity0": "République française", "entity0_alias": ["Gaul", "France"]}
    third = {**FACT, "fact_id": "f3", "entity0": "Frankreich", "entity0_alias": ["Gaul", "French Republic"]}
    load_facts(database, [write(tmp_path / "a.jsonl", [FACT, second])])
    load_facts(database, [write(tmp_path / "b.jsonl", [third])])
    assert rows(database, "SELECT label, aliases FROM trackstar.entity WHERE uri = 'Q142'") == [
        ("France", ["French Republic", "République française", "Gaul", "Frankreich"])
    ]


def test_another_label_of_a_relation_follows_the_conflict_rule(database: Database, tmp_path: Path) -> None:
    load_facts(database, [write(tmp_path / "a.jsonl", [FACT])])
    renamed = write(tmp_path / "b.jsonl", [{**FACT, "fact_id": "f2", "relation": "capital city"}])
    with pytest.raises(ConflictingRecord, match="'P36' is already there"):
        load_facts(database, [renamed], options=ERROR)
    kept = load_facts(database, [renamed])
    assert "another label than the stored one" in kept.notices[0]
    assert rows(database, "SELECT label FROM trackstar.relation") == [("capital",)]
    third = write(tmp_path / "c.jsonl", [{**FACT, "fact_id": "f3", "relation": "capital city"}])
    load_facts(database, [third], options=UPDATE)
    assert rows(database, "SELECT label FROM trackstar.relation") == [("capital city",)]


def test_a_changed_fact_is_updated_with_its_query(database: Database, tmp_path: Path) -> None:
    load_facts(database, [write(tmp_path / "a.jsonl", [FACT])], "q")
    changed = {**FACT, "entity1": "Lyon", "entity1_uri": "Q456", "entity1_alias": [], "c4_frequency": 5}
    summary = load_facts(database, [write(tmp_path / "b.jsonl", [changed])], "q", options=UPDATE)
    assert counts(summary) == (1, 0, 1, 0, 0)
    assert rows(database, "SELECT object, fact_frequency FROM tda.fact") == [("Lyon", 5)]
    assert rows(database, "SELECT target FROM tda.query") == [("Lyon",)]


# Queries and labels ------------------------------------------------------------------------------


def test_queries_take_the_names_of_the_release_too(database: Database, tmp_path: Path) -> None:
    load_facts(database, [write(tmp_path / "facts.jsonl", [FACT])])
    path = write(
        tmp_path / "q.jsonl",
        [
            {"id": 1, "prompt": "", "target": "all", "topic": "x"},
            {
                "example_id": "e",
                "inputs_plaintext": "The capital is",
                "targets_plaintext": "Paris",
                "fact_id": "f1",
            },
            {"prompt": "p", "target": "t", "fact_id": None, "metadata": {"a": 1}},
            {"id": 9, "prompt": "p", "target": "t", "fact_id": "f9"},
            {"id": 10, "target": "t"},
        ],
    )
    rejects = tmp_path / "rejects.jsonl"
    summary = load_queries(database, [path], "q", options=LoadOptions(rejects=rejects))
    assert counts(summary) == (5, 3, 0, 0, 2)
    assert rows(
        database,
        "SELECT external_id, prompt, target, fact_id, metadata FROM trackstar.query ORDER BY query_id",
    ) == [
        ("1", "", "all", None, {"topic": "x"}),
        ("e", "The capital is", "Paris", "f1", {}),
        ("q.jsonl:3", "p", "t", None, {"a": 1}),
    ]
    kept = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(entry["line"], entry["reason"]) for entry in kept] == [
        (4, "names fact 'f9', which is not loaded; load its facts first"),
        (5, "no field 'prompt' or 'inputs_plaintext'; the record has: id, target"),
    ]
    assert json.loads(kept[0]["record"])["fact_id"] == "f9"


@pytest.fixture
def labeled(database: Database, tmp_path: Path) -> Database:
    """A database with documents d1 (in two corpora) and d2, fact f1 and query f1."""
    load_documents(database, [write(tmp_path / "c.jsonl", [{"id": i, "text": "t"} for i in ("d1", "d2")])], "c")
    load_documents(database, [write(tmp_path / "x.jsonl", [{"id": "d1", "text": "t"}])], "x")
    load_facts(database, [write(tmp_path / "f.jsonl", [FACT])], "q")
    return database


LABELS = "SELECT fact_id, query_id IS NOT NULL, score, labeler FROM trackstar.entailment_label ORDER BY 1, 2, 4"


def test_labels_are_scores_or_booleans_of_facts_or_queries(labeled: Database, tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text(
        "document_id,fact_id,query_id,score,is_entailed,labeler\nd2,f1,,0.25,,nli\nd2,,f1,,TRUE,human\nd2,f1,,,false,\n"
    )
    options = LabelDefaults(labeler="default")
    expected = [("f1", False, 0.0, "default"), ("f1", False, 0.25, "nli"), (None, True, 1.0, "human")]
    assert counts(load_labels(labeled, [path], options)) == (3, 3, 0, 0, 0)
    assert rows(labeled, LABELS) == expected
    assert counts(load_labels(labeled, [path], options)) == (3, 0, 0, 3, 0)
    assert rows(labeled, LABELS) == expected


def test_a_label_with_another_score_follows_the_conflict_rule(labeled: Database, tmp_path: Path) -> None:
    label = {"document_id": "d2", "fact_id": "f1", "labeler": "nli", "score": 0.25}
    load_labels(labeled, [write(tmp_path / "a.jsonl", [label])])
    path = write(tmp_path / "b.jsonl", [{**label, "score": 0.5}])
    assert counts(load_labels(labeled, [path])) == (1, 0, 0, 1, 0)
    with pytest.raises(ConflictingRecord):
        load_labels(labeled, [path], options=ERROR)
    assert counts(load_labels(labeled, [path], options=UPDATE)) == (1, 0, 1, 0, 0)
    assert rows(labeled, LABELS) == [("f1", False, 0.5, "nli")]


WRONG_LABELS: list[tuple[dict[str, object], str]] = [
    ({"document_id": "d1"}, "which is in c, x; say which with --corpus"),
    ({"document_id": "d9"}, "names document 'd9', which is not loaded"),
    ({"corpus": "x"}, "names document 'd2', which corpus 'x' does not hold"),
    ({"fact_id": "f9"}, "names fact 'f9', which is not loaded"),
    ({"fact_id": None, "query_id": "q9"}, "names query 'q9', which is not loaded"),
    ({"query_id": "f1"}, "has both fact_id and query_id"),
    ({"fact_id": None}, "has neither fact_id nor query_id"),
    ({"score": 1.5}, "field 'score' is 1.5; expected a number from 0 to 1"),
    ({"score": "high"}, "field 'score' is a string ('high'); expected a number from 0 to 1"),
    ({"score": None}, "no field 'score' or 'is_entailed'"),
    ({"score": None, "is_entailed": "maybe"}, "expected a boolean"),
    ({"labeler": None}, "no field 'labeler'"),
]


def test_a_label_that_says_too_little_or_names_what_is_not_there_is_rejected(labeled: Database, tmp_path: Path) -> None:
    label = {"document_id": "d2", "fact_id": "f1", "labeler": "nli", "score": 0.25}
    path = write(tmp_path / "a.jsonl", [{**label, **change} for change, _ in WRONG_LABELS])
    rejects = tmp_path / "rejects.jsonl"
    summary = load_labels(labeled, [path], options=LoadOptions(rejects=rejects))
    assert counts(summary) == (len(WRONG_LABELS), 0, 0, 0, len(WRONG_LABELS))
    for line, (_, reason) in zip(rejects.read_text().splitlines(), WRONG_LABELS, strict=True):
        assert reason in json.loads(line)["reason"]
    with pytest.raises(InvalidRecord, match=f"all {len(WRONG_LABELS)} records were rejected"):
        summary.require_some()


def test_a_named_corpus_says_which_document_is_meant(labeled: Database, tmp_path: Path) -> None:
    label = {"document_id": "d1", "fact_id": "f1", "labeler": "nli", "score": 1}
    path = write(tmp_path / "a.jsonl", [{**label, "corpus": "c"}, label])
    assert counts(load_labels(labeled, [path], LabelDefaults(corpus="x"))) == (2, 2, 0, 0, 0)
