"""`trackstar judge frequency` and `judge entailment`: what documents say, by their text."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from trackstar_db.cli.base import Context, TrackstarCommand, batch_tokens_option, format_option, runs_option
from trackstar_db.cli.output import emit_record, tell

if TYPE_CHECKING:
    from trackstar_db.judges.entailment import EntailmentSummary
    from trackstar_db.judges.frequency import FrequencySummary


@click.command(cls=TrackstarCommand)
@click.option("--corpus", required=True, help="Corpus to count in.")
@format_option
@click.pass_obj
def frequency(context: Context, corpus: str, output_format: str) -> None:
    """Count the documents of a corpus that hold each fact: a name of its subject and a name of its object.

    Can be stopped and continued. After documents were added only those are read; after facts, names or texts
    changed, everything is counted again. Results stand in tda.fact_frequency and tda.fact.

    \b
    Example:
      trackstar judge frequency --corpus c4
    """
    _emit(context.store.judge_frequency(corpus), output_format)


@click.command(cls=TrackstarCommand)
@runs_option
@click.option(
    "--labeler",
    metavar="NAME",
    help="alias_match, or whose imported labels judge the runs; with --model, the name of the model's labels.  "
    "[default: the model's folder and digest]",
)
@click.option(
    "--model",
    metavar="DIR",
    help="NLI classifier that labels the pairs: a folder, or its name on the hub.",
)
@click.option(
    "-k", type=click.IntRange(min=1), default=10, show_default=True, help="Proponents of each query that are labelled."
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="A score above it counts as entailed.  [default: 0.5, as in tda.is_entailed]",
)
@batch_tokens_option
@format_option
@click.pass_obj
def entailment(
    context: Context,
    /,
    runs: tuple[str, ...],
    output_format: str,
    token_budget: int | None,
    labeler: str | None,
    model: str | None,
    k: int,
    threshold: float | None,
) -> None:
    """Label whether the first proponents of runs state the fact asked for, and judge the runs by these labels.

    alias_match gives 1 to a document that holds a name of the fact's subject and one of its object, else 0. A
    model gives its probability that the document entails prompt and target. The name of imported labels computes
    nothing. Can be stopped and continued.

    \b
    Examples:
      trackstar judge entailment --runs 'facts/*' --labeler alias_match
      trackstar judge entailment --runs first --model ./nli-model
      trackstar judge entailment --runs first --labeler people --threshold 0.7
    """
    summary = context.store.judge_entailment(runs, labeler, model, k, threshold, token_budget)
    _emit(summary, output_format)


def _emit(summary: FrequencySummary | EntailmentSummary, output_format: str) -> None:
    for notice in summary.notices:
        tell(notice)
    record = asdict(summary)
    del record["notices"]
    emit_record({**record, "seconds": round(summary.seconds, 1)}, output_format)
