"""`trackstar task`: a query set's own R over stored gradients."""

from __future__ import annotations

import click

from trackstar_db.cli.base import Context, TrackstarGroup, format_option
from trackstar_db.cli.estimate import announcer, dry_run_option
from trackstar_db.cli.output import confirmed, emit_record, emit_rows, tell


@click.group(cls=TrackstarGroup)
def task() -> None:
    """Create, list and drop tasks: a query set with its own R. No gradient is rewritten."""


@task.command()
@click.argument("name")
@click.option("--encoding", required=True, help="Encoding whose gradients are to be scored.")
@click.option("--query-set", required=True, help="Query set that the task's R is mixed from.")
@click.option(
    "--mixing-lambda",
    type=click.FloatRange(min=0, max=1, max_open=True),
    help="Weight of the queries' own R.  [default: where the two spectra cross at 1.5 % of the components]",
)
@dry_run_option
@format_option
@click.pass_obj
def create(
    context: Context,
    name: str,
    encoding: str,
    query_set: str,
    mixing_lambda: float | None,
    dry_run: bool,
    output_format: str,
) -> None:
    """Create the task NAME of a query set under an encoding.

    \b
    Example:
      trackstar task create facts-90 --encoding olmo --query-set facts --mixing-lambda 0.9
    """
    on_estimate = announcer(dry_run, output_format)
    created = context.store.create_task(name, encoding, query_set, mixing_lambda, on_estimate)
    for notice in created.notices:
        tell(notice)
    record = {"task": created.name, "mixing_lambda": created.mixing_lambda, **created.recipe}
    emit_record(record, output_format)


@task.command("list")
@format_option
@click.pass_obj
def list_(context: Context, output_format: str) -> None:
    """List the tasks.

    \b
    Example:
      trackstar task list
    """
    emit_rows(context.store.tasks(), output_format)


@task.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def drop(context: Context, name: str, yes: bool) -> None:
    """Drop the task NAME; the gradients stay.

    \b
    Example:
      trackstar task drop facts-90
    """
    if not yes and not confirmed(f"Drop task {name}?"):
        return
    context.store.drop_task(name)
    tell(f"Dropped task {name}.")
