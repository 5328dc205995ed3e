"""`trackstar explain`: which words of a document carried its influence."""

from __future__ import annotations

import os
import sys
import textwrap
from dataclasses import asdict
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trackstar_db.cli.base import Context, TrackstarCommand
from trackstar_db.cli.encode import model_option
from trackstar_db.cli.output import emit_record, rows_table, tell
from trackstar_db.evaluation.charts import chart_paths
from trackstar_db.explanation.influence_picture import NOTE, draw_explanations
from trackstar_db.shown import printable

if TYPE_CHECKING:
    from trackstar_db.explanation.explain import Explanation, Token

WIDTH = 110
STRONGEST_WORDS = 10
INK = 16  # of the 256 colours that terminals share: black, on light shades, whatever the terminal's own colours
TOWARDS, AGAINST = (189, 153, 117, 75), (230, 223, 216, 208)  # weakest first
LEAST_SHADE = 0.05  # of the strongest word


@click.command(cls=TrackstarCommand)
@click.option("--run", required=True, help="Run that found the document.")
@click.option("--query", required=True, metavar="ID", help="Query, by its id in its source.")
@click.option(
    "--rank",
    "ranks",
    type=click.IntRange(min=1),
    multiple=True,
    default=(1,),
    help="Rank of the document; may be given again.  [default: 1]",
)
@click.option("--opponent", is_flag=True, help="Explain opponents in place of proponents.")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw it too: .svg, .png, or both without a suffix (needs the extra `charts`).",
)
@model_option
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Shaded text (a table of words where there is no terminal, or NO_COLOR is set), or JSON with every token.",
)
@click.pass_obj
def explain(
    context: Context,
    run: str,
    query: str,
    ranks: tuple[int, ...],
    opponent: bool,
    picture: Path | None,
    model: str | None,
    output_format: str,
) -> None:
    """Show which words of a proponent carried its influence: its parts by token, which sum to it exactly.

    \b
    Example:
      trackstar explain --run demo --query capital-france --rank 1 --rank 2 --picture france.svg
    """
    if picture is not None:
        chart_paths(picture)  # what is wrong with it is said before the work
    found = context.store.explain(run, query, ranks, "opponent" if opponent else "proponent", model)
    if picture is not None:
        for path in draw_explanations(found, picture):
            tell(f"Wrote {path}.")
    if output_format == "json":
        emit_record({"explanations": [asdict(explanation) for explanation in found]}, output_format)
    else:
        _print(found, is_shaded=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))


def _print(explanations: list[Explanation], is_shaded: bool) -> None:
    first = explanations[0]
    click.echo(printable(f"{first.prompt} → {first.target}"))
    strongest = max((abs(word.influence) for found in explanations for word in found.words), default=0.0)
    for found in explanations:
        click.echo(f"\n{found.direction} {found.rank}: {printable(f'{found.corpus}/{found.document}')}   {_sum(found)}")
        if is_shaded:
            click.echo("\n".join(_shaded_lines(found.words, strongest)))
        else:
            click.echo(textwrap.fill(printable(found.text), WIDTH) + "\n")
            click.echo(rows_table(_strongest_words(found.words)))
    click.echo(f"\n{NOTE}")
    if is_shaded:
        scale = [_shade(f" {share * strongest:+.2g} ", share) for share in (-1, -0.5, 0.5, 1)]
        click.echo(" ".join(scale))


def _sum(found: Explanation) -> str:
    stored = "" if found.stored_influence is None else f" (the run has {found.stored_influence:+.4g})"
    return f"influence {found.influence:+.4g}{stored}"


def _strongest_words(words: tuple[Token, ...]) -> list[dict[str, object]]:
    """The strongest words in the order of their strength, for a table, each with the one that follows it."""
    followed = zip(words, [*(word.text for word in words[1:]), ""], strict=True)
    order = sorted(followed, key=lambda pair: -abs(pair[0].influence))[:STRONGEST_WORDS]
    return [{"influence": f"{word.influence:+.4f}", "word": word.text, "next": following} for word, following in order]


def _shaded_lines(words: tuple[Token, ...], strongest: float) -> list[str]:
    """The text on lines of WIDTH, a background behind each word that has influence."""
    lines: list[list[str]] = [[]]
    used = 0
    for word in words:
        text = printable(word.text)
        if used and used + len(text) > WIDTH:
            lines.append([])
            used = 0
        lines[-1].append(_shade(text, word.influence / strongest if strongest else 0.0))
        used += len(text) + 1
    return [" ".join(line) for line in lines]


def _shade(text: str, share: float) -> str:
    """Text on blue for a positive share of the strongest word, on orange for a negative one."""
    if abs(share) < LEAST_SHADE:
        return text
    shades = TOWARDS if share > 0 else AGAINST
    return click.style(text, fg=INK, bg=shades[min(ceil(abs(share) * len(shades)), len(shades)) - 1])
