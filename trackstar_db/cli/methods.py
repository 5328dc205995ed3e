"""`trackstar methods`: how proponents can be found."""

from __future__ import annotations

from typing import Any

import click

from trackstar_db.cli.base import Context, TrackstarGroup, format_option
from trackstar_db.cli.output import emit_rows, tell


@click.group(cls=TrackstarGroup, invoke_without_command=True)
@format_option
@click.pass_context
def methods(context: click.Context, output_format: str) -> None:
    """List the methods with their settings and sources, add one, drop one.

    \b
    Example:
      trackstar methods
    """
    if context.invoked_subcommand is None:
        emit_rows(context.obj.store.methods(), output_format)


@methods.command()
@click.argument("name")
@click.option(
    "--second-moment",
    type=click.Choice(["none", "corrected"]),
    required=True,
    help="The encodings it is for: without V, or corrected by it.",
)
@click.option(
    "--autocorrelation",
    type=click.Choice(["none", "corpus", "task"]),
    required=True,
    help="R: none, of the corpus, or mixed with the queries' own.",
)
@click.option("--unit-norm/--no-unit-norm", "is_unit_norm", required=True, help="Cosine, or inner product.")
@click.option(
    "--loss",
    type=click.Choice(["cross-entropy", "margin"]),
    default="cross-entropy",
    show_default=True,
    help="What gradients are of.",
)
@click.option("--description", required=True, help="What it compares, in a sentence.")
@click.option("--reference", default="", help="Where it was published.")
@click.pass_obj
def add(context: Context, /, name: str, **settings: Any) -> None:
    """Add the gradient method NAME: a record that `trackstar attribute --method NAME` reads.

    \b
    Example:
      trackstar methods add trak_plain --second-moment none --autocorrelation corpus --no-unit-norm \\
        --description "TRAK with the plain loss as output function."
    """
    from trackstar_db.search.methods import Method

    context.store.add_method(Method(name, "gradient", **settings))
    tell(f"Added method {name}.")


@methods.command()
@click.argument("name")
@click.pass_obj
def drop(context: Context, name: str) -> None:
    """Drop the method NAME that was added; runs that it made stay.

    \b
    Example:
      trackstar methods drop trak_plain
    """
    context.store.drop_method(name)
    tell(f"Dropped method {name}.")
