"""HTML from templates: what all of them share, and how figures and texts are written."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from trackstar_db import __version__
from trackstar_db.viewer.downloads import TYPES, Table, file_name, table_file
from trackstar_db.viewer.filters import LONGEST as LONGEST_FILTER
from trackstar_db.viewer.highlighting import highlighted
from trackstar_db.viewer.pages.asked import Asked, address
from trackstar_db.viewer.records import shown
from trackstar_db.viewer.statements import Statements

THEMES = ("light", "dark", "auto")
THEME_COOKIE = "trackstar_theme"
YEAR_SECONDS = 365 * 24 * 3600
SHADES = 10
LONGEST_VALUE, LONGEST_PROMPT = 2_000, 10_000  # characters that a page shows
# Control characters, but for tab and line feed, as pictures of them; what changes the direction of all that follows, as
# a mark that it was there.
_CONTROLS = {code: 0x2400 + code for code in range(32) if code not in (9, 10)}
_UNSEEN = (*range(0x80, 0xA0), 0x202D, 0x202E)
_VISIBLE: dict[int, int] = {**_CONTROLS, 0x7F: 0x2421, **dict.fromkeys(_UNSEEN, 0xFFFD)}


def render(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """A page of what is in the context, `asked` among it; in the theme of the address, the cookie, or the system.

    Where the address asks for a format, the context's `table` as a file. Raises InputError for one that is none.
    """
    if "table" in context and context["asked"].given("format"):
        return _file(context["asked"], context["table"])
    wanted = request.query_params.get("theme", "")
    known = request.cookies.get(THEME_COOKIE, "")
    theme = wanted if wanted in THEMES else known if known in THEMES else "auto"
    asked: Asked = context["asked"]
    text = environment().get_template(template).render(
        theme=theme, viewer=request.app.state.viewer, here=asked.here, **context
    )  # fmt: skip
    response = HTMLResponse(text, status_code=status)
    if "statements" in context:
        tell_time(response, context["statements"])
    if wanted in THEMES:
        response.set_cookie(THEME_COOKIE, wanted, max_age=YEAR_SECONDS, path="/", httponly=True, samesite="strict")
    return response


def _file(asked: Asked, table: Table) -> Response:
    kind = asked.choice("format", tuple(TYPES), "csv")
    headers = {"content-disposition": f'attachment; filename="{file_name(table.name, kind)}"'}
    return Response(table_file(table, kind), media_type=TYPES[kind], headers=headers)


def tell_time(response: Response, statements: Statements) -> None:
    """Nothing; the response tells how many milliseconds its statements took."""
    response.headers["Server-Timing"] = f"database;dur={1000 * statements.seconds:.2f}"


@cache
def environment() -> Environment:
    """The templates: every value is escaped, and a name that is not there is an error."""
    made = Environment(
        loader=PackageLoader("trackstar_db.viewer"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        number=number,
        share=share,
        signed=signed,
        percent=percent,
        shade=shade,
        visible=visible,
        brief=brief,
        shortened=shortened,
        shown=shown,
        moment=moment,
    )
    made.globals.update(link=link, static=static, highlighted=highlighted, version=__version__)
    made.globals["longest_filter"] = LONGEST_FILTER
    return made


def link(path: str, **parameters: Any) -> str:
    """An address of the viewer."""
    return address(path, parameters)


@cache
def static(name: str) -> str:
    """The address of a file of ours, another one when the file changes."""
    digest = hashlib.sha256((files("trackstar_db.viewer") / "static" / name).read_bytes()).hexdigest()
    return f"/static/{name}?{digest[:12]}"


def number(value: float | None) -> str:
    """A count with its thousands apart, or – for none."""
    return "–" if value is None else f"{value:,}"


def share(value: float | None) -> str:
    """A figure from 0 to 1, or – for none."""
    return "–" if value is None else f"{value:.2f}"


def percent(value: float | None) -> str:
    """A figure from 0 to 1 in percent, or – for none."""
    return "–" if value is None else f"{100 * value:.0f} %"


def signed(value: float | None) -> str:
    """A figure with its sign in three digits, or – for none."""
    if value is None or not math.isfinite(value):
        return "–" if value is None else str(value)
    figure = f"{value:+#.3g}".rstrip(".") if abs(value) < 999.5 else f"{value:+,.0f}"
    return figure.replace("-", "−")


def signed_shade(value: float | None, strongest: float) -> str:
    """The class that shades a figure by its size and sign: towards or against; empty for none."""
    step = shade(value, strongest)
    return f"{'towards' if value and value > 0 else 'against'}-{step}" if step else ""


def shade(value: float | None, strongest: float = 1.0) -> int:
    """The step, from 0 to SHADES, that a figure is shaded by: there are no styles within a page."""
    if value is None or not strongest or not math.isfinite(value):
        return 0
    return max(0, min(SHADES, round(SHADES * abs(value) / strongest)))


def brief(text: str, longest: int = LONGEST_VALUE) -> str:
    """The text; of a long one its beginning, and how long it is."""
    return text if len(text) <= longest else f"{text[:longest]} … ({len(text):,} characters in all)"


def shortened(text: str, longest: int = LONGEST_PROMPT) -> str:
    """The text; of a long one its beginning and its end, where a prompt asks, and how long it is."""
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]} … ({len(text):,} characters in all) … {text[-(longest // 2) :]}"


def visible(text: str) -> str:
    """A text whose control characters can be seen."""
    return text.replace("\r\n", "\n").translate(_VISIBLE)


def moment(value: datetime | None) -> str:
    """A date and time to the minute, or – for none."""
    return "–" if value is None else f"{value:%Y-%m-%d %H:%M}"
