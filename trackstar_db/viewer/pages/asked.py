"""What an address asks for: its parameters, checked, and addresses made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request

from trackstar_db.errors import InputError

LONGEST = 20_000  # characters of one parameter
LARGEST = 2**63 - 1  # of PostgreSQL's bigint
NAMES = ("run", "other")
"""Parameters that name a run, which may begin or end with white space."""

TRUE = ("1", "true", "yes", "on")


class Asked:
    """The parameters of one request. Every reader raises InputError for a value that it cannot take."""

    def __init__(self, path: str, found: Mapping[str, str]) -> None:
        self.path = path
        self._found = dict(found)

    @classmethod
    def of(cls, request: Request) -> Asked:
        """What a request asks for; raises InputError for a parameter that is too long or no text."""
        asked = cls(request.url.path, request.query_params)
        for name, value in asked._found.items():
            if len(value) > LONGEST:
                raise InputError(f"{name[:80]} has {len(value):,} characters; at most {LONGEST:,} are taken.")
            if re.search(r"[\x00\ud800-\udfff]", name + value):
                raise InputError(f"the parameter {name[:80]} holds a character that is no text. Leave it out.")
        return asked

    def text(self, name: str, default: str = "") -> str:
        """A text without white space around it, but for names of runs; the default where there is none."""
        value = self._found.get(name, "")
        return (value if name in NAMES else value.strip()) or default

    def given(self, name: str) -> bool:
        """Whether the parameter stands in the address, be it empty."""
        return name in self._found

    def flag(self, name: str) -> bool:
        """Whether it is on."""
        return self.text(name) in TRUE

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """One of some words."""
        value = self.text(name, default)
        if value not in choices:
            raise InputError(f"{name} is {value[:80]!r}; expected one of: {', '.join(choices)}.")
        return value

    def whole(self, name: str, default: int | None = None) -> int | None:
        """A whole number from 0; the default where there is none."""
        value = self.text(name)
        if not value:
            return default
        if not re.fullmatch(r"[0-9]{1,19}", value) or int(value) > LARGEST:
            raise InputError(f"{name} is {value[:80]!r}; expected a whole number.")
        return int(value)

    def needed(self, name: str) -> int:
        """A whole number that must be there."""
        value = self.whole(name)
        if value is None:
            raise InputError(f"the address names no {name}. Follow a link from the list of queries.")
        return value

    def share(self, name: str) -> float | None:
        """A number from 0 to 1; None where there is none."""
        value = self.text(name)
        if not value:
            return None
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 <= number <= 1:
            raise InputError(f"{name} is {value[:80]!r}; expected a number from 0 to 1.")
        return number

    def here(self, path: str = "", **changes: object) -> str:
        """This address, or that of another page, with some parameters changed; None takes one out."""
        return address(path or self.path, {**self._found, "theme": None, **changes})

    def hidden(self, *without: str) -> list[tuple[str, str]]:
        """The parameters that a form on this page carries along, except those that it asks for itself."""
        return [(name, value) for name, value in self._found.items() if name not in (*without, "theme") and value]


def address(path: str, parameters: Mapping[str, Any]) -> str:
    """An address of the viewer; parameters that are None or empty are left out.

    path: without a host, whatever it begins with: //name would lead to another one
    """
    own = quote("/" + path.lstrip("/"))
    kept = {name: value for name, value in parameters.items() if value is not None and value != ""}
    return f"{own}?{urlencode(kept)}" if kept else own
