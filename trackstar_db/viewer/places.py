"""Places on a sorted list, as cursors in an address: pages begin behind one, however far down, by the index alone."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from psycopg import sql

from trackstar_db.errors import InputError


@dataclass(frozen=True)
class Sort:
    """What a list is sorted by: highest first, queries without a value last; the position from the first on."""

    label: str
    column: str

    @property
    def is_position(self) -> bool:
        """Each query has one, and no two the same."""
        return self.column == "position"


SORTS = {
    "position": Sort("order of the run", "position"),
    "ais": Sort("best AIS", "best_ais_score"),
    "mrr": Sort("MRR", "reciprocal_rank"),
    "confidence": Sort("confidence", "confidence"),
    "frequency": Sort("frequency", "fact_frequency"),
}

CURSOR = re.compile(
    r"(before|after):(-?[0-9]{1,19}(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?)?:([0-9]{1,18})"  # numbers as Python writes them
)

FORWARD = sql.SQL("{column} DESC NULLS LAST, o.query_id")
BACKWARD = sql.SQL("{column} NULLS FIRST, o.query_id DESC")
ANYWHERE = sql.SQL("true")
HIGHER = sql.SQL("{column} > %(place_value)s")
LOWER = sql.SQL("{column} < %(place_value)s")
SAME_AND_HIGHER_ID = sql.SQL("{column} = %(place_value)s AND o.query_id > %(place_query)s")
SAME_AND_LOWER_ID = sql.SQL("{column} = %(place_value)s AND o.query_id < %(place_query)s")
WITH_VALUE = sql.SQL("{column} IS NOT NULL")
WITHOUT = sql.SQL("{column} IS NULL")
WITHOUT_AND_HIGHER_ID = sql.SQL("{column} IS NULL AND o.query_id > %(place_query)s")
WITHOUT_AND_LOWER_ID = sql.SQL("{column} IS NULL AND o.query_id < %(place_query)s")


@dataclass(frozen=True)
class Place:
    """A query's place on a list, and whether what stands before or after it is asked for.

    value: what the list is sorted by, None where the query has none; query_id: 0 where the position is the value
    """

    is_before: bool
    value: float | int | None
    query_id: int

    def __str__(self) -> str:
        value = "" if self.value is None else repr(self.value)
        return f"{'before' if self.is_before else 'after'}:{value}:{self.query_id}"


def parse_place(cursor: str) -> Place:
    """The place that a cursor names; raises InputError."""
    found = CURSOR.fullmatch(cursor)
    value = None if found is None or found[2] is None else _number(found[2])
    if found is None or value in (math.inf, -math.inf):
        raise InputError(f"{cursor[:60]!r} is no place on a list; expected one that a page links to. Begin at its top.")
    return Place(found[1] == "before", value, int(found[3]))


def _number(text: str) -> float | int:
    return float(text) if "." in text or "e" in text else int(text)


@dataclass(frozen=True)
class Stretch:
    """A part of a list that an index has in one piece: its condition, with parameters, and its order."""

    condition: sql.Composable
    order: sql.Composable
    parameters: dict[str, object]


def stretches(sort: Sort, place: Place | None) -> list[Stretch]:
    """The list from the place on, one stretch after another: the queries of the same value, of others, of none."""
    column = sql.Identifier("o", sort.column)
    is_before = place is not None and place.is_before
    parameters: dict[str, object] = {} if place is None else {"place_value": place.value, "place_query": place.query_id}
    if sort.is_position:
        order = (sql.SQL("{} DESC") if is_before else sql.SQL("{}")).format(column)
    else:
        order = (BACKWARD if is_before else FORWARD).format(column=column)
    conditions = [ANYWHERE] if place is None else _conditions(sort, place)
    return [Stretch(condition.format(column=column), order, parameters) for condition in conditions]


def _conditions(sort: Sort, place: Place) -> list[sql.SQL]:
    if sort.is_position:
        return [LOWER if place.is_before else HIGHER]
    if place.value is None:
        return [WITHOUT_AND_LOWER_ID, WITH_VALUE] if place.is_before else [WITHOUT_AND_HIGHER_ID]
    return [SAME_AND_LOWER_ID, HIGHER] if place.is_before else [SAME_AND_HIGHER_ID, LOWER, WITHOUT]
