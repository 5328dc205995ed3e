"""`trackstar mcp`: the database for a model, by the Model Context Protocol."""

from __future__ import annotations

import signal

import click

from trackstar_db.cli.base import Context, TrackstarCommand


@click.command(cls=TrackstarCommand)
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="Time that the database may work on one call.",
)
@click.option(
    "--max-rows",
    "rows",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    metavar="N",
    help="Rows that one call gives back at most.",
)
@click.pass_obj
def mcp(context: Context, seconds: float, rows: int) -> None:
    """Serve a model on standard input and output (MCP): it describes, searches, explains, compares, and runs SELECT.

    It logs in as tda_reader, or as your own role where that can only read too. Register this command with the program
    that runs the model. Needs the extra `mcp`.

    \b
    Example:
      trackstar mcp --timeout 10
    """
    # Nothing is half done, and a thread that waits for input ends no other way.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    from trackstar_db.database.reader import open_reader
    from trackstar_db.errors import ExtraMissing

    try:
        from trackstar_db.mcp_server import Limits, make_server
    except ModuleNotFoundError as error:
        raise ExtraMissing("trackstar mcp", "mcp") from error
    make_server(open_reader(context.database_url), Limits(rows, seconds)).run()
