"""`trackstar retrain` and `trackstar evaluate lds`: what a model says that was trained on other documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trackstar_db.cli.base import Context, TrackstarCommand, TrackstarGroup, format_option, runs_option
from trackstar_db.cli.output import confirmed, emit_record, emit_rows, tell


@click.command(cls=TrackstarCommand)
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--model", required=True, metavar="DIR", help="Model whose shape and tokenizer are taken.")
@click.option("--corpus", required=True, help="Corpus to train on, every document of it.")
@click.option("--epochs", type=click.IntRange(min=1), default=16, show_default=True, help="Passes over the corpus.")
@click.option("--batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="Documents of a step.")
@click.option("--learning-rate", type=float, default=2e-3, show_default=True, help="Its peak; it falls to 5 % of it.")
@click.option("--weight-decay", type=float, default=0.1, show_default=True, help="Of AdamW.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of first weights and order.")
@format_option
@click.pass_obj
def retrain(context: Context, /, directory: Path, model: str, corpus: str, output_format: str, **recipe: Any) -> None:
    """Train a small model from the start on a corpus, and write it to DIRECTORY with its recipe.

    For models that train in about a minute: `trackstar evaluate lds` does the same training again on random subsets of
    the corpus.

    \b
    Example:
      trackstar retrain ./small --model ./olmo --corpus sentences --epochs 16
    """
    from trackstar_db.evaluation.retraining import TrainingRecipe

    emit_record(context.store.retrain(directory, model, corpus, TrainingRecipe(**recipe)), output_format)


@click.group(cls=TrackstarGroup)
def retraining() -> None:
    """List and drop what models said that were trained on subsets."""


@retraining.command("list")
@format_option
@click.pass_obj
def list_(context: Context, output_format: str) -> None:
    """List the retrainings.

    \b
    Example:
      trackstar retraining list
    """
    emit_rows(context.store.retrainings(), output_format)


@retraining.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def drop(context: Context, name: str, yes: bool) -> None:
    """Drop the retraining NAME with its models' answers and the scores by them.

    \b
    Example:
      trackstar retraining drop halves
    """
    if not yes and not confirmed(f"Drop retraining {name}?"):
        return
    context.store.drop_retraining(name)
    tell(f"Dropped retraining {name}.")


@click.command(cls=TrackstarCommand)
@click.argument("name")
@runs_option
@click.option("--model", required=True, metavar="DIR", help="Folder that trackstar retrain made.")
@click.option("--corpus", required=True, help="Corpus that the model was trained on.")
@click.option("--query-set", required=True, help="Query set of the runs.")
@click.option("--subsets", type=click.IntRange(min=2), default=40, show_default=True, help="Models to train.")
@click.option(
    "--fraction",
    type=click.FloatRange(min=0, max=1, min_open=True, max_open=True),
    default=0.5,
    show_default=True,
    help="Share of the corpus in each subset.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the subsets.")
@format_option
@click.pass_obj
def lds(context: Context, /, name: str, runs: tuple[str, ...], output_format: str, **asked: Any) -> None:
    """Compare runs by their linear datamodeling scores: how far they foretell what retrained models say.

    NAME keeps the retrained models' answers: stopped and started again the command goes on, and other runs are judged
    by them at no cost. The runs must have kept a score of every document (trackstar attribute --top-k).

    \b
    Example:
      trackstar evaluate lds halves --runs 'facts/*' --model ./small --corpus sentences --query-set facts
    """
    from trackstar_db.evaluation.lds import Retraining

    emit_rows(context.store.evaluate_lds(Retraining(name, **asked), runs), output_format)
