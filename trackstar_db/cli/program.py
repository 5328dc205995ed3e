"""The commands put together: a thin layer on the library; its errors become exit codes at this one place."""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

import click
import psycopg

from trackstar_db import __version__
from trackstar_db.cli import ending
from trackstar_db.cli.base import Context, TrackstarGroup
from trackstar_db.cli.output import tell
from trackstar_db.errors import TrackstarError

# What they have to say to a user is raised; on Ctrl-C within a query they also log that they close the connection.
for _name in ("psycopg", "sqlalchemy"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

# A full disk or a closed pipe; no other OSError should come this far.
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE)


@click.group(cls=TrackstarGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="trackstar")
@click.pass_context
def trackstar(context: click.Context) -> None:
    """Trace a language model's predictions to the training documents that influenced them.

    \b
    Example:
      trackstar demo
    """
    context.ensure_object(Context)


COMMANDS = {
    "database": ("init", "status", "db"),
    "load": ("load",),
    "encoding": ("encoding",),
    "encode": ("encode",),
    "methods": ("methods",),
    "index": ("index",),
    "task": ("task",),
    "attribute": ("attribute", "run"),
    "trace": ("trace",),
    "query_set": ("query_set",),
    "judge": ("judge",),
    "evaluate": ("evaluate",),
    "export": ("export",),
    "explain": ("explain",),
    "lds": ("retrain", "retraining"),
    "grants": ("grant", "revoke", "grants"),
    "refresh": ("refresh",),
    "sql": ("sql",),
    "mcp": ("mcp",),
    "serve": ("serve",),
    "demo": ("demo",),
}
for _module, _names in COMMANDS.items():
    for _name in _names:
        trackstar.add_command(getattr(import_module(f"trackstar_db.cli.{_module}"), _name))


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code of one invocation, Ctrl-C outside a command excepted."""
    if sys.stdout is None:  # the next file or connection would take its place, and what is printed
        _say("Error: Standard output is closed. Send it somewhere, for example to /dev/null.")
        return 1
    try:
        result = trackstar.main(args=arguments, prog_name="trackstar", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        _say(shown.getvalue().rstrip())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        return _end(_interruption(error))
    except (TrackstarError, psycopg.Error) as error:
        if interruption := _interruption(error):
            return _end(interruption)
        if isinstance(error, TrackstarError):
            _say(f"Error: {error}")
            return error.exit_code
        _say(f"Error: {_database_message(error)}")
        return 1
    except UnicodeEncodeError as error:
        if not _is_surrogate(error.object[error.start]):
            raise
        _say("Error: what was given holds bytes that are no text in UTF-8. Give it in UTF-8.")
        return 1
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        if error.errno != errno.EPIPE:  # then whoever read our output has gone: nothing to say
            _say(f"Error: What was to be written could not be: {error.strerror}. Make room, or write it elsewhere.")
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return result if isinstance(result, int) else 0


def _interruption(error: BaseException | None) -> BaseException | None:
    """The signal behind an error that came up only while it was handled, as where a connection was given back."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error


def _end(interruption: BaseException | None) -> int:
    word, code = ending(interruption)
    _say(word)
    return code


def _is_surrogate(character: str) -> bool:
    """Whether it stands for a byte of the command line that is no UTF-8."""
    return "\udc80" <= character <= "\udcff"


def _say(message: str) -> None:
    with suppress(OSError):  # nobody can be told that nobody can be told
        tell(message)


def _database_message(error: psycopg.Error) -> str:
    from trackstar_db.database.engine import is_loss, unavailable

    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return (
            f"The database role may not do this: {error.diag.message_primary or error}. "
            "Connect as the role that ran trackstar init."
        )
    if isinstance(error, psycopg.OperationalError) and is_loss(error):
        return str(unavailable(error))
    hint = f" {error.diag.message_hint}" if error.diag.message_hint else ""
    return f"The database gave up on a statement: {error.diag.message_primary or error}.{hint}"
