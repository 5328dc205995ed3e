"""The benchmarks' harness: its lines, its page, and what it leaves out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bench import paper_scale, report
from tests.bench.corpus import BenchCorpus
from tests.bench.measure import Measurement, Missing, alternate
from tests.bench.suite import Registered, discover, run_benchmarks
from trackstar_db.database.engine import Database
from trackstar_db.store import Store


def tiny(store: Store, corpus: BenchCorpus) -> Measurement:
    return alternate("tiny", "as much again", lambda: sum(range(2000)), lambda: sum(range(2000)), rounds=3)


def table(store: Store, corpus: BenchCorpus) -> list[Measurement]:
    return [Measurement("table", 1.0, (1.0, 1.0), "itself", extra={"kind": kind}) for kind in ("flat", "hnsw")]


def without_data(store: Store, corpus: BenchCorpus) -> Measurement:
    raise Missing("needs a file that is not here")


def broken(store: Store, corpus: BenchCorpus) -> Measurement:
    raise ZeroDivisionError


@pytest.fixture
def results(database: Database) -> dict[str, list[dict[str, object]] | None]:
    """What four benchmarks gave."""

    @contextmanager
    def store() -> Iterator[tuple[Store, BenchCorpus]]:
        yield Store(database), BenchCorpus("none", Path("model"), Path("moments"), 0)

    functions = (tiny, without_data, broken, table)
    return dict(run_benchmarks([Registered(run, "measure", False) for run in functions], store))


def test_a_benchmark_gives_a_line_with_its_ratio_and_all_that_is_needed_to_repeat_it(results) -> None:
    (line,) = results["tiny"]
    low, high = line["spread"]
    assert low <= line["ratio"] <= high
    assert (line["benchmark"], line["reference"], line["rounds"]) == ("tiny", "as much again", 3)
    assert line["command"] == "python -m tests.bench tiny"
    assert {"cores", "memory_gib", "cpu", "threads", "torch", "postgresql", "pgvector"} <= line["machine"].keys()
    assert [line["kind"] for line in results["table"]] == ["flat", "hnsw"]


def test_a_benchmark_that_lacks_something_or_fails_is_named_and_stops_no_other(results, capfd) -> None:
    assert results["without_data"] == []
    assert results["broken"] is None
    assert results["table"]


def test_new_results_take_the_place_of_older_ones_of_the_same_benchmark(results, tmp_path: Path) -> None:
    kept = tmp_path / "results.jsonl"
    report.keep(results["table"] + results["tiny"], kept)
    report.keep([{**results["table"][0], "kind": "new"}], kept)
    assert [(line["benchmark"], line.get("kind")) for line in report.read(kept)] == [("table", "new"), ("tiny", None)]


def test_the_page_shows_question_columns_reference_command_and_machine(results) -> None:
    page = report.text([*results["tiny"], *results["table"]], "<!-- machines -->\n<!-- other sections -->")
    assert "## Two ways of doing a thing, timed in alternation" in page
    assert "| ratio" in page
    assert "kind" in page
    assert "Ratio to: as much again. Medians of 3 rounds." in page
    assert "`python -m tests.bench table`" in page


def test_the_committed_page_is_what_the_kept_results_say() -> None:
    page = report.text(report.read(), report.TEMPLATE.read_text(encoding="utf-8"))
    assert report.OUTPUT.read_text(encoding="utf-8") == page


def test_every_benchmark_has_a_name_of_its_own() -> None:
    names = Counter(benchmark.name for benchmark in discover())
    assert max(names.values()) == 1
    assert {"encode_rank1", "encode_full_v", "load_gradients"} <= names.keys()


def test_what_a_large_corpus_would_take_follows_from_the_results(results) -> None:
    line = {**results["tiny"][0], "file": "measure", "ours_seconds": 2.0, "rows": 100_000, "queries": 1000}
    lines = [
        {**line, "benchmark": "encode_rank1", "tokens_per_second": 10**6, "tokens_per_document": 128, "model": "M"},
        {**line, "benchmark": "load_gradients", "rows_per_second": 10_000},
        {**line, "benchmark": "nearest_exact"},
        {**line, "benchmark": "batch_search"},
    ]
    found = paper_scale.text(lines)
    assert "| 8,353" in found  # bytes of a document at d = 3,872
    assert "13.0 hours" in found  # 46.7 billion tokens
    assert "10.1 hours" in found  # to load 365 million rows at 10,000 a second
    assert found.count("2.0 hours") == 2  # one query, and a thousand, at 50,000 rows a second
    assert paper_scale.text(lines[:-1]) == ""
