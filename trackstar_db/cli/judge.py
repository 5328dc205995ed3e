"""`trackstar judge`: the evidence by which runs are told apart."""

from __future__ import annotations

import click

from trackstar_db.cli.base import TrackstarGroup


@click.group(cls=TrackstarGroup)
def judge() -> None:
    """Judge queries, documents and proponents; `trackstar evaluate` makes the table of it."""
