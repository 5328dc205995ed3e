"""`trackstar judge predictions` and `judge tail-patch`: what the model says, and what a training step changes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trackstar_db.cli.base import Context, TrackstarCommand, format_option, runs_option
from trackstar_db.cli.output import emit_record, rows_table, tell

if TYPE_CHECKING:
    from trackstar_db.judges.predictions import PredictionSummary
    from trackstar_db.judges.tail_patch import TailPatchSummary

SHOWN_FAILURES = 10


@click.command(cls=TrackstarCommand)
@click.option("--query-set", required=True, help="Query set to ask.")
@click.option("--model", metavar="DIR", help="Model to ask: a folder, or its name on the hub.")
@click.option("--encoding", help="Ask the model of this encoding; --model then says where it lies.")
@click.option(
    "--samples", type=click.IntRange(min=0), default=20, show_default=True, help="Sampled answers to each query."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the samples.")
@click.option(
    "--max-new-tokens", type=click.IntRange(min=1), default=16, show_default=True, help="Longest answer, in tokens."
)
@format_option
@click.pass_obj
def predictions(
    context: Context,
    query_set: str,
    model: str | None,
    encoding: str | None,
    samples: int,
    seed: int,
    max_new_tokens: int,
    output_format: str,
) -> None:
    """Ask a model every query of a set: greedy answer, samples, confidence, and whether it is right.

    Right is a target likelier than each of the `alternatives` in the query's metadata; for facts, a greedy answer
    that begins with the object or an alias; else one that begins with the metadata's `ground_truth`. Can be stopped
    and continued. Results stand in tda.prediction.

    \b
    Example:
      trackstar judge predictions --model ./olmo --query-set facts
    """
    from trackstar_db.prediction import Sampling

    summary = context.store.judge_predictions(query_set, model, encoding, Sampling(samples, seed, max_new_tokens))
    _emit(summary, output_format)


@click.command("tail-patch", cls=TrackstarCommand)
@runs_option
@click.option(
    "--optimizer",
    type=click.Choice(["adam", "sgd", "fresh_adam"]),
    default="adam",
    show_default=True,
    help="The step: Adam with the checkpoint's second moments, plain SGD, or Adam's very first step.",
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="X",
    help="How far.  [default: the training run's last one, from the optimizer state or training.json]",
)
@click.option(
    "--optimizer-state",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where adam reads second moments.  [default: optimizer.pt or exp_avg_sq.safetensors in the model's folder]",
)
@click.option(
    "--beta2",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    metavar="X",
    help="Weight of the checkpoint's second moments beside the document's own, for adam; 1 takes them alone.",
)
@click.option(
    "--document-loss",
    type=click.Choice(["mean", "sum"]),
    default="mean",
    show_default=True,
    help="The loss that is stepped on: the mean over the document's tokens, or their sum.",
)
@click.option("-k", type=click.IntRange(min=1), default=10, show_default=True, help="Proponents of each query to try.")
@click.option(
    "--every", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="Try every N-th query only."
)
@click.option("--model", metavar="DIR", help="The runs' model, where none of them tells or it lies elsewhere.")
@click.option("--encoding", help="Encoding whose model it is, where none of the runs has one (bm25, gold).")
@format_option
@click.pass_obj
def tail_patch(context: Context, /, runs: tuple[str, ...], output_format: str, **options: Any) -> None:
    """Take one training step on each proponent alone, and see how the target's probability changes.

    From the same checkpoint each time; a pair that several runs share is tried once. Can be stopped and continued.
    Results stand in tda.tail_patch, in percentage points.

    \b
    Example:
      trackstar judge tail-patch --runs first,bm25 --every 5
    """
    from trackstar_db.judges.tail_patch_step import TailPatchOptions

    _emit(context.store.judge_tail_patch(runs, TailPatchOptions(**options)), output_format)


def _emit(summary: PredictionSummary | TailPatchSummary, output_format: str) -> None:
    for name, reason in summary.failures[:SHOWN_FAILURES]:
        tell(f"{name!r} was left out: {reason}")
    if len(summary.failures) > SHOWN_FAILURES:
        tell(f"… and {len(summary.failures) - SHOWN_FAILURES} more were left out")
    record = asdict(summary)
    record |= {"failures": len(summary.failures), "seconds": round(summary.seconds, 1)}
    runs = record.pop("runs", None) if output_format == "table" else None
    emit_record(record, output_format)
    if runs:
        click.echo(f"\n{rows_table(runs)}")
