"""The cookbook: questions to the schema tda that are ready to run, one a file of sql/examples.

A file begins with the question, a comment of one line. What can be changed stands on top of the statement, a line each
with its default, type, name and explanation:

    WITH parameter AS (SELECT
        'demo'::text AS run,    -- the run to look at
        10::integer AS k        -- how many proponents of each query count
    )

So a file is plain SQL, the same for every program; a value given for a parameter takes its default's place as a bound
parameter and never becomes part of the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from trackstar_db.errors import InputError, NotFound

NAMING = {"run": "run", "other_run": "run", "query_set": "query_set"}
"""Parameters whose values are names of what the database has, and its kind."""

_HEADER = re.compile(
    r"\A(?:\s|--[^\n]*\n)*WITH parameter AS (?:NOT MATERIALIZED )?\(SELECT\n(?P<lines>.*?)\n\)", re.DOTALL
)
_LINE = re.compile(
    r"^[ \t]*(?P<default>'(?:[^'\n]|'')*'|-?[0-9.]+|NULL|true|false)::(?P<type>[a-z ]+) AS (?P<name>[a-z_0-9]+)"
    r",?[ \t]*--[ \t]*(?P<says>.*)$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Parameter:
    """What can be changed in a question; default: as it stands in the file, a literal of SQL."""

    name: str
    type: str
    default: str
    says: str


@dataclass(frozen=True)
class Example:
    """One question of the cookbook: its name, the question in words, the statement and its parameters."""

    name: str
    question: str
    text: str
    parameters: tuple[Parameter, ...]


@cache
def examples() -> tuple[Example, ...]:
    """Every question of the cookbook, by name."""
    folder = files("trackstar_db.sql") / "examples"
    found = sorted((path.name.removesuffix(".sql"), path) for path in folder.iterdir() if path.name.endswith(".sql"))
    return tuple(_example(name, path.read_text(encoding="utf-8")) for name, path in found)


def example(name: str) -> Example:
    """The question of a name; raises NotFound."""
    for found in examples():
        if found.name == name:
            return found
    near = get_close_matches(name, [found.name for found in examples()], n=1)
    meant = f" Did you mean {near[0]}?" if near else ""
    raise NotFound(f"The cookbook has no question named {name!r}.{meant} This lists them: trackstar sql --list")


def parameters_of(text: str) -> tuple[Parameter, ...]:
    """The parameters that stand on top of a statement."""
    header = _HEADER.match(text)
    lines = _LINE.finditer(header["lines"]) if header else ()
    return tuple(Parameter(line["name"], line["type"], line["default"], line["says"]) for line in lines)


def names_asked(text: str, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """What a statement's parameters name, by value or by default, each with its kind: run or query_set."""
    asked = []
    for parameter in parameters_of(text):
        if parameter.name in NAMING and parameter.default.startswith("'"):
            name = values.get(parameter.name, parameter.default[1:-1].replace("''", "'"))
            asked.append((NAMING[parameter.name], name))
    return asked


def bind(text: str, values: Mapping[str, str]) -> tuple[str, list[str]]:
    """The statement with $1, $2… in place of the defaults of the parameters that have a value, and those values.

    Raises InputError where a value is for a parameter that does not stand on top of the statement.
    """
    known = [parameter.name for parameter in parameters_of(text)]
    for name in values:
        if name not in known:
            has = f"has {', '.join(known)}" if known else "has none on top (WITH parameter AS (SELECT …))"
            raise InputError(f"The statement has no parameter {name!r}: it {has}.")
    header = _HEADER.match(text)
    if header is None or not values:
        return text, []
    bound: list[str] = []

    def place(line: re.Match[str]) -> str:
        if line["name"] not in values:
            return line[0]
        bound.append(values[line["name"]])
        return line[0].replace(f"{line['default']}::", f"${len(bound)}::", 1)

    begin, end = header.span("lines")
    return text[:begin] + _LINE.sub(place, header["lines"]) + text[end:], bound


def _example(name: str, text: str) -> Example:
    first = text.partition("\n")[0]
    return Example(name, first.removeprefix("--").strip(), text, parameters_of(text))
