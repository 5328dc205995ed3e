"""`trackstar demo`: the whole main job on a small corpus."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

from trackstar_db.cli.base import Context, TrackstarCommand
from trackstar_db.cli.output import tell
from trackstar_db.cli.serve import HOST, PORT
from trackstar_db.shown import printable

if TYPE_CHECKING:
    from trackstar_db.demo.run import DemoAnswer

WIDTH = 110
VIEWER = f"http://{HOST}:{PORT}/queries?run=demo"

SQL = """\
SELECT rank, influence, is_annotated, text
FROM tda.proponent
WHERE run = 'demo' AND prompt = '{prompt}' AND direction = 'proponent'
ORDER BY rank LIMIT 10;"""


@click.command(cls=TrackstarCommand)
@click.pass_obj
def demo(context: Context) -> None:
    """Load a small corpus of real facts, encode it, and trace what a small model trained on it says.

    Uses the corpus, query set, encoding and run named `demo` of the database.

    \b
    Example:
      trackstar demo
    """
    from trackstar_db.demo.run import run_demo
    from trackstar_db.store import Store

    store = Store(context.unchecked_database)
    answers = run_demo(store, tell=lambda line: tell(f"· {line}"))
    for answer in answers:
        _print_answer(answer)
    _print_next_steps(context, answers[0])


def _print_answer(answer: DemoAnswer) -> None:
    verdict = "right" if answer.is_correct else f"wrong, it is {answer.target}"
    click.echo(f"\n{answer.prompt} …")
    click.echo(f"  the model says: {printable(answer.answer)}   ({verdict}; confidence {answer.confidence:.2f})")
    click.echo("  influence  states it  document")
    for row in answer.proponents:
        head = f"  {row['influence']:+9.3f}  {'yes' if row['is_annotated'] else 'no':9}  "
        click.echo(textwrap.fill(head + printable(row["text"]), WIDTH, subsequent_indent=" " * len(head)))


def _print_next_steps(context: Context, answer: DemoAnswer) -> None:
    click.echo("\nThe same answer in SQL:\n")
    click.echo(textwrap.indent(SQL.format(prompt=answer.prompt.replace("'", "''")), "  "))
    from trackstar_db.database.engine import configured_url

    click.echo("\nGo on:")
    steps = [("another prediction", 'trackstar trace "As for its currency, Poland uses the" zloty --encoding demo')]
    if context.database_url or configured_url()[1]:
        steps.append(
            ("psql, a dashboard", "connect to your database and read the schema tda, as a member of tda_reader")
        )
    else:
        steps.append(("with psql", 'psql "$(trackstar db url --reader)"'))
        steps.append(
            ("with a dashboard", "trackstar db start --tcp, connect to trackstar db url --reader, read schema tda")
        )
    steps.append(("in a browser", f"trackstar serve    and open {VIEWER}"))
    for what, command in steps:
        click.echo(f"  {what + ':':20} {command}")
