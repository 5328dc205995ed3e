"""The notebook of the docs, run as a program on the demo's database."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "influence.py"


@pytest.mark.slow
def test_the_notebook_goes_from_a_query_to_charts_of_what_sql_says(demo_database_url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, NOTEBOOK, "--output", str(tmp_path)],
        env={**os.environ, "TRACKSTAR_DATABASE_URL": demo_database_url, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with psycopg.connect(demo_database_url) as connection:
        expected = connection.execute(
            """SELECT run, rank, avg(is_annotated::integer)::double precision FROM tda.proponent
               WHERE query_set = 'demo' AND direction = 'proponent' AND rank <= 10 GROUP BY run, rank"""
        ).fetchall()
        texts = connection.execute(
            """SELECT text FROM tda.proponent WHERE run = 'demo' AND direction = 'proponent' AND rank <= 10
               AND prompt = 'The city that France has as its capital is'"""
        ).fetchall()
    shown = {(row["run"], int(row["rank"])): float(row["stated"]) for row in csv.DictReader(io.StringIO(done.stdout))}
    assert shown == pytest.approx({(run, rank): share for run, rank, share in expected})
    assert len(shown) >= 20
    documents = (tmp_path / "documents.svg").read_text(encoding="utf-8")
    assert len(texts) == 10
    assert all(text[:40].replace("'", "&apos;") in documents or text[:40] in documents for (text,) in texts)
    ranks = (tmp_path / "stated_by_rank.svg").read_text(encoding="utf-8")
    assert all(f"{run} (" in ranks for run, _, _ in expected)
