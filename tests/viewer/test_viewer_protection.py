"""The viewer keeps other origins out, runs nothing that data holds, and tells what is wrong."""

from __future__ import annotations

import html
import os
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle, islice
from urllib.parse import quote

import httpx
import psycopg
import pytest

from tests.viewer.conftest import HOSTILE, sessions
from trackstar_db.viewer.serving import listening

PAGES = tuple(f"/{name}?run=demo" for name in ("runs", "queries", "map", "documents", "comparison", "methods"))
FOREIGN = ("evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "[::1", "localhost.")
VALUES = ("\x00", "x" * 30_000, HOSTILE, "'", "%", "\\", "😀", "\ud800".encode("utf-8", "surrogatepass"))


def query_address(france_id: int, **more: object) -> str:
    return str(httpx.URL("/query", params={"run": "demo", "query": france_id, **more}))


@pytest.mark.parametrize("host", FOREIGN)
def test_another_hosts_name_is_not_answered(client: httpx.Client, host: str) -> None:
    response = client.get("/queries?run=demo", headers={"host": host})

    assert response.status_code in (400, 421)
    assert "France" not in response.text
    assert not any(name in response.text for name in (socket.gethostname(), "127.0.0.1", "localhost"))


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8765", "LOCALHOST"])
def test_this_computers_names_are_answered(client: httpx.Client, host: str) -> None:
    assert client.get("/queries?run=demo", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("destination", ["script", "image", "iframe", "empty"])
def test_a_page_of_another_site_cannot_load_one_of_ours(client: httpx.Client, destination: str) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": destination}

    response = client.get("/queries?run=demo", headers=headers)

    assert response.status_code == 403
    assert "France" not in response.text


def test_a_link_from_another_site_can_be_followed(client: httpx.Client) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}

    assert client.get("/queries?run=demo", headers=headers).status_code == 200


@pytest.mark.parametrize("path", [*PAGES, "/nothing", "/static/viewer.css", "/query?run=demo&query=999999999"])
def test_every_answer_forbids_foreign_and_inline_code(client: httpx.Client, path: str) -> None:
    response = client.get(path)

    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    if "html" in response.headers.get("content-type", ""):
        assert not re.search(r"<script(?![^>]*\ssrc=)", response.text)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", response.text)
        assert not re.search(r"""(?:src|href|action)="(?:https?:)?//""", response.text)


def test_what_a_document_holds_is_shown_and_not_run(client: httpx.Client, france_id: int) -> None:
    text = client.get(query_address(france_id)).text

    assert "&lt;script&gt;" in text
    assert "<script>document" not in text
    assert "<img" not in text
    assert "{{ 7*7 }}" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "␛[31mred" in text
    document = re.search(r'id="proponent-2".*?<footer>\s*<a href="([^"]*)"', text, re.DOTALL)
    assert document is not None
    assert "[&#34;it&#39;s é&#34;]" in client.get(html.unescape(document[1])).text


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", ["run", "filter", "sort", "cursor", "threshold"])
def test_any_parameter_gives_a_page_that_can_be_read(client: httpx.Client, name: str, value: str | bytes) -> None:
    given: dict[str, str | bytes] = {"run": "demo", name: value}

    response = client.get("/queries?" + "&".join(f"{key}={quote(found)}" for key, found in given.items()))

    assert response.status_code in (200, 400, 404)
    assert "<h1>" in response.text
    assert "Traceback" not in response.text
    assert "<script>document" not in response.text


@pytest.mark.parametrize("query", ["0", "-1", "99999999999999999999", "1e3", "x", "", "²"])
def test_a_query_that_is_not_there_is_said_to_be_so(client: httpx.Client, query: str) -> None:
    response = client.get("/query", params={"run": "demo", "query": query, "other": "demo/bm25"})

    if query == "0":  # a number that the chosen run never asked: to those that it did
        assert response.headers["location"] == "/queries?run=demo"
        return
    assert response.status_code == 400
    assert "<h1>" in response.text


def test_an_address_without_a_page_names_the_way_back(client: httpx.Client) -> None:
    response = client.get("/nothing<script>")

    assert response.status_code == 404
    assert "There is no page at" in response.text
    assert "<script>" not in response.text
    unknown = client.get("/queries?run=nothing")
    assert unknown.status_code == 404
    assert "no run named &#39;nothing&#39; may be read here. Among those that may: demo" in unknown.text


class TestLabels:
    """What writes needs our own page: its origin, its cookie, its token."""

    def form(self, client: httpx.Client, france_id: int) -> dict[str, str]:
        named = self.name(client, france_id, "Ana", other="demo/bm25")
        assert named.headers["location"] == query_address(france_id, other="demo/bm25")
        text = client.get("/query", params={"run": "demo", "id": "capital-france"}).text
        _, form = text.split('action="/query/label"', 1)
        names = ("token", "document", "run", "query")
        found = {name: re.search(rf'name="{name}" value="([^"]*)"', form)[1] for name in names}  # type: ignore[index]
        assert found["query"] == str(france_id)
        return {
            **found,
            "annotator": "Ana",
            "verdict": "states",
            "card": "proponent-1",
        }

    def name(self, client: httpx.Client, france_id: int, name: str, **more: str) -> httpx.Response:
        text = client.get(query_address(france_id)).text
        token = re.search(r'name="token" value="([^"]*)"', text)
        assert token is not None
        form = {"token": token[1], "run": "demo", "query": str(france_id), "annotator": name, **more}
        return self.send(client, form, "/query/annotator")

    def send(
        self, client: httpx.Client, form: dict[str, str], path: str = "/query/label", **headers: str
    ) -> httpx.Response:
        origin = str(client.base_url).rstrip("/")
        return client.post(path, data=form, headers={"origin": origin, **headers})

    def labels(self, url: str) -> list[tuple[object, ...]]:
        with psycopg.connect(url) as connection:
            statement = "SELECT labeler, ais_score FROM tda.entailment_label WHERE labeler = 'Ana'"
            return connection.execute(statement).fetchall()

    def test_a_label_is_stored_and_taken_back(
        self, client: httpx.Client, france_id: int, viewer_database_url: str
    ) -> None:
        form = self.form(client, france_id)

        response = self.send(client, form)

        assert response.status_code == 303
        assert response.headers["location"].endswith("#proponent-1")
        assert self.labels(viewer_database_url) == [("Ana", 1.0)]
        assert "Ana: 1.00" in client.get(query_address(france_id)).text
        assert self.send(client, {**form, "verdict": "remove"}).status_code == 303
        back = self.send(client, {**form, "verdict": "remove", "top": "all", "subject": "off"}).headers["location"]
        assert back == f"{query_address(france_id, top='all', subject='off')}#proponent-1"
        assert self.labels(viewer_database_url) == []

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
    def test_a_form_of_another_origin_is_refused(
        self, client: httpx.Client, france_id: int, viewer_database_url: str, origin: str
    ) -> None:
        response = self.send(client, self.form(client, france_id), origin=origin)

        assert response.status_code == 403
        assert self.labels(viewer_database_url) == []

    @pytest.mark.parametrize("token", ["", "0" * 64, "é"])
    def test_a_form_without_our_token_is_refused(
        self, client: httpx.Client, france_id: int, viewer_database_url: str, token: str
    ) -> None:
        response = self.send(client, {**self.form(client, france_id), "token": token})

        assert response.status_code == 400
        assert self.labels(viewer_database_url) == []

    def test_a_token_of_another_session_is_refused(
        self, client: httpx.Client, france_id: int, viewer_database_url: str
    ) -> None:
        form = self.form(client, france_id)
        with httpx.Client(base_url=client.base_url) as other:
            other.get(query_address(france_id))

            response = self.send(other, form)

        assert response.status_code == 400
        assert self.labels(viewer_database_url) == []

    def test_the_name_is_kept_by_the_browser_and_stands_in_no_address(
        self, client: httpx.Client, france_id: int
    ) -> None:
        with httpx.Client(base_url=client.base_url, timeout=60) as own:
            sent = self.name(own, france_id, "Zoë; <b>")
            page = own.get(query_address(france_id)).text

            assert sent.status_code == 303
            for part in ("HttpOnly", "SameSite=strict", "Path=/;"):
                assert part in sent.headers["set-cookie"]
            assert "Labels are stored as Zoë; &lt;b&gt;'s." in page
            assert not re.search(r'(?:href|action)="[^"]*Zo', page)
            with httpx.Client(base_url=client.base_url, timeout=60) as other:
                assert "Labels are stored as" not in other.get(query_address(france_id, annotator="Zoë")).text
            assert self.name(own, france_id, "Alias_Match").status_code == 400
            self.name(own, france_id, "")
            assert "Labels are stored as" not in own.get(query_address(france_id)).text

    def test_a_long_form_is_refused(self, client: httpx.Client, france_id: int) -> None:
        response = self.send(client, {**self.form(client, france_id), "card": "x" * 100_000})

        assert response.status_code == 400
        assert "longer" in response.text


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
@pytest.mark.parametrize(("asked", "status"), [({"cursor": "x"}, 400), ({"query": 0}, 404), ({"query": "x"}, 400)])
def test_a_download_of_what_is_not_there_is_refused(
    client: httpx.Client, kind: str, asked: dict[str, object], status: int
) -> None:
    response = client.get("/download", params={"run": "demo", "format": kind, **asked})  # type: ignore[arg-type]

    assert response.status_code == status
    assert "content-disposition" not in response.headers
    assert "<h1>" in response.text


@pytest.mark.parametrize(
    ("asked", "said"), [({"search": "_"}, "capital &#34;of France&#34;"), ({"corpus": "nothing"}, "no corpus")]
)
def test_a_search_that_finds_nothing_to_look_for_says_why(
    client: httpx.Client, asked: dict[str, str], said: str
) -> None:
    response = client.get("/documents", params={"run": "demo", "search": "Paris", **asked})

    assert response.status_code == 400
    assert said in response.text


def test_a_download_that_is_broken_off_gives_its_connection_back(
    client: httpx.Client, viewer_database_url: str
) -> None:
    for _ in range(10):  # more than there are connections
        with client.stream("GET", "/download?run=demo&format=jsonl&whole=1") as response:
            next(response.iter_raw(1000))

    assert client.get("/queries?run=demo").status_code == 200
    deadline = time.monotonic() + 10
    while (busy := sessions(viewer_database_url, "active")) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert busy == []


def test_browsers_that_stop_in_the_middle_of_downloads_keep_no_connection(
    viewer: str, client: httpx.Client, viewer_database_url: str
) -> None:
    with ExitStack() as stack:
        for _ in range(10):  # more than there are connections
            browser = stack.enter_context(socket.socket())
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            browser.connect((httpx.URL(viewer).host, httpx.URL(viewer).port or 80))
            browser.sendall(
                f"GET /download?run=demo&whole=1 HTTP/1.1\r\nHost: {browser.getpeername()[0]}\r\n\r\n".encode()
            )
            assert browser.recv(12) == b"HTTP/1.1 200"

        assert client.get("/runs", timeout=10).status_code == 200
        assert sessions(viewer_database_url, "idle in transaction%") == []


def test_a_small_answer_does_not_wait_for_the_browsers_acknowledgement() -> None:
    with listening("127.0.0.1", 0) as bound, socket.create_connection(bound.getsockname()):
        accepted, _ = bound.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_fifty_at_once_are_all_answered(client: httpx.Client, france_id: int, viewer_database_url: str) -> None:
    paths = [*PAGES, query_address(france_id), "/download?run=demo&format=csv"]
    end = time.monotonic() + float(os.environ.get("TRACKSTAR_LOAD_SECONDS", 2))

    def visit(first: int) -> list[int]:
        found = []
        for path in islice(cycle(paths), first, None):
            found.append(client.get(path).status_code)
            if time.monotonic() > end:
                return found
        return found

    with ThreadPoolExecutor(50) as pool:
        found = [status for visitor in pool.map(visit, range(50)) for status in visitor]

    assert len(found) > 100
    assert set(found) == {200}
    assert sessions(viewer_database_url, "active") == []
