"""The row contract: what a raw record must be to become a row, and what becomes of every one that is not.

A record that breaks the contract raises InvalidRecord: it is rejected with its line and reason, counted,
written to --rejects, and the rest of its source is loaded. Nothing is repaired in silence.

    found                                          outcome
    ---------------------------------------------  ---------------------------------------------------------
    a blank line                                   ignored, not counted (line numbers count it)
    a byte order mark of UTF-8, CRLF line ends     taken off
    a file in UTF-16                               UnreadableSource: convert it
    invalid UTF-8                                  the line (in CSV the row, as text the document) is rejected
    a NUL byte or \\u0000, in text or anywhere      rejected: PostgreSQL keeps no NUL in text
    a lone surrogate (\\ud800 … in JSON)            rejected: it is no character
    text that is empty or only white space         rejected
    a missing field                                rejected, naming it and the fields that are there
    a value of a wrong type                        rejected, naming field, type found and type expected
    a line that is no JSON, or no object           rejected
    the same key twice in one object               rejected
    NaN or Infinity, or a number that is none      rejected: jsonb has none
    an integer of more than 4,300 digits           rejected
    more than 200 levels of arrays and objects     rejected
    bytes in metadata (Parquet, Arrow)             rejected; dates, times and decimals become strings
    an id of more than 1,000 bytes                 rejected: it would not fit an index
    a record of more than 256 MiB                  rejected without reading the rest of it (50 MB is loaded)
    what PostgreSQL itself refuses                 rejected with PostgreSQL's words
    an empty value of a CSV row                    null
    a CSV row with too few or too many values      rejected
    compressed data that breaks off                what is whole before the cut is loaded and committed, then
                                                   UnreadableSource; the load stays unfinished and continues
    a .gz or .zst that is none, a damaged Parquet  UnreadableSource
    an id that is stored with other content        --on-conflict: skip (told), update, or error
    a generated id (file and line), the same       update, or ConflictingRecord under skip too: another
                                                   file of that name may be what is stored
    two files of one name in one command           generated ids begin with the paths in the common folder
    an id twice in one source                      the same rule, in the source's order: update keeps the last
    results: lists beside each other of unequal
    length, or one document twice in a list        rejected, naming both
    results: a query, or a document's text, other
    than the one that is stored, or no text at all rejected; the first record that gives one is right
    results: a query of another set than the run's rejected: a run is of one query set
    every record rejected                          the summary, then InvalidRecord with the first reason

Fields that have no column of their own are kept in metadata as they are, nulls included; the entries of a
field `metadata` that is an object become metadata themselves. Labels have no metadata and drop such fields.
Results keep every field as it came in their run (trackstar_db.loaders.result_records), `metadata` too.
"""

from __future__ import annotations

import datetime
import decimal
import hashlib
import json
import re
import uuid
from collections.abc import Sequence

from trackstar_db.errors import InvalidRecord
from trackstar_db.loaders.readers import RawRecord
from trackstar_db.loaders.readers.base import MAX_RECORD_BYTES
from trackstar_db.loaders.readers.parsing import kind_of

MAX_ID_BYTES = 1000
MAX_DEPTH = 200
NO_METADATA = "{}"
_NUL_ESCAPE = "\\u0000"
_DECIMAL_INTEGER = re.compile("-?[0-9]{1,100}")


def canonical_json(value: object) -> str:
    """The one JSON text of a value: keys sorted, no spaces; raises InvalidRecord for what jsonb refuses."""
    try:
        text = json.dumps(
            value,
            ensure_ascii=False,
            allow_nan=False,
            sort_keys=True,
            separators=(",", ":"),
            default=_as_json,
        )
    except RecursionError as error:
        raise InvalidRecord(f"is nested too deeply; expected at most {MAX_DEPTH} levels") from error
    except ValueError as error:  # NaN or Infinity
        raise InvalidRecord("holds NaN or Infinity; expected null or a finite number") from error
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise InvalidRecord(f"is nested too deeply; expected at most {MAX_DEPTH} levels")
    check_characters(text)
    if _NUL_ESCAPE in text and _holds_nul(value):
        raise InvalidRecord("holds a NUL character, which PostgreSQL cannot keep; remove it")
    return text


def content_digest(*content: object) -> bytes:
    """sha256 over the canonical JSON of all that a row says, 32 bytes."""
    return hashlib.sha256(canonical_json(content).encode()).digest()


def check_characters(text: str) -> None:
    """Raise InvalidRecord for characters that PostgreSQL cannot keep."""
    if "\0" in text:
        raise InvalidRecord("holds a NUL character, which PostgreSQL cannot keep; remove it")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            found = f"U+{ord(text[error.start]):04X}"
            raise InvalidRecord(f"holds a lone surrogate ({found}), which is no character; remove it") from error


class Record:
    """The fields of one raw record, taken out one after another; metadata is what is left."""

    def __init__(self, raw: RawRecord, source_name: str) -> None:
        self._left = raw.fields()
        self._names = tuple(self._left)
        self.line = raw.line
        self.place = f"{source_name}:{raw.line}"

    def identifier(self, *names: str) -> str | None:
        """The first of the fields that is there as an id, an integer as decimal text; None without one."""
        name, value = self._take(names)
        return None if value is None else check_identifier(name, value)

    def required_identifier(self, *names: str) -> str:
        """The same, raising InvalidRecord where none of the fields is there."""
        found = self.identifier(*names)
        if found is None:
            raise self.missing(names)
        return found

    def text(self, *names: str, advice: str = "") -> str:
        """The first of the fields that is there as text with something in it."""
        name, value = self._take(names)
        if value is None:
            raise self.missing(names, advice)
        found = check_string(name, value)
        if not found or found.isspace():
            raise InvalidRecord(f"field {name!r} is empty; expected text")
        return found

    def string(self, *names: str) -> str:
        """The first of the fields that is there as a string, which may be empty."""
        found = self.optional_text(*names)
        if found is None:
            raise self.missing(names)
        return found

    def optional_text(self, *names: str) -> str | None:
        """The same, None where none of the fields is there."""
        name, value = self._take(names)
        return None if value is None else check_string(name, value)

    def strings(self, name: str) -> list[str]:
        """A field's strings in order without blanks and repetitions; none where the field is not there."""
        _, value = self._take((name,))
        if value is None:
            return []
        if not isinstance(value, list):
            raise wrong_type(name, value, "an array of strings")
        kept = dict.fromkeys(check_string(f"{name}[]", element) for element in value)
        return [element for element in kept if element and not element.isspace()]

    def identifiers(self, name: str) -> list[str]:
        """A field's ids in order without repetitions; none where the field is not there."""
        _, value = self._take((name,))
        if value is None:
            return []
        if not isinstance(value, list):
            raise wrong_type(name, value, "an array of ids")
        return list(dict.fromkeys(check_identifier(f"{name}[]", element) for element in value))

    def boolean(self, *names: str) -> bool | None:
        """The first of the fields that is there as a boolean; CSV's strings true, false, 1 and 0 count."""
        name, value = self._take(names)
        if isinstance(value, str) and value.lower() in ("true", "false", "1", "0"):
            return value.lower() in ("true", "1")
        if value is not None and not isinstance(value, bool):
            raise wrong_type(name, value, "a boolean")
        return value

    def count(self, *names: str) -> int | None:
        """The first of the fields that is there as a number of things, from 0; CSV's strings count."""
        name, value = self._take(names)
        if value is None:
            return None
        if isinstance(value, str) and _DECIMAL_INTEGER.fullmatch(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(name, value, "an integer")
        if not 0 <= value < 2**63:
            raise InvalidRecord(f"field {name!r} is {value}; expected an integer from 0 to 2^63 - 1")
        return value

    def share(self, *names: str) -> float | None:
        """The first of the fields that is there as a number from 0 to 1; CSV's strings count."""
        name, value = self._take(names)
        if value is None:
            return None
        if isinstance(value, str):
            value = _number_of_text(name, value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong_type(name, value, "a number from 0 to 1")
        if not 0 <= value <= 1:
            raise InvalidRecord(f"field {name!r} is {value}; expected a number from 0 to 1")
        return float(value)

    def metadata(self) -> str:
        """Canonical JSON of all fields that were not taken, a field `metadata` opened."""
        inner = self._left.get("metadata")
        if isinstance(inner, dict):
            del self._left["metadata"]
            twice = sorted(set(inner) & set(self._left))
            if twice:
                raise InvalidRecord(f"{twice[0]!r} stands in the record and in its metadata; expected it once")
            self._left.update(inner)
        try:
            text = canonical_json(self._left)
        except InvalidRecord as error:
            raise InvalidRecord(f"field {self._first_refused()!r} {error}") from error
        if len(text) > MAX_RECORD_BYTES:
            raise InvalidRecord("metadata longer than 256 MiB; leave the large field out")
        return text

    def _first_refused(self) -> str:
        for name, value in self._left.items():
            try:
                canonical_json({name: value})
            except InvalidRecord:
                return name
        return "metadata"

    def _take(self, names: Sequence[str]) -> tuple[str, object]:
        """The first of the fields that is there and not null, and its value; nulls before it are dropped."""
        for name in names:
            if (value := self._left.pop(name, None)) is not None:
                return name, value
        return names[0], None

    def missing(self, names: Sequence[str], advice: str = "") -> InvalidRecord:
        """The error for a record that has none of the fields."""
        expected = " or ".join(repr(name) for name in names)
        null = next((name for name in names if name in self._names), None)
        there = ", ".join(self._names[:20]) or "no field at all"
        found = f"field {null!r} is null" if null else f"no field {expected}"
        return InvalidRecord(f"{found}; the record has: {there}{advice}")


def check_string(name: str, value: object) -> str:
    """The value, which is a string that PostgreSQL can keep; raises InvalidRecord."""
    if not isinstance(value, str):
        raise wrong_type(name, value, "a string")
    try:
        check_characters(value)
    except InvalidRecord as error:
        raise InvalidRecord(f"field {name!r} {error}") from error
    return value


def check_identifier(name: str, value: object) -> str:
    """The id that a value is, an integer as decimal text; raises InvalidRecord."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise wrong_type(name, value, "a string or an integer")
    if not value or value.isspace():
        raise InvalidRecord(f"field {name!r} is empty; expected an id")
    if len(check_string(name, value).encode()) > MAX_ID_BYTES:
        raise InvalidRecord(f"field {name!r} is longer than {MAX_ID_BYTES:,} bytes; expected a shorter id")
    return value


def wrong_type(name: str, value: object, expected: str) -> InvalidRecord:
    """The error for a field whose value is something else than expected."""
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:60] + "…"
    found = kind_of(value) if value is None else f"{kind_of(value)} ({shown})"
    return InvalidRecord(f"field {name!r} is {found}; expected {expected}")


def _number_of_text(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise wrong_type(name, value, "a number from 0 to 1") from error


def _as_json(value: object) -> object:
    """Values that Parquet and Arrow have and JSON has not."""
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | datetime.timedelta | uuid.UUID):
        return str(value)
    raise InvalidRecord(f"holds {kind_of(value)}, which metadata (JSON) cannot keep; leave the field out")


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return list(value) if isinstance(value, list | tuple) else []


def _depth(value: object) -> int:
    """How many arrays and objects lie in one another."""
    depth, level = 0, [value]
    while level := [child for parent in level for child in _children(parent)]:
        depth += 1
    return depth


def _holds_nul(value: object) -> bool:
    left = [value]
    while left:
        found = left.pop()
        if isinstance(found, str) and "\0" in found:
            return True
        left.extend(_children(found))
    return False
