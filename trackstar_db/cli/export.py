"""`trackstar export`: what is stored, in formats that others read."""

from __future__ import annotations

import click

from trackstar_db.cli.base import Context, TrackstarGroup


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
    click.echo(
        f"{summary.run}: {summary.records:,} records, {summary.proponents:,} proponents, "
        f"{summary.opponents:,} opponents · {summary.seconds:.1f} s",
        err=True,
    )
