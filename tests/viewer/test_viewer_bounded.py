"""What others give the viewer stays in bounds: names on pages and in the terminal, and requests for a model's work."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

import httpx
import psycopg
import pytest
from starlette.testclient import TestClient

from tests.viewer.made_up import SIMPLE
from tests.viewer.serving import served
from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.database.engine import open_database
from trackstar_db.errors import InUse
from trackstar_db.viewer.app import create_app
from trackstar_db.viewer.reading import Reading
from trackstar_db.viewer.state import WAITING, Turns, Viewer

SECONDS = 10
COMMANDING = "evil\x1b]0;owned\x07"


def read_text(page: str) -> str:
    """What a person reads of a page: no tags, whose values must stay what they are."""
    return re.sub(r"<[^>]*>", "", page)


@contextmanager
def at_work(turns: Turns) -> Iterator[None]:
    """Another request works, and as many wait as may; they end with it."""
    has_begun, may_end = Event(), Event()

    def work() -> None:
        with turns.turn():
            has_begun.set()
            may_end.wait(SECONDS)

    threads = [Thread(target=work) for _ in range(1 + WAITING)]
    with ExitStack() as stack:
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
        stack.callback(may_end.set)
        assert has_begun.wait(SECONDS)
        while turns._places._value:
            time.sleep(0.01)
        yield


def test_an_explanation_is_refused_at_once_where_others_wait(viewer_database_url: str, france_id: int) -> None:
    database = open_database(viewer_database_url)
    viewer = Viewer(Reading(database), owner=database)
    with TestClient(create_app(viewer), "http://127.0.0.1") as client:
        with at_work(viewer.explaining):
            began = time.monotonic()
            response = client.get(f"/query/explanation?run=demo&query={france_id}&rank=1")
            seconds = time.monotonic() - began
        with viewer.explaining.turn():  # those that waited have given their places back
            pass

    assert response.status_code == 503
    assert "the model works on other explanations" in response.text
    assert seconds < 3


def test_who_waits_too_long_for_a_model_gives_the_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackstar_db.viewer.state.WAIT_SECONDS", 0.01)
    turns = Turns()
    with turns.turn():
        for _ in range(2 * WAITING):
            with pytest.raises(InUse), turns.turn():
                pass
    with turns.turn():
        pass


def test_a_runs_name_shows_its_escapes(viewer_database_url: str, france_id: int) -> None:
    rename = "UPDATE trackstar.run SET name = %s WHERE name = %s"
    viewer = Viewer(Reading(open_database(viewer_database_url)))
    with psycopg.connect(viewer_database_url, autocommit=True) as connection:
        connection.execute(rename, (COMMANDING, "demo/gold"))
        try:
            with TestClient(create_app(viewer), "http://127.0.0.1") as client:
                asked = {"run": "demo", "other": COMMANDING, "query": france_id}
                pages = [client.get(path, params=asked) for path in ("/query", "/comparison", "/runs", "/methods")]
        finally:
            connection.execute(rename, ("demo/gold", COMMANDING))

    assert [page.status_code for page in pages] == [200] * 4
    assert "Proponents of evil␛]0;owned␇" in pages[0].text
    assert all(not re.search("[\x07\x1b]", read_text(page.text)) for page in pages)


def test_a_files_name_commands_neither_the_terminal_nor_a_page(own_server: EmbeddedServer, tmp_path: Path) -> None:
    file, log = tmp_path / f"{COMMANDING}.jsonl", tmp_path / "errors"
    file.write_text(json.dumps(SIMPLE) + "\n{\n")
    with served("--file", file, log=log) as address:
        page = httpx.get(f"{address}/", follow_redirects=True).text

    assert "1 of 2 records were left out" in log.read_text()
    assert "\x1b" not in log.read_text()
    assert "evil␛]0;owned␇" in page
    assert not re.search("[\x07\x1b]", read_text(page))
