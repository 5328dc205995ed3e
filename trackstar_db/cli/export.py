"""`trackstar export`: what is stored, in formats that others read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trackstar_db.cli.base import Context, TrackstarGroup
from trackstar_db.cli.output import tell
from trackstar_db.cli.sql import (
    given_statement,
    given_values,
    settings_option,
    source_argument,
    tell_of_unknown,
    text_option,
)

if TYPE_CHECKING:
    from trackstar_db.frames.export import FileSummary
    from trackstar_db.frames.formats import Format

output_option = click.option(
    "--output",
    default="-",
    metavar="FILE",
    help="File to write, whole or not at all; csv and jsonl are compressed where its name ends in .gz or .zst.  "
    "[default: standard output, for csv and jsonl]",
)

file_format_option = click.option(
    "--format",
    "file_format",
    type=click.Choice(["parquet", "arrow", "csv", "jsonl", "sqlite"]),
    help="Format of the file.  [default: by the ending of its name; csv on standard output]",
)


@click.group(cls=TrackstarGroup)
def export() -> None:
    """Write what is stored in formats that others read."""


@export.command()
@click.option("--run", required=True, help="Run to export.")
@click.option(
    "--output",
    default="-",
    metavar="FILE",
    help="File to write, whole or not at all; compressed where its name ends in .gz or .zst.  "
    "[default: standard output]",
)
@click.pass_obj
def results(context: Context, run: str, output: str) -> None:
    """Write a run as retrieval results of the public data release: JSON Lines, one query each.

    \b
    Example:
      trackstar export results --run first --output first.jsonl.gz
    """
    summary = context.store.export_results(run, output)
    tell(
        f"{summary.run}: {summary.records:,} records, {summary.proponents:,} proponents, "
        f"{summary.opponents:,} opponents · {summary.seconds:.1f} s"
    )


@export.command()
@click.argument("views", nargs=-1, required=True, metavar="VIEW...")
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Rows with this value only; again for the same column: one of the values.",
)
@output_option
@file_format_option
@click.option("--reader", is_flag=True, help="Read as tda_reader: what is not granted to it is not written.")
@click.pass_obj
def table(
    context: Context,
    views: tuple[str, ...],
    conditions: tuple[str, ...],
    output: str,
    file_format: Format | None,
    reader: bool,
) -> None:
    """Write views of the schema tda: to Parquet, Arrow, CSV or JSON Lines one, to SQLite any number.

    The rows come in no certain order; `trackstar export sql` takes an ORDER BY. Values are written as they are: a
    spreadsheet may take a text that begins with = + - or @ for a formula, so let it open CSV with its columns as text.

    \b
    Examples:
      trackstar export table proponent --where run=first --output proponents.parquet
      trackstar export table run proponent query_metric --where run=first --output first.sqlite
    """
    wanted: dict[str, list[str]] = {}
    for condition in conditions:
        column, equals, value = condition.partition("=")
        if not column or not equals:
            raise click.UsageError(f"--where takes COLUMN=VALUE, and was given {condition!r}.")
        wanted.setdefault(column, []).append(value)
    store = context.store.as_reader() if reader else context.store
    _tell(store.export_views(views, output, wanted, file_format))


@export.command()
@source_argument
@text_option
@settings_option
@output_option
@file_format_option
@click.pass_obj
def sql(
    context: Context,
    source: str | None,
    text: str | None,
    settings: tuple[str, ...],
    output: str,
    file_format: Format | None,
) -> None:
    """Write the answer of one SELECT, given and run as by `trackstar sql`, with its rows in its order.

    \b
    Example:
      trackstar export sql -c "SELECT * FROM tda.query_metric ORDER BY query_id" --output metrics.parquet
    """
    from trackstar_db.cookbook import bind

    question, given = given_statement(source, text), given_values(settings)
    statement, values = bind(question, given)
    store = context.store.as_reader()
    _tell(store.export_select(statement, output, values, file_format))
    tell_of_unknown(store.database, question, given)


@export.command()
@click.option("--encoding", required=True, help="Encoding whose gradients are written.")
@click.option("--corpus", help="Documents of this corpus only.")
@click.option(
    "--output",
    required=True,
    metavar="FILE",
    help="File to write, whole or not at all: .parquet, or .arrow to be mapped into memory.",
)
@click.pass_obj
def gradients(context: Context, encoding: str, corpus: str | None, output: str) -> None:
    """Write the gradients of an encoding's documents: document_id, external_id, corpus, gradient.

    A gradient is a fixed-size list of half-precision numbers in unit norm, as long as the encoding's dimension.

    \b
    Example:
      trackstar export gradients --encoding olmo --output gradients.parquet
    """
    _tell(context.store.export_gradients(encoding, output, corpus))


def _tell(summary: FileSummary) -> None:
    rows = ", ".join(f"{name} {count:,} {'row' if count == 1 else 'rows'}" for name, count in summary.rows.items())
    tell(f"{summary.format}: {rows} · {summary.seconds:.1f} s")
