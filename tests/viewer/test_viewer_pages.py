"""The viewer's other pages, and what holds on every one, in headless Chromium: clicked, and what they say is read."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import subprocess
from pathlib import Path

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, expect

from tests.viewer.conftest import NARROW, QUERIES, Open, figure, served
from trackstar_db.database.embedded import EmbeddedServer

SHIFTED = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def paths(france_id: int, document_id: int) -> list[str]:
    return [
        "/queries?run=demo",
        "/queries?run=demo&filter=nonsense+%3D",
        f"/query?run=demo&query={france_id}&annotator=Ana",
        f"/query?run=demo&query={france_id}&other=demo/bm25",
        f"/query/raw?run=demo&query={france_id}",
        f"/query/explanation?run=demo&query={france_id}&rank=1",
        f"/document?run=demo&document={document_id}",
        "/documents?run=demo&search=Paris",
        "/map?run=demo",
        "/comparison?run=demo&other=demo/bm25",
        "/methods?run=demo",
        "/runs?run=demo",
        "/nothing",
    ]


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, as npm has it; the test is skipped where it cannot be had."""
    folder = tmp_path_factory.mktemp("axe")
    try:
        subprocess.run(["npm", "pack", "axe-core"], cwd=folder, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"needs axe-core from npm: {error}")
    subprocess.run(["tar", "-xzf", next(folder.glob("*.tgz")).name], cwd=folder, check=True, timeout=60)
    return (folder / "package" / "axe.min.js").read_text(encoding="utf-8")


class TestOtherPages:
    """Documents, the heat map, runs side by side, methods."""

    def test_a_document_tells_what_it_influences(self, open_page: Open, france_id: int) -> None:
        page = open_page(f"/query?run=demo&query={france_id}")

        page.locator("#proponent-1 footer a").first.click()

        expect(page.locator(".text.whole")).to_have_text("The poster says that France has its capital city in Paris.")
        expect(page.get_by_text("France — capital — Paris")).to_be_visible()
        expect(page.get_by_role("region", name="Table of reach")).to_contain_text("trackstar_train")
        in_run = page.locator(QUERIES).count()
        page.get_by_role("link", name="Every run").click()
        assert page.locator(QUERIES).count() > in_run
        page.get_by_role("link", name="The city that France has as its capital is Paris").first.click()
        expect(page.locator("#proponent-1")).to_be_in_viewport()

    def test_documents_are_found_by_their_words(self, open_page: Open) -> None:
        page = open_page("/documents?run=demo")

        page.get_by_role("searchbox", name="Words").fill('"capital city" Paris')
        page.get_by_role("button", name="Search").click()

        expect(page.locator(QUERIES).first).to_contain_text("capital city in Paris")
        expect(page.locator(f"{QUERIES} mark").first).to_be_visible()
        page.get_by_role("searchbox", name="Words").fill("xyzzyplugh")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_text("No document has these words.")).to_be_visible()

    def test_a_cell_of_the_heat_map_leads_to_its_queries(self, open_page: Open) -> None:
        page = open_page("/map?run=demo")
        page.get_by_role("link", name="precision@10", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("precision@10 by relation and frequency")

        cell = page.get_by_role("row", name=re.compile("^currency")).get_by_role("link").first
        mean, count = cell.inner_text().split()[:2]
        cell.click()

        expect(page.locator(QUERIES)).to_have_count(int(count))
        assert figure(page, "precision@10") == mean

    def test_two_runs_are_compared_query_by_query(self, open_page: Open) -> None:
        page = open_page("/comparison?run=demo")

        page.get_by_label("Second run", exact=True).select_option("demo/bm25")
        page.get_by_role("button", name="Compare").click()

        expect(page.locator(QUERIES)).to_have_count(100)
        expect(page.locator(QUERIES).first).to_contain_text("overlap 20 %")
        page.locator(f"{QUERIES} a").first.click()
        expect(page.get_by_text("Of the first ten proponents, 2 stand in both runs")).to_be_visible()

    def test_methods_are_drawn_and_tabled(self, open_page: Open) -> None:
        page = open_page("/methods?run=demo")

        rows = page.get_by_role("region", name="Attribution by the source's annotations").locator("tbody tr")
        expect(rows.filter(has_text="demo/bm25")).to_contain_text("1.00")
        assert rows.count() >= 4
        expect(page.locator("svg.chart circle")).to_have_count(rows.count())
        expect(page.get_by_role("img", name=re.compile("Tail-patch against MRR"))).to_be_visible()

    def test_runs_are_listed_with_their_agreement(self, open_page: Open) -> None:
        page = open_page("/runs?run=demo")

        rows = page.get_by_role("region", name="Table of runs").locator("tbody tr")
        expect(rows.filter(has_text="demo/bm25")).to_contain_text("338")
        expect(page.get_by_role("region", name="Table of agreement")).to_contain_text("%")


class TestEveryPage:
    """What holds wherever one is."""

    def test_nothing_is_wider_than_a_narrow_window(self, open_page: Open, france_id: int, document_id: int) -> None:
        page = open_page("/queries?run=demo", NARROW)
        for path in paths(france_id, document_id):
            page.goto(path)
            assert page.evaluate(SHIFTED) == 0, path

    def test_colours_follow_the_system_until_they_are_chosen(self, open_page: Open) -> None:
        page = open_page("/queries?run=demo", color_scheme="dark")
        colour = "getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(colour)

        page.get_by_role("link", name="Light", exact=True).click()
        light = page.evaluate(colour)
        page.goto("/runs")

        assert dark == "rgb(21, 22, 24)"
        assert light == page.evaluate(colour) == "rgb(246, 246, 244)"

    def test_the_keyboard_alone_goes_from_the_list_to_a_document(self, open_page: Open) -> None:
        page = open_page("/queries?run=demo&filter=id+%3D+%22capital-france%22")

        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        for link in ("The city that France", "s02025"):
            for _ in range(80):
                page.keyboard.press("Tab")
                if link in page.evaluate("document.activeElement.textContent"):
                    break
            with page.expect_navigation():
                page.keyboard.press("Enter")

        expect(page.get_by_role("heading", level=1)).to_contain_text("Document s02025")

    def test_pages_work_without_scripts(self, open_page: Open, france_id: int) -> None:
        page = open_page(f"/query?run=demo&query={france_id}", java_script_enabled=False)

        page.get_by_role("slider", name="AIS threshold").press("End")
        page.get_by_label("Beside").select_option("demo/bm25")
        page.get_by_label("What is shown").get_by_role("button", name="Show").click()

        expect(page.get_by_text("Of the first ten proponents")).to_be_visible()
        expect(page.locator("#proponent-1 [data-entailed]")).to_have_text("not entailed")

    def test_the_sql_of_every_page_runs_as_it_is_copied(
        self, client: httpx.Client, france_id: int, document_id: int, viewer_database_url: str
    ) -> None:
        for path in paths(france_id, document_id)[:-1]:
            text = client.get(path).text
            found = re.search(r'<pre id="sql"[^>]*>(.*?)</pre>', text, re.DOTALL)
            assert found is not None, path
            with psycopg.connect(viewer_database_url) as connection:
                connection.execute("SET ROLE tda_reader")
                connection.execute(html.unescape(found[1]).encode())

    def test_the_sql_is_copied_by_a_button(self, open_page: Open) -> None:
        page = open_page("/map?run=demo", permissions=["clipboard-read", "clipboard-write"])

        page.get_by_text("The SQL behind this page").click()
        page.get_by_role("button", name="Copy the SQL").click()

        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert "FROM tda." in page.evaluate("navigator.clipboard.readText()")

    def test_what_is_shown_is_downloaded(self, open_page: Open) -> None:
        page = open_page("/queries?run=demo&filter=relation+%3D+%22currency%22")
        shown = page.locator(QUERIES).count()

        with page.expect_download() as started:
            page.get_by_role("link", name="this page as JSONL").click()
        records = [json.loads(line) for line in Path(started.value.path()).read_text().splitlines()]
        with page.expect_download() as started:
            page.get_by_role("link", name="as CSV").last.click()
        rows = list(csv.DictReader(io.StringIO(Path(started.value.path()).read_text())))

        assert len(records) == len(rows) == shown
        assert {record["relation"] for record in records} == {"currency"}
        assert started.value.suggested_filename == "demo.csv"

    def test_axe_finds_nothing_to_complain_of(
        self, open_page: Open, france_id: int, document_id: int, axe: str
    ) -> None:
        problems = []
        for scheme in ("light", "dark"):
            page = open_page("/queries?run=demo", color_scheme=scheme, bypass_csp=True)
            for path in paths(france_id, document_id)[:: 1 if scheme == "light" else 2]:
                page.goto(path)
                page.add_script_tag(content=axe)
                found = page.evaluate("axe.run().then(results => results.violations)")
                problems += [(scheme, path, one["id"], one["nodes"][0]["html"][:200]) for one in found]
        assert problems == []


def test_a_file_of_results_is_looked_at_and_leaves_nothing(
    browser: Browser, own_server: EmbeddedServer, tmp_path: Path
) -> None:
    record = {
        "trex_id": "<i>one</i>",
        "inputs_plaintext": "Water boils at",
        "targets_plaintext": " 100 degrees",
        "groundtruth": "100 °C",
        "proponents": ["Water boils at 100 degrees <script>alert(1)</script>.", "Milk does not."],
        "proponent_ids": ["a", "b"],
        "proponent_scores": [0.5, 0.25],
    }
    file = tmp_path / "results <b>.jsonl"
    long = {**record, "trex_id": "two", "inputs_plaintext": "A long story. " * 500 + "It ends"}
    file.write_text("".join(json.dumps(one) + "\n" for one in (record, long)), encoding="utf-8")

    with served("--file", file, log=tmp_path / "errors") as address:
        page = browser.new_page()
        page.goto(address)
        expect(page.locator("header")).to_contain_text("results <b>.jsonl")
        page.get_by_role("link", name="Water boils at").click()
        expect(page.get_by_role("article", name="proponent 1", exact=True)).to_contain_text(
            "<script>alert(1)</script>."
        )
        expect(page.get_by_role("article", name="Query")).to_contain_text("100 °C")
        expect(page.get_by_role("article", name="Query")).not_to_contain_text("Annotated sentence")
        page.get_by_role("link", name="Next").click()
        expect(page.locator("[data-prompt]")).to_have_text(long["inputs_plaintext"])
        page.get_by_role("link", name="All queries").click()
        expect(page.locator(QUERIES).last).to_contain_text(" … ")
        expect(page.locator(QUERIES).last).to_contain_text("It ends 100 degrees")
        assert len(page.locator(QUERIES).last.inner_text()) < 500
        page.close()

    own_server.start()
    with psycopg.connect(own_server.url(database="postgres")) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'trackstar%'").fetchall()
    assert rows == [("trackstar",)]
