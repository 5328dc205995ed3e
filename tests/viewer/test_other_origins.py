"""Pages of other origins, in a real browser: they neither read from the viewer nor write to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.viewer.conftest import FOREIGN_NAME

READ = """async ([address, mode]) => {
    try {
        const response = await fetch(address, {mode, credentials: "include"});
        return await response.text();
    } catch (error) { return "refused"; }
}"""
INCLUDE = """([address, kind]) => new Promise(resolve => {
    const element = document.createElement(kind);
    element.onload = () => resolve("loaded");
    element.onerror = () => resolve("refused");
    element.src = address;
    document.body.append(element);
})"""
WRITE = """([address, fields]) => {
    const form = Object.assign(document.createElement("form"), {method: "post", action: address});
    for (const [name, value] of Object.entries(fields)) {
        form.append(Object.assign(document.createElement("input"), {name, value}));
    }
    document.body.append(form);
    form.submit();
}"""


class Foreign(BaseHTTPRequestHandler):
    """A page with nothing on it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>foreign</title><body>")

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(params=["127.0.0.1", "localhost"], ids=["same site", "another site"])
def foreign(request: pytest.FixtureRequest, browser: Browser, viewer: str) -> Iterator[Page]:
    """A page of another origin, whose browser has been to the viewer."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{viewer}/queries?run=demo")
        page.goto(f"http://{request.param}:{server.server_port}/")
        yield page
    server.shutdown()
    server.server_close()


def test_scripts_pictures_and_frames_get_nothing(foreign: Page, viewer: str) -> None:
    for mode in ("cors", "no-cors"):
        assert foreign.evaluate(READ, [f"{viewer}/queries?run=demo", mode]) in ("", "refused")
    assert foreign.evaluate(INCLUDE, [f"{viewer}/static/viewer.js", "script"]) == "refused"
    assert foreign.evaluate(INCLUDE, [f"{viewer}/static/icon.svg", "img"]) == "refused"
    foreign.evaluate(INCLUDE, [f"{viewer}/queries?run=demo", "iframe"])
    assert "France" not in "".join(frame.content() for frame in foreign.frames)


def test_a_form_writes_nothing(foreign: Page, viewer: str, france_id: int, viewer_database_url: str) -> None:
    fields = {"run": "demo", "query": str(france_id), "document": "1", "annotator": "Mallory", "verdict": "states"}

    foreign.evaluate(WRITE, [f"{viewer}/query/label", fields])

    expect(foreign.get_by_text("A page of another origin may not write here.")).to_be_visible()
    with psycopg.connect(viewer_database_url) as connection:
        labels = connection.execute("SELECT FROM tda.entailment_label WHERE labeler = 'Mallory'").fetchall()
    assert labels == []


def test_a_link_leads_to_the_viewer(foreign: Page, viewer: str) -> None:
    foreign.evaluate("address => { location = address }", f"{viewer}/queries?run=demo")

    expect(foreign.get_by_role("heading", level=1)).to_have_text("Queries of demo")


def test_a_name_that_was_made_to_point_here_is_not_answered(browser: Browser, viewer: str) -> None:
    page = browser.new_page()

    response = page.goto(viewer.replace("127.0.0.1", FOREIGN_NAME) + "/queries?run=demo")

    assert response is not None
    assert response.status == 421
    assert "France" not in page.content()
    page.close()
