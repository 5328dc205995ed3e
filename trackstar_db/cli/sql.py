"""`trackstar sql`: questions to the schema tda, from the cookbook or of one's own, by a login that can only read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trackstar_db.cli.base import Context, TrackstarCommand
from trackstar_db.cli.output import tell

if TYPE_CHECKING:
    from trackstar_db.database.engine import Database

SHOWN_NAMES = 20

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

    question, given = given_statement(source, text), given_values(settings)
    statement, values = bind(question, given)
    reader = open_reader(context.database_url)
    with answer(reader, statement, values, seconds) as found:
        print_answer(found, output_format or ("table" if sys.stdout.isatty() else "csv"))
    tell_of_unknown(reader, question, given)


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


def tell_of_unknown(reader: Database, question: str, given: Mapping[str, str]) -> None:
    """Nothing; where a question was asked of a run or query set that a reader does not see, that is said."""
    from trackstar_db.cookbook import names_asked
    from trackstar_db.database.queries import query

    asked = names_asked(question, given)
    if not asked:
        return
    with reader.session() as session:
        for kind, name in dict.fromkeys(asked):
            known = [found for (found,) in session.execute(query(f"reader_{kind}_names"))]
            if name not in known:
                there = ", ".join(known[:SHOWN_NAMES]) + (", …" if len(known) > SHOWN_NAMES else "")
                word = kind.replace("_", " ")
                tell(f"Note: there is no {word} named {name!r}. There {f'are: {there}' if known else 'is none'}.")


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
    from trackstar_db.cookbook import examples

    if output_format == "json":
        for found in examples():
            record = asdict(found)
            click.echo(json.dumps({**record, "sql": record.pop("text")}, ensure_ascii=False))
        return
    for found in examples():
        click.echo(f"{found.name}\n    {found.question}")
        for parameter in found.parameters:
            click.echo(f"    --set {parameter.name}={parameter.default.strip(chr(39))}   {parameter.says}")
