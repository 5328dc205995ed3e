"""`trackstar encoding`: frozen recipes that turn text into stored gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trackstar_db.cli.base import Context, TrackstarGroup, batch_tokens_option, format_option
from trackstar_db.cli.estimate import announcer, dry_run_option
from trackstar_db.cli.output import confirmed, emit_record, emit_rows, tell


@click.group(cls=TrackstarGroup)
def encoding() -> None:
    """Create, list, show and drop encodings."""


@encoding.command()
@click.argument("name")
@click.option("--model", required=True, metavar="DIR", help="Folder of the model, or its name on the hub.")
@click.option("--revision", help="Revision of a model on the hub.")
@click.option("--corpus", required=True, help="Corpus that R is fitted on.")
@click.option(
    "--optimizer-state",
    type=click.Path(path_type=Path),
    help="Where V is read from: optimizer.pt, or a .safetensors file of exp_avg_sq by parameter name.  "
    "[default: a file of that name in the model's folder]",
)
@click.option(
    "--estimate-second-moment",
    type=click.IntRange(min=1),
    metavar="N",
    help="Estimate V from N documents of the corpus instead.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    metavar="N",
    help="Fit R on a random sample of N documents.",
)
@click.option(
    "--blocks",
    type=click.IntRange(min=1),
    metavar="B",
    help="Layer blocks.  [default: 8, or every attention and MLP of a smaller model]",
)
@click.option(
    "--block-rank",
    type=click.IntRange(min=1),
    default=22,
    show_default=True,
    metavar="K",
    help="Rank of each side's projection: a gradient has blocks × K² numbers.",
)
@click.option(
    "--bits",
    type=click.Choice(["16", "2", "1"]),
    default="16",
    show_default=True,
    callback=lambda _context, _option, value: int(value),
    help="Bits of each stored number of a document: half precision, or the nearest of four or two levels.",
)
@click.option(
    "--second-moment",
    type=click.Choice(["rank1", "full", "none"]),
    default="rank1",
    show_default=True,
    help="How V enters: by its factors (free), element by element (slower), or not at all.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of projection and sample.")
@click.option(
    "--damping",
    type=click.FloatRange(min=0),
    default=0.1,
    show_default=True,
    help="Damping of R, as a share of each block's mean eigenvalue.",
)
@click.option(
    "--loss",
    type=click.Choice(["cross-entropy", "margin"]),
    default="cross-entropy",
    show_default=True,
    help="What gradients are of; the margin is for method trak.",
)
@click.option(
    "--max-tokens",
    type=click.IntRange(min=2),
    metavar="N",
    help="Longest stretch that the model reads at once.  [default: the model's context]",
)
@click.option(
    "--long-documents",
    type=click.Choice(["split", "truncate"]),
    default="split",
    show_default=True,
    help="What is done with longer documents: add up the gradients of stretches, or read the first only.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16", "float64"]),
    default="float32",
    show_default=True,
    help="Number format of the model.",
)
@batch_tokens_option
@dry_run_option
@format_option
@click.pass_obj
def create(context: Context, /, output_format: str, token_budget: int | None, dry_run: bool, **options: Any) -> None:
    """Create the encoding NAME: read V, fit R on the corpus, and freeze the recipe.

    \b
    Example:
      trackstar encoding create olmo --model ./olmo --corpus c4 --optimizer-state ./olmo/optimizer.pt
    """
    from trackstar_db.encoding.fitting import NewEncoding

    on_estimate = announcer(dry_run, output_format)
    created = context.store.create_encoding(NewEncoding(**options), token_budget, on_estimate)
    for notice in created.notices:
        tell(notice)
    record = {"encoding": created.name, "model": created.model, "dimension": created.dimension}
    emit_record({**record, "digest": created.digest.hex()}, output_format)


@encoding.command("list")
@format_option
@click.pass_obj
def list_(context: Context, output_format: str) -> None:
    """List the encodings.

    \b
    Example:
      trackstar encoding list
    """
    emit_rows(context.store.encodings(), output_format)


@encoding.command()
@click.argument("name")
@click.pass_obj
def show(context: Context, name: str) -> None:
    """Print the whole recipe of the encoding NAME as JSON.

    \b
    Example:
      trackstar encoding show olmo
    """
    found = context.store.encoding(name)
    record = {
        "encoding": found.name,
        "created_at": found.created_at,
        "digest": found.digest.hex(),
        **found.recipe,
    }
    emit_record(record, "json")


@encoding.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def drop(context: Context, name: str, yes: bool) -> None:
    """Drop the encoding NAME and every gradient made with it.

    \b
    Example:
      trackstar encoding drop olmo
    """
    context.store.encoding(name)
    if not yes and not confirmed(f"Drop encoding {name} and all its gradients?"):
        return
    context.store.drop_encoding(name)
    tell(f"Dropped encoding {name}.")
