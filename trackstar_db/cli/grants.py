"""`trackstar grant`, `revoke` and `grants`: who may read which corpus."""

from __future__ import annotations

import click

from trackstar_db.cli.base import Context, TrackstarCommand, format_option
from trackstar_db.cli.output import emit_rows, tell

every_option = click.option("--all", "is_every", is_flag=True, help="Every corpus, those to come too, instead of one.")


@click.command(cls=TrackstarCommand)
@click.argument("corpus", required=False)
@every_option
@click.option("--to", "role", required=True, metavar="ROLE", help="A role of the server, with all its members.")
@click.pass_obj
def grant(context: Context, corpus: str | None, is_every: bool, role: str) -> None:
    """Let a role read CORPUS through the schema tda. A new database grants tda_reader every corpus.

    Readers are members of the role tda_reader, and see what is granted to them or to a role they are a member of. To
    have corpora that not all of them read, take those from tda_reader: trackstar revoke CORPUS --from tda_reader

    \b
    Example:
      trackstar grant wiki --to alice
    """
    for notice in context.store.grant_corpus(_corpus(corpus, is_every), role):
        tell(f"Note: {notice}")
    tell(f"Granted {_what(corpus)} to {role}.")


@click.command(cls=TrackstarCommand)
@click.argument("corpus", required=False)
@every_option
@click.option("--from", "role", required=True, metavar="ROLE", help="The role that it was granted to.")
@click.pass_obj
def revoke(context: Context, corpus: str | None, is_every: bool, role: str) -> None:
    """Take CORPUS back from a role, with the runs that searched it; with --all, whatever was granted to it.

    \b
    Examples:
      trackstar revoke wiki --from tda_reader
      trackstar revoke --all --from alice
    """
    for notice in context.store.revoke_corpus(_corpus(corpus, is_every), role):
        tell(f"Note: {notice}")
    tell(f"Revoked {_what(corpus)} from {role}.")


@click.command(cls=TrackstarCommand)
@format_option
@click.pass_obj
def grants(context: Context, output_format: str) -> None:
    """List who may read which corpus.

    \b
    Example:
      trackstar grants
    """
    rows = context.store.grants()
    if output_format == "table":
        rows = [{**row, "corpus": row["corpus"] or "(every corpus)"} for row in rows]
    emit_rows(rows, output_format)


def _corpus(corpus: str | None, is_every: bool) -> str | None:
    """The corpus that is meant; None for every corpus."""
    if (corpus is None) != is_every:
        raise click.UsageError("Name a corpus, or give --all for every corpus: one of the two.")
    return corpus


def _what(corpus: str | None) -> str:
    return "every corpus" if corpus is None else f"corpus {corpus}"
