"""Answers of SQL on standard output, batch by batch: a table for people, CSV and JSON Lines for programs."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import click
from wcwidth import clip, ljust, rjust, width

from trackstar_db.cli.output import tell
from trackstar_db.database.json_values import json_text
from trackstar_db.database.refusals import named_once
from trackstar_db.shown import printable, printable_json

if TYPE_CHECKING:
    from trackstar_db.database.reader import Answer, Column, Row

GAP = "  "
WIDTH_ELSEWHERE = 110  # of a table that goes to no terminal
LEAST_WIDTH = 12  # of a text that is cut


def print_answer(answer: Answer, output_format: str) -> int:
    """The number of rows, printed as a table, as csv, or as json: an object a line."""
    rows = chain.from_iterable(answer.batches)
    if output_format == "table":
        return _print_table(answer)
    return _print_csv(answer.columns, rows) if output_format == "csv" else _print_json(answer.columns, rows)


def _print_json(columns: Sequence[Column], rows: Iterator[Row]) -> int:
    names = named_once(column.name for column in columns)
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007
        sys.stdout.write(_json_line(names, row) + "\n")
    return count


def _json_line(names: Sequence[str], row: Row) -> str:
    """A row as a JSON object on one line."""
    pairs = (f"{json_text(name)}: {json_text(value)}" for name, value in zip(names, row, strict=True))
    return printable_json(f"{{{', '.join(pairs)}}}")


class _Lines:
    """Standard output for a writer of CSV that ends its rows by CR LF: before Python 3.13 it quotes only those two."""

    def write(self, row: str) -> None:
        sys.stdout.write(row.removesuffix("\r\n") + "\n")


def _print_csv(columns: Sequence[Column], rows: Iterator[Row]) -> int:
    shown = printable if sys.stdout.isatty() else str
    writer = csv.writer(_Lines())
    writer.writerow([shown(column.name) for column in columns])
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007
        writer.writerow(["" if value is None else shown(_text(value)) for value in row])
    return count


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return json_text(value) if isinstance(value, list) else str(value)


def _print_table(answer: Answer) -> int:
    """The number of rows. The first batch says how wide columns are; texts that do not fit are cut, numbers never."""
    batches = iter(answer.batches)
    first = next(batches, [])
    limit = shutil.get_terminal_size((WIDTH_ELSEWHERE, 0)).columns
    widths = _widths(answer.columns, first, limit)
    show: Callable[[Sequence[str]], bool]
    if widths is None:
        show = partial(_show_record, answer.columns, limit)
    else:
        show = partial(_show_row, answer.columns, widths)
        _show_row(answer.columns, widths, [printable(column.name) for column in answer.columns])
        click.echo(GAP.join("-" * wide for wide in widths))
    count, is_cut = 0, False
    for row in chain(first, chain.from_iterable(batches)):
        count += 1
        is_cut |= show([_cell(value) for value in row])
    note = "; longer texts are cut, and whole with --format json or csv" if is_cut else ""
    tell(f"({count:,} {'row' if count == 1 else 'rows'}{note})")
    return count


def _widths(columns: Sequence[Column], rows: Sequence[Row], limit: int) -> list[int] | None:
    """The width of each column; None where names and numbers alone are wider than the limit."""
    names = [width(printable(column.name)) for column in columns]
    cells = [[width(_cell(value)) for value in values] for values in zip(*rows, strict=True)] or [[] for _ in columns]
    wanted = [max([name, *found]) for name, found in zip(names, cells, strict=True)]
    least = [
        whole if column.is_number else max(name, min(whole, LEAST_WIDTH))
        for column, name, whole in zip(columns, names, wanted, strict=True)
    ]
    room = limit - len(GAP) * (len(columns) - 1)
    if sum(least) > room:
        return None
    cap = min(max(wanted, default=0), room)  # the widest columns give way first
    while sum(max(low, min(cap, whole)) for low, whole in zip(least, wanted, strict=True)) > room:
        cap -= 1
    return [max(low, min(cap, whole)) for low, whole in zip(least, wanted, strict=True)]


def _show_row(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[str]) -> bool:
    """Whether a text was cut."""
    shown = [
        rjust(cell, wide) if column.is_number else ljust(_cut(cell, wide), wide)
        for column, wide, cell in zip(columns, widths, cells, strict=True)
    ]
    click.echo(GAP.join(shown).rstrip())
    return any(
        width(cell) > wide for column, wide, cell in zip(columns, widths, cells, strict=True) if not column.is_number
    )


def _show_record(columns: Sequence[Column], limit: int, cells: Sequence[str]) -> bool:
    """Whether a text was cut; a line for each column, for rows that are wider than the terminal."""
    names = [printable(column.name) for column in columns]
    longest = max(map(width, names))
    room = max(limit - longest - len(GAP), LEAST_WIDTH)
    for name, cell in zip(names, cells, strict=True):
        click.echo(f"{ljust(name, longest)}{GAP}{_cut(cell, room)}".rstrip())
    click.echo()
    return any(width(cell) > room for cell in cells)


def _cut(text: str, wide: int) -> str:
    return text if width(text) <= wide else clip(text, 0, wide - 1).rstrip() + "…"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return printable(_text(value))
