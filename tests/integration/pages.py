"""The pages of the documentation: their blocks, the commands in them, and the figures that they show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import click
import pytest
from markdown_it import MarkdownIt

from trackstar_db.cli import trackstar

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = ("sh", "sql", "python")
SHOWN = ("text", "")
_NOT_RUN = re.compile(r"\A<!-- not run: (?P<reason>.+?) -->\s*\Z", re.DOTALL)
_NESTED = re.compile(r"\$\((trackstar [^()]*)\)")
_INLINE = re.compile(r"`trackstar ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")
_ENDS = re.compile(r"[;&|\n]+")
_BEFORE = re.compile(r"do|then|!|[A-Za-z_]+=.*")


@dataclass(frozen=True)
class Block:
    """A block of code of a page.

    reason: why it is not run; None for one that is
    shown: the block of text right after it
    """

    page: str
    line: int
    language: str
    text: str
    reason: str | None
    shown: str | None

    @property
    def place(self) -> str:
        """Where it stands, as an editor takes it."""
        return f"{self.page}:{self.line}"


def blocks(path: Path) -> list[Block]:
    """Every fenced block of a page, in its order."""
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    found = []
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        if token.type != "fence" or token.map is None:
            continue
        mark = _NOT_RUN.match(before.content) if before is not None and before.type == "html_block" else None
        is_followed = after is not None and after.type == "fence" and after.info == "text"
        shown = after.content if is_followed and after is not None else None
        name = str(path.relative_to(ROOT))
        said = (token.info.strip(), token.content, mark and mark["reason"], shown)
        found.append(Block(name, token.map[0] + 1, *said))
    return found


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of every `trackstar` in a text of shell."""
    plain = re.sub(r"<<'END'\n.*?\nEND\n", "\n", text, flags=re.DOTALL).replace("\\\n", " ")
    for nested in _NESTED.findall(plain):
        yield from commands(nested)
    for line in plain.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.wordchars += "@:%,$[]{}+"
        for is_end, words in groupby(lexer, key=lambda word: bool(_ENDS.fullmatch(word))):
            simple = [] if is_end else _without_redirections(list(words))
            while simple and _BEFORE.fullmatch(simple[0]):
                simple = simple[1:]
            if simple[:1] == ["trackstar"]:
                yield simple[1:]


def _without_redirections(words: Sequence[str]) -> list[str]:
    kept = list(words)
    while any(redirection in kept for redirection in ("<", ">", ">>")):
        at = next(n for n, word in enumerate(kept) if word in ("<", ">", ">>"))
        del kept[at : at + 2]
    return kept


def check_command(arguments: Sequence[str]) -> None:
    """Nothing; raises click.UsageError for a command, option or value that `trackstar` does not take."""
    command, left, path = trackstar, list(arguments), "trackstar"
    while isinstance(command, click.Group) and left and left[0] in command.commands:
        path, command = f"{path} {left[0]}", command.commands[left.pop(0)]
    context = command.make_context(path, list(left))
    if isinstance(command, click.Group) and left and not left[0].startswith("-"):
        command.resolve_command(context, left)


def named_commands(text: str) -> list[str]:
    """Commands that a page speaks of and that are not there."""
    missing = []
    for first, second in _INLINE.findall(text):
        command = trackstar.commands.get(first)
        has_second = not second or not isinstance(command, click.Group) or second in command.commands
        if command is None or not has_second:
            missing.append(f"trackstar {first} {second}".strip())
    return missing


def check_figures(shown: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Nothing; fails unless a page shows these columns and, up to what another machine's rounding does, these rows."""
    header, _, *lines = shown.splitlines()
    assert _cells(header) == list(columns)
    there = {_text(row[0]): row for row in rows}
    printed = [_cells(line) for line in lines]
    agreeing = [cells for cells in printed if cells[0] in there and _agree(cells, there[cells[0]])]
    assert len(agreeing) >= 0.8 * len(printed), (shown, rows)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    return "" if value is None else str(value)


def _agree(cells: Sequence[str], row: Sequence[object]) -> bool:
    return all(map(_is_same, cells, row))


def _is_same(cell: str, value: object) -> bool:
    try:
        return float(cell) == pytest.approx(float(str(value)), rel=0.1, abs=0.02)
    except ValueError:
        return cell == _text(value)
