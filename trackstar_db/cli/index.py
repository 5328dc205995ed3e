"""`trackstar index`: indexes for approximate searches."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from trackstar_db.cli.base import Context, TrackstarGroup, format_option
from trackstar_db.cli.estimate import announcer, dry_run_option
from trackstar_db.cli.output import emit_record, emit_rows, tell

if TYPE_CHECKING:
    from trackstar_db.estimates.indexes import IndexKind

kind_choice = click.Choice(["signs", "binary", "hnsw", "ivfflat"])


@click.group(cls=TrackstarGroup)
def index() -> None:
    """Build, drop and list indexes for approximate searches. A search uses one only when it is asked to."""


@index.command()
@click.option("--encoding", required=True, help="Encoding whose gradients are indexed.")
@click.option(
    "--kind",
    type=kind_choice,
    default="signs",
    show_default=True,
    help="signs: two bits a number, read from end to end. binary, hnsw: graphs over one bit a number and over half "
    "precision. ivfflat: lists around centres.",
)
@dry_run_option
@format_option
@click.pass_obj
def build(context: Context, encoding: str, kind: IndexKind, dry_run: bool, output_format: str) -> None:
    """Build an index of an encoding's gradients; it follows every change from then on.

    Searches go on meanwhile. So does encoding, except that it waits while signs are built.

    \b
    Example:
      trackstar index build --encoding olmo
      trackstar index build --encoding olmo --kind hnsw
    """
    built = context.store.build_index(encoding, kind, announcer(dry_run, output_format))
    for notice in built.notices:
        tell(notice)
    record = asdict(built)
    del record["notices"]
    emit_record({**record, "seconds": round(built.seconds, 1)}, output_format)


@index.command()
@click.option("--encoding", required=True, help="Encoding whose index is dropped.")
@click.option("--kind", type=kind_choice, help="Only this one.  [default: all of the encoding's]")
@click.pass_obj
def drop(context: Context, encoding: str, kind: IndexKind | None) -> None:
    """Drop indexes of an encoding; its gradients stay.

    \b
    Example:
      trackstar index drop --encoding olmo --kind hnsw
    """
    for dropped in context.store.drop_index(encoding, kind):
        tell(f"Dropped index {dropped} of encoding {encoding}.")


@index.command()
@click.option("--encoding", help="Only of this encoding.")
@format_option
@click.pass_obj
def status(context: Context, encoding: str | None, output_format: str) -> None:
    """List the indexes: ready, building, or unfinished (a build that was cut off; build it again).

    \b
    Example:
      trackstar index status
    """
    emit_rows(context.store.indexes(encoding), output_format)
