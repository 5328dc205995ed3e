"""`trackstar serve`: the results viewer, in a browser."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trackstar_db.cli.base import Context, TrackstarCommand

if TYPE_CHECKING:
    from trackstar_db.viewer.state import Viewer

HOST, PORT = "127.0.0.1", 8765


def _plain_name(name: str) -> str:
    """A name or IP address as browsers send it, without a port; raises BadParameter."""
    with suppress(ValueError):
        return str(ip_address(name.removeprefix("[").removesuffix("]")))
    if not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", name):
        raise click.BadParameter(
            f"{name[:200]!r} is no name of a computer. Give the name or IP address alone, without http:// and port, "
            "such as viewer.example.org; a name with other letters than a to z as browsers send it, from xn--."
        )
    return name


@click.command(cls=TrackstarCommand)
@click.option(
    "--host", default=HOST, show_default=True, help="Address to listen on; others reach 0.0.0.0, by --allow-host."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="Port; 0 takes a free one."
)
@click.option(
    "--allow-host",
    "names",
    multiple=True,
    metavar="NAME",
    callback=lambda _context, _option, names: tuple(map(_plain_name, names)),
    help="Further name or IP address under which browsers may ask for it, or a proxy; may be given again.",
)
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Look at a file of results in the data release's format, without loading it for good.",
)
@click.option(
    "--writer",
    metavar="[URL]",
    is_flag=False,
    flag_value="",
    help="Let people label documents by hand, stored by your own login, or by the one that URL names.",
)
@click.pass_obj
def serve(
    context: Context, host: str, port: int, names: tuple[str, ...], path: Path | None, writer: str | None
) -> None:
    """Look at runs in a browser: queries, what stands behind each answer, and any two runs side by side.

    It reads as tda_reader, or as your own role where that can only read too. Whoever reaches the address sees what
    that role may read. Needs the extra `viewer`.

    \b
    Examples:
      trackstar serve
      trackstar serve --file results.jsonl.gz
    """
    from trackstar_db.errors import ExtraMissing

    try:
        from trackstar_db.viewer import serving
    except ModuleNotFoundError as error:
        raise ExtraMissing("trackstar serve", "viewer") from error
    if path is not None and writer is not None:
        raise click.UsageError("Labels are stored in a database, and a file is not: give --file or --writer.")
    with serving.listening(host, port) as bound, _viewer(context, path, writer) as viewer:
        viewer.reading.open()
        address = serving.address(host, bound)
        click.echo(f"The viewer is at {address}   (Ctrl-C ends it)")
        if not serving.is_loopback(host):
            click.echo(
                "Whoever reaches this computer can read what is shown; nobody is asked for a password. "
                f"Browsers ask for it as {socket.gethostname()}; another name or address needs --allow-host.",
                err=True,
            )
        has_ended = serving.serve(viewer, bound, (*names, host, socket.gethostname()))
    if not has_ended:  # a request that is still worked on would keep the process
        os._exit(0)


@contextmanager
def _viewer(context: Context, path: Path | None, writer: str | None) -> Iterator[Viewer]:
    from trackstar_db.viewer.reading import Reading
    from trackstar_db.viewer.state import Viewer
    from trackstar_db.viewer.writing import open_writer

    if path is None:
        database = context.unchecked_database
        reading = Reading(database)
        yield Viewer(reading, owner=database, writer=None if writer is None else open_writer(writer, database))
        return
    from trackstar_db.shown import printable_lines
    from trackstar_db.viewer.opened_file import opened_file

    with opened_file(path, tell=lambda line: click.echo(printable_lines(line), err=True)) as opened:
        yield Viewer(Reading(opened), opened=path.name)
