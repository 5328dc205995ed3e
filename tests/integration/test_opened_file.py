"""A file of results opened for the viewer: every field name there is, a database that goes, nothing else touched."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.results_format import FULL, LEAST, NEEDED, OLD, OPTIONAL, check_format, record, write
from tests.integration.runs import run_named
from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.errors import InvalidRecord, UnreadableSource
from trackstar_db.viewer import downloads, heat_maps, lists
from trackstar_db.viewer.answers import Answer, answer
from trackstar_db.viewer.filters import parse_filter
from trackstar_db.viewer.lists import View
from trackstar_db.viewer.means import means
from trackstar_db.viewer.opened_file import PREFIX, opened_file
from trackstar_db.viewer.statements import Statements


@contextmanager
def opened(path: Path, server: EmbeddedServer) -> Iterator[tuple[Statements, lists.Run, list[str]]]:
    """The file's run as a reader sees it, and what was told while it was opened."""
    told: list[str] = []
    with (
        opened_file(path, server, told.append) as database,
        psycopg.connect(database.as_role("tda_reader").conninfo) as connection,
    ):
        statements = Statements(connection)
        (run,) = lists.runs(statements)
        yield statements, run, told


def left(server: EmbeddedServer) -> list[Any]:
    with psycopg.connect(server.url(database="postgres")) as connection:
        return connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (PREFIX,)
        ).fetchall()


def answers(statements: Statements, run: lists.Run) -> list[Answer]:
    return [answer(statements, run, query.query_id) for query in lists.page(statements, run, View()).queries]


def test_files_with_every_name_open_and_their_records_come_out_as_they_went_in(
    test_server: EmbeddedServer, tmp_path: Path
) -> None:
    path = tmp_path / 'a "file" <b>{{7*7}}\x1b[2J%s.jsonl'
    name = 'a "file" <b>{{7_7}}\x1b_2J%s.jsonl'
    write(path, FULL, OLD, LEAST)
    with opened(path, test_server) as (statements, run, told):
        assert told == []
        assert (run.name, run.queries, run.is_imported, run.is_refreshed) == (name, 3, True, True)
        full, old, least = answers(statements, run)
        assert full.prediction is not None
        assert (full.prediction.samples, full.prediction.confidence) == (["Paris", "Lyon", ""], FULL["8b_confidence"])
        assert (full.task, full.relation, full.fact_frequency, full.frequency_bucket) == ("trex", "capital", 113, 2)
        assert full.has_annotated_document is True
        (first, second) = full.proponents
        assert (first.is_correct, first.ais_score, first.rank_before) == (True, 0.9, 1)
        assert first.best_window == "the capital"
        assert (second.is_correct, second.ais_score, second.rank_before) == (False, None, 7)
        assert [one.score for one in full.opponents] == FULL["opponent_scores"]
        assert old.prediction is not None
        assert (old.prediction.samples, old.prediction.confidence, old.ground_truth) == (["a"], 1, "x")
        assert (old.fact_frequency, old.frequency_bucket) == (0, 0)
        assert (least.proponents, least.prediction, least.fact, least.ground_truth) == ([], None, None, None)
        written = [
            json.loads(line)
            for line in b"".join(downloads.jsonl(lambda: nullcontext(statements), run, View())).splitlines()
        ]
    # Numbers of fields that nobody knows may be written otherwise.
    dropped = dict.fromkeys(("", "query_set", "unknown"))
    for one in written:
        check_format(one)
    assert set(NEEDED | OPTIONAL) <= set(written[0])
    assert set(written[2]) == set(NEEDED)
    assert {**written[0], **dropped} == {**FULL, **dropped}
    assert {**written[1], "query_set": None} == {
        "query_set": None, "example_id": "t1", "inputs_plaintext": "", "targets_plaintext": "x", "proponent_ids": ["1"],
        "proponents": ["one"], "proponent_scores": [3], "8b_generations": ["a"], "8b_confidence": 1, "c4_frequency": 0,
        "c4_frequency_bucket": 0, "groundtruth": "x",
    }  # fmt: skip
    assert left(test_server) == []


def test_what_was_written_opens_again_and_says_the_same(test_server: EmbeddedServer, tmp_path: Path) -> None:
    first, second = write(tmp_path / "one.jsonl", FULL, OLD, LEAST), tmp_path / "two.jsonl"
    with opened(first, test_server) as (statements, run, _):
        written = b"".join(downloads.jsonl(lambda: nullcontext(statements), run, View()))
    second.write_bytes(written)
    with opened(second, test_server) as (statements, run, _):
        assert b"".join(downloads.jsonl(lambda: nullcontext(statements), run, View())) == written


def test_one_id_of_two_tasks_is_two_queries(test_server: EmbeddedServer, tmp_path: Path) -> None:
    records = [
        record(task="a", targets_plaintext="first"),
        record(task="b", targets_plaintext="second"),
        record(query_set="c", example_id=None, trex_id="e1", targets_plaintext="third"),
    ]
    with opened(write(tmp_path / "r.jsonl", *records), test_server) as (statements, run, told):
        assert told == []
        shown = [(one.external_id, one.task, one.target) for one in answers(statements, run)]
        written = [
            json.loads(line)
            for line in b"".join(downloads.jsonl(lambda: nullcontext(statements), run, View())).splitlines()
        ]
    assert shown == [("e1", "a", "first"), ("e1 (b)", "b", "second"), ("e1 (c)", None, "third")]
    assert [one["example_id"] for one in written] == ["e1"] * 3


def test_an_opened_file_is_sorted_filtered_and_averaged_by_what_it_says(
    test_server: EmbeddedServer, tmp_path: Path
) -> None:
    records = [
        record(
            example_id=f"e{n}", fact_id=f"f{n}", relation=("capital", "river")[n % 2], task=("a", "b")[n % 2],
            c4_frequency=10**n, **{"8b_confidence": n / 10, "is_8b_correct": n > 2},
            proponent_correct=[n == 4, n > 1], proponent_ais_scores=[0.1 * n, None], has_trex_sentence=n != 3,
        )
        for n in range(6)
    ]  # fmt: skip
    path = tmp_path / "results.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(one) + "\n" for one in records).encode()))
    with opened(path, test_server) as (statements, run, _):

        def ids(text: str, sort: str = "position") -> list[str]:
            page = lists.page(statements, run, View(parse_filter(text), sort))
            return [query.external_id for query in page.queries]

        assert ids("", "confidence") == ids("", "frequency") == ids("", "ais") == [f"e{n}" for n in (5, 4, 3, 2, 1, 0)]
        assert ids("", "mrr") == ["e4", "e2", "e3", "e5", "e0", "e1"]
        assert ids("correct and confidence > 0.3") == ["e4", "e5"]
        assert ids('relation = "river" and bucket >= 3') == ["e3", "e5"]
        assert ids('task = "a"') == ["e0", "e2", "e4"]
        assert ids("not annotated") == ["e3"]
        found = means(statements, run, parse_filter(""))
        assert found.annotation.mrr == pytest.approx((1 + 0.5 * 3) / 6)
        assert (found.annotation.recall_at_10, found.ais.recall_at_10) == pytest.approx((4 / 6, 0))
        assert means(statements, run, parse_filter(""), 0.35).ais.recall_at_10 == pytest.approx(2 / 6)
        assert [(chip.name, chip.queries) for chip in lists.chips(statements, run).tasks] == [("a", 3), ("b", 3)]
        assert {row.relation for row in heat_maps.heat_map(statements, run, "mrr").rows} == {"capital", "river"}


def test_a_record_that_does_not_say_which_proponents_are_correct_is_not_judged(
    test_server: EmbeddedServer, tmp_path: Path
) -> None:
    about = [{"fact_id": "f1"}, {"relation": "river"}, {"c4_frequency": 50}, {"has_trex_sentence": False}]
    judged = record(example_id="judged", fact_id="f1", relation="river", proponent_correct=[False, True])
    records = [judged, *(record(example_id=f"e{n}", **said) for n, said in enumerate(about)), OLD]
    with opened(write(tmp_path / "r.jsonl", *records), test_server) as (statements, run, told):
        assert told == []
        listed = lists.page(statements, run, View()).queries
        assert [one.reciprocal_rank for one in listed] == [0.5, None, None, None, None, None]
        assert [one.relation for one in listed] == ["river", None, "river", None, None, None]
        assert (listed[3].fact_frequency, listed[4].has_annotated_document) == (50, False)
        assert means(statements, run, parse_filter("")).annotation.queries == 1
        first, *silent = answers(statements, run)
        assert [one.is_correct for one in first.proponents] == [False, True]
        assert {one.is_correct for answer in silent for one in answer.proponents} == {None}
        assert {(answer.fact, answer.annotation.reciprocal_rank) for answer in silent} == {(None, None)}
        written = [
            json.loads(line)
            for line in b"".join(downloads.jsonl(lambda: nullcontext(statements), run, View())).splitlines()
        ]
    assert [one.get("fact_id") for one in written] == ["f1", "f1", None, None, None, None]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, None),
        ({"groundtruth": " t"}, None),
        ({"groundtruth": ["x", "t"]}, None),
        ({"ground_truth": "x"}, "t"),
        ({"groundtruth": ["x", "y"]}, "t"),
    ],
)
def test_a_record_s_target_is_what_the_model_said_where_the_ground_truth_is_another(
    test_server: EmbeddedServer, tmp_path: Path, said: dict[str, object], expected: str | None
) -> None:
    path = write(tmp_path / "r.jsonl", record(is_8b_correct=False, **said))
    with opened(path, test_server) as (statements, run, _):
        (prediction,) = (one.prediction for one in answers(statements, run))
    assert prediction is not None
    assert (prediction.greedy_answer, prediction.is_correct) == (expected, False)


def test_records_that_are_wrong_are_left_out_and_told(test_server: EmbeddedServer, tmp_path: Path) -> None:
    wrong = record(example_id="e2", proponent_scores=["x", 1])
    path = write(tmp_path / "r.jsonl", record(), wrong, record(proponent_scores=[3.0, 1.0]))
    with opened(path, test_server) as (_, run, told):
        assert run.queries == 1
    left_out, differing = told
    assert left_out.startswith("1 of 3 records were left out. The first, line 2 of ")
    assert differing.startswith("1 of 3 records have the id of one before, and say something else")
    assert "--" not in "".join(told)


def cut_off(path: Path) -> Path:
    path.write_bytes(gzip.compress(json.dumps(record()).encode() * 100)[:-20])
    return path


def test_a_file_that_is_none_is_refused_and_leaves_no_database(test_server: EmbeddedServer, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    for path, kind, said in (
        (tmp_path / "nothing", UnreadableSource, "is not a file"),
        (tmp_path, UnreadableSource, "is not a file"),
        (empty, UnreadableSource, "has no records"),
        (write(tmp_path / "wrong.jsonl", {"a": 1}), InvalidRecord, "no record that can be shown. The first, line 1"),
        (cut_off(tmp_path / "cut.jsonl.gz"), UnreadableSource, r"no end. Get the whole file.$"),
    ):
        with pytest.raises(kind, match=said), opened_file(path, test_server):
            pass
    assert left(test_server) == []


def test_what_a_killed_program_left_over_is_dropped_at_the_next_opening_and_what_is_open_stays(
    test_server: EmbeddedServer, tmp_path: Path
) -> None:
    with psycopg.connect(test_server.url(database="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {PREFIX}left")  # type: ignore[arg-type]
    path = write(tmp_path / "r.jsonl", record())
    with opened(path, test_server) as (statements, run, _), opened(path, test_server):
        assert len(left(test_server)) == 2
        assert (f"{PREFIX}left",) not in left(test_server)
        assert run_named(statements, run.name) == run
    assert left(test_server) == []


def test_a_spreadsheet_finds_no_formula_in_csv(test_server: EmbeddedServer, tmp_path: Path) -> None:
    harmful = ["=1+1", "@SUM(A1)", "+x", "-x", "  =1+1", "\n=1+1", "\n1", "\t1", "＝1+1", "＋1", "－1", "＠SUM(A1)"]
    records = [
        record(example_id=f"e{n}", inputs_plaintext=text, proponents=[text, "b"], proponent_ids=[f"d{n}", "b"])
        for n, text in enumerate(harmful)
    ]
    with opened(write(tmp_path / "r.jsonl", *records), test_server) as (statements, run, _):
        listed = b"".join(downloads.csv(lambda: nullcontext(statements), run, View())).decode()
        (first, *_) = lists.page(statements, run, View()).queries
        answered = downloads.answer_csv(statements, run, first.query_id).decode()
    assert [row["prompt"] for row in csv.DictReader(io.StringIO(listed))] == [f"'{text}" for text in harmful]
    assert [row["text"] for row in csv.DictReader(io.StringIO(answered))] == ["'=1+1", "b"]
