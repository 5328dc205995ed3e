"""What keeps other origins out of the viewer, and what a page may load: hosts, headers, tokens of forms.

A page of another origin can send a browser here, under a name that it makes point here too (DNS rebinding). So a
request must name a host that is ours; one that a foreign page makes, rather than a person who follows a link, is
refused; and what writes must come from our own origin with a token that only our own pages hold.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trackstar_db.errors import InputError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^][:/?#@\\\s]+))(?::[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
READING = ("GET", "HEAD")
KEPT = "max-age=31536000, immutable"
LONGEST_FORM = 64 * 1024  # bytes
COOKIE = "trackstar_viewer"
TOKEN_FIELD = "token"
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Protection:
    """The application behind its doorkeeper.

    hosts: names under which it may be asked for, without a port
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower().strip("[]") for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Nothing; the request is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", KEPT if _is_ours_for_good(scope, message) else "no-store")
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send_protected)

    def _refusal(self, method: str, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or _hostname(host) not in self._hosts:
            return PlainTextResponse(
                "This viewer does not answer to that name. It is allowed by: trackstar serve --allow-host NAME\n",
                status_code=421,
            )
        if _is_foreign(headers):
            return PlainTextResponse("A page of another origin may not read from here.\n", status_code=403)
        if method not in READING and not _is_own_origin(headers, host):
            return PlainTextResponse("A page of another origin may not write here.\n", status_code=403)
        return None


@dataclass(frozen=True)
class Forms:
    """Tokens of forms that write: each belongs to one browser's session, and to one start of the viewer."""

    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def session_of(self, request: Request) -> str:
        """The browser's session: the one that its cookie names, else a new one."""
        known = request.cookies.get(COOKIE, "")
        return known if len(known) == 32 and known.isalnum() else secrets.token_hex(16)

    def token(self, session: str) -> str:
        """What a form of this session must send."""
        return hmac.new(self._secret, session.encode(), hashlib.sha256).hexdigest()

    def keep(self, response: Response, session: str) -> None:
        """Nothing; the browser is given its session, for this site alone and out of reach of scripts."""
        response.set_cookie(COOKIE, session, path="/", httponly=True, samesite="strict")

    async def read(self, request: Request) -> dict[str, str]:
        """The fields of a form that writes; raises InputError without its token, and for what is no form."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > LONGEST_FORM:
                raise InputError(f"the form is longer than {LONGEST_FORM:,} bytes. Send less.")
        try:
            fields = {name: values[-1] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        except (UnicodeDecodeError, ValueError) as error:
            raise InputError("the form cannot be read: it is no text in UTF-8. Send it from the page again.") from error
        expected = self.token(request.cookies.get(COOKIE, ""))
        if not hmac.compare_digest(expected.encode(), fields.pop(TOKEN_FIELD, "").encode()):
            raise InputError("the form is of an earlier start of the viewer. Load the page again, then send it.")
        return fields


def _is_ours_for_good(scope: Scope, message: Message) -> bool:
    """Whether it is a file of ours at an address that changes with it."""
    return bool(scope["path"].startswith("/static/") and scope["query_string"] and message["status"] == 200)


def _hostname(host: str) -> str | None:
    """The name that a host header asks for, in small letters; None where it is none."""
    found = HOST.fullmatch(host)
    return None if found is None else (found[1] or found[2]).lower()


def _is_foreign(headers: Headers) -> bool:
    """Whether a page of another site made the request by itself; a link from there may be followed."""
    is_navigation = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not is_navigation


def _is_own_origin(headers: Headers, host: str) -> bool:
    origin = headers.get("origin", "")
    return bool(host) and origin in (f"http://{host}", f"https://{host}")
