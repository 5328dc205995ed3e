"""Pictures of pages, for the docs where TRACKSTAR_PICTURES names their folder, and what must not be on one."""

from __future__ import annotations

import io
import os
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

COVERED = """() => {
    const boxes = [];
    const add = (box, what) => { if (box.width > 1 && box.height > 1) boxes.push({box, what}); };
    const isSeen = element => element.checkVisibility() && !element.closest(".hidden, .skip, select, textarea, title");
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if (!node.data.trim() || !isSeen(node.parentElement)) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const box of range.getClientRects()) add(box, node.data.trim().slice(0, 40));
    }
    for (const element of document.querySelectorAll("input:not([type=hidden]), select")) {
        add(element.getBoundingClientRect(), element.id);
    }
    const shared = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]);
    const found = [];
    boxes.forEach((one, n) => boxes.slice(n + 1).forEach(two => {
        const across = shared(one.box, two.box, "left", "right"), down = shared(one.box, two.box, "top", "bottom");
        if (across > 2 && down > 6) found.push([one.what, two.what]);
    }));
    return found;
}"""
"""Pairs of texts and fields of which one covers the other. Lines of text may touch: letters do not fill their boxes."""

SHIFTED = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
"""Pixels by which a page is wider than its window."""


def check(page: Page, name: str) -> None:
    """Nothing; nothing on the page is covered or wider than the window."""
    assert page.evaluate(COVERED) == [], name
    assert page.evaluate(SHIFTED) == 0, name


def take(page: Page, name: str, folder: Path) -> None:
    """Nothing; the picture of the window is there, in 256 colours, and the page is as it should be."""
    check(page, name)
    picture = Path(os.environ.get("TRACKSTAR_PICTURES", folder)) / f"{name}.png"
    Image.open(io.BytesIO(page.screenshot())).quantize().save(picture, optimize=True)
    assert picture.stat().st_size > 10_000
