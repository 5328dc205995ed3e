"""Which revision a database is at and which one the code expects."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import trackstar_db.migrations
import trackstar_db.sql
from trackstar_db import __version__
from trackstar_db.database.engine import Connection
from trackstar_db.database.queries import query
from trackstar_db.errors import SchemaOutOfDate

# metrics: views that stand on other views.
OBJECT_FILES = (
    "methods.sql",
    "functions/*.sql",
    "views/*.sql",
    "metrics/*.sql",
    "roles.sql",
    "policies.sql",
)


@dataclass(frozen=True)
class SchemaState:
    """Where a database stands.

    revision: of its tables; None without any
    objects: digest of the files that its views, functions and grants were made from
    """

    revision: str | None
    objects: str | None

    @property
    def is_current(self) -> bool:
        """Whether this version of the code can work on it."""
        return self == code_state()


def read_state(connection: Connection) -> SchemaState:
    """The state of the database behind a connection."""
    has_tables, objects = connection.execute(query("schema_state")).fetchone() or (False, None)
    if not has_tables:
        return SchemaState(None, None)
    row = connection.execute(query("schema_revision")).fetchone()
    return SchemaState(row[0] if row else None, objects)


@cache
def code_state() -> SchemaState:
    """The state that this version of the code expects."""
    digest = hashlib.sha256()
    for path in object_files():
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return SchemaState(head_revision(), digest.hexdigest())


def object_files() -> list[Path]:
    """The idempotent files of sql/ in the order in which they are applied."""
    folder = Path(str(trackstar_db.sql.__file__)).parent
    return [path for pattern in OBJECT_FILES for path in sorted(folder.glob(pattern))]


@cache
def known_revisions() -> tuple[str, ...]:
    """The revisions that the code knows, oldest first: the numbers that their files begin with."""
    folder = Path(str(trackstar_db.migrations.__file__)).parent / "versions"
    return tuple(sorted(path.name.split("_")[0] for path in folder.glob("[0-9]*.py")))


def head_revision() -> str:
    """The newest revision that the code knows."""
    return known_revisions()[-1]


def refuse_newer(state: SchemaState) -> None:
    """Nothing; raises SchemaOutOfDate where a newer version of trackstar-db made the database."""
    if state.revision is not None and state.revision not in known_revisions():
        raise SchemaOutOfDate(
            f"The database is at revision {state.revision}, which trackstar-db {__version__} does not know "
            f"(its own is {head_revision()}): a newer version made it. Run: pip install --upgrade trackstar-db"
        )
