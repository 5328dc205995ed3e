"""`trackstar refresh`: what dashboards read, computed anew."""

from __future__ import annotations

from dataclasses import asdict

import click

from trackstar_db.cli.base import Context, TrackstarCommand, format_option
from trackstar_db.cli.output import emit_rows


@click.command(cls=TrackstarCommand)
@format_option
@click.pass_obj
def refresh(context: Context, output_format: str) -> None:
    """Compute anew what dashboards read: the views of tda that have a column refreshed_at.

    All other views are always up to date. Readers see what was there before until it is done. Run it after new runs
    and judgements, or regularly; tda.refresh says when it was run last.

    \b
    Examples:
      trackstar refresh
      psql "$(trackstar db url --reader)" -c "SELECT name, refreshed_at, newer_runs FROM tda.refresh"
    """
    emit_rows([asdict(done) for done in context.store.refresh()], output_format)
