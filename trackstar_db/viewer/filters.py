"""The language by which lists are filtered: fields, comparisons, and/or/not; parsed, and bound as parameters.

    correct and confidence > 0.5
    relation = "place of birth" and (bucket >= 4 or frequency is empty)
    prompt contains "Paris" and not annotated
    id in ("f12", "f13")

What a query has no value for meets neither a comparison nor its opposite: `is empty` asks for that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from lark import Lark, Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from psycopg import sql

from trackstar_db.errors import InputError
from trackstar_db.viewer.filter_fields import FIELDS, KINDS, PRESETS, Field, FieldKind, Preset
from trackstar_db.viewer.filter_meaning import Meaning, Misfit, Node

__all__ = [
    "FIELDS", "KINDS", "PRESETS", "Field", "FieldKind", "Filter", "FilterError", "Preset", "clause", "combined",
    "parse_filter",
]  # fmt: skip

LONGEST = 2_000

GRAMMAR = r"""
?start: disjunction
disjunction: conjunction (_OR conjunction)*
conjunction: negation (_AND negation)*
?negation: NOT negation -> negation
    | atom
?atom: OPEN disjunction ")" -> group
    | NAME -> flag
    | NAME COMPARISON value -> comparison
    | NAME CONTAINS TEXT -> contains
    | NAME _IN OPEN value ("," value)* ")" -> among
    | NAME _IS _EMPTY -> is_empty
    | NAME _IS NOT _EMPTY -> is_not_empty
?value: NUMBER | TEXT | YES | NO

_OR.2: /or\b/i
_AND.2: /and\b/i
NOT.2: /not\b/i
_IN.2: /in\b/i
_IS.2: /is\b/i
_EMPTY.2: /empty\b/i
CONTAINS.2: /contains\b/i
YES.2: /(?:yes|true)\b/i
NO.2: /(?:no|false)\b/i
OPEN: "("
COMPARISON: "<=" | ">=" | "!=" | "<" | ">" | "="
NUMBER: /[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]+)?(?!\w)/i
NAME: /[a-z_][a-z_0-9]*/i
TEXT: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/s
%ignore /\s+/
"""
SPOKEN = {
    "_OR": "or", "_AND": "and", "NOT": "not", "_IN": "in", "_IS": "is", "_EMPTY": "empty", "CONTAINS": "contains",
    "YES": "yes", "NO": "no", "COMPARISON": "= != < <= > >=", "NUMBER": "a number", "NAME": "a field",
    "TEXT": "a text in quotation marks", "OPEN": "(", "RPAR": ")", "COMMA": ",", "$END": "the end",
}  # fmt: skip


class FilterError(InputError):
    """A text that is no filter.

    position: of the character where it goes wrong, from 0; its end where it ends too soon
    """

    def __init__(self, message: str, text: str, position: int) -> None:
        super().__init__(message)
        self.text = text
        self.position = position


@dataclass(frozen=True)
class Filter:
    """A filter that was understood.

    text: as it was given
    condition: over the columns of tda.query_overview o, with placeholders; parameters: their values
    fields: names of those that it asks about
    """

    text: str = ""
    condition: sql.Composable = field(default_factory=lambda: sql.SQL("true"))
    parameters: dict[str, object] = field(default_factory=dict)
    fields: frozenset[str] = frozenset()


def parse_filter(text: str) -> Filter:
    """The filter; an empty text leaves every query. Raises FilterError."""
    _refuse_unsendable(text)
    if not text.strip():
        return Filter()
    try:
        node: Node = _parser().parse(text)  # type: ignore[assignment]  # what Meaning makes of the text
    except UnexpectedInput as error:
        raise _unexpected(error, text) from error
    except Misfit as error:
        raise FilterError(f"At character {error.position + 1}: {error}.", text, error.position) from error
    return Filter(text, node.condition, node.parameters, node.fields)


def clause(name: str, value: str | float | bool | None) -> str:
    """The text of a filter by one field: `relation = "capital"`, `bucket = 3`, `correct`, `bucket is empty`."""
    if value is None:
        return f"{name} is empty"
    if isinstance(value, bool):
        return name if value else f"not {name}"
    if isinstance(value, str):
        escaped = re.sub(r'(["\\])', r"\\\1", value)
        return f'{name} = "{escaped}"'
    return f"{name} = {value!r}"


def combined(*texts: str) -> str:
    """The text of a filter that leaves what each of these leaves; empty ones do not count."""
    given = [text.strip() for text in texts if text.strip()]
    if len(given) == 1:
        return given[0]
    return " and ".join(f"({text})" if re.search(r"\bor\b", text, re.IGNORECASE) else text for text in given)


@cache
def _parser() -> Lark:
    """Makes nodes while it parses, so that no tree is walked; it keeps nothing from one text to the next."""
    return Lark(GRAMMAR, parser="lalr", transformer=Meaning(), maybe_placeholders=False)


def _refuse_unsendable(text: str) -> None:
    """Nothing; raises FilterError for what is too long, or no text that a database takes."""
    if len(text) > LONGEST:
        raise FilterError(f"The filter has {len(text):,} characters; at most {LONGEST:,} are read.", text, LONGEST)
    if bad := re.search(r"[\x00\ud800-\udfff]", text):
        raise FilterError(f"Character {bad.start() + 1} is none that a text can hold.", text, bad.start())


def _unexpected(error: UnexpectedInput, text: str) -> FilterError:
    """What does not fit, where, and what would."""
    if isinstance(error, UnexpectedCharacters):
        position, names = error.pos_in_stream or 0, error.allowed or set()
        if text[position] in "\"'":
            what = "the quotation mark is never closed, or does not belong there"
            return FilterError(f"At character {position + 1}: {what}.", text, position)
        what = f"{text[position]!r} does not fit"
    else:
        names = error.accepts or error.expected if isinstance(error, UnexpectedToken) else set()
        token = error.token if isinstance(error, UnexpectedToken) else Token("$END", "")
        position = len(text) if token.type == "$END" else token.start_pos or 0
        what = "the filter ends too soon" if token.type == "$END" else f"{str(token)[:40]!r} does not fit"
    wanted = ", ".join(sorted({SPOKEN.get(name, name) for name in names}))
    return FilterError(f"At character {position + 1}: {what}; expected {wanted}.", text, position)
