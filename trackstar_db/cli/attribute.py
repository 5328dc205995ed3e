"""`trackstar attribute`, `trace` and `run`: which documents influenced a prediction."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from trackstar_db.cli.base import Context, TrackstarCommand, TrackstarGroup, format_option
from trackstar_db.cli.encode import model_option
from trackstar_db.cli.output import emit_record, emit_rows, printable

if TYPE_CHECKING:
    from trackstar_db.search.attribute import RunSummary
    from trackstar_db.search.trace import Influence, Trace


@click.command(cls=TrackstarCommand)
@click.option(
    "--encoding",
    "encodings",
    multiple=True,
    help="Encoding to search. Give several for several methods, or one for each checkpoint: scores are then averaged.",
)
@click.option("--query-set", required=True, help="Query set to trace.")
@click.option("--run", required=True, help="Name that the run is stored under; with several methods, RUN/METHOD.")
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="METHOD",
    help="How proponents are found (trackstar methods lists them); give several, or `all`.  [default: trackstar_train]",
)
@click.option(
    "--top-k",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Proponents, and opponents, kept for each query.",
)
@click.option("--corpus", help="Rank the documents of one corpus only.")
@click.option("--task", help="Task of a method with a task-specific R.  [default: ENCODING/QUERY_SET, made if needed]")
@click.option("--embedding-model", metavar="DIR", help="Sentence-transformers model, for method dense.")
@model_option
@click.option(
    "--curvature-rank",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Rank of a query's gradient of each weight matrix, for method ekfac.",
)
@click.option("--rerank", metavar="RUN", help="Let ekfac score only the best documents of this run.")
@click.option(
    "--candidates",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="How many of its best documents for each query.",
)
@format_option
@click.pass_obj
def attribute(
    context: Context,
    /,
    encodings: tuple[str, ...],
    query_set: str,
    run: str,
    methods: tuple[str, ...],
    output_format: str,
    **options: Any,
) -> None:
    """Find the proponents and opponents of every query of a set and store them as a run.

    With several methods each makes a run of its own, and runs that are there already stay as they are.

    \b
    Example:
      trackstar attribute --encoding olmo --query-set facts --run first --top-k 100
      trackstar attribute --encoding olmo --encoding olmo-plain --query-set facts --run facts --method all
    """
    from trackstar_db.search.methods import DEFAULT_METHOD
    from trackstar_db.search.request import SearchOptions

    chosen = SearchOptions(**options)
    if len(methods) > 1 or "all" in methods:
        done = context.store.attribute_all(encodings, query_set, run, methods, chosen)
        summaries, notices = done.runs, done.notices
    else:
        method = methods[0] if methods else DEFAULT_METHOD
        summaries, notices = [context.store.attribute(encodings, query_set, run, method, chosen)], []
    for notice in [*notices, *(notice for summary in summaries for notice in summary.notices)]:
        click.echo(notice, err=True)
    rows = [_without_notices(summary) for summary in summaries]
    if len(rows) == 1 and "all" not in methods:
        emit_record(rows[0], output_format)
    else:
        emit_rows(rows, output_format)


def _without_notices(summary: RunSummary) -> dict[str, object]:
    record = asdict(summary)
    del record["notices"]
    return {**record, "seconds": round(summary.seconds, 1)}


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
