"""Who labels by hand: a name that the browser keeps for this site alone, so that no address has it."""

from __future__ import annotations

from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "trackstar_annotator"


def annotator_of(request: Request) -> str:
    """The name that was given in this browser, empty for none."""
    return unquote(request.cookies.get(COOKIE, ""))


def keep_annotator(response: Response, name: str) -> None:
    """Nothing; the browser keeps the name until it is closed, out of reach of scripts; without one it forgets."""
    if name:
        response.set_cookie(COOKIE, quote(name, safe=""), path="/", httponly=True, samesite="strict")
    else:
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
