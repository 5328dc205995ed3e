"""Every bad input has a defined outcome: the table of trackstar_db.loaders.records, line by line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackstar_db.database.engine import Database
from trackstar_db.errors import InputError, UnreadableSource
from trackstar_db.loaders import LoadOptions, LoadSummary, load_documents, load_facts, load_queries, load_sentences
from trackstar_db.loaders.staging import RowsRefused, stage

GOOD = b'{"id": "good", "text": "A good one."}\n'
DEEP = "[" * 250 + "]" * 250


def counts(summary: LoadSummary) -> tuple[int, ...]:
    return summary.read, summary.inserted, summary.updated, summary.skipped, summary.rejected


def stored(database: Database) -> list[Any]:
    with database.connect() as connection:
        return connection.execute(
            "SELECT external_id, text, metadata FROM trackstar.document ORDER BY document_id"
        ).fetchall()


WRONG_LINES = [
    (b'{"id": 1, "text": "a\\u0000b"}', "field 'text' holds a NUL character"),
    (b'{"id": 1, "text": "a\0b"}', "not valid JSON (Invalid control character"),
    (b'{"id": 1, "text": "t", "m": {"k": ["\\u0000"]}}', "field 'm' holds a NUL character"),
    (b'{"id": 1, "text": "t", "\\u0000": 1}', "holds a NUL character"),
    (b'{"id": "\\u0000", "text": "t"}', "field 'id' holds a NUL character"),
    (b'{"id": 1, "text": "a\xffb"}', "not valid UTF-8 (byte 0xff at offset 20)"),
    (b'{"id": 1, "text": "\xed\xa0\x80"}', "not valid UTF-8"),
    (b'{"id": 1, "text": "\\ud800"}', "field 'text' holds a lone surrogate (U+D800)"),
    (b'{"id": 1, "text": "t", "m": "\\udfff"}', "field 'm' holds a lone surrogate"),
    (b'{"id": 1, "text": "t", "\\ud800": 1}', "holds a lone surrogate"),
    (b'{"id": 1, "text": ""}', "field 'text' is empty"),
    (b'{"id": 1, "text": " \\n\\t\\u00a0"}', "field 'text' is empty"),
    (
        b'{"id": 1, "body": "t"}',
        "no field 'text'; the record has: id, body; name the text's field with --text-",
    ),
    (b'{"id": 1, "text": null}', "field 'text' is null; the record has: id, text"),
    (b'{"id": 1, "text": 3}', "field 'text' is a number (3); expected a string"),
    (b'{"id": 1, "text": ["t"]}', "field 'text' is an array (['t']); expected a string"),
    (b'{"id": true, "text": "t"}', "field 'id' is a boolean (True); expected a string or an integer"),
    (b'{"id": 1.5, "text": "t"}', "field 'id' is a number (1.5)"),
    (b'{"id": "", "text": "t"}', "field 'id' is empty"),
    (b'{"id": "%s", "text": "t"}' % (b"x" * 1001), "field 'id' is longer than 1,000 bytes"),
    (b'{"id": 1, "text": "t"', "not valid JSON"),
    (b"[1, 2]", "found an array; expected one JSON object a line (a file that is one array"),
    (b'"text"', "found a string; expected one JSON object"),
    (b"{", "becomes lines with: jq -c ."),
    (b'{"id": 1, "text": "t", "text": "u"}', "field 'text' stands twice"),
    (b'{"id": 1, "text": "t", "m": {"a": 1, "a": 1}}', "field 'a' stands twice"),
    (b'{"id": 1, "text": "t", "n": NaN}', "holds NaN, which is not JSON"),
    (b'{"id": 1, "text": "t", "n": -Infinity}', "holds -Infinity"),
    (b'{"id": 1, "text": "t", "n": 1e999}', "field 'n' holds NaN or Infinity"),
    (b'{"id": 1, "text": "t", "n": %s}' % (b"9" * 5000), "holds a number that cannot be kept"),
    (
        b'{"id": 1, "text": "t", "n": %s}' % DEEP.encode(),
        "nested too deeply; expected at most 200 levels",
    ),
    (b'{"id": 1, "text": "t", "n": %s}' % (DEEP * 400).encode(), "not valid JSON"),
    (b'{"id": 1, "text": "t", "n": %s}' % (b"[" * 99999 + b"]" * 99999), "nested too deeply"),
    (
        b'{"id": 1, "text": "t", "url": "a", "metadata": {"url": "b"}}',
        "'url' stands in the record and in its met",
    ),
]


def test_a_wrong_line_is_rejected_with_its_reason_and_the_rest_is_loaded(database: Database, tmp_path: Path) -> None:
    path, rejects = tmp_path / "a.jsonl", tmp_path / "rejects.jsonl"
    path.write_bytes(b"\n" + b"".join(line + b"\n" for line, _ in WRONG_LINES) + GOOD)
    summary = load_documents(database, [path], "c", options=LoadOptions(rejects=rejects))
    assert stored(database) == [("good", "A good one.", {})]
    assert counts(summary) == (len(WRONG_LINES) + 1, 1, 0, 0, len(WRONG_LINES))
    kept = [json.loads(line) for line in rejects.read_text(encoding="utf-8").splitlines()]
    assert [entry["line"] for entry in kept] == list(range(2, len(WRONG_LINES) + 2))
    for entry, (line, reason) in zip(kept, WRONG_LINES, strict=True):
        assert reason in entry["reason"]
        assert entry["record"] == line.decode("utf-8", "backslashreplace")[:1000]
        assert entry["source"] == str(path)
    assert summary.first_rejection == f"line 2 of {path}: {kept[0]['reason']}"


def test_what_looks_wrong_and_is_not_is_loaded(database: Database, tmp_path: Path) -> None:
    lines = [
        rb'{"id": "backslash", "text": "\\u0000 and \\ud800 as text", "m": "\\u0000"}',
        b'{"id": "pair", "text": "\\ud83d\\ude00"}',
        b'{"id": "big", "text": "t", "n": %s}' % (b"9" * 4000),
        b'{"id": "deep", "text": "t", "n": %s}' % ("[" * 150 + "]" * 150).encode(),
        b'{"id": "many", "text": "t", "n": [%s]}' % b",".join([b"{}"] * 500),
        b'{"id": 12345678901234567890123, "text": "\\u200b"}',
    ]
    (tmp_path / "a.jsonl").write_bytes(b"\r\n".join(lines))
    assert counts(load_documents(database, [tmp_path / "a.jsonl"], "c")) == (6, 6, 0, 0, 0)
    found = {external_id: (text, metadata) for external_id, text, metadata in stored(database)}
    assert found["backslash"] == ("\\u0000 and \\ud800 as text", {"m": "\\u0000"})
    assert found["pair"] == ("😀", {})
    assert found["big"][1] == {"n": 10**4000 - 1}
    assert found["12345678901234567890123"] == ("\u200b", {})


FACT = {
    "fact_id": "f",
    "entity0": "a",
    "relation": "r",
    "entity1": "b",
    "entity0_uri": "Q1",
    "predicate_uri": "P1",
    "entity1_uri": "Q2",
}


WRONG_FACTS: list[tuple[dict[str, object], str]] = [
    ({"fact_id": None}, "field 'fact_id' is null"),
    ({"entity0_uri": None}, "field 'entity0_uri' is null"),
    ({"predicate_uri": 3.5}, "field 'predicate_uri' is a number (3.5)"),
    ({"relation": " "}, "field 'relation' is empty"),
    ({"entity1": ["b"]}, "field 'entity1' is an array"),
    ({"entity0_alias": "x"}, "field 'entity0_alias' is a string ('x'); expected an array of strings"),
    ({"entity0_alias": [1]}, "field 'entity0_alias[]' is a number (1)"),
    ({"trex_sentences": "s1"}, "expected an array of ids"),
    ({"trex_sentences": [None]}, "field 'trex_sentences[]' is null; expected a string or an integer"),
    ({"is_repetition": "maybe"}, "field 'is_repetition' is a string ('maybe'); expected a boolean"),
    ({"c4_frequency": -1}, "field 'c4_frequency' is -1; expected an integer from 0"),
    ({"c4_frequency": 1.5}, "field 'c4_frequency' is a number (1.5); expected an integer"),
    ({"c4_frequency": "-1"}, "field 'c4_frequency' is -1; expected an integer from 0"),
    ({"c4_frequency": "1_000"}, "field 'c4_frequency' is a string ('1_000'); expected an integer"),
    ({"c4_frequency": "1.0"}, "field 'c4_frequency' is a string ('1.0'); expected an integer"),
    ({"c4_frequency": "9" * 5000}, "field 'c4_frequency' is a string"),
    ({"prompt0": 1}, "field 'prompt0' is a number (1)"),
]


def test_a_wrong_fact_is_rejected_and_leaves_no_entity_behind(database: Database, tmp_path: Path) -> None:
    path, rejects = tmp_path / "a.jsonl", tmp_path / "rejects.jsonl"
    path.write_text("\n".join(json.dumps({**FACT, **change}) for change, _ in WRONG_FACTS))
    summary = load_facts(database, [path], options=LoadOptions(rejects=rejects))
    assert counts(summary) == (len(WRONG_FACTS), 0, 0, 0, len(WRONG_FACTS))
    for line, (_, reason) in zip(rejects.read_text().splitlines(), WRONG_FACTS, strict=True):
        assert reason in json.loads(line)["reason"]
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM trackstar.entity").fetchone() == (0,)


def test_a_sentence_whose_facts_are_no_list_is_rejected(database: Database, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"sentence_id": "s", "text": "t", "fact_triples": "f1"}')
    assert counts(load_sentences(database, [tmp_path / "a.jsonl"], "c")) == (1, 0, 0, 0, 1)


def test_of_a_cut_gzip_all_before_the_cut_is_kept_and_the_whole_file_continues_there(
    database: Database, tmp_path: Path
) -> None:
    records = [{"id": n, "text": f"Text {n}.", "digest": f"{n * 7919:x}" * 9} for n in range(3000)]
    whole = gzip.compress("".join(json.dumps(record) + "\n" for record in records).encode(), mtime=0)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableSource, match="cut off"):
        load_documents(database, [path], "c")
    before = len(stored(database))
    assert 1000 < before < 2000
    with database.connect() as connection:
        assert connection.execute("SELECT finished_at FROM trackstar.load").fetchall() == [(None,)]
    path.write_bytes(whole)
    assert counts(load_documents(database, [path], "c")) == (3000, 3000 - before, 0, before, 0)
    assert [external_id for external_id, _, _ in stored(database)] == [str(n) for n in range(3000)]
    with database.connect() as connection:
        assert connection.execute("SELECT count(*), count(finished_at) FROM trackstar.load").fetchall() == [(1, 1)]


def test_a_source_that_cannot_be_opened_leaves_nothing_behind(database: Database, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(UnreadableSource, match="is not gzip"):
        load_documents(database, [tmp_path / "a.jsonl.gz"], "c")
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM trackstar.load").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM trackstar.corpus").fetchone() == (0,)


def test_a_record_of_50_mb_is_loaded_and_one_beyond_the_limit_is_rejected(database: Database, tmp_path: Path) -> None:
    text = 'Zeile \\ "ä" \t' * 4_000_000  # 56 MB as UTF-8, more as JSON
    with (tmp_path / "a.jsonl").open("w", encoding="utf-8") as file:
        file.write(json.dumps({"id": "large", "text": text}, ensure_ascii=False) + "\n")
        file.write('{"id": "too large", "text": "')
        for _ in range(260):
            file.write("x" * 1024**2)
        file.write('"}\n{"id": "small", "text": "s"}\n')
    summary = load_documents(database, [tmp_path / "a.jsonl"], "c")
    assert counts(summary) == (3, 2, 0, 0, 1)
    assert "line 2" in (summary.first_rejection or "")
    assert "longer than 256 MiB" in (summary.first_rejection or "")
    with database.connect() as connection:
        sizes = connection.execute(
            "SELECT external_id, octet_length(text), text = %s FROM trackstar.document ORDER BY 1", (text,)
        ).fetchall()
    assert sizes == [("large", len(text.encode()), True), ("small", 1, False)]


def test_what_only_postgresql_refuses_is_found_row_by_row(database: Database) -> None:
    """The net below the contract: rows that COPY refuses are named by line, with the reason."""
    metadata = ["{}", '{"a": 1', "{}", '{"n": 1e999999}', "{}"]
    rows = [(line, (f"d{line}", "t", text, b"\0" * 32)) for line, text in enumerate(metadata, start=11)]
    with database.connect() as connection:
        with pytest.raises(RowsRefused) as raised:
            stage(connection, "document", rows)
        assert raised.value.reasons == {
            12: "PostgreSQL cannot keep it: invalid input syntax for type json",
            14: "PostgreSQL cannot keep it: value overflows numeric format",
        }
        stage(connection, "document", [row for row in rows if row[0] not in raised.value.reasons])
        found = connection.execute("SELECT external_id FROM pg_temp.load_document ORDER BY place").fetchall()
    assert found == [("d11",), ("d13",), ("d15",)]


def test_values_that_json_has_not_become_strings_or_are_rejected(database: Database, tmp_path: Path) -> None:
    import datetime
    import decimal

    at = datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)
    table = pa.Table.from_pylist(
        [
            {"id": 1, "text": "t", "at": at, "price": decimal.Decimal("1.50"), "raw": None, "x": 1.5},
            {"id": 2, "text": "t", "at": None, "price": None, "raw": b"\xff", "x": None},
            {"id": 3, "text": "t", "at": None, "price": None, "raw": None, "x": float("nan")},
        ]
    )
    pq.write_table(table, tmp_path / "a.parquet")
    rejects = tmp_path / "r.jsonl"
    load_documents(database, [tmp_path / "a.parquet"], "c", options=LoadOptions(rejects=rejects))
    assert stored(database) == [("1", "t", {"at": "2024-05-06T07:08:09+00:00", "price": "1.50", "raw": None, "x": 1.5})]
    reasons = [json.loads(line)["reason"] for line in rejects.read_text().splitlines()]
    assert "field 'raw' holds bytes" in reasons[0]
    assert "field 'x' holds NaN" in reasons[1]


def test_rejects_must_be_writable_and_no_source(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(GOOD)
    with pytest.raises(InputError, match="is one of the files to load"):
        load_documents(database, [path], "c", options=LoadOptions(rejects=path))
    with pytest.raises(InputError, match="cannot write --rejects"):
        load_documents(database, [path], "c", options=LoadOptions(rejects=tmp_path / "no" / "r.jsonl"))
    assert path.read_bytes() == GOOD
    assert stored(database) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=[])), min_size=1, max_size=20),
    is_ascii=st.booleans(),
)
def test_any_text_comes_out_of_the_database_as_it_went_into_the_file_or_is_rejected(
    database: Database, tmp_path: Path, texts: list[str], is_ascii: bool
) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        for number, text in enumerate(texts):
            line = json.dumps({"id": number, "text": text, "copy": text}, ensure_ascii=is_ascii) + "\n"
            file.write(line.encode("utf-8", "surrogatepass"))
    with database.connect() as connection:
        connection.execute("DELETE FROM trackstar.document")
    summary = load_documents(database, [path], "c")
    fit = {str(n): text for n, text in enumerate(texts) if is_fit(text)}
    assert {external_id: text for external_id, text, _ in stored(database)} == fit
    assert all(metadata == {"copy": text} for _, text, metadata in stored(database))
    assert counts(summary) == (len(texts), len(fit), 0, 0, len(texts) - len(fit))


def is_fit(text: str) -> bool:
    return bool(text.strip()) and "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def test_a_load_of_nothing_but_rejects_makes_no_corpus_and_no_query_set(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_text('{"words": "no text, no prompt"}\n', encoding="utf-8")
    assert load_documents(database, [path], "empty").rejected == 1
    assert load_queries(database, [path], "empty").rejected == 1
    with database.connect() as connection:
        for table in ("corpus", "query_set"):
            assert connection.execute(f"SELECT count(*) FROM trackstar.{table}").fetchone() == (0,)  # type: ignore[arg-type]  # noqa: S608
