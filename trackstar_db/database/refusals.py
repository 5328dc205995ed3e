"""What a database says against a text of SQL, in words for whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import psycopg
from psycopg import RawCursor
from wcwidth import width

from trackstar_db.database.engine import is_loss
from trackstar_db.errors import StatementRefused
from trackstar_db.shown import printable_lines

SHOWN_BEFORE, SHOWN_AFTER = 60, 40

Row = TypeVar("Row")


def refuse_unsendable(text: str, *parameters: str) -> None:
    """Nothing; raises StatementRefused where a text is empty, or holds what no text in PostgreSQL can."""
    if not text.strip():
        raise StatementRefused("There is no SQL in what was given. Give one statement, such as: SELECT * FROM tda.run")
    for given in (text, *parameters):
        try:
            given.encode()
        except UnicodeEncodeError as error:
            raise StatementRefused(
                "The SQL, or a parameter, holds bytes that are no text in UTF-8. Give it in UTF-8."
            ) from error
        if "\0" in given:
            raise StatementRefused("The SQL, or a parameter, holds a zero byte, which PostgreSQL takes in no text.")


def named_once(names: Iterable[str]) -> list[str]:
    """The names of an answer's columns; raises StatementRefused where two are the same."""
    found = list(names)
    for name in found:
        if found.count(name) > 1:
            raise StatementRefused(f"Two columns are named {name!r}. Give each a name of its own, with AS.")
    return found


def timed_out(seconds: float) -> StatementRefused:
    """The error for a statement that used up its time."""
    return StatementRefused(
        f"The statement took longer than the {seconds:g} s that it has, and was stopped. Ask for less (one run, "
        "fewer rows), or give it more time."
    )


def loaded(cursor: RawCursor[Row]) -> list[Row]:
    """The rows that were fetched; raises StatementRefused where the text has changed how they are written.

    With another client_encoding a row before the change would be read as what it is not.
    """
    if cursor.connection.pgconn.parameter_status(b"client_encoding") == b"UTF8":
        with suppress(UnicodeDecodeError):
            return cursor.fetchall()
    raise StatementRefused(
        "The rows that came back are not all in UTF-8: the statement changes client_encoding. Leave it as it is."
    )


@contextmanager
def refusing(text: str, before: int) -> Iterator[None]:
    """Nothing; raises StatementRefused for what the server has against a text. The loss of the server stays what it is.

    text: as it was given; before: characters that were sent before it
    """
    try:
        yield
    except psycopg.Error as error:
        if isinstance(error, psycopg.OperationalError) and is_loss(error):
            raise
        raise refusal(error, text, before) from error


def refusal(error: psycopg.Error, text: str, before: int) -> StatementRefused:
    """The error for a statement that was refused: the message, the line it is about with a mark under it, the hint.

    text: as it was given; before: characters that were sent before it
    """
    diag = error.diag
    parts = [printable_lines(diag.message_primary or str(error).strip())]
    position = int(diag.statement_position or 0) - before
    if position > 0:
        parts.append(_marked_line(text, position - 1))
    if diag.message_detail:
        parts.append(f"Detail: {printable_lines(diag.message_detail)}")
    if hint := diag.message_hint or _hint(error):
        parts.append(f"Hint: {printable_lines(hint)}")
    return StatementRefused("\n".join(parts))


def _hint(error: psycopg.Error) -> str | None:
    """What the database cannot say, because it knows nothing of what is done with the text."""
    if isinstance(error, psycopg.errors.SyntaxError):
        return "One statement that reads is taken: SELECT, WITH, VALUES or TABLE."
    if isinstance(error, psycopg.errors.ProtocolViolation):
        return "Give a value for each parameter ($1, $2, …), or write it into the text."
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return "Readers see the views and functions of schema tda, and write nowhere."
    return None


def _marked_line(text: str, index: int) -> str:
    """The line of the text that holds a position, with a mark under it; a long line without its ends."""
    begin = text.rfind("\n", 0, index) + 1
    end = text.find("\n", index)
    line = text[begin : len(text) if end < 0 else end]
    column = index - begin
    cut = max(0, column - SHOWN_BEFORE)
    label = f"LINE {text.count(chr(10), 0, index) + 1}: "
    indent = width(label + printable_lines(line[cut:column]))
    return f"{label}{printable_lines(line[cut : column + SHOWN_AFTER])}\n{' ' * indent}^"
