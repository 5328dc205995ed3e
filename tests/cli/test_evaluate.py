"""`trackstar evaluate`: the table of methods, by slice, as JSON and as a chart."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from tests.integration.judged_runs import JudgedRuns, write_judged_runs
from trackstar_db.cli.evaluate import evaluate
from trackstar_db.cli.output import rows_table
from trackstar_db.database.engine import Database

RunTrackstar = Callable[..., Any]


@pytest.fixture
def judged(database: Database) -> JudgedRuns:
    return write_judged_runs(database)


@pytest.mark.usefixtures("judged")
def test_the_table_has_a_row_for_each_run_with_intervals_and_the_chart_is_drawn(
    run_trackstar: RunTrackstar, database: Database, tmp_path: Path
) -> None:
    result = run_trackstar("evaluate", "--runs", "one,two", "--chart", tmp_path / "chart", "--resamples", 200)
    assert result.returncode == 0, result.stderr
    head, _, one, two = result.stdout.splitlines()
    assert head.split() == ["run", "method", "MRR", "recall@10", "precision@10", "queries", "tail-patch", "(points)",
                            "tail-patched"]  # fmt: skip
    with database.connect() as connection:
        row = connection.execute(
            "SELECT mrr, mrr_low, mrr_high, tail_patch_delta, tail_patch_delta_low, tail_patch_delta_high,"
            " tail_patch_queries FROM tda.method_comparison WHERE run = 'one' AND judge = 'annotation'"
        ).fetchone()
    assert row is not None
    assert "{:.3f} [{:.3f}–{:.3f}]".format(*row[:3]) in one
    assert "{:+.2f} [{:+.2f}, {:+.2f}]".format(*row[3:6]).replace("-", "\N{MINUS SIGN}") in one
    assert one.split()[-1] == str(row[6])
    assert two.split()[:2] == ["two", "method_two"]
    assert result.stderr.strip().splitlines()[-1] == f"Drawn: {tmp_path / 'chart.png'}, {tmp_path / 'chart.svg'}"
    assert {path.name for path in tmp_path.iterdir()} == {"chart.png", "chart.svg"}


@pytest.mark.usefixtures("judged")
def test_slices_and_judges_as_json(run_trackstar: RunTrackstar) -> None:
    def rows(*arguments: str) -> Any:
        result = run_trackstar("evaluate", "--runs", "one", *arguments, "--format", "json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    by_relation = rows("--by", "relation")
    assert [row["relation"] for row in by_relation] == ["author", "capital", "river"]
    assert sum(row["queries"] for row in by_relation) == 12
    by_bucket = rows("--judge", "ais", "--by", "frequency-bucket")
    assert [row["frequency_bucket"] for row in by_bucket] == [0, 1, 2, None]  # None: queries that are no facts
    (influence,) = rows("--judge", "tail-patch", "--seed", "1")
    assert (influence["mrr"], influence["queries"]) == (None, 13)


@pytest.mark.usefixtures("database_url")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "Missing option '--runs'"),
        (("--runs", "one", "--by", "day"), 2, "'day' is not one of"),
        (("--runs", "one"), 1, "no run named 'one'; the database has none yet"),
        (("--runs", "one", "--chart", "chart.pdf"), 1, "expected .png, .svg"),
        (("--runs", "one", "--chart", ""), 1, "expected the name of a file"),
        (("--runs", ","), 2, "it names no run"),
    ],
)
def test_what_cannot_be_done_is_refused(
    run_trackstar: RunTrackstar, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = run_trackstar("evaluate", *arguments)
    assert result.returncode == code
    assert words in result.stderr
    assert result.stdout == ""


def test_a_subcommand_of_evaluate_takes_its_own_runs() -> None:
    group = copy(evaluate)
    group.commands = {}

    @group.command("other")
    @click.option("--runs")
    def other(runs: str) -> None:
        click.echo(f"other {runs}")

    assert CliRunner().invoke(group, ["other", "--runs", "x"]).output == "other x\n"
    refused = CliRunner().invoke(group, ["--runs", "x", "other"])
    assert refused.exit_code == 2
    assert "Give --runs after the subcommand" in refused.output


@pytest.mark.parametrize(
    ("value", "shown"), [(7.5e-5, "7.5e-05"), (0.25, "0.25"), (1.0, "1"), (0.0, "0"), (2.34567, "2.3457")]
)
def test_a_small_number_keeps_its_digits(value: float, shown: str) -> None:
    assert rows_table([{"rate": value}]).splitlines()[-1].strip() == shown
