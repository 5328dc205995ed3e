"""`trackstar evaluate`: runs beside each other, by what the judges say of their proponents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from trackstar_db.cli.base import Context, TrackstarGroup, format_option, runs_option_of_group
from trackstar_db.cli.lds import lds
from trackstar_db.cli.output import emit_rows, tell

if TYPE_CHECKING:
    from trackstar_db.evaluation.evaluate import Evaluation, Judge

Row = Mapping[str, Any]

RATES = {"MRR": "mrr", "recall@10": "recall_at_10", "precision@10": "precision_at_10"}


@click.group(cls=TrackstarGroup, invoke_without_command=True)
@runs_option_of_group
@click.option(
    "--judge",
    type=click.Choice(["annotation", "ais", "tail-patch"]),
    default="annotation",
    show_default=True,
    help="Who says which proponents are correct: the source of the facts, entailment labels, or nobody (tail-patch "
    "alone: for queries that are no facts).",
)
@click.option(
    "--by", "by", type=click.Choice(["relation", "frequency-bucket"]), help="A row for each run and each of these."
)
@click.option(
    "--chart",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Draw tail-patch against MRR, and both by frequency bucket: .png, .svg, or both without a suffix.",
)
@click.option(
    "--resamples",
    type=click.IntRange(min=1),
    default=2000,
    show_default=True,
    help="Bootstrap resamples behind each interval.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the resampling.")
@format_option
@click.pass_context
def evaluate(context: click.Context, /, runs: tuple[str, ...], **options: Any) -> None:
    """Compare runs: attribution (MRR, recall@10, precision@10) and influence (tail-patch), with 95 % intervals.

    The intervals are bootstrapped over queries and stored: tda.method_comparison, tda.metric_by_relation and
    tda.metric_by_frequency_bucket show them beside their figures until those change. recall@10 is the share of
    queries with a correct one among their first ten proponents; tail-patch is in percentage points.

    \b
    Examples:
      trackstar evaluate --runs 'facts/*'
      trackstar evaluate --runs first,second --judge ais --by relation
      trackstar evaluate --runs 'facts/*' --chart comparison.svg
    """
    if context.invoked_subcommand is not None:
        if runs:
            raise click.UsageError(f"Give --runs after the subcommand: evaluate {context.invoked_subcommand} --runs …")
        return
    if not runs:
        raise click.UsageError("Missing option '--runs'.")
    _evaluate(context.find_object(Context) or Context(), runs, **options)


evaluate.add_command(lds)


def _evaluate(
    context: Context, runs: tuple[str, ...], judge: str, by: str | None, chart: Path | None, output_format: str,
    **bootstrap: int,
) -> None:  # fmt: skip
    from trackstar_db.evaluation.charts import chart_paths, draw_chart
    from trackstar_db.evaluation.evaluate import Bootstrap

    if chart is not None:
        chart_paths(chart)  # refuses what cannot be drawn before the work
    found = context.store.evaluate(runs, cast("Judge", judge.replace("-", "_")), Bootstrap(**bootstrap))
    for notice in found.notices:
        tell(notice)
    rows = _rows(found, by)
    emit_rows(rows if output_format == "json" else [_shown(row, rows) for row in rows], output_format)
    if chart is not None:
        tell(f"Drawn: {', '.join(map(str, draw_chart(found, chart)))}")


def _rows(found: Evaluation, by: str | None) -> Sequence[Row]:
    if by is None:
        return found.comparison
    return found.by_relation if by == "relation" else found.by_frequency_bucket


def _shown(row: Row, rows: Sequence[Row]) -> dict[str, object]:
    """A row as people read it: figures with their intervals; without what no row has, or all have alike."""
    shown: dict[str, object] = {"run": row["run"], "method": row["method"]}
    if len({other["query_set"] for other in rows}) > 1:
        shown["query set"] = row["query_set"]
    for name in ("relation", "frequency_bucket"):
        if name in row:
            shown[name.replace("_", " ")] = "" if row[name] is None else str(row[name])
    if any(other["mrr"] is not None for other in rows):
        shown |= {title: _figure(row, name, "{:.3f}", "–") for title, name in RATES.items()}
    shown["queries"] = row["queries"]
    if any(other["tail_patch_queries"] for other in rows):
        shown["tail-patch (points)"] = _figure(row, "tail_patch_delta", "{:+.2f}", ", ")
        shown["tail-patched"] = row["tail_patch_queries"]
    return shown


def _figure(row: Row, name: str, form: str, to: str) -> str:
    """A figure with its interval, such as `0.261 [0.223–0.300]`."""
    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if value is None:
        return ""
    text = form.format(value) if low is None else f"{form} [{form}{to}{form}]".format(value, low, high)
    return text.replace("-", "\N{MINUS SIGN}")
