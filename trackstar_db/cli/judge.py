"""`trackstar judge`: the evidence by which runs are told apart."""

from __future__ import annotations

import click

from trackstar_db.cli.base import TrackstarGroup
from trackstar_db.cli.judge_model import predictions, tail_patch
from trackstar_db.cli.judge_text import entailment, frequency


@click.group(cls=TrackstarGroup)
def judge() -> None:
    """Judge queries, documents and proponents; `trackstar evaluate` makes the table of it."""


judge.add_command(predictions)
judge.add_command(tail_patch)
judge.add_command(frequency)
judge.add_command(entailment)
