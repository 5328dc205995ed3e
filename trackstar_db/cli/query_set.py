"""`trackstar query-set`: sets of queries, and subsets of them."""

from __future__ import annotations

import click

from trackstar_db.cli.base import Context, TrackstarGroup, format_option
from trackstar_db.cli.output import confirmed, emit_record, emit_rows, tell


@click.group("query-set", cls=TrackstarGroup)
def query_set() -> None:
    """Create, list and drop query sets. `trackstar load queries` and `load facts` load them."""


@query_set.command()
@click.argument("name")
@click.option("--from", "source", required=True, metavar="QUERY_SET", help="Query set whose queries are copied.")
@click.option(
    "--correct/--wrong",
    "is_correct",
    default=None,
    help="Only queries that the model answers right, or wrong; trackstar judge predictions tells.  [default: all]",
)
@click.option("--model", metavar="DIR", help="The model that answers, where several have predicted the set.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N queries.  [default: all]")
@click.option(
    "--seed", type=int, help="Take a random sample of N, the same for the same seed.  [default: the first N loaded]"
)
@format_option
@click.pass_obj
def create(
    context: Context,
    name: str,
    source: str,
    is_correct: bool | None,
    model: str | None,
    limit: int | None,
    seed: int | None,
    output_format: str,
) -> None:
    """Create the query set NAME of queries of another one, as copies with the same ids.

    \b
    Example:
      trackstar query-set create right --from facts --correct --limit 400 --seed 0
    """
    from trackstar_db.query_sets import Selection

    created = context.store.create_query_set(name, source, Selection(is_correct, model, limit, seed))
    for notice in created.notices:
        tell(notice)
    emit_record({"query_set": created.query_set, "queries": created.queries}, output_format)


@query_set.command("list")
@format_option
@click.pass_obj
def list_(context: Context, output_format: str) -> None:
    """List the query sets.

    \b
    Example:
      trackstar query-set list
    """
    emit_rows(context.store.query_sets(), output_format)


@query_set.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def drop(context: Context, name: str, yes: bool) -> None:
    """Drop the query set NAME with its queries and all that was computed for them.

    \b
    Example:
      trackstar query-set drop right
    """
    if not yes and not confirmed(f"Drop query set {name} and its queries?"):
        return
    context.store.drop_query_set(name)
    tell(f"Dropped query set {name}.")
