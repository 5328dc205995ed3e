"""`trackstar sql`: questions to the schema tda, from the cookbook or of one's own, by a login that can only read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trackstar_db.cli.base import Context, TrackstarCommand

if TYPE_CHECKING:
    from trackstar_db.cookbook import Example

source_argument = click.argument("source", required=False, metavar="[NAME|FILE|-]")
text_option = click.option("-c", "--command", "text", metavar="TEXT", help="The SQL itself.")
settings_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Value for a parameter of the question, in place of its default; may be given again.",
)


@click.command(cls=TrackstarCommand)
@source_argument
@text_option
@settings_option
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "csv", "json"]),
    help="A table to read, CSV, or JSON Lines.  [default: table on a terminal, else csv]",
)
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Time that the database may work on it.",
)
@click.option("--list", "is_list", is_flag=True, help="List the cookbook: its questions and their parameters.")
@click.pass_obj
def sql(
    context: Context,
    source: str | None,
    text: str | None,
    settings: tuple[str, ...],
    output_format: str | None,
    seconds: float,
    is_list: bool,
) -> None:
    """Answer a question in SQL: one of the cookbook by its name, a file, TEXT, or standard input.

    It is run by the role tda_reader, or by your own where that can only read too: one statement (SELECT, WITH, VALUES
    or TABLE) over the schema tda. Rows are printed as they come.

    \b
    Examples:
      trackstar sql --list
      trackstar sql attribution_rate --set run=first
      trackstar sql -c "SELECT run, method, query_count FROM tda.run"
      trackstar sql question.sql --format csv > answer.csv
    """
    if is_list:
        _list(output_format)
        return
    from trackstar_db.cli.answers import print_answer
    from trackstar_db.cookbook import bind
    from trackstar_db.database.reader import answer, open_reader

    statement, values = bind(given_statement(source, text), given_values(settings))
    with answer(open_reader(context.database_url), statement, values, seconds) as found:
        print_answer(found, output_format or ("table" if sys.stdout.isatty() else "csv"))


def given_statement(source: str | None, text: str | None) -> str:
    """The SQL that is meant; raises UsageError where there is none, or two."""
    if source is not None and text is not None:
        raise click.UsageError("Give a name, a file or -c TEXT, not two of them.")
    if text is not None:
        return text
    if source is None and sys.stdin.isatty():
        raise click.UsageError("Give a name of the cookbook (trackstar sql --list), a file, or -c TEXT.")
    if source is None or source == "-":
        return _read("standard input", sys.stdin.buffer.read)
    if "/" not in source and "." not in source:
        from trackstar_db.cookbook import example

        return example(source).text
    return _read(source, Path(source).read_bytes)


def _read(name: str, read: Callable[[], bytes]) -> str:
    from trackstar_db.errors import UnreadableSource

    try:
        return read().decode("utf-8-sig")
    except OSError as error:
        raise UnreadableSource(
            f"{name} cannot be read: {error.strerror}. Name a file that is there, or give the SQL itself with -c."
        ) from error
    except UnicodeDecodeError as error:
        raise UnreadableSource(f"{name} cannot be read: it is no text in UTF-8. Give SQL in UTF-8.") from error


def given_values(settings: tuple[str, ...]) -> dict[str, str]:
    """What --set was given, by name; raises UsageError where it is no NAME=VALUE."""
    values = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--set takes NAME=VALUE, and was given {setting!r}.")
        values[name] = value
    return values


def _list(output_format: str | None) -> None:
    from trackstar_db.cli.output import emit_rows
    from trackstar_db.cookbook import examples

    if output_format == "json":
        emit_rows([_as_row(found) for found in examples()], output_format)
        return
    for found in examples():
        click.echo(f"{found.name}\n    {found.question}")
        for parameter in found.parameters:
            click.echo(f"    --set {parameter.name}={parameter.default.strip(chr(39))}   {parameter.says}")


def _as_row(found: Example) -> dict[str, object]:
    return {"name": found.name, "question": found.question, "parameters": list(found.parameters), "sql": found.text}
