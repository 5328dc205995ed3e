"""The viewer's other pages, and what holds on every one, in headless Chromium: clicked, and what they say is read."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from pathlib import Path
from urllib.parse import urlencode

import httpx
import psycopg
import pytest
from playwright.sync_api import expect

from tests.viewer.conftest import HEIGHT, NARROW, QUERIES, WIDTH, Open, complaints, figure, follow
from tests.viewer.pictures import check, take

FEW = "position <= 5"


def paths(france_id: int, document_id: int) -> list[str]:
    """An address of every kind of page but those that open a model; lists are short."""
    addresses = [
        ("/queries", {"filter": FEW}),
        ("/queries", {"filter": "nonsense =", "cursor": "after:333:0"}),
        ("/query", {"query": france_id, "top": 3}),
        ("/query", {"query": france_id, "other": "demo/bm25", "top": 3}),
        ("/query/raw", {"query": france_id}),
        ("/document", {"document": document_id}),
        ("/documents", {"search": '"capital city in"'}),
        ("/map", {}),
        ("/comparison", {"other": "demo/bm25", "filter": FEW}),
        ("/methods", {}),
        ("/runs", {}),
        ("/nothing", {}),
    ]
    return [f"{path}?{urlencode({'run': 'demo', **parameters})}" for path, parameters in addresses]


def explanation(france_id: int) -> str:
    """The address of the words of the first proponent."""
    return f"/query/explanation?run=demo&query={france_id}&rank=1"


class TestOtherPages:
    """Documents, the heat map, runs side by side, methods."""

    def test_a_document_tells_what_it_influences(self, open_page: Open, france_id: int) -> None:
        page = open_page(f"/query?run=demo&query={france_id}")

        follow(page.locator("#proponent-1 footer a").first)

        expect(page.locator(".text.whole")).to_have_text("The poster says that France has its capital city in Paris.")
        expect(page.get_by_text("France — capital — Paris")).to_be_visible()
        page.get_by_text("Metadata", exact=True).click()
        expect(page.locator("details dd", has_text="states")).to_be_visible()
        expect(page.get_by_role("region", name="Table of reach")).to_contain_text("trackstar_train")
        in_run = page.locator(QUERIES).count()
        follow(page.get_by_role("link", name="Every run"))
        assert page.locator(QUERIES).count() > in_run
        follow(page.get_by_role("link", name="The city that France has as its capital is Paris").first)
        expect(page.locator("#proponent-1")).to_be_in_viewport()

    def test_documents_are_found_by_their_words(self, open_page: Open) -> None:
        page = open_page("/documents?run=demo")

        page.get_by_role("searchbox", name="Words").fill('"capital city" Paris')
        page.get_by_label("Corpus").select_option("demo")
        follow(page.get_by_role("button", name="Search"))

        expect(page.locator(QUERIES).first).to_contain_text("capital city in Paris")
        expect(page.locator(f"{QUERIES} mark").first).to_be_visible()
        expect(page.get_by_label("Corpus")).to_have_value("demo")
        page.get_by_role("searchbox", name="Words").fill("xyzzyplugh")
        follow(page.get_by_role("button", name="Search"))
        expect(page.get_by_text("No document has these words.")).to_be_visible()

    def test_a_cell_of_the_heat_map_leads_to_its_queries(self, open_page: Open) -> None:
        page = open_page("/map?run=demo")
        follow(page.get_by_role("link", name="precision@10", exact=True))
        expect(page.get_by_role("heading", level=1)).to_have_text("precision@10 by relation and frequency")

        cell = page.get_by_role("row", name=re.compile("^currency")).get_by_role("link").first
        mean, count = cell.inner_text().split()[:2]
        follow(cell)

        expect(page.locator(QUERIES)).to_have_count(int(count))
        assert figure(page, "precision@10") == mean

    def test_two_runs_are_compared_query_by_query(self, open_page: Open) -> None:
        page = open_page("/comparison?run=demo")

        page.get_by_label("Second run", exact=True).select_option("demo/bm25")
        follow(page.get_by_role("button", name="Compare"))

        expect(page.locator(QUERIES)).to_have_count(100)
        expect(page.locator(QUERIES).first).to_contain_text("overlap 20 %")
        follow(page.locator(f"{QUERIES} a").first)
        expect(page.get_by_text("Of the first ten proponents, 2 stand in both runs")).to_be_visible()
        page.get_by_label("Run", exact=True).select_option("demo/bm25")
        follow(page.get_by_role("banner").get_by_role("button", name="Show"))
        expect(page.get_by_role("heading", name="Proponents", exact=True)).to_be_visible()
        expect(page.get_by_label("Beside")).to_have_value("")

    def test_a_query_that_the_other_run_never_asked_stands_alone(self, open_page: Open) -> None:
        page = open_page("/comparison?run=demo&other=demo/gold&filter=position+%3E+336")
        expect(page.locator(QUERIES).last).to_contain_text("not asked by the other run")

        follow(page.locator(f"{QUERIES} a").first)
        follow(page.get_by_role("link", name="Next"))

        expect(page.get_by_text("demo/gold was not asked this query.")).to_be_visible()
        page.get_by_label("Run", exact=True).select_option("demo/gold")
        follow(page.get_by_role("banner").get_by_role("button", name="Show"))
        expect(page.get_by_role("heading", level=1)).to_have_text("Queries of demo/gold")

    def test_methods_are_drawn_and_tabled(self, open_page: Open) -> None:
        page = open_page("/methods?run=demo")

        rows = page.get_by_role("region", name="Attribution by the source's annotations").locator("tbody tr")
        expect(rows.filter(has_text="demo/bm25")).to_contain_text("1.00")
        assert rows.count() >= 4
        expect(page.locator("svg.chart circle")).to_have_count(rows.count())
        expect(page.locator("svg.chart line.interval")).to_have_count(2 * rows.count())
        figures = re.findall(r"\d\.\d\d", rows.filter(has_text="demo/trackstar").locator("td").nth(3).inner_text())
        mean, low, high = map(float, figures)
        assert low < mean < high
        expect(page.get_by_role("img", name=re.compile("Tail-patch against MRR"))).to_be_visible()
        others = page.get_by_role("region", name="Attribution by entailment").locator("tbody tr")
        assert set(others.locator("td:first-child, th").all_inner_texts()) <= set(
            rows.locator("td:first-child, th").all_inner_texts()
        )
        ticks = page.locator('svg.chart text[text-anchor="end"]').all_text_contents()
        assert len(set(ticks)) == len(ticks) > 3

    def test_runs_are_listed_with_their_agreement(self, open_page: Open) -> None:
        page = open_page("/runs?run=demo")

        rows = page.get_by_role("region", name="Table of runs").locator("tbody tr")
        expect(rows.filter(has_text="demo/bm25")).to_contain_text("338")
        expect(page.get_by_role("region", name="Table of agreement")).to_contain_text("%")


class TestEveryPage:
    """What holds wherever one is."""

    def test_nothing_is_covered_or_wider_than_the_window(
        self, open_page: Open, france_id: int, document_id: int
    ) -> None:
        page = open_page("/runs")
        for path in paths(france_id, document_id):
            page.goto(path)
            for width in (WIDTH, NARROW):
                page.set_viewport_size({"width": width, "height": HEIGHT})
                check(page, f"{path}, {width} pixels")

    def test_pictures_of_the_docs_show_what_they_should(
        self, open_page: Open, document_id: int, tmp_path: Path
    ) -> None:
        germany = "/query?run=demo&id=capital-germany"
        for name, path, width, height, colours, says in (
            (
                "viewer_list",
                "/queries?run=demo",
                1100,
                900,
                "light",
                "The city that France has as its capital is Paris",
            ),
            ("viewer_query", germany, 1100, 1250, "light", "✓ states the fact"),
            ("viewer_side_by_side", f"{germany}&other=demo/bm25", 1100, 1250, "dark", "Proponents of demo/bm25"),
            ("viewer_document", f"/document?run=demo&document={document_id}", 1100, 900, "light", "How far it reaches"),
            ("viewer_methods", "/methods?run=demo", 1100, 900, "dark", "Influence against attribution"),
            ("viewer_narrow", germany, NARROW, 1700, "dark", "Germany"),
        ):
            page = open_page(path, width, height, colours)
            expect(page.get_by_text(says).first).to_be_in_viewport()
            take(page, name, tmp_path)

    def test_colours_follow_the_system_until_they_are_chosen(self, open_page: Open) -> None:
        page = open_page("/runs?run=demo", colours="dark")
        colour = "getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(colour)

        follow(page.get_by_role("link", name="Light", exact=True))
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
        follow(page.get_by_label("What is shown").get_by_role("button", name="Show"))

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

    @pytest.mark.parametrize(
        ("path", "name", "columns", "rows"),
        [
            ("/map?run=demo&metric=recall", "demo-recall", {"relation", "frequency_bucket", "value"}, 9),
            ("/methods?run=demo", "demo-methods", {"run", "judge", "mrr", "tail_patch_delta_high"}, 6),
            ("/comparison?run=demo", "demo-agreement", {"other_run", "overlap"}, 2),
            ("/comparison?run=demo&other=demo/gold&filter=position+>+336", "demo-demo-gold", {"prompt", "overlap"}, 2),
            ("/documents?run=demo&search=France", "documents", {"external_id", "excerpt"}, 5),
            ("/document?run=demo&all=1&document={document_id}", "document-{document_id}", {"run", "rank"}, 100),
        ],
    )  # fmt: skip
    def test_the_rows_of_a_page_are_had_as_files(
        self, client: httpx.Client, document_id: int, path: str, name: str, columns: set[str], rows: int
    ) -> None:
        path, name = (text.format(document_id=document_id) for text in (path, name))
        links = re.findall(r'href="([^"]*format=[^"]*)"', client.get(path).text)
        files = [client.get(html.unescape(link)) for link in links]
        table = list(csv.DictReader(io.StringIO(files[0].text, newline="")))
        lines = [json.loads(line) for line in files[1].text.splitlines()]

        assert [file.headers["content-disposition"] for file in files] == [
            f'attachment; filename="{name}.{kind}"' for kind in ("csv", "jsonl")
        ]
        assert columns <= set(lines[0])
        assert len(lines) >= rows
        assert [list(row.values()) for row in table] == [
            ["" if value is None else str(value) for value in line.values()] for line in lines
        ]

    def test_a_file_of_another_format_or_of_a_filter_that_is_none_is_refused(self, client: httpx.Client) -> None:
        for path in ("/map?run=demo&format=xml", "/comparison?run=demo&other=demo/gold&filter=x&format=csv"):
            assert client.get(path).status_code == 400

    def test_a_query_goes_on_in_the_list_that_it_was_reached_from(self, client: httpx.Client) -> None:
        def links(address: str, which: str) -> list[str]:
            return [html.unescape(link) for link in re.findall(rf'<a{which} href="([^"]*)"', client.get(address).text)]

        found = links(
            "/queries?run=demo&sort=confidence&filter=relation+%3D+%22currency%22", ' class="asks" dir="auto"'
        )

        assert len(found) > 5
        assert re.findall(r'href="([^"]*)" rel="next"', client.get(found[-1]).text) == []
        texts = [html.unescape(client.get(address).text) for address in found[:2]]
        assert f'href="{found[1]}" rel="next"' in texts[0]
        assert f'href="{found[0]}" rel="prev"' in texts[1]
        assert 'rel="prev"' not in texts[0]
        back = re.search(r'href="([^"]*)">All queries', texts[0])
        assert back is not None
        assert back[1] == "/queries?run=demo&filter=relation+%3D+%22currency%22&sort=confidence"

    def test_what_is_empty_exact_or_unseen_is_told(self, client: httpx.Client, france_id: int) -> None:
        nothing = client.get("/comparison?run=demo&other=demo/bm25&filter=position+%3E+999").text
        exact = client.get("/queries?run=demo&exact=1").text
        unseen = client.get("/queries", params={"run": "demo", "filter": 'prompt contains "\x1b"'}).text
        file = client.get("/download", params={"run": "demo", "query": france_id, "format": "csv", "threshold": 1}).text

        assert "No query stands here." in nothing
        assert r"E&#39;\u001b&#39;" in unseen
        assert "\x1b" not in unseen.split('id="sql"')[1]
        assert "filter=correct" in exact
        assert not re.search(r"exact=1[^\"]*filter=", exact)
        assert {row["is_entailed"] for row in csv.DictReader(io.StringIO(file))} == {"False", ""}

    def test_axe_finds_nothing_to_complain_of(
        self, open_page: Open, france_id: int, document_id: int, axe: str
    ) -> None:
        page = open_page("/runs")
        page.context.add_cookies([{"name": "trackstar_annotator", "value": "Ana", "url": page.url}])
        problems = []
        for path in [*paths(france_id, document_id)[1:], explanation(france_id)]:  # the second has all of the first
            page.goto(path)
            problems += complaints(page, axe)
        assert problems == []
