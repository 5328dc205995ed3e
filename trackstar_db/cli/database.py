"""`trackstar init`, `status` and `db`: the database itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from trackstar_db.cli.base import Context, TrackstarCommand, TrackstarGroup, format_option
from trackstar_db.cli.output import emit_record, rows_table, tell
from trackstar_db.shown import printable

if TYPE_CHECKING:
    from trackstar_db.database.embedded import EmbeddedServer
    from trackstar_db.database.status import Status

SHOWN_RUNS = 5


@click.command(cls=TrackstarCommand)
@click.pass_obj
def init(context: Context) -> None:
    """Create the tables and views, or upgrade them. Safe to run again, and by several processes at once.

    \b
    Examples:
      trackstar init
      trackstar init --database-url postgresql://me@db.example.org/trackstar
    """
    from trackstar_db.database.revision import head_revision
    from trackstar_db.database.schema import initialize

    before = initialize(context.unchecked_database)
    if before.is_current:
        done = "is up to date already"
    elif before.revision is None:
        done = "is ready"
    elif before.revision == head_revision():
        done = "is up to date: its views were renewed"
    else:
        done = f"was upgraded from revision {before.revision}"
    tell(f"The database {done} (revision {head_revision()}).")


@click.command(cls=TrackstarCommand)
@format_option
@click.pass_obj
def status(context: Context, output_format: str) -> None:
    """Show versions, revision, rows and unfinished work. Exit code 3: run trackstar init.

    \b
    Examples:
      trackstar status
      trackstar status --format json | jq .rows
    """
    from trackstar_db.database.schema import require_current
    from trackstar_db.database.schema import status as read_status

    found = read_status(context.unchecked_database)
    if output_format == "json":
        emit_record({**asdict(found), "rows": {row.table: row.rows for row in found.rows}}, output_format)
    else:
        _print_status(found)
    require_current(context.unchecked_database)


@click.group(cls=TrackstarGroup)
def db() -> None:
    """Start, stop and find the embedded server, which runs where no database URL is given."""


@db.command()
@click.option("--tcp", is_flag=True, help="Open a port on 127.0.0.1 too, with generated passwords.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="The port to open.  [default: the first free one from 5432]"
)
@click.pass_obj
def start(context: Context, tcp: bool, port: int | None) -> None:
    """Start the embedded server, if it does not run.

    Every command starts it by itself; this one is for --tcp, which lets programs in that cannot use a Unix
    socket. Their passwords are in the file that `trackstar db status` names.

    \b
    Examples:
      trackstar db start
      trackstar db start --tcp --port 5433
    """
    if port and not tcp:
        raise click.UsageError("--port is the port that --tcp opens: give both.")
    server = _server(context)
    server.start(tcp=tcp, port=port)
    tell(f"The embedded server runs: {server.url()}")


@db.command()
@click.option("--force", is_flag=True, help="End the connections of other clients.")
@click.pass_obj
def stop(context: Context, force: bool) -> None:
    """Stop the embedded server; refused while other clients are connected.

    \b
    Example:
      trackstar db stop
    """
    was_running = _server(context).stop(force)
    tell(f"The embedded server {'has stopped' if was_running else 'was not running'}.")


@db.command("status")
@format_option
@click.pass_obj
def db_status(context: Context, output_format: str) -> None:
    """Show whether the embedded server runs, and where its files are.

    \b
    Example:
      trackstar db status
    """
    found = _server(context).status()
    record = asdict(found)
    if found.is_running and not found.is_reachable:
        tell(
            f"Note: process {found.pid} runs but nobody can connect: its socket is gone, or not made yet. Any "
            "command starts it anew; this ends it: trackstar db stop --force"
        )
    if output_format == "table":  # numbers that name something, and are not to be read as amounts
        record |= {name: str(record[name] or "") for name in ("port", "pid")}
    emit_record(record, output_format)


@db.command()
@click.option("--reader", is_flag=True, help="For the role tda_reader, which reads the schema tda only.")
@click.pass_obj
def url(context: Context, reader: bool) -> None:
    """Print the embedded server's URL, for psql and the like; it starts the server and holds no password.

    \b
    Examples:
      psql "$(trackstar db url)"
      psql "$(trackstar db url --reader)" -c "SELECT * FROM tda.run"
    """
    from trackstar_db.database.roles import READER

    server = _server(context)
    server.start()
    click.echo(server.url(READER) if reader else server.url())


def _server(context: Context) -> EmbeddedServer:
    """The embedded server, with a word to whoever has configured another one."""
    from trackstar_db.database.embedded import EmbeddedServer
    from trackstar_db.database.engine import configured_url

    source = "--database-url" if context.database_url else configured_url()[0]
    if source:
        tell(
            f"Note: {source} is set, so other commands use that database. `trackstar db` is about the "
            "embedded server only."
        )
    return EmbeddedServer()


def _print_status(found: Status) -> None:
    emit_record(
        {
            "database": found.address,
            "trackstar": found.trackstar_version,
            "PostgreSQL": found.postgresql_version,
            "pgvector": found.pgvector_version or "not installed",
            "revision": found.revision or "none",
        },
        "table",
    )
    if found.rows:
        rows = [{"table": row.table, "rows": f"{'about ' * row.is_estimate}{row.rows:,}"} for row in found.rows]
        click.echo(f"\n{rows_table(rows)}")
    for line in _unfinished(found):
        click.echo(f"\n{printable(line)}")


def _unfinished(found: Status) -> Iterator[str]:
    """What is to be gone on with, a line each."""
    for load in found.unfinished_loads:
        begun = load.started_at.isoformat(" ", "seconds")
        yield f"Unfinished since {begun}: load of {load.kind} from {load.source} into {load.destination}"
    for left in found.unfinished_encodings:
        yield (
            f"Unfinished: {left.documents_left:,} documents of corpus {left.corpus}. "
            f"Run: trackstar encode documents --encoding {left.encoding} --corpus {left.corpus}"
        )
    for search in found.unfinished_searches:
        begun = search.started_at.isoformat(" ", "seconds")
        yield (
            f"Unfinished since {begun}: search for run {search.run}, {search.documents_read:,} of "
            f"{search.documents:,} documents. The same trackstar attribute goes on; or: trackstar run drop {search.run}"
        )
    for tried in found.unfinished_tail_patches:
        yield (
            f"Unfinished: run {tried.run} has tail-patches of {tried.proponents:,} proponents ({tried.optimizer}, "
            f"learning rate {tried.learning_rate:g}) and is not judged by them. The same trackstar judge tail-patch "
            "goes on"
        )
    if names := found.runs_not_refreshed:
        more = f" and {len(names) - SHOWN_RUNS:,} more" if len(names) > SHOWN_RUNS else ""
        yield (
            f"Not refreshed: what dashboards read lacks {', '.join(names[:SHOWN_RUNS])}{more}. Run: trackstar refresh"
        )
