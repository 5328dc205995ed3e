"""Brings Superset up and looks at the dashboard in headless Chromium: `make test-dashboards`.

Names the charts that show an error or no data (exit code 1), and takes a picture of each section.
Needs the demo's data in the database, Debian's chromium and PyPI's playwright.
"""

from __future__ import annotations

import argparse
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from dashboards.description import read_dashboard
from dashboards.superset.up import address, embedded_reader_url, prepare, serving

WIDTH, HEIGHT = 1500, 1000
SECONDS = 120
"""What Superset's start, or a chart, may take."""
TALL = 5000
"""A window, in pixels, that shows the whole page."""
SETTLING = 3000
"""Milliseconds after which a chart's opening movement is over."""
MARGIN = 8
CHART = "[data-test-chart-name]"
DRAWN = "canvas, tbody td"
UNDRAWN = ".ant-empty, [role=alert]"
LOADING = "[data-test=loading-indicator]"
HEADING = ".dashboard-markdown"
GRID = "[data-test=grid-content]"


def main() -> None:
    options = _options()
    dashboard = read_dashboard()
    with _superset(options.environment) as (url, password), _browser(options.chromium) as browser:
        page = _opened(browser, url, password)
        problems = _problems(page, [chart.title for chart in dashboard.charts])
        if options.pictures:
            _take_pictures(page, options.pictures)
    if problems:
        sys.exit("\n".join(problems))
    print(f"All {len(dashboard.charts)} charts show data.")


@contextmanager
def _superset(environment: Path) -> Iterator[tuple[str, str]]:
    """The dashboard's address and the password of admin, while Superset serves."""
    password = secrets.token_urlsafe(12)
    variables = prepare(environment, embedded_reader_url(), password)
    port = _free_port()
    with subprocess.Popen(serving(environment, port), env=variables) as process:
        try:
            _wait_for(port, process)
            yield address(port), password
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    sys.exit(f"Superset did not start within {SECONDS} seconds.")


@contextmanager
def _browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


def _opened(browser: Browser, url: str, password: str) -> Page:
    """The dashboard's page, as admin sees it."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.set_default_timeout(SECONDS * 1000)
    expect.set_options(timeout=SECONDS * 1000)
    page.goto(url)
    page.locator("#username").fill("admin")
    page.locator("#password").fill(password)
    page.locator("[type=submit]").click()
    page.wait_for_url(lambda current: "login" not in current)
    page.goto(url)
    page.locator(CHART).first.wait_for()
    return page


def _problems(page: Page, titles: list[str]) -> list[str]:
    """What is wrong with which chart. Each is scrolled to, for only what is in sight is drawn."""
    found = []
    for title in titles:
        chart = page.locator(f'[data-test-chart-name="{title}"]')
        chart.scroll_into_view_if_needed()
        chart.locator(f"{DRAWN}, {UNDRAWN}").first.wait_for()
        if chart.locator(UNDRAWN).count():
            found.append(f"{title}: {chart.inner_text()}")
    return found


def _take_pictures(page: Page, folder: Path) -> None:
    """superset.png of the page's top; superset_1.png and so on from a section's heading to the next one."""
    page.set_viewport_size({"width": WIDTH, "height": TALL})
    expect(page.locator(LOADING)).to_have_count(0)
    page.wait_for_timeout(SETTLING)
    page.screenshot(path=folder / "superset.png", clip={"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT})
    headings = page.locator(HEADING).all()
    tops = [_box(heading)[1] for heading in headings]
    left, top, width, height = _box(page.locator(GRID))
    for number, (start, end) in enumerate(zip(tops, [*tops[1:], top + height], strict=True), start=1):
        clip = {"x": left, "y": start - MARGIN, "width": width, "height": end - start}
        page.screenshot(path=folder / f"superset_{number}.png", clip=clip)


def _box(element: Locator) -> tuple[float, float, float, float]:
    box = element.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["width"], box["height"]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--environment", type=Path, default=Path(".venv-superset"), help="Where Superset is installed.")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--pictures", type=Path, help="Folder for pictures of each section.")
    return parser.parse_args()


if __name__ == "__main__":
    main()
