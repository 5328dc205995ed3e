"""Pages of the viewer stay short and quick, whatever texts the database holds and whatever is asked."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from starlette.testclient import TestClient

from tests.integration.results_format import record, write
from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.database.engine import Database
from trackstar_db.loaders import load_results
from trackstar_db.store import Store
from trackstar_db.viewer.app import create_app
from trackstar_db.viewer.opened_file import opened_file
from trackstar_db.viewer.reading import Reading
from trackstar_db.viewer.state import Viewer

SENTENCE = "Nobody knows why a boat is on the Seine today. "
FAR_DOWN = SENTENCE * 1_000 + "It lies in PARIS, they say. " + SENTENCE * 30_000
PAGE_CHARACTERS = 150_000
HOSTS = (
    "localhost/evil", "x@localhost", "localhost#x", "localhost?x", "[localhost]", "localhost:x", "localhost:1:2",
    "localhost\\x", "localhost x", "::1", "[::1", "localhost:123456",
)  # fmt: skip


def client_of(database: Database) -> TestClient:
    """Asks the viewer over this database, as a browser on this computer does."""
    app = create_app(Viewer(Reading(database), owner=database))
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False, follow_redirects=False)


@pytest.fixture
def long_texts(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    """A viewer over long documents, a long prompt and a long target, and a relation of a long name."""
    lists = {"proponents": [FAR_DOWN, SENTENCE * 200, "Paris"], "proponent_ids": ["far", "long", "short"]}
    more = {**lists, "proponent_scores": [3, 2, 1], "proponent_correct": [True] * 3, "proponent_ais_scores": [1] * 3}
    found = [
        record(example_id="documents", targets_plaintext="Paris", **more),
        record(example_id="prompt", inputs_plaintext=f"begin {SENTENCE * 30_000} end"),
        record(example_id="target", targets_plaintext=SENTENCE * 30_000),
    ]
    load_results(database, [write(tmp_path / "r.jsonl", *found)], "r")
    Store(database).refresh()
    with client_of(database) as client:
        yield client


def test_a_page_that_fails_is_protected_as_others_are(long_texts: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackstar_db.viewer.pages.runs.frame_of", None)
    page = long_texts.get("/runs")
    assert page.status_code == 500
    assert "The viewer made a mistake" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


def test_a_search_without_words_or_too_long_is_told_beside_it(long_texts: TestClient) -> None:
    for text, said in (("-Paris", "no word to look for"), ("a" * 501, "at most 500")):
        page = long_texts.get("/documents", params={"search": text})
        assert page.status_code == 400
        assert said in page.text
        assert f'value="{text}"' in page.text
        assert long_texts.get("/documents", params={"search": text, "format": "csv"}).status_code == 400


def test_an_error_leads_back_to_the_own_page_that_it_came_from(long_texts: TestClient) -> None:
    for came_from, leads in (("http://localhost/runs?run=r", True), ("http://evil.com/", False)):
        page = long_texts.get("/query?query=x", headers={"referer": came_from}).text
        assert (f'<a href="{came_from}">Back</a>' in page) is leads


def test_a_card_shows_the_part_of_a_long_text_where_the_answer_stands(long_texts: TestClient) -> None:
    page = long_texts.get("/query?id=documents&mark=e").text
    assert len(page) < PAGE_CHARACTERS
    begin = len(SENTENCE) * 1_000 + len("It lies in ") - 400
    assert f"Characters {begin + 1:,} to {begin + 4_000:,} of {len(FAR_DOWN):,} characters" in page
    assert '<mark class="target">PARIS</mark>' in page
    assert f"The first 4,000 of {200 * len(SENTENCE):,} characters" in page
    assert page.count("The whole document") == 2


@pytest.mark.parametrize("path", ["/query?id=prompt", "/query?id=target&mark=o", "/queries", "/documents?search=boat"])
def test_a_page_over_long_texts_stays_short(long_texts: TestClient, path: str) -> None:
    page = long_texts.get(path)
    assert page.status_code == 200
    assert len(page.text) < PAGE_CHARACTERS


def test_a_long_prompt_shows_where_it_asks(long_texts: TestClient) -> None:
    for path in ("/query?id=prompt", "/queries"):
        page = long_texts.get(path).text
        assert "begin Nobody" in page
        assert "today.  end" in page


def test_a_long_document_is_shown_part_by_part(long_texts: TestClient) -> None:
    far = long_texts.get("/query?id=documents").text.split('href="/document?', 1)[1].split('"', 1)[0]
    address = f"/document?{far}".replace("&amp;", "&")
    pages = [long_texts.get(f"{address}&part={part}").text for part in (1, 2, 15, 16)]
    assert all(len(page) < PAGE_CHARACTERS for page in pages)
    assert f"Characters 1 to 100,000 of {len(FAR_DOWN):,}" in pages[0]
    assert "Text before" not in pages[0]
    assert "PARIS" in pages[0]
    assert "Characters 100,001 to 200,000" in pages[1]
    assert f"to {len(FAR_DOWN):,} of" in pages[2]
    assert "Text behind" not in pages[2]
    assert "has 15 parts, and no part 16" in pages[3]


def test_words_of_a_very_long_document_are_not_shaded_here(long_texts: TestClient) -> None:
    query = long_texts.get("/query?id=documents").text.split('name="query" value="', 1)[1].split('"', 1)[0]
    page = long_texts.get(f"/query/explanation?query={query}&rank=1")
    assert page.status_code == 400
    assert f"has {len(FAR_DOWN):,} characters" in page.text


def test_a_record_too_long_for_a_page_is_a_file(long_texts: TestClient) -> None:
    query = long_texts.get("/query?id=documents").text.split('name="query" value="', 1)[1].split('"', 1)[0]
    page = long_texts.get(f"/query/raw?query={query}").text
    assert "too many for a page" in page
    assert len(page) < PAGE_CHARACTERS
    assert FAR_DOWN in long_texts.get(f"/download?query={query}&format=jsonl").json()["proponents"]
    assert FAR_DOWN in long_texts.get(f"/download?query={query}&format=csv").text


def test_a_relation_too_long_for_a_filter_is_no_link(test_server: EmbeddedServer, tmp_path: Path) -> None:
    name = '"' * 1_500
    found = [record(example_id=f"e{n}", relation=name, proponent_correct=[True, False]) for n in range(2)]
    with opened_file(write(tmp_path / "r.jsonl", *found), test_server) as opened, client_of(opened) as client:
        for path in ("/queries", "/map"):
            page = client.get(path).text
            links = [html.unescape(link) for link in re.findall(r'href="(/queries\?[^"]*filter[^"]*)"', page)]
            assert links
            assert "&#34;&#34;" in page
            for link in links:
                assert client.get(link).status_code == 200


def test_pages_tell_at_once_that_the_database_is_gone_and_come_back_with_it(database: Database, tmp_path: Path) -> None:
    parameters = {name: str(value) for name, value in conninfo_to_dict(database.conninfo).items()}
    moving = Database(lambda: dict(parameters))
    with client_of(moving) as client:
        assert "has no run" in client.get("/queries").text
        socket, parameters["host"] = parameters["host"], str(tmp_path)
        with database.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        began = time.monotonic()
        gone = client.get("/queries")
        assert gone.status_code == 503
        assert time.monotonic() - began < 4
        assert "The database does not answer" in gone.text
        assert str(tmp_path) not in gone.text
        parameters["host"] = socket
        began = time.monotonic()
        assert client.get("/queries").status_code == 404
        assert time.monotonic() - began < 8


def test_without_a_run_a_page_says_how_to_make_one(database: Database) -> None:
    with client_of(database) as client:
        for path in ("/queries?run=x", "/map?run=x"):
            assert "Make one: trackstar attribute" in client.get(path).text


def test_a_comparison_without_a_second_run_tells_what_is_wrong_with_its_filter(long_texts: TestClient) -> None:
    page = long_texts.get("/comparison?filter=nonsense")
    assert page.status_code == 400
    assert "there is no field &#39;nonsense&#39;" in page.text


def test_a_number_that_is_none_is_told(long_texts: TestClient) -> None:
    for number in ("9" * 5_000, "0" * 5_000, "9" * 19, "١"):
        for name in ("query?query=", "query?query=1&top=", "document?document=1&part=", "query/explanation?query="):
            assert long_texts.get(f"/{name}{number}").status_code in (400, 404)


def test_a_link_never_leads_to_another_host(long_texts: TestClient) -> None:
    for path in ("//evil.example/x", "/\\evil.example", "/%09/evil.example", "/%5Cevil.example", "///"):
        page = long_texts.request("GET", f"http://localhost{path}")
        assert page.status_code == 404
        links = re.findall(r'href="([^"]*)"', page.text)
        assert links
        assert all(re.match(r"#|/(?![/\\\s])", link) for link in links)


def test_a_host_header_is_a_name_and_a_port(long_texts: TestClient) -> None:
    for host in HOSTS:
        assert long_texts.get("/queries", headers={"host": host}).status_code == 421, host
