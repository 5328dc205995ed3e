"""`trackstar attribute`, `trace` and `run`: which documents influenced a prediction."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from trackstar_db.cli.base import Context, TrackstarCommand, TrackstarGroup, format_option
from trackstar_db.cli.encode import model_option
from trackstar_db.cli.output import emit_record, emit_rows, printable

if TYPE_CHECKING:
    from trackstar_db.trace import Influence, Trace


@click.command(cls=TrackstarCommand)
@click.option("--encoding", required=True, help="Encoding to search.")
@click.option("--query-set", required=True, help="Query set to trace.")
@click.option("--run", required=True, help="Name that the run is stored under.")
@click.option(
    "--top-k",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Proponents, and opponents, kept for each query.",
)
@format_option
@click.pass_obj
def attribute(context: Context, encoding: str, query_set: str, run: str, top_k: int, output_format: str) -> None:
    """Find the proponents and opponents of every query of a set and store them as a run.

    \b
    Example:
      trackstar attribute --encoding olmo --query-set facts --run first --top-k 100
    """
    summary = context.store.attribute(encoding, query_set, run, top_k)
    for notice in summary.notices:
        click.echo(notice, err=True)
    record = asdict(summary)
    del record["notices"]
    emit_record({**record, "seconds": round(summary.seconds, 1)}, output_format)


@click.command(cls=TrackstarCommand)
@click.argument("prompt")
@click.argument("target")
@click.option("--encoding", required=True, help="Encoding to search.")
@click.option("-k", type=click.IntRange(min=1), default=10, show_default=True, help="Documents of each sign.")
@model_option
@format_option
@click.pass_obj
def trace(
    context: Context, prompt: str, target: str, encoding: str, k: int, model: str | None, output_format: str
) -> None:
    """Print the documents that influenced the prediction of TARGET after PROMPT most. Nothing is stored.

    \b
    Example:
      trackstar trace "The capital of France is" "Paris" --encoding olmo -k 5
    """
    found = context.store.trace(prompt, target, encoding, k, model)
    if output_format == "json":
        emit_record(asdict(found), output_format)
    else:
        _print_trace(found)


@click.group(cls=TrackstarGroup)
def run() -> None:
    """List and drop runs."""


@run.command("list")
@format_option
@click.pass_obj
def list_(context: Context, output_format: str) -> None:
    """List the runs.

    \b
    Example:
      trackstar run list
    """
    emit_rows(context.store.runs(), output_format)


@run.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def drop(context: Context, name: str, yes: bool) -> None:
    """Drop the run NAME and its proponents.

    \b
    Example:
      trackstar run drop first
    """
    if not yes and not click.confirm(f"Drop run {name}? (--yes does not ask)", err=True):
        return
    context.store.drop_run(name)
    click.echo(f"Dropped run {name}.", err=True)


def _print_trace(found: Trace) -> None:
    click.echo(f"{found.prompt} → {found.target}   (probability {found.probability:.3f})")
    for title, influences in (("Proponents", found.proponents), ("Opponents", found.opponents)):
        click.echo(f"\n{title}")
        for influence in influences:
            click.echo(_influence_lines(influence))


def _influence_lines(influence: Influence) -> str:
    """One document with its rank, influence and text, wrapped."""
    head = f"{influence.rank:>4}  {influence.influence:+.4f}  "
    indent = " " * len(head)
    return textwrap.fill(head + printable(f"{influence.external_id}: {influence.text}"), 110, subsequent_indent=indent)
