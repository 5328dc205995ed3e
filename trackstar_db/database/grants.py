"""Who may read which corpus: the grants that the database's row-level security goes by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg.rows import dict_row

from trackstar_db.database.engine import Connection, Database
from trackstar_db.database.names import corpus_id
from trackstar_db.database.queries import query
from trackstar_db.database.roles import READER
from trackstar_db.errors import NotFound

Notices = tuple[str, ...]


def grant_corpus(database: Database, corpus: str | None, role: str) -> Notices:
    """What is to be said; a role may read a corpus now, or with None every corpus, those to come too.

    Raises NotFound for a corpus or role that is not there.
    """
    with database.connect() as connection:
        is_reader = _is_reader(connection, role)
        number = None if corpus is None else corpus_id(connection, corpus)
        connection.execute(query("corpus_grant_insert"), {"role": role, "corpus_id": number})
        if is_reader:
            return ()
        return (f"Role {role} reads nothing yet. As its administrator, run: GRANT {READER} TO {_quoted(role)};",)


def revoke_corpus(database: Database, corpus: str | None, role: str) -> Notices:
    """What is to be said; the grant of a corpus, or with None every grant of the role, is taken back.

    One corpus of a role that was granted every corpus: the others that there are stay granted, those to come are not.
    Raises NotFound for a corpus that is not there and for what was not granted.
    """
    with database.connect() as connection:
        if corpus is None:
            _take_back(connection, "corpus_grant_delete_all", {"role": role}, f"role {role!r} has no grant")
            return tuple(
                f"Role {role} still reads what is granted to {other}, as a member of it."
                for other in _through(connection, role, None)
            )
        number = corpus_id(connection, corpus)
        names = {"role": role, "corpus_id": number}
        notices: Notices = ()
        if connection.execute(query("corpus_grant_spell_out"), names).rowcount:
            notices += (
                f"Role {role} was granted every corpus. It keeps the others that there are now; of those to come "
                f"none is granted by itself any more: trackstar grant CORPUS --to {role}",
            )
        else:
            _take_back(connection, "corpus_grant_delete", names, f"corpus {corpus!r} is not granted to role {role!r}")
        return notices + tuple(
            f"Role {role} still reads corpus {corpus} as a member of {other}. To end that too: "
            f"trackstar revoke {corpus} --from {other}"
            for other in _through(connection, role, number)
        )


def list_grants(database: Database) -> list[dict[str, Any]]:
    """Every grant, a mapping each: role, corpus (None: every corpus), granted_at, and whether the role is there."""
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("corpus_grant_list")).fetchall()


def _is_reader(connection: Connection, role: str) -> bool:
    """Whether a role has the rights of tda_reader; raises NotFound for a role that is not there."""
    row = connection.execute(query("role_is_reader"), {"role": role}).fetchone()
    if row is None:
        raise NotFound(
            f"no role named {role!r} is on the server. As its administrator, run: "
            f"CREATE ROLE {_quoted(role)} LOGIN PASSWORD '…'; GRANT {READER} TO {_quoted(role)};"
        )
    return bool(row[0])


def _take_back(connection: Connection, name: str, parameters: Mapping[str, object], found_none: str) -> None:
    if not connection.execute(query(name), parameters).rowcount:
        raise NotFound(f"{found_none}; trackstar grants lists what is granted")


def _through(connection: Connection, role: str, corpus: int | None) -> list[str]:
    """The other roles through which a role reads a corpus, or with None any, that is no longer granted to itself."""
    rows = connection.execute(query("corpus_grant_through"), {"role": role, "corpus_id": corpus})
    return [other for (other,) in rows]


def _quoted(name: str) -> str:
    """A role's name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'
