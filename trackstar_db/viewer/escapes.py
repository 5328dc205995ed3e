"""Texts to copy: what cannot be seen is escaped, as the language of the text has it, so that it stays what it was."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

_LITERALS = re.compile(r"""--[^\n]*|"(?:[^"]|"")*"|E'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'""", re.DOTALL)
"""Comments, names and literals of a statement, of which each may hold what looks like the beginning of another."""


def readable_json(value: object) -> str:
    """A value as JSON on several lines, which reads back as it was."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    return _escaped(text, lambda unseen: json.dumps(unseen)[1:-1])


def readable_sql(statement: str) -> str:
    """A statement that says the same; psycopg or psql runs it as it stands."""
    if _escaped(statement, _in_literal) == statement:
        return statement
    return _LITERALS.sub(lambda found: _literal(found[0]), statement)


def _literal(text: str) -> str:
    """A literal, with escapes where it needs them; a comment or a name as it is."""
    if text[0] not in "E'" or _escaped(text, _in_literal) == text:
        return text
    return _escaped(text if text[0] == "E" else "E" + text.replace("\\", r"\\"), _in_literal)


def _in_literal(unseen: str) -> str:
    return f"\\u{ord(unseen):04x}" if ord(unseen) < 0x10000 else f"\\U{ord(unseen):08x}"


def _escaped(text: str, escape: Callable[[str], str]) -> str:
    """The text with escapes of what cannot be seen, but for the ends of lines."""
    unseen = (one for one in set(text) if not one.isprintable() and one != "\n")
    return text.translate({ord(one): escape(one) for one in unseen})
