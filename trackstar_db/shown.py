"""Text of others (names, documents, messages) as it is shown: a terminal would obey the control characters in it."""

from __future__ import annotations

import re

JSON_CONTROLS = re.compile("[\x7f-\x9f]")  # the others JSON itself escapes


def printable(text: str) -> str:
    """Text on one line, with control characters replaced."""
    return "".join(map(_shown, " ".join(text.split())))


def printable_lines(text: str) -> str:
    """Text whose line breaks stay, with control characters replaced."""
    return "".join(char if char == "\n" else _shown(char) for char in text)


def printable_json(text: str) -> str:
    """JSON of the same meaning, with control characters escaped."""
    return JSON_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    return " " if char.isspace() else "\N{REPLACEMENT CHARACTER}"
