"""What the viewer's pages are made with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock

from trackstar_db.database.engine import Database
from trackstar_db.errors import InUse
from trackstar_db.viewer.protection import Forms
from trackstar_db.viewer.reading import Reading

WAITING = 2
WAIT_SECONDS = 5


class Turns:
    """Work of a model, one piece at a time; few wait for it, as each keeps a thread that other pages want."""

    def __init__(self) -> None:
        self._places = BoundedSemaphore(1 + WAITING)
        self._at_work = Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nothing, when it is one's turn. Raises InUse: at once where WAITING wait, else after WAIT_SECONDS."""
        if not self._places.acquire(blocking=False):
            raise _busy()
        try:
            if not self._at_work.acquire(timeout=WAIT_SECONDS):
                raise _busy()
            try:
                yield
            finally:
                self._at_work.release()
        finally:
            self._places.release()


def _busy() -> InUse:
    return InUse("the model works on other explanations. Ask again in a while.")


@dataclass(frozen=True)
class Viewer:
    """What pages are made with.

    reading: where everything shown is read
    owner: the database by the login of `trackstar serve`, by which models are opened to explain; None: not at all
    writer: the database by a login that writes labels; None where none are written
    opened: name of the file that is looked at, None for a database that stays
    explaining: turns of explanations, for which a model works
    """

    reading: Reading
    owner: Database | None = None
    writer: Database | None = None
    opened: str | None = None
    forms: Forms = field(default_factory=Forms)
    explaining: Turns = field(default_factory=Turns)
