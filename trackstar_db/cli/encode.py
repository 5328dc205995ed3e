"""`trackstar encode`: the gradients of documents and queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trackstar_db.cli.base import Context, TrackstarGroup, batch_tokens_option, format_option
from trackstar_db.cli.estimate import announcer, dry_run_option
from trackstar_db.cli.output import emit_record, tell

if TYPE_CHECKING:
    from trackstar_db.encoding.summary import EncodeSummary

SHOWN_NOTICES = 10

model_option = click.option(
    "--model", metavar="DIR", help="Where the encoding's model lies on this machine, if not where it was."
)


@click.group(cls=TrackstarGroup)
def encode() -> None:
    """Encode documents and queries. Can be stopped and continued, and run by several processes at once."""


@encode.command()
@click.option("--encoding", required=True, help="Encoding to use.")
@click.option("--corpus", required=True, help="Corpus to encode.")
@model_option
@batch_tokens_option
@dry_run_option
@format_option
@click.pass_obj
def documents(
    context: Context,
    encoding: str,
    corpus: str,
    model: str | None,
    token_budget: int | None,
    dry_run: bool,
    output_format: str,
) -> None:
    """Encode every document of a corpus that the encoding lacks.

    \b
    Example:
      trackstar encode documents --encoding olmo --corpus c4
    """
    on_estimate = announcer(dry_run, output_format)
    summary = context.store.encode_documents(encoding, corpus, model, token_budget, on_estimate)
    _emit(summary, "documents", output_format)


@encode.command()
@click.option("--encoding", required=True, help="Encoding to use.")
@click.option("--query-set", required=True, help="Query set to encode.")
@model_option
@format_option
@click.pass_obj
def queries(context: Context, encoding: str, query_set: str, model: str | None, output_format: str) -> None:
    """Encode every query of a query set that the encoding lacks.

    \b
    Example:
      trackstar encode queries --encoding olmo --query-set facts
    """
    _emit(context.store.encode_queries(encoding, query_set, model), "queries", output_format)


def _emit(summary: EncodeSummary, what: str, output_format: str) -> None:
    for notice in summary.notices[:SHOWN_NOTICES]:
        tell(notice)
    if summary.failed > SHOWN_NOTICES:
        tell(f"… and {summary.failed - SHOWN_NOTICES:,} more without a gradient")
    record = {
        what: summary.total,
        "already_encoded": summary.already_encoded,
        "stored": summary.stored,
        "without_gradient": summary.failed,
        "truncated": summary.truncated,
        "seconds": round(summary.seconds, 1),
    }
    emit_record(record, output_format)
