"""Ready filters in headless Chromium: what each leaves is counted and averaged as SQL does."""

from __future__ import annotations

import psycopg
from playwright.sync_api import Page, expect
from psycopg import sql
from psycopg.rows import dict_row

from tests.viewer.conftest import Open, figure, follow

LEFT = {
    "correct": sql.SQL("is_correct"),
    "correct and confident": sql.SQL("is_correct AND confidence > 0.5"),
    "common (bucket ≥ 3)": sql.SQL("frequency_bucket >= 3"),
    "first proponent states the fact": sql.SQL("reciprocal_rank = 1"),
    "one of ten states the fact": sql.SQL("recall_at_10 = 1"),
    "none of ten states the fact": sql.SQL("recall_at_10 = 0"),
    "entailed": sql.SQL("ais_recall_at_10 = 1"),
    "not entailed": sql.SQL("ais_recall_at_10 = 0"),
    "annotated, not entailed": sql.SQL("recall_at_10 = 1 AND ais_recall_at_10 = 0"),
    "entailed, not annotated": sql.SQL("recall_at_10 = 0 AND ais_recall_at_10 = 1"),
    "raises the probability, states nothing": sql.SQL("tail_patch_delta > 0 AND recall_at_10 = 0"),
}
MEANS = {
    "MRR": "reciprocal_rank",
    "recall@10": "recall_at_10",
    "precision@10": "precision_at_10",
    "AIS MRR": "ais_reciprocal_rank",
    "AIS recall@10": "ais_recall_at_10",
    "AIS precision@10": "ais_precision_at_10",
}
AVERAGED = sql.SQL(
    "SELECT count(*) AS queries, avg(reciprocal_rank) AS reciprocal_rank, avg(recall_at_10) AS recall_at_10, "
    "avg(precision_at_10) AS precision_at_10, avg(ais_reciprocal_rank) AS ais_reciprocal_rank, "
    "avg(ais_recall_at_10) AS ais_recall_at_10, avg(ais_precision_at_10) AS ais_precision_at_10 "
    "FROM tda.query_overview WHERE run = 'demo' AND {}"
)


def choose(page: Page, name: str) -> None:
    """Nothing; the ready filter was clicked, which may be folded away."""
    chip = page.get_by_role("link", name=name, exact=True)
    if not chip.is_visible():
        page.get_by_text("Relations, frequency buckets").click()
    follow(chip)


def test_ready_filters_leave_and_average_what_sql_says(open_page: Open, viewer_database_url: str) -> None:
    page = open_page("/queries?run=demo")
    left = set()
    with psycopg.connect(viewer_database_url, row_factory=dict_row) as connection:
        for name, condition in LEFT.items():
            expected = connection.execute(AVERAGED.format(condition)).fetchall()[0]
            choose(page, name)
            assert figure(page, "queries") == str(expected["queries"]), name
            for mean, column in MEANS.items():
                if expected[column] is None:
                    expect(page.locator("dl.means dt").get_by_text(mean, exact=True)).to_have_count(0)
                else:
                    assert figure(page, mean) == f"{expected[column]:.2f}", (name, mean)
            left.add(expected["queries"])
    assert len(left) > 5
