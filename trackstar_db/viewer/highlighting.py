"""Where names stand in a text: spans as data, of whole characters as people see them.

Texts are compared folded: composed (NFKC), without case, white space as one space. A letter with its marks, or an
emoji of several code points, is one character: no span begins or ends within it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise
from typing import Literal

import regex

Kind = Literal["target", "subject", "selection"]

# Scripts that write no spaces between words: a name there may stand between other letters.
UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
CHARACTERS = regex.compile(r"\s+|\X")

LONGEST_NAME = 500
"""Characters of a name that is looked for: none that long helps to read."""

LONGEST_KNOWN = 8
"""Code points of a character whose folding is remembered."""

MOST_SPANS = 500
"""Places in a text where each name is marked: more would only colour it."""


@dataclass(frozen=True)
class Wanted:
    """Names to look for, whatever their case.

    is_whole: as whole words only: no letter or digit touches them
    """

    kind: Kind
    names: tuple[str, ...]
    is_whole: bool = True


@dataclass(frozen=True)
class Span:
    """A stretch of the text: characters start to end, end excluded."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True)
class Piece:
    """A stretch of the text and the kinds that mark it; all pieces together are the text."""

    text: str
    kinds: tuple[Kind, ...]


def spans(text: str, wanted: Iterable[Wanted]) -> list[Span]:
    """Where any of the names stand, by their beginning; those of one kind that overlap are one."""
    whole = _folded(text)
    folded: _Folded | None = None
    found = []
    for kind, is_whole, name in _names(wanted):
        if name in whole:
            folded = folded or _Folded.of(text)
            found += [Span(start, end, kind) for start, end in islice(folded.find(name, is_whole), MOST_SPANS)]
    return sorted(_merged(found), key=lambda span: (span.start, span.end, span.kind))


def pieces(text: str, marked: Sequence[Span]) -> list[Piece]:
    """The text cut where spans begin and end."""
    begins = Counter((span.start, span.kind) for span in marked)
    ends = Counter((span.end, span.kind) for span in marked)
    kinds = sorted({span.kind for span in marked})
    cuts = sorted({0, len(text), *(span.start for span in marked), *(span.end for span in marked)})
    cut = []
    covering: Counter[Kind] = Counter()
    for start, end in pairwise(cuts):
        for kind in kinds:
            covering[kind] += begins[start, kind] - ends[start, kind]
        cut.append(Piece(text[start:end], tuple(kind for kind in kinds if covering[kind])))
    return cut


def highlighted(text: str, wanted: Iterable[Wanted]) -> list[Piece]:
    """The text in pieces, marked with what is wanted."""
    return pieces(text, spans(text, wanted))


@dataclass(frozen=True)
class _Folded:
    """A text folded character by character.

    starts: for each folded letter, where its character begins in the text, and ends: where that ends
    is_first, is_last: of the folded letters of its character
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]
    is_first: Sequence[bool]
    is_last: Sequence[bool]

    @classmethod
    def of(cls, text: str) -> _Folded:
        whole = _folded(text)
        if text.isascii() and len(whole) == len(text):  # each letter is a character: quick
            every = [True] * len(text)
            return cls(whole, range(len(text)), range(1, len(text) + 1), every, every)
        letters, starts, ends, is_first, is_last = [], [], [], [], []
        for found in CHARACTERS.finditer(text):
            folded = _folded_character(found[0]) if len(found[0]) <= LONGEST_KNOWN else _folded(found[0])
            letters.append(folded)
            starts += [found.start()] * len(folded)
            ends += [found.end()] * len(folded)
            is_first += [place == 0 for place in range(len(folded))]
            is_last += [place == len(folded) - 1 for place in range(len(folded))]
        return cls("".join(letters), starts, ends, is_first, is_last)

    def find(self, name: str, is_whole: bool) -> Iterator[tuple[int, int]]:
        """Where the folded name stands in the text: start and end of whole characters."""
        place = self.text.find(name)
        while place >= 0:
            last = place + len(name) - 1
            if self.is_first[place] and self.is_last[last] and not (is_whole and self._is_touched(name, place, last)):
                yield self.starts[place], self.ends[last]
            place = self.text.find(name, place + 1)

    def _is_touched(self, name: str, first: int, last: int) -> bool:
        """Whether a letter or digit goes on where the name begins or ends with one."""
        before = self.text[first - 1 : first] if first else ""
        return _go_together(before, name[0]) or _go_together(name[-1], self.text[last + 1 : last + 2])


def _go_together(left: str, right: str) -> bool:
    return left.isalnum() and right.isalnum() and not (UNSPACED.match(left) or UNSPACED.match(right))


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).casefold())


@lru_cache(maxsize=10_000)
def _folded_character(character: str) -> str:
    return _folded(character)


def _names(wanted: Iterable[Wanted]) -> Iterator[tuple[Kind, bool, str]]:
    for one in wanted:
        for name in dict.fromkeys(_folded(name).strip() for name in one.names if len(name) <= LONGEST_NAME):
            if name:
                yield one.kind, one.is_whole, name


def _merged(found: Iterable[Span]) -> Iterator[Span]:
    """The spans of each kind, those that overlap as one."""
    last: Span | None = None
    for span in sorted(found, key=lambda span: (span.kind, span.start)):
        if last is not None and span.kind == last.kind and span.start < last.end:
            last = Span(last.start, max(last.end, span.end), last.kind)
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last
