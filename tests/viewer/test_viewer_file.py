"""`trackstar serve --file` in headless Chromium: what a file says is on its pages, and nothing is left behind."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import psycopg
from playwright.sync_api import Browser, Page, expect

from tests.viewer.conftest import HEIGHT, NARROW, QUERIES, WIDTH, complaints, figure, follow
from tests.viewer.made_up import LONG, RIGHT_TO_LEFT, write_made_up
from tests.viewer.pictures import check, take
from tests.viewer.serving import served
from trackstar_db.database.embedded import EmbeddedServer


def test_a_file_of_results_is_looked_at_and_leaves_nothing(
    browser: Browser, own_server: EmbeddedServer, tmp_path: Path, axe: str
) -> None:
    file = write_made_up(tmp_path / " made up <results>.jsonl")
    with (
        served("--file", file, log=tmp_path / "errors") as address,
        browser.new_context(base_url=address, viewport={"width": WIDTH, "height": HEIGHT}) as context,
    ):
        page = context.new_page()
        page.goto("/")
        expect(page.locator("header")).to_contain_text("made up <results>.jsonl")
        tasks_are_chips(page)
        buckets_are_chips(page)
        presets_leave_what_they_say(page)
        a_fact_has_all_that_its_record_says(page)
        found = complaints(page, axe)
        nobody_writes_labels(page, address)
        a_cell_of_the_heat_map_filters(page, tmp_path)
        a_query_that_is_no_fact_has_a_simple_card(page)
        found += complaints(page, axe)
        an_id_of_two_tasks_names_two_queries(page, address)
        assert found == []

    own_server.start()
    with psycopg.connect(own_server.url(database="postgres")) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'trackstar%'").fetchall()
    assert rows == [("trackstar",)]


def tasks_are_chips(page: Page) -> None:
    expect(page.get_by_label("Tasks").get_by_role("link")).to_have_text(["facts 240", "cooking 2"])
    follow(page.get_by_label("Tasks").get_by_role("link", name="cooking"))
    expect(page.locator(QUERIES)).to_have_count(2)
    expect(page.locator(QUERIES).last).to_contain_text(" … ")
    expect(page.locator(QUERIES).last).to_contain_text("It ends 100 degrees")
    assert len(page.locator(QUERIES).last.inner_text()) < 500


def buckets_are_chips(page: Page) -> None:
    follow(page.get_by_role("link", name="all", exact=True))
    page.get_by_text("Relations, frequency buckets").click()
    chips = page.get_by_role("link", name=re.compile("^(bucket [0-5]|never counted) [0-9]+$"))
    expect(chips).to_have_text(["never counted 2", *(f"bucket {n} 40" for n in range(6))])
    follow(chips.nth(4))
    expect(page.locator(QUERIES)).to_have_count(40)
    expect(page.locator(QUERIES, has_text="(bucket 3)")).to_have_count(40)


def presets_leave_what_they_say(page: Page) -> None:
    for name, queries in (
        ("common (bucket ≥ 3)", 120),
        ("very common (bucket ≥ 4)", 80),
        ("most common (bucket 5)", 40),
    ):
        follow(page.get_by_role("link", name=name, exact=True))
        expect(page.locator("dl.means dd").first).to_have_text(str(queries))


def a_fact_has_all_that_its_record_says(page: Page) -> None:
    unstated = page.locator(QUERIES, has_text="no annotated sentence")
    expect(unstated).to_have_count(8)
    follow(unstated.first.locator("a"))
    card = page.get_by_role("article", name="Query")
    expect(card).to_contain_text("400,003 documents (bucket 5)")
    expect(card).to_contain_text("no annotated sentence")
    expect(card.get_by_role("definition").filter(has_text="confidence")).to_have_text(
        re.compile(r"^\s*(right|wrong)\s*confidence [0-9.]+\s*$")
    )
    first = page.get_by_role("article", name="proponent 1", exact=True)
    expect(first.locator("blockquote")).to_contain_text("Best window: place 0-5-3, and Name 3")
    expect(first.get_by_text("Best window:")).to_be_visible()
    expect(page.get_by_role("article", name="proponent 3", exact=True)).to_contain_text("rank 8 before filtering")
    expect(page.get_by_role("article", name="opponent 1", exact=True)).to_contain_text("against place")


def nobody_writes_labels(page: Page, address: str) -> None:
    expect(page.get_by_label("Label as")).to_have_count(0)
    sent = httpx.post(f"{address}/query/label", data={"verdict": "states"}, headers={"origin": address}, timeout=60)
    assert sent.status_code == 404
    assert "trackstar serve --writer" in sent.text


def a_cell_of_the_heat_map_filters(page: Page, folder: Path) -> None:
    follow(page.get_by_role("link", name="Heat map"))
    follow(page.get_by_role("link", name="recall@10", exact=True))
    expect(page.locator("thead th")).to_have_text(["Relation", *(f"bucket {n}" for n in range(6)), "all"])
    page.set_viewport_size({"width": 1100, "height": 810})
    take(page, "viewer_map", folder)
    cell = page.locator("tbody tr", has_text="composer").locator("td").nth(4).get_by_role("link")
    mean = cell.inner_text().split()[0]
    follow(cell)
    expect(page.locator(QUERIES)).to_have_count(5)
    assert figure(page, "recall@10") == mean


def a_query_that_is_no_fact_has_a_simple_card(page: Page) -> None:
    page.goto("/queries?filter=task+%3D+%22cooking%22")
    follow(page.get_by_role("link", name="Water boils at"))
    first = page.get_by_role("article", name="proponent 1", exact=True)
    expect(first).to_contain_text("<script>alert(1)</script>.")
    card = page.get_by_role("article", name="Query")
    expect(card).to_contain_text("100 °C")
    expect(card.get_by_role("definition").filter(has_text="100 degrees")).to_have_count(1)
    expect(card).not_to_contain_text("Annotated sentence")
    text = page.locator("#proponent-3 .text")
    expect(text).to_have_text(RIGHT_TO_LEFT)
    assert text.evaluate("element => getComputedStyle(element).direction") == "rtl"
    for width in (NARROW, WIDTH):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        check(page, f"{width} pixels")


def an_id_of_two_tasks_names_two_queries(page: Page, address: str) -> None:
    follow(page.get_by_role("link", name="Next"))
    expect(page.locator("[data-prompt]")).to_have_text(LONG["inputs_plaintext"])
    expect(page.get_by_role("article", name="Query")).to_contain_text("0-0-0 (cooking)")
    records = httpx.get(f"{address}/download?whole=1&format=jsonl", timeout=60).text.splitlines()
    assert len(records) == 242
    assert sum('"example_id": "0-0-0"' in record for record in records) == 2
