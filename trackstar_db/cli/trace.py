"""`trackstar trace`: which documents influenced one prediction."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from trackstar_db.cli.base import Context, TrackstarCommand, format_option
from trackstar_db.cli.encode import model_option
from trackstar_db.cli.filters import filter_options
from trackstar_db.cli.index import kind_choice
from trackstar_db.cli.output import emit_record, tell
from trackstar_db.shown import printable

if TYPE_CHECKING:
    from trackstar_db.estimates.indexes import IndexKind
    from trackstar_db.search.trace import Influence, Trace


@click.command(cls=TrackstarCommand)
@click.argument("prompt")
@click.argument("target")
@click.option("--encoding", required=True, help="Encoding to search.")
@click.option("-k", type=click.IntRange(min=1), default=10, show_default=True, help="Documents of each sign.")
@filter_options
@model_option
@click.option(
    "--index",
    "kind",
    type=kind_choice,
    help="Search by an index (trackstar index build), which may miss documents.  [default: exactly]",
)
@click.option(
    "--candidates",
    type=click.IntRange(min=1),
    help="Documents that the index proposes, to be compared exactly: more take longer and miss less.  "
    "[default: 8 times the square root of the encoding's documents, at least 4 k and 100]",
)
@format_option
@click.pass_obj
def trace(
    context: Context,
    /,
    prompt: str,
    target: str,
    kind: IndexKind | None,
    candidates: int | None,
    output_format: str,
    **options: Any,
) -> None:
    """Print the documents that influenced the prediction of TARGET after PROMPT most. Nothing is stored.

    \b
    Example:
      trackstar trace "The capital of France is" "Paris" --encoding olmo -k 5
      trackstar trace "The capital of France is" "Paris" --encoding olmo --relation P36
    """
    from trackstar_db.search.indexes import IndexSearch
    from trackstar_db.search.trace import TraceOptions

    if candidates and not kind:
        raise click.UsageError("--candidates goes with --index.")
    chosen = TraceOptions(
        **{name: options.pop(name) for name in ("corpus", "relation", "metadata")},
        index=IndexSearch(kind, candidates) if kind else None,
    )
    found = context.store.trace(prompt, target, **options, options=chosen)
    for notice in found.notices:
        tell(notice)
    if output_format == "json":
        record = asdict(found)
        del record["notices"]
        emit_record(record, output_format)
    else:
        _print_trace(found)


def _print_trace(found: Trace) -> None:
    click.echo(printable(f"{found.prompt} → {found.target}") + f"   (probability {found.probability:.3f})")
    for title, influences in (("Proponents", found.proponents), ("Opponents", found.opponents)):
        click.echo(f"\n{title}")
        for influence in influences:
            click.echo(_influence_lines(influence))


def _influence_lines(influence: Influence) -> str:
    """One document with its rank, influence and text, wrapped."""
    head = f"{influence.rank:>4}  {influence.influence:+.4f}  "
    indent = " " * len(head)
    return textwrap.fill(head + printable(f"{influence.external_id}: {influence.text}"), 110, subsequent_indent=indent)
