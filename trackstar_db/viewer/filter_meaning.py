"""What each part of a filter means in SQL: a condition with placeholders, and what they stand for."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass, field, replace

from lark import Token, Transformer, v_args
from psycopg import sql

from trackstar_db.viewer.filter_fields import FIELDS, Field, FieldKind

BY_NAME = {found.name: found for found in FIELDS}
DEEPEST = 30
COMPARISONS = {
    "=": sql.SQL("{} = {}"),
    "!=": sql.SQL("{} <> {}"),
    "<": sql.SQL("{} < {}"),
    "<=": sql.SQL("{} <= {}"),
    ">": sql.SQL("{} > {}"),
    ">=": sql.SQL("{} >= {}"),
}
CONTAINS = sql.SQL("strpos(lower({}), lower({})) > 0")
AMONG = sql.SQL("{} = ANY ({})")
CASTS: dict[FieldKind, sql.SQL] = {"number": sql.SQL(""), "text": sql.SQL("::text"), "yes or no": sql.SQL("::boolean")}
ARRAYS: dict[FieldKind, sql.SQL] = {
    "number": sql.SQL("::numeric[]"),
    "text": sql.SQL("::text[]"),
    "yes or no": sql.SQL("::boolean[]"),
}
TOKENS: dict[FieldKind, tuple[str, ...]] = {"number": ("NUMBER",), "text": ("TEXT",), "yes or no": ("YES", "NO")}
SPOKEN: dict[FieldKind, str] = {"number": "a number", "text": "a text", "yes or no": "yes or no"}


class Misfit(Exception):
    """A part of a filter that its grammar allows and that means nothing.

    position: of the part's first character
    """

    def __init__(self, message: str, part: Token) -> None:
        super().__init__(message)
        self.position = part.start_pos or 0


@dataclass(frozen=True)
class Node:
    """A part of a filter.

    depth: brackets and nots inside each other
    """

    condition: sql.Composable
    parameters: dict[str, object] = field(default_factory=dict)
    fields: frozenset[str] = frozenset()
    depth: int = 0


@v_args(inline=True)
class Meaning(Transformer[Token, Node]):
    """The node of each rule of the grammar; values stand in parameters named by where they stand in the text."""

    def disjunction(self, *nodes: Node) -> Node:
        return _joined(" OR ", nodes)

    def conjunction(self, *nodes: Node) -> Node:
        return _joined(" AND ", nodes)

    def group(self, bracket: Token, node: Node) -> Node:
        return _deeper(node.condition, node, bracket)

    def negation(self, word: Token, node: Node) -> Node:
        return _deeper(sql.SQL("NOT ({})").format(node.condition), node, word)

    def flag(self, name: Token) -> Node:
        named = _field(name)
        if named.kind != "yes or no":
            raise Misfit(
                f"{named.name} is {SPOKEN[named.kind]} and needs a comparison, such as {_example(named)}", name
            )
        return Node(named.expression, fields=frozenset({named.name}))

    def comparison(self, name: Token, operator: Token, value: Token) -> Node:
        named = _field(name)
        if named.kind != "number" and operator not in ("=", "!="):
            found = f"{named.name} is {SPOKEN[named.kind]}, and {operator} compares numbers"
            raise Misfit(f"{found}; try {_example(named)}", operator)
        return _compared(named, COMPARISONS[operator], CASTS, value.start_pos, _value(named, value))

    def contains(self, name: Token, word: Token, text: Token) -> Node:
        named = _field(name)
        if named.kind != "text":
            raise Misfit(f"{named.name} is {SPOKEN[named.kind]}, and only a text contains something", word)
        return _compared(named, CONTAINS, CASTS, text.start_pos, _value(named, text))

    def among(self, name: Token, bracket: Token, *values: Token) -> Node:
        named = _field(name)
        return _compared(named, AMONG, ARRAYS, bracket.start_pos, [_value(named, value) for value in values])

    def is_empty(self, name: Token) -> Node:
        named = _field(name)
        return Node(sql.SQL("{} IS NULL").format(named.expression), fields=frozenset({named.name}))

    def is_not_empty(self, name: Token, _: Token) -> Node:
        named = _field(name)
        return Node(sql.SQL("{} IS NOT NULL").format(named.expression), fields=frozenset({named.name}))


def _joined(word: str, nodes: tuple[Node, ...]) -> Node:
    if len(nodes) == 1:
        return nodes[0]
    condition = sql.SQL("({})").format(sql.SQL(word).join([node.condition for node in nodes]))
    parameters = {name: value for node in nodes for name, value in node.parameters.items()}
    fields = frozenset().union(*(node.fields for node in nodes))
    return Node(condition, parameters, fields, max(node.depth for node in nodes))


def _deeper(condition: sql.Composable, node: Node, where: Token) -> Node:
    if node.depth >= DEEPEST:
        raise Misfit(f"more than {DEEPEST} brackets or nots stand inside each other", where)
    return replace(node, condition=condition, depth=node.depth + 1)


def _compared(
    named: Field, template: sql.SQL, casts: dict[FieldKind, sql.SQL], position: int | None, value: object
) -> Node:
    """The field compared with a value, which is named after where it stands."""
    name = f"f{position}"
    place = sql.Composed([sql.Placeholder(name), casts[named.kind]])
    return Node(template.format(named.expression, place), {name: value}, frozenset({named.name}))


def _field(name: Token) -> Field:
    found = BY_NAME.get(name.lower())
    if found is None:
        near = difflib.get_close_matches(name.lower(), BY_NAME, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(BY_NAME)}"
        raise Misfit(f"there is no field {str(name)[:40]!r}; {hint}", name)
    return found


def _value(named: Field, value: Token) -> object:
    """The token's value; raises Misfit for one that is not of the field's kind."""
    if value.type not in TOKENS[named.kind]:
        raise Misfit(
            f"{named.name} is {SPOKEN[named.kind]}, and {str(value)[:40]} is not; try {_example(named)}", value
        )
    if value.type == "NUMBER":
        return _number(value)
    return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL) if value.type == "TEXT" else value.type == "YES"


def _number(value: Token) -> int | float:
    if re.fullmatch(r"[-+]?[0-9]{1,18}", value):
        return int(value)
    number = float(value)
    if not math.isfinite(number):
        raise Misfit(f"{str(value)[:40]} is too large a number", value)
    return number


def _example(named: Field) -> str:
    return {"number": f"{named.name} >= 1", "text": f'{named.name} contains "…"', "yes or no": f"not {named.name}"}[
        named.kind
    ]
