"""Readers: which sources a path has, and what parts and records a source has."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from trackstar_db.errors import InvalidRecord, UnreadableSource
from trackstar_db.loaders.readers import Reader, Split, find_sources, read_parts
from trackstar_db.loaders.readers.parsing import parse_json_object

RECORDS = [{"id": f"d{number}", "text": f"Text number {number}, with é."} for number in range(25)]


def jsonl(records: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def records_of(path: Path, reader: Reader = "auto", split: Split = "file") -> list[dict[str, object]]:
    sources = find_sources([path], reader, split).sources
    return [raw.fields() for source in sources for part in read_parts(source) for raw in part.records()]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of ten records, so that a small file has several."""
    for module in ("lines", "arrow", "parquet"):
        monkeypatch.setattr(f"trackstar_db.loaders.readers.{module}.PART_RECORDS", 10)


def write_parquet(path: Path, records: list[dict[str, object]]) -> None:
    pq.write_table(pa.Table.from_pylist(records), path, row_group_size=10)


def write_arrow(path: Path, records: list[dict[str, object]]) -> None:
    table = pa.Table.from_pylist(records)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table, max_chunksize=10)


def write_csv(path: Path, records: list[dict[str, object]]) -> None:
    rows = [",".join(f'"{value}"' for value in record.values()) for record in records]
    path.write_text("\n".join([",".join(records[0]), *rows]) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.jsonl", lambda path, records: path.write_bytes(jsonl(records))),
        ("a.ndjson", lambda path, records: path.write_bytes(jsonl(records))),
        ("a.json", lambda path, records: path.write_bytes(jsonl(records))),
        ("a.jsonl.gz", lambda path, records: path.write_bytes(gzip.compress(jsonl(records)))),
        ("a.jsonl.zst", lambda path, records: path.write_bytes(zstandard.compress(jsonl(records)))),
        ("unsaid.jsonl", lambda path, records: path.write_bytes(gzip.compress(jsonl(records)))),
        ("two-members.jsonl.gz", lambda path, records: path.write_bytes(
            gzip.compress(jsonl(records[:7])) + gzip.compress(jsonl(records[7:])))),
        ("two-frames.jsonl.zst", lambda path, records: path.write_bytes(
            zstandard.compress(jsonl(records[:7])) + zstandard.compress(jsonl(records[7:])))),
        ("with-mark.jsonl", lambda path, records: path.write_bytes(b"\xef\xbb\xbf" + jsonl(records))),
        ("crlf.jsonl", lambda path, records: path.write_bytes(jsonl(records).replace(b"\n", b"\r\n"))),
        ("blanks.jsonl", lambda path, records: path.write_bytes(jsonl(records).replace(b"\n", b"\n \n\n"))),
        ("no-last-newline.jsonl", lambda path, records: path.write_bytes(jsonl(records)[:-1])),
        ("a.parquet", write_parquet),
        ("a.arrow", write_arrow),
        ("a.csv", write_csv),
    ],
)  # fmt: skip
def test_every_format_gives_the_same_records(
    tmp_path: Path, name: str, write: Callable[[Path, list[dict[str, object]]], object]
) -> None:
    path = tmp_path / name
    write(path, RECORDS)
    assert records_of(path) == RECORDS


def test_a_tab_separated_file_is_read_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('id\ttext\n1\tone, two\n2\t"three\tfour\nfive"\n')
    assert records_of(tmp_path / "a.tsv") == [
        {"id": "1", "text": "one, two"},
        {"id": "2", "text": "three\tfour\nfive"},
    ]


def test_the_separator_goes_by_the_name_of_the_file_and_not_of_its_folder(tmp_path: Path) -> None:
    make(tmp_path, "old.tsv/a.csv")
    (tmp_path / "old.tsv" / "a.csv").write_text("id,text\n1,one\n")
    assert records_of(tmp_path) == [{"id": "1", "text": "one"}]


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".arrow"])
def test_parts_are_numbered_bounded_and_known_by_their_content(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write = {
        ".jsonl": lambda p, r: p.write_bytes(jsonl(r)),
        ".parquet": write_parquet,
        ".arrow": write_arrow,
    }[suffix]

    def parts(records: list[dict[str, object]]) -> list[tuple[int, bytes, list[int]]]:
        write(path, records)
        source = find_sources([path]).sources[0]
        return [(p.number, p.digest, [raw.line for raw in p.records()]) for p in read_parts(source)]

    before = parts(RECORDS)
    assert [number for number, _, _ in before] == [0, 1, 2]
    assert [found for _, _, found in before] == [[*range(1, 11)], [*range(11, 21)], [*range(21, 26)]]
    assert parts(RECORDS) == before
    changed = parts([*RECORDS[:15], {"id": "d15", "text": "Another text"}, *RECORDS[16:]])
    assert [mine[1] == theirs[1] for mine, theirs in zip(before, changed, strict=True)] == [True, False, True]


def test_a_part_of_parquet_that_is_not_asked_for_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackstar_db.loaders.readers.parquet.PART_RECORDS", 4)
    write_parquet(tmp_path / "a.parquet", RECORDS)
    found = {}
    for part in read_parts(find_sources([tmp_path / "a.parquet"]).sources[0]):
        found[part.number] = [raw.fields()["id"] for raw in part.records()] if part.number in (2, 5) else []
    assert list(found) == list(range(8))  # row groups of 10, 10 and 5 rows: 4 + 4 + 2, the same, then 4 + 1
    assert (found[2], found[5]) == (["d8", "d9"], ["d18", "d19"])


@pytest.mark.parametrize(
    ("suffix", "compress"), [(".gz", lambda b: gzip.compress(b, mtime=0)), (".zst", zstandard.compress)]
)
@pytest.mark.parametrize("share", [0.3, 0.9, 0.9999])
def test_of_a_cut_file_every_whole_line_that_can_be_decompressed_comes_first(
    tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes], share: float
) -> None:
    records: list[dict[str, object]] = [{"id": n, "text": os.urandom(400).hex()} for n in range(2000)]
    whole = compress(jsonl(records))
    cut = whole[: int(len(whole) * share)]
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(cut)
    found: list[object] = []
    parts = read_parts(find_sources([path]).sources[0])
    with pytest.raises(UnreadableSource, match="cut off") as raised:
        found.extend(raw.fields() for part in parts for raw in part.records())
    assert str(path) in str(raised.value)
    assert found == records[: len(found)]
    text = decompressed_as_far_as_it_goes(cut, suffix)
    assert len(found) == text.count(b"\n")


def decompressed_as_far_as_it_goes(cut: bytes, suffix: str) -> bytes:
    import zlib

    decompressor = zlib.decompressobj(31) if suffix == ".gz" else zstandard.ZstdDecompressor().decompressobj()
    return decompressor.decompress(cut)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl.gz", b'{"text": "plain"}\n', "is not gzip"),
        ("a.jsonl.gz", b"", "is not gzip: it is empty"),
        ("a.jsonl.zst", b'{"text": "plain"}\n', "is not zstd"),
        ("a.jsonl.gz", b"\x1f\x8b" + b"junk" * 20, "cannot be read on"),
        ("a.jsonl", '{"text": "wide"}\n'.encode("utf-16"), "UTF-16"),
        ("a.parquet", b"PAR1 not at all", "as Parquet"),
        ("a.arrow", b"no arrow", "as Arrow"),
        ("a.csv", b"", None),
        ("a.csv", b"a,a\n1,2\n", "names a column twice"),
        ("a.csv", b"a,\n1,2\n", "without a name"),
        ("a.csv", b'"a\n', "no header"),
        ("a.bin", b"anything", "cannot tell the format"),
    ],
)
def test_a_source_that_is_not_what_it_seems_is_refused_with_its_path(
    tmp_path: Path, name: str, content: bytes, told: str | None
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    if told is None:
        assert records_of(path) == []
        return
    with pytest.raises(UnreadableSource, match=told) as raised:
        records_of(path)
    assert name in str(raised.value)


def test_a_damaged_row_group_is_an_unreadable_source(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(path, RECORDS)
    content = bytearray(path.read_bytes())
    content[4:200] = b"\xff" * 196
    path.write_bytes(content)
    with pytest.raises(UnreadableSource, match="Parquet"):
        records_of(path)


def test_a_missing_path_and_an_empty_folder_are_unreadable_sources(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match=r"nothing\.jsonl: No such file"):
        find_sources([tmp_path / "nothing.jsonl"])
    with pytest.raises(UnreadableSource, match="at least one file"):
        find_sources([tmp_path])
    (tmp_path / "picture.png").write_bytes(b"")
    with pytest.raises(UnreadableSource, match="--reader auto can read"):
        find_sources([tmp_path])


def test_a_path_that_the_ledger_cannot_index_is_an_unreadable_source(tmp_path: Path) -> None:
    path = tmp_path.joinpath(*["y" * 200] * 5, "a.jsonl")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    with pytest.raises(UnreadableSource, match="longer than 1000 bytes"):
        find_sources([path])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_an_unreadable_source(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}")
    path.chmod(0)
    with pytest.raises(UnreadableSource, match="Permission denied"):
        records_of(path)


def test_a_file_that_vanishes_before_it_is_read_is_an_unreadable_source(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}")
    source = find_sources([path]).sources[0]
    path.unlink()
    with pytest.raises(UnreadableSource, match="No such file"):
        list(read_parts(source))


def test_a_folder_gives_its_data_files_in_order_and_leaves_others_out(tmp_path: Path) -> None:
    for name in (
        "b.jsonl",
        "a/z.parquet",
        "README.md",
        ".hidden.jsonl",
        ".git/x.jsonl",
        "dataset_info.json",
        "c.png",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = find_sources([tmp_path])
    assert [(source.name, source.format) for source in found.sources] == [
        ("a/z.parquet", "parquet"),
        ("b.jsonl", "jsonl"),
    ]
    assert found.ignored == 2


def test_a_folder_of_text_files_is_one_source_with_a_document_for_each(tmp_path: Path) -> None:
    (tmp_path / "europe").mkdir()
    (tmp_path / "europe" / "france.md").write_bytes(b"\xef\xbb\xbfParis\r\n")
    (tmp_path / "africa.txt.gz").write_bytes(gzip.compress(b"Cairo"))
    assert len(find_sources([tmp_path]).sources) == 1
    assert records_of(tmp_path) == [
        {"id": "africa.txt.gz", "text": "Cairo"},
        {"id": "europe/france.md", "text": "Paris\r\n"},
    ]


def test_a_second_file_in_a_folder_of_text_does_not_change_the_id_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "europe").mkdir()
    (tmp_path / "europe" / "france.md").write_text("Paris")
    assert records_of(tmp_path) == [{"id": "europe/france.md", "text": "Paris"}]
    (tmp_path / "africa.txt").write_text("Cairo")
    assert [record["id"] for record in records_of(tmp_path)] == ["africa.txt", "europe/france.md"]


def names_of(*paths: Path, reader: Reader = "auto") -> list[str]:
    """The names that generated ids begin with, of every file of the sources."""
    sources = find_sources(paths, reader).sources
    return [source.name_of(path) for source in sources for path in source.files]


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_files_of_one_name_are_named_by_their_paths_in_their_common_folder(tmp_path: Path) -> None:
    make(tmp_path, "x/a/part.jsonl", "x/b/part.jsonl", "other.jsonl", "c/a/part.jsonl")
    a, b, other = tmp_path / "x/a/part.jsonl", tmp_path / "x/b/part.jsonl", tmp_path / "other.jsonl"
    assert names_of(a, other) == ["part.jsonl", "other.jsonl"]
    assert names_of(a, b, other) == ["a/part.jsonl", "b/part.jsonl", "other.jsonl"]
    assert names_of(a.parent, b.parent) == ["a/part.jsonl", "b/part.jsonl"]
    assert names_of(a, a) == ["part.jsonl", "part.jsonl"]  # the same documents
    # the first two would become a/part.jsonl and b/part.jsonl, and the folder has an a/part.jsonl of its own
    assert names_of(a, b, tmp_path / "c") == ["x/a/part.jsonl", "x/b/part.jsonl", "c/a/part.jsonl"]


def test_folders_of_text_with_files_of_one_name_are_named_with_their_folders(tmp_path: Path) -> None:
    make(tmp_path, "a/x.txt", "a/y.txt", "b/x.txt", "x.txt")
    assert names_of(tmp_path / "a", tmp_path / "b") == ["a/x.txt", "a/y.txt", "b/x.txt"]
    assert names_of(tmp_path / "b", tmp_path / "x.txt") == ["b/x.txt", "x.txt"]


def test_datasets_saved_by_hugging_face_are_named_apart_by_their_folders(tmp_path: Path) -> None:
    name = "data-00000-of-00001.arrow"
    make(tmp_path, f"one/{name}", f"two/{name}")
    for folder in ("one", "two"):
        (tmp_path / folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    assert names_of(tmp_path / "one") == [name]
    assert names_of(tmp_path / "one", tmp_path / "two") == [f"one/{name}", f"two/{name}"]


def test_shards_of_c4_are_known_by_their_names_unless_two_share_one(tmp_path: Path) -> None:
    shard = "c4-train.00000-of-01024.json.gz"
    make(tmp_path, f"c4/en/{shard}")
    assert names_of(tmp_path) == names_of(tmp_path / "c4/en" / shard) == [shard]
    make(tmp_path, f"c4/realnewslike/{shard}", "c4/en/c4-train.00001-of-01024.json.gz")
    assert names_of(tmp_path) == [f"en/{shard}", "c4-train.00001-of-01024.json.gz", f"realnewslike/{shard}"]


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("file", [("a.txt", "\none\ntwo\r\n\n \nthree\n")]),
        ("line", [("a.txt:2", "one"), ("a.txt:3", "two"), ("a.txt:6", "three")]),
        ("paragraph", [("a.txt:2", "one\ntwo"), ("a.txt:6", "three")]),
    ],
)
def test_text_is_split_as_asked_with_the_line_in_the_id(
    tmp_path: Path, split: Split, expected: list[tuple[str, str]]
) -> None:
    (tmp_path / "a.txt").write_bytes(b"\none\ntwo\r\n\n \nthree\n")
    assert [(r["id"], r["text"]) for r in records_of(tmp_path / "a.txt", split=split)] == expected


def test_a_dataset_saved_by_hugging_face_is_read_split_by_split(tmp_path: Path) -> None:
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    for split, records in (("train", RECORDS[:5]), ("test", RECORDS[5:8])):
        folder = tmp_path / split
        folder.mkdir()
        files = [{"filename": f"data-0000{n}-of-00002.arrow"} for n in (1, 0)]
        (folder / "state.json").write_text(json.dumps({"_data_files": files}))
        (folder / "dataset_info.json").write_text("{}")
        write_arrow(folder / files[0]["filename"], records[:2])
        write_arrow(folder / files[1]["filename"], records[2:])
    assert records_of(tmp_path) == RECORDS[:8]
    (tmp_path / "test" / "data-00000-of-00002.arrow").unlink()
    with pytest.raises(UnreadableSource, match="which is not there"):
        find_sources([tmp_path])


def test_a_hugging_face_folder_of_data_files_is_read_without_its_card(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "README.md").write_text("# Card")
    write_parquet(tmp_path / "data" / "train-00000-of-00001.parquet", RECORDS)
    assert records_of(tmp_path, "hf") == RECORDS


def test_times_and_unreadable_values_of_arrow_are_told_row_by_row(tmp_path: Path) -> None:
    table = pa.table(
        {
            "at": pa.array([1, 2, 3], pa.timestamp("ns")),
            "text": pa.Array.from_buffers(
                pa.string(),
                3,
                [None, pa.array([0, 1, 2, 3], pa.int32()).buffers()[1], pa.py_buffer(b"a\xffc")],
            ),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    raws = [raw for part in read_parts(find_sources([tmp_path / "a.parquet"]).sources[0]) for raw in part.records()]
    assert raws[0].fields() == {"at": "1970-01-01 00:00:00.000000001", "text": "a"}
    with pytest.raises(InvalidRecord, match="cannot be read"):
        raws[1].fields()
    assert raws[2].fields()["text"] == "c"


def test_a_line_beyond_the_limit_is_broken_and_the_next_one_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackstar_db.loaders.readers.lines.MAX_RECORD_BYTES", 1000)
    for name, content in (
        ("a.jsonl", b'{"n": 1}\n' + b"x" * 5000 + b'\n{"n": 3}\n'),
        ("a.csv", b"n\n1\n" + b"x" * 5000 + b"\n3\n"),
    ):
        (tmp_path / name).write_bytes(content)
        raws = [raw for part in read_parts(find_sources([tmp_path / name]).sources[0]) for raw in part.records()]
        assert [str(raw.fields()["n"]) for raw in (raws[0], raws[2])] == ["1", "3"]
        with pytest.raises(InvalidRecord, match="the most that a record may have"):
            raws[1].fields()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (b"1", "has 1 values; the header names 2"),
        (b"1,2,3", "has 3 values; the header names 2"),
        (b'1,"two"x', "not valid CSV"),
        (b"1,\xff", "not valid UTF-8"),
    ],
)
def test_a_wrong_csv_row_is_broken_and_the_next_one_is_read(tmp_path: Path, row: bytes, told: str) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\n" + row + b"\n3,4\n")
    raws = list(next(read_parts(find_sources([tmp_path / "a.csv"]).sources[0])).records())
    with pytest.raises(InvalidRecord, match=told):
        raws[0].fields()
    assert raws[1].fields() == {"a": "3", "b": "4"}


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())))
def test_any_json_object_is_read_as_it_was_written(fields: dict[str, object]) -> None:
    assert parse_json_object(json.dumps(fields).encode()) == fields


@given(st.binary())
def test_any_bytes_are_an_object_or_an_invalid_record(content: bytes) -> None:
    try:
        fields = parse_json_object(content)
    except InvalidRecord:
        return
    assert isinstance(fields, dict)
