"""What the viewer's pages are made with."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

from trackstar_db.database.engine import Database
from trackstar_db.viewer.protection import Forms
from trackstar_db.viewer.reading import Reading


@dataclass(frozen=True)
class Viewer:
    """What pages are made with.

    reading: where everything shown is read
    owner: the database by the login of `trackstar serve`, by which models are opened to explain; None: not at all
    writer: the database by a login that writes labels; None where none are written
    opened: name of the file that is looked at, None for a database that stays
    explaining: held while a model works, one explanation at a time
    """

    reading: Reading
    owner: Database | None = None
    writer: Database | None = None
    opened: str | None = None
    forms: Forms = field(default_factory=Forms)
    explaining: Lock = field(default_factory=Lock)
