"""What is clicked less often on the list, a query and a document: each is clicked, and the page is read."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import expect
from starlette.testclient import TestClient

from tests.viewer.conftest import FAR_RANK, LONG_TEXT, QUERIES, Open, chips, figure, follow
from trackstar_db.database.engine import open_database
from trackstar_db.viewer.app import create_app
from trackstar_db.viewer.reading import Reading
from trackstar_db.viewer.state import Viewer

FOLD = "Relations, frequency buckets"


def asked(url: str, statement: str, *values: object) -> tuple[object, ...]:
    """The first row of a statement in the viewer's database."""
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode(), values).fetchone()
    assert row is not None
    return tuple(row)


def test_right_answers_are_left_with_their_means(open_page: Open, viewer_database_url: str) -> None:
    page = open_page("/queries?run=demo")
    follow(page.get_by_role("link", name="correct", exact=True))

    count, mrr, recall, ais = asked(
        viewer_database_url,
        "SELECT count(*), avg(m.reciprocal_rank), avg(m.recall_at_10), "
        "(SELECT avg(a.reciprocal_rank) FROM tda.query_metric a JOIN tda.prediction b ON b.query_id = a.query_id "
        " WHERE a.run = 'demo' AND a.judge = 'ais' AND b.is_correct) "
        "FROM tda.query_metric m JOIN tda.prediction p ON p.query_id = m.query_id "
        "WHERE m.run = 'demo' AND m.judge = 'annotation' AND p.is_correct",
    )
    assert figure(page, "queries") == str(count)
    assert figure(page, "MRR") == f"{mrr:.2f}"
    assert figure(page, "recall@10") == f"{recall:.2f}"
    assert figure(page, "AIS MRR") == f"{ais:.2f}"
    assert figure(page, "answered right") == "100 %"


def test_chips_of_buckets_and_of_kinds_leave_their_queries(open_page: Open, viewer_database_url: str) -> None:
    page = open_page("/queries?run=demo")
    page.get_by_text(FOLD).click()
    follow(page.get_by_role("link", name=re.compile("^bucket 1 [0-9]+$")))
    texts = page.locator(QUERIES).all_inner_texts()
    assert len(texts) == 100
    assert all("(bucket 1)" in text for text in texts)

    for name, kind in (
        ("first names both entities", "both_entities"),
        ("first names the subject", "subject"),
        ("first names the object", "object"),
        ("first has the same relation", "same_relation"),
        ("first has nothing in common", "other"),
    ):
        page.get_by_text(FOLD).click()
        follow(page.get_by_role("link", name=name, exact=True))
        (count,) = asked(
            viewer_database_url,
            "SELECT count(*) FROM tda.proponent_explanation "
            "WHERE run = 'demo' AND direction = 'proponent' AND rank = 1 AND kind = %s",
            kind,
        )
        assert figure(page, "queries") == str(count), name


def test_all_that_a_filter_leaves_is_had_as_a_file(open_page: Open) -> None:
    page = open_page("/queries?run=demo&filter=confidence+>+0.9")
    with page.expect_download() as started:
        page.get_by_role("link", name="all that the filter leaves as JSONL").click()

    records = [json.loads(line) for line in Path(started.value.path()).read_text().splitlines()]

    assert len(records) == int(figure(page, "queries")) > 1
    assert {record["inputs_plaintext"] for record in records} == {
        text.splitlines()[0].removesuffix(f" {record['targets_plaintext']}")
        for text, record in zip(page.locator(QUERIES).all_inner_texts(), records, strict=True)
    }


def test_every_query_is_looked_at_where_some_were(viewer_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackstar_db.viewer.means.MOST_QUERIES", 50)
    viewer = Viewer(Reading(open_database(viewer_database_url)))
    with TestClient(create_app(viewer), "http://127.0.0.1") as client:
        some = client.get("/queries?run=demo&filter=position+>+0").text
        assert "from one of every 7 queries" in some
        link = re.search(r'<a href="([^"]+)">Look at every query</a>', some)
        assert link is not None
        every = client.get(link[1].replace("&amp;", "&")).text
    assert "one of every" not in every
    assert "<dd>338</dd>" in every


def test_a_card_tells_the_prediction_and_the_relation(
    open_page: Open, france_id: int, viewer_database_url: str
) -> None:
    page = open_page(f"/query?run=demo&query={france_id}")
    (answered,) = asked(viewer_database_url, "SELECT greedy_answer FROM tda.prediction WHERE query_id = %s", france_id)
    card = page.get_by_role("article", name="Query")
    told = card.locator("dt", has_text="Prediction").locator("xpath=following-sibling::dd[1]")
    expect(told).to_contain_text(str(answered).strip())
    expect(told).to_contain_text("right")
    expect(card.locator("dt", has_text="Relation").locator("xpath=following-sibling::dd[1]")).to_have_text("capital")


def test_the_subject_is_switched_off_and_on(open_page: Open, france_id: int) -> None:
    page = open_page(f"/query?run=demo&query={france_id}")
    marked = page.locator("#proponent-1 mark.subject")
    for times in (0, 1):
        follow(page.get_by_role("link", name=re.compile("^subject: France")))
        expect(marked).to_have_count(times)


def test_a_querys_documents_are_had_as_csv(open_page: Open, france_id: int) -> None:
    page = open_page(f"/query?run=demo&query={france_id}")
    with page.expect_download() as started:
        page.get_by_role("link", name="its documents as CSV").click()

    rows = list(csv.DictReader(io.StringIO(Path(started.value.path()).read_bytes().decode(), newline="")))

    assert [row["rank"] for row in rows if row["direction"] == "proponent"] == [str(n) for n in range(1, 101)]
    assert rows[0]["text"] == "The poster says that France has its capital city in Paris."
    assert {row["direction"] for row in rows} == {"proponent", "opponent"}


def test_the_record_is_copied(open_page: Open, france_id: int) -> None:
    page = open_page(f"/query/raw?run=demo&query={france_id}", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the record").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == json.loads(
        page.locator("#record").inner_text()
    )
    follow(page.get_by_role("link", name="← The query"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("France")


def test_all_proponents_are_shown_and_a_far_one_is_led_to(open_page: Open, france_id: int) -> None:
    page = open_page(f"/query?run=demo&query={france_id}")
    cards = page.locator("#proponents article")
    expect(cards).to_have_count(10)
    follow(page.locator("#proponents").get_by_role("link", name="Show all 100"))
    expect(cards).to_have_count(100)

    follow(page.locator("#proponent-40 footer a").first)
    follow(page.get_by_role("link", name="The city that France has as its capital is Paris").first)
    expect(page.locator("#proponent-40")).to_be_in_viewport()


def test_alternatives_fold_out(open_page: Open, france_id: int) -> None:
    page = open_page(f"/query?run=demo&query={france_id}")
    told = page.get_by_role("article", name="Query").locator("details", has_text="Alternatives")
    told.locator("summary").click()
    expect(told.locator("dd")).to_have_text(["Paris", "Lyon <b>"])
    expect(told.locator("dt")).to_have_text(["0.75", "0.25"])
    expect(told.locator("dd").first).to_be_visible()


def test_a_long_document_is_read_in_parts(open_page: Open, france_id: int) -> None:
    page = open_page(f"/query?run=demo&query={france_id}&top=all")
    card = page.locator(f"#proponent-{FAR_RANK}")
    expect(card).to_contain_text(f"of {len(LONG_TEXT):,} characters")
    follow(card.get_by_role("link", name="The whole document"))
    text = page.locator(".text.whole")
    first = text.inner_text()
    follow(page.get_by_role("link", name="Text behind"))
    assert len(first) + len(text.inner_text()) >= len(LONG_TEXT.strip())
    assert 0 < len(text.inner_text()) < len(first)


def test_the_queries_of_a_document_go_on(open_page: Open, viewer_database_url: str) -> None:
    document, count = asked(
        viewer_database_url,
        "SELECT document_id, count(*) FROM tda.proponent GROUP BY document_id ORDER BY count(*) DESC LIMIT 1",
    )
    page = open_page(f"/document?run=demo&all=1&document={document}")
    assert isinstance(count, int)
    assert count > 100
    first = page.locator(QUERIES).all_inner_texts()
    follow(page.get_by_role("link", name="Next"))
    assert page.locator(QUERIES).count() == min(100, count - 100)
    assert page.locator(QUERIES).all_inner_texts() != first


def test_a_list_that_was_left_is_come_back_to(open_page: Open) -> None:
    page = open_page("/queries?run=demo&filter=correct&sort=confidence&threshold=0.7")
    before = chips(page, "confidence")
    follow(page.locator(f"{QUERIES} a").first)
    follow(page.get_by_role("link", name="Raw record"))
    follow(page.get_by_role("link", name="← The query"))
    follow(page.get_by_role("link", name="All queries"))
    assert chips(page, "confidence") == before
    assert "threshold=0.7" in page.url
