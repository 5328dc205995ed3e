"""Which entities a text names: every name of every entity in one pass (Aho-Corasick).

A name is found where its normalised form stands in the normalised text with no letter, digit or combining mark
right before or after it. So "Rome" is not in "Romeo" and "U.S." is in "the U.S. Senate"; a name of one letter
is found where that letter stands alone. In writing without spaces (Chinese, Japanese, Thai) a name is found
only between punctuation or spaces.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import ahocorasick

RULES = b"mentions 1"
"""Names these rules: counts made by other rules are made again."""


class Mentions:
    """Finds the entities that texts name.

    names: for each entity its number and all its names; names that are blank are left out
    """

    def __init__(self, names: Iterable[tuple[int, Sequence[str]]]) -> None:
        entities: dict[str, list[int]] = {}
        for entity, known_as in names:
            for name in {normalised(name) for name in known_as} - {""}:
                entities.setdefault(name, []).append(entity)
        self._automaton: Any = ahocorasick.Automaton()
        for name, called_so in entities.items():
            self._automaton.add_word(name, (len(name), called_so))
        self._automaton.make_automaton()
        self._is_empty = not entities

    def find(self, text: str) -> set[int]:
        """The entities with a name in the text."""
        found: set[int] = set()
        if self._is_empty:
            return found
        padded = f" {normalised(text)} "
        for last, (length, entities) in self._automaton.iter(padded):
            if not _is_in_word(padded[last - length]) and not _is_in_word(padded[last + 1]):
                found.update(entities)
        return found


def normalised(text: str) -> str:
    """The text without what may differ between spellings of a name: Unicode's compatibility forms, case, white space.

    NFKC once more after casefold, which can take a character apart.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def _is_in_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")
