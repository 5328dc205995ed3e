"""Rows and records on standard output: a table for people, JSON for machines. Words beside them, on standard error."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from pathlib import Path

import click
from tabulate import tabulate

from trackstar_db.shown import printable, printable_json, printable_lines


def tell(message: str) -> None:
    """Print a word to whoever runs the command, on standard error; names in it may be anybody's."""
    click.echo(printable_lines(message), err=True)


def confirmed(question: str) -> bool:
    """Whether whoever runs the command agrees."""
    return click.confirm(printable(f"{question} (--yes does not ask)"), err=True)


def emit_rows(rows: Sequence[Mapping[str, object]], output_format: str) -> None:
    """Print rows under their column names, or as one JSON array."""
    if output_format == "json":
        click.echo(_json(list(rows)))
    elif rows:
        click.echo(rows_table(rows))
    else:
        click.echo("(none)")


def emit_record(record: Mapping[str, object], output_format: str) -> None:
    """Print one record, a line for each field, or as one JSON object."""
    if output_format == "json":
        click.echo(_json(record))
    else:
        cells = [[name.replace("_", " "), _cell(value)] for name, value in record.items()]
        click.echo(tabulate(cells, tablefmt="plain", disable_numparse=True))


def rows_table(rows: Sequence[Mapping[str, object]]) -> str:
    """At least one row as a table, numbers to the right."""
    sides = ["right" if _is_number(value) else "left" for value in rows[0].values()]
    cells = [[_cell(value) for value in row.values()] for row in rows]
    return tabulate(cells, headers=list(rows[0]), disable_numparse=True, colalign=sides)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):  # a learning rate keeps its digits
        return f"{value:.3g}" if 0 < abs(value) < 1e-3 else f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return printable(str(value))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _json(value: object) -> str:
    return printable_json(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> object:
    """What JSON has no word for, as something that it has."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
