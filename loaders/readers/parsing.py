"""Bytes to JSON objects, with one sentence for everything that can be wrong with them."""

from __future__ import annotations

import json
from typing import NoReturn

from trackstar_db.errors import InvalidRecord

_KINDS: dict[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "an object",
    bytes: "bytes",
    type(None): "null",
}


_JQ = {"{": ".", "[": "'.[]'"}


def kind_of(value: object) -> str:
    """The JSON word for a value's type, with its article."""
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def decode_utf8(content: bytes) -> str:
    """The text of UTF-8 bytes; raises InvalidRecord naming the first wrong byte."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        wrong = f"byte 0x{content[error.start]:02x} at offset {error.start:,}"
        raise InvalidRecord(f"not valid UTF-8 ({wrong}); expected UTF-8 text") from error


def parse_json_object(content: bytes) -> dict[str, object]:
    """The fields of one line of JSON Lines; raises InvalidRecord for anything but a plain object."""
    text = decode_utf8(content)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        reason = f"not valid JSON ({error.msg} at character {error.pos:,}); expected one JSON object a line"
        if (opening := text.strip()) in _JQ:
            reason += f" (a file that is one value over many lines becomes lines with: jq -c {_JQ[opening]})"
        raise InvalidRecord(reason) from error
    except RecursionError as error:
        raise InvalidRecord("nested too deeply; expected at most 200 levels of arrays and objects") from error
    except ValueError as error:  # an integer of more than 4,300 digits
        raise InvalidRecord(f"holds a number that cannot be kept: {error}") from error
    if not isinstance(value, dict):
        advice = " (a file that is one array becomes lines with: jq -c '.[]')" if isinstance(value, list) else ""
        raise InvalidRecord(f"found {kind_of(value)}; expected one JSON object a line{advice}")
    return value


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InvalidRecord(f"field {twice!r} stands twice in one object; expected it once")
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidRecord(f"holds {name}, which is not JSON; expected null or a finite number")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
