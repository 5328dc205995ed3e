"""One viewer and one browser for the session: `trackstar serve` over a copy of the demo, and headless Chromium."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page, sync_playwright
from psycopg.conninfo import conninfo_to_dict

from tests.copies import copy_database
from tests.viewer.made_up import RIGHT_TO_LEFT
from tests.viewer.serving import served
from trackstar_db.database.embedded import EmbeddedServer

WIDTH, NARROW, HEIGHT = 1280, 400, 900
SECONDS = 60
FOREIGN_NAME = "viewer.example"
QUERIES = "ol.queries > li"
HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> {{ 7*7 }} ${7*7} "
    "'; DROP TABLE trackstar.run; -- \x1b[31mred\x1b[0m \u202eevil"
)
"""What a document may hold."""

FAR_RANK, LONG_TEXT = 95, "It was a long day. " * 6_000
"""A proponent of the query about France that is longer than a page of a document."""


Open = Callable[..., Page]


@pytest.fixture(scope="session")
def viewer_database_url(test_server: EmbeddedServer, demo_database_url: str) -> str:
    """The demo's database for these tests alone, with documents that are hostile, read from the right, and long.

    Its run demo/gold never asked the last query.
    """
    url = copy_database(test_server, "viewer", str(conninfo_to_dict(demo_database_url)["dbname"]))
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE trackstar.prediction SET alternatives = %s WHERE query_id = %s",
            ('{"Paris": 0.75, "Lyon <b>": 0.25}', france(connection)),
        )
        for rank, text in ((2, HOSTILE), (3, RIGHT_TO_LEFT), (FAR_RANK, LONG_TEXT)):
            connection.execute(
                "UPDATE trackstar.document SET text = %s, metadata = %s "
                "WHERE document_id = (SELECT p.document_id FROM tda.proponent p "
                "WHERE p.run = 'demo' AND p.query_id = %s AND p.direction = 'proponent' AND p.rank = %s)",
                (text, '{"names": ["it\'s é"]}', france(connection), rank),
            )
        connection.execute(
            "DELETE FROM trackstar.run_query USING trackstar.run "
            "WHERE run.run_id = run_query.run_id AND run.name = 'demo/gold' AND position = 338"
        )
    return url


def france(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    """The number of the query about the capital of France."""
    row = connection.execute("SELECT query_id FROM tda.query WHERE external_id = 'capital-france'").fetchone()
    assert row is not None
    return int(str(row[0]))


@pytest.fixture(scope="session")
def france_id(viewer_database_url: str) -> int:
    """The number of the query about the capital of France."""
    with psycopg.connect(viewer_database_url) as connection:
        return france(connection)


@pytest.fixture(scope="session")
def viewer(viewer_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a viewer over the demo, in which labels can be written."""
    log = tmp_path_factory.mktemp("viewer") / "errors"
    with served("--writer", url=viewer_database_url, log=log) as address:
        yield address
    assert "Traceback" not in log.read_text()
    assert sessions(viewer_database_url) == []


def sessions(url: str, state: str = "%") -> list[tuple[object, ...]]:
    """The viewer's sessions in its database, those of a state like this one."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT pid, state, query FROM pg_stat_activity "
            "WHERE datname = current_database() AND usename = 'tda_reader' AND state LIKE %s",
            (state,),
        ).fetchall()


@pytest.fixture(scope="session")
def client(viewer: str) -> Iterator[httpx.Client]:
    """A client of the viewer that follows no redirection by itself."""
    with httpx.Client(base_url=viewer, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; tests are skipped without one, but for those that make the docs' pictures."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        said = "needs Chromium, and none is on the path"
        pytest.fail(said) if "TRACKSTAR_PICTURES" in os.environ else pytest.skip(said)
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One headless Chromium."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", f"--host-resolver-rules=MAP {FOREIGN_NAME} 127.0.0.1"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def window(browser: Browser, viewer: str) -> Page:
    """One page, which tests take over from each other."""
    return _page(browser, viewer)


@pytest.fixture
def open_page(browser: Browser, viewer: str, window: Page) -> Iterator[Open]:
    """Opens a page of the viewer, without cookies; fails at the end where a script or style was refused or failed.

    options: of a profile of its own
    """
    said: list[str] = []
    opened: list[Page] = []

    def note(message: ConsoleMessage) -> None:
        if "Security" in message.text:
            said.append(message.text)

    def fail(error: Error) -> None:
        said.append(str(error))

    def go(path: str, width: int = WIDTH, height: int = HEIGHT, colours: str = "light", **options: object) -> Page:
        page = _page(browser, viewer, **options) if options else window
        if page not in opened:
            opened.append(page)
            page.on("console", note)
            page.on("pageerror", fail)
        page.context.clear_cookies()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
        page.goto(path)
        return page

    yield go
    for page in opened:
        page.remove_listener("console", note)
        page.remove_listener("pageerror", fail)
        if page is not window:
            page.context.close()
    assert said == []


def _page(browser: Browser, address: str, **options: object) -> Page:
    context = browser.new_context(base_url=address, **options)  # type: ignore[arg-type]
    context.set_default_timeout(SECONDS * 1000)
    return context.new_page()


@pytest.fixture(scope="session")
def document_id(viewer_database_url: str, france_id: int) -> int:
    """The number of the first proponent of the query about France."""
    with psycopg.connect(viewer_database_url) as connection:
        row = connection.execute(
            "SELECT document_id FROM tda.proponent "
            "WHERE run = 'demo' AND query_id = %s AND direction = 'proponent' AND rank = 1",
            (france_id,),
        ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core; the test is skipped where the package that brings it is not installed."""
    return str(pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT)


def complaints(page: Page, axe: str) -> list[tuple[str, str, str, str]]:
    """What axe finds on the page with all unfolded: the colours it has then, its address, the rule, the element."""
    page.evaluate("document.querySelectorAll('details').forEach(folded => { folded.open = true; })")
    page.evaluate(axe)
    problems = []
    for scheme, rules in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        options = {"resultTypes": ["violations"], **rules}
        found = page.evaluate("options => axe.run(options).then(results => results.violations)", options)
        problems += [(scheme, page.url, one["id"], one["nodes"][0]["html"][:200]) for one in found]
    return problems


def figure(page: Page, name: str) -> str:
    """What a box of means says."""
    return page.locator("dl.means > div", has=page.get_by_text(name, exact=True)).locator("dd").inner_text()


def chips(page: Page, name: str) -> list[float]:
    """A figure of every listed query, from its chips."""
    found = [re.search(rf"{name} ([0-9.,]+)", text) for text in page.locator(QUERIES).all_inner_texts()]
    return [float(match[1].replace(",", "")) for match in found if match]


def follow(link: Locator, timeout: float = SECONDS * 1000) -> None:
    """Nothing; the link or button was clicked, and the page that it leads to is there within the milliseconds."""
    with link.page.expect_navigation(timeout=timeout):
        link.click()
