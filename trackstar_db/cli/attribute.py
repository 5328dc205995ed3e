"""`trackstar attribute` and `run`: which documents influenced the predictions of a query set."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from trackstar_db.cli.base import Context, TrackstarCommand, TrackstarGroup, format_option
from trackstar_db.cli.encode import model_option
from trackstar_db.cli.estimate import announcer, dry_run_option
from trackstar_db.cli.filters import filter_options
from trackstar_db.cli.output import confirmed, emit_record, emit_rows, tell

if TYPE_CHECKING:
    from trackstar_db.search.attribute import RunSummary


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
@filter_options
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
@click.option("--rerank", metavar="RUN", help="Let gradient methods and ekfac score this run's best documents only.")
@click.option(
    "--candidates",
    type=click.IntRange(min=1),
    help="How many of its best documents for each query, and of its last.  [default: 500, for ekfac 100]",
)
@dry_run_option
@format_option
@click.pass_obj
def attribute(
    context: Context,
    /,
    encodings: tuple[str, ...],
    query_set: str,
    run: str,
    methods: tuple[str, ...],
    dry_run: bool,
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
    estimate = context.store.estimate_attribute(encodings, query_set, methods or (DEFAULT_METHOD,), chosen)
    announcer(dry_run, output_format)(estimate)
    if len(methods) > 1 or "all" in methods:
        done = context.store.attribute_all(encodings, query_set, run, methods, chosen)
        summaries, notices = done.runs, done.notices
    else:
        method = methods[0] if methods else DEFAULT_METHOD
        summaries, notices = [context.store.attribute(encodings, query_set, run, method, chosen)], []
    for notice in [*notices, *(notice for summary in summaries for notice in summary.notices)]:
        tell(notice)
    rows = [_without_notices(summary) for summary in summaries]
    if len(rows) == 1 and "all" not in methods:
        emit_record(rows[0], output_format)
    else:
        emit_rows(rows, output_format)


def _without_notices(summary: RunSummary) -> dict[str, object]:
    record = asdict(summary)
    del record["notices"]
    return {**record, "seconds": round(summary.seconds, 1)}


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
    if not yes and not confirmed(f"Drop run {name}?"):
        return
    context.store.drop_run(name)
    tell(f"Dropped run {name}.")
