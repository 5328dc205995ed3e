"""The embedded PostgreSQL server: made and started on demand, one for any number of processes.

Two locks keep the order. `start.lock` is held by whoever makes, starts or stops the server, and inherited by
the programs it runs meanwhile, so that a killed process cannot leave two at work. `server.lock` is handed to
the server and inherited by all its processes: free means that the last of them has ended, kill -9 or not.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from trackstar_db.database.embedded_data import check_version, make_data_directory
from trackstar_db.database.embedded_layout import (
    Layout,
    find_binaries,
    find_layout,
    make_socket_directory,
    reachable_binaries,
)
from trackstar_db.database.embedded_process import (
    PidFile,
    is_at_work,
    is_locked,
    note_pid,
    noted_pid,
    opened,
    run,
    spawn,
    try_lock,
    wait_for,
)
from trackstar_db.database.embedded_settings import (
    ACCESS_RULES,
    DATABASE,
    LOOPBACK,
    OWNER,
    first_open_port,
    free_port,
    is_free,
    set_passwords,
    settings_text,
)
from trackstar_db.database.queries import query
from trackstar_db.errors import EmbeddedServerError

__all__ = ["EmbeddedServer", "ServerStatus", "find_binaries"]

LOCK_SECONDS = 180.0
ORPHAN_SECONDS = 60.0
SOCKET_SECONDS = 60.0
RECOVERY_SECONDS = 1800.0
STOP_SECONDS = 120.0
DEAF_SECONDS = 5.0
LEAVING_SECONDS = 1.0  # a client that has closed its connection is still counted for a moment
LONGEST_LOG = 10_000_000


@dataclass(frozen=True)
class ServerStatus:
    """What is known of an embedded server, whether it runs or not.

    is_reachable: it answers at its socket; a server whose socket file was deleted runs and does not
    """

    is_running: bool
    is_reachable: bool
    is_tcp: bool
    port: int | None
    pid: int | None
    home: Path
    data_directory: Path
    socket_directory: Path
    log: Path
    password_file: Path | None


@dataclass
class EmbeddedServer:
    """The server of one home directory.

    home: TRACKSTAR_HOME or the platform's data directory, unless given
    extra_settings: PostgreSQL settings that replace ours, for a server that need not keep its data
    binaries: where initdb, pg_ctl and postgres are, if not in the wheel
    """

    home: Path | None = None
    extra_settings: Mapping[str, str] = field(default_factory=dict)
    binaries: Path | None = None

    def __post_init__(self) -> None:
        self.layout: Layout = find_layout(self.home)

    # What others ask ------------------------------------------------------------------------------

    def parameters(self, role: str = OWNER, database: str = DATABASE) -> dict[str, str]:
        """libpq parameters that connect over the private socket."""
        port = str(PidFile.read(self.layout.data).port)
        return {"host": str(self.layout.sockets), "port": port, "user": role, "dbname": database}

    def url(self, role: str = OWNER, database: str = DATABASE) -> str:
        """A URL for psql and everything else on libpq, without a password in it.

        It names the private socket, or the loopback port and the password file when TCP is open.
        """
        found = PidFile.read(self.layout.data)
        if found.is_tcp:
            address = f"{LOOPBACK}:{found.port}/{quote(database)}?passfile={_quoted(self.layout.passwords)}"
        else:
            address = f"/{quote(database)}?host={_quoted(self.layout.sockets)}&port={found.port}"
        return f"postgresql://{quote(role)}@{address}"

    def status(self) -> ServerStatus:
        """Whether the server runs, and where everything of it lies."""
        found, pid = self._pid_file(), self._postmaster()
        is_reachable = self._ping() is not Ping.NO_RESPONSE
        is_running = is_reachable or pid is not None
        return ServerStatus(
            is_running=is_running,
            is_reachable=is_reachable,
            is_tcp=is_running and found.is_tcp,
            port=found.port if is_running else None,
            pid=(pid or found.pid) if is_running else None,
            home=self.layout.home,
            data_directory=self.layout.data,
            socket_directory=self.layout.sockets,
            log=self.layout.log,
            password_file=self.layout.passwords if self.layout.passwords.exists() else None,
        )

    # Start and stop -------------------------------------------------------------------------------

    def start(self, tcp: bool = False, port: int | None = None) -> ServerStatus:
        """The state of the server, which is made and started if need be; returns when it answers.

        tcp: open a port on the loopback interface too, with passwords; a server that runs without is
        started anew, if nobody else is connected
        port: the port to open, else the first free one from 5432 on

        Raises EmbeddedServerError.
        """
        self._refuse_lost_data()
        if not tcp and self._ping() is Ping.OK:
            return self.status()
        with self._start_lock() as lock:
            self._refuse_lost_data()
            if self._is_deaf():
                kept = self._pid_file().tcp_port
                self._end_deaf()
                self._launch(lock, (port or kept or free_port()) if tcp else kept)
            elif not self._settled():
                self._refuse_unusable(port)
                self._launch(lock, (port or free_port()) if tcp else None)
            elif not self._has(tcp, port):
                self._refuse_unusable(port)
                self._relaunch(lock, port or free_port())
            if tcp:
                with self._connect() as connection:
                    set_passwords(connection, self.layout.passwords)
        return self.status()

    def stop(self, force: bool = False) -> bool:
        """Whether a server was running; it has ended, with all its data safe, when this returns.

        force: end the connections of others too; otherwise EmbeddedServerError says how many there are
        """
        with self._start_lock():
            if force and self._postmaster():
                self._stop(force)
                return True
            self._refuse_lost_data()
            if self._is_deaf():
                self._end_deaf()
                return True
            if not self._settled():
                return False
            self._stop(force)
            return True

    def _stop(self, force: bool) -> None:
        if not force:
            self._refuse_others()
        # SIGTERM: whoever came in since we looked may finish; nobody else comes in. SIGINT ends them.
        # SIGQUIT writes nothing, for there is nothing left to write to.
        forced = signal.SIGINT if self._has_data() else signal.SIGQUIT
        self._signal(forced if force else signal.SIGTERM)
        if not wait_for(lambda: not is_locked(self.layout.server_lock), STOP_SECONDS):
            raise EmbeddedServerError(
                f"The embedded server is still shutting down after {STOP_SECONDS:.0f} seconds; its log is "
                f"{self.layout.log}. trackstar db stop --force ends every connection."
            )

    def _refuse_others(self) -> None:
        with self._connect() as connection:  # one for all looks: one that was closed counts until it has left

            def count() -> int:
                return len(connection.execute(query("embedded_other_clients")).fetchall())

            others = 0 if wait_for(lambda: count() == 0, LEAVING_SECONDS) else count()
        if others:
            raise EmbeddedServerError(
                f"{others} other {'client is' if others == 1 else 'clients are'} connected to the embedded "
                "server. Let them finish, or end their connections with: trackstar db stop --force"
            )

    def _end_deaf(self) -> None:
        """End a server without a socket, to which nobody can connect; whoever is connected may finish."""
        pid = self._postmaster()
        self._signal(signal.SIGTERM)
        if not wait_for(lambda: not is_locked(self.layout.server_lock), DEAF_SECONDS):
            raise EmbeddedServerError(
                f"Process {pid} is the embedded server, but its socket in {self.layout.sockets} is gone, so "
                "that nobody can connect: something has cleaned that directory. It ends when the clients that "
                "are connected have finished; then any command starts it again. To end their connections "
                "now, run: trackstar db stop --force"
            )

    def _signal(self, number: signal.Signals) -> None:
        pid = self._postmaster() or self._pid_file().pid
        if pid is None:
            raise EmbeddedServerError(
                "The embedded server answers, but its process cannot be found. This lists its processes: "
                f"lsof {self.layout.server_lock}"
            )
        with suppress(ProcessLookupError):  # it has ended by itself
            os.kill(pid, number)

    def _refuse_lost_data(self) -> None:
        if not self._has_data() and is_locked(self.layout.server_lock):
            raise EmbeddedServerError(
                f"The embedded server runs (process {self._postmaster() or 'unknown'}), but its data directory "
                f"{self.layout.data} was deleted. Run: trackstar db stop --force. After that put the data "
                "directory back; without it, trackstar init makes a new, empty database."
            )

    def _refuse_unusable(self, port: int | None) -> None:
        if port is not None and port < first_open_port():
            raise EmbeddedServerError(
                f"Port {port} is one that only root may open, and the embedded server never runs as root. Give "
                f"a port from {first_open_port()} on with --port, or none for the first free one."
            )
        if port is not None and not is_free(port):
            raise EmbeddedServerError(
                f"Port {port} of {LOOPBACK} is taken by another program. Give another one with --port, or "
                "none for the first free one."
            )

    # The steps of a start -------------------------------------------------------------------------

    def _relaunch(self, lock: int, tcp_port: int) -> None:
        """Stop and start with a port open; where that fails, as it ran before."""
        before = self._pid_file().tcp_port
        self._stop(force=False)
        try:
            self._launch(lock, tcp_port)
        except EmbeddedServerError:
            self._launch(lock, before)
            raise

    def _launch(self, lock: int, tcp_port: int | None) -> None:
        if not wait_for(lambda: self._postmaster() is None, DEAF_SECONDS):
            raise EmbeddedServerError(
                f"Process {self._postmaster()} is a PostgreSQL server on {self.layout.data} that does not answer "
                f"at {self.layout.sockets}. Stop it with: trackstar db stop --force"
            )
        if not self.layout.data.exists():
            is_safe = self.extra_settings.get("fsync") != "off"
            make_data_directory(self.layout, self._program, lock, is_safe)
        check_version(self.layout, self._program)
        make_socket_directory(self.layout)
        self._write_settings(tcp_port)
        with opened(self.layout.server_lock) as held:
            if not wait_for(lambda: try_lock(held), ORPHAN_SECONDS):
                raise EmbeddedServerError(
                    f"Processes of a server that was killed are still at work on {self.layout.data}. Wait "
                    f"for them, or end them; this lists them: lsof {self.layout.server_lock}"
                )
            self._clear_what_the_dead_left()
            postgres = str(self._binaries() / "postgres")
            command = [postgres, "-D", str(self.layout.data), "-c", f"config_file={self.layout.settings}"]
            pid = spawn(command, self.layout.user, [held], self.layout.log)
            with suppress(OSError):
                note_pid(held, pid)
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        def is_decided() -> bool:
            return self._ping() is Ping.OK or not is_locked(self.layout.server_lock)

        wait_for(is_decided, RECOVERY_SECONDS)
        if self._ping() is not Ping.OK:
            with self.layout.log.open(encoding="utf-8", errors="replace") as log:
                end = "".join(deque(log, 8)).rstrip()
            raise EmbeddedServerError(
                f"The embedded server did not start. The end of its log, {self.layout.log}:\n{end}"
            )

    def _clear_what_the_dead_left(self) -> None:
        """Remove the lock files of a dead server: a new one refuses to start if the number in them is taken.

        Also if there is none in them, after a power failure. We hold server.lock: no server runs.
        """
        (self.layout.data / "postmaster.pid").unlink(missing_ok=True)
        for left in self.layout.sockets.glob(".s.PGSQL.*"):
            left.unlink()

    def _write_settings(self, tcp_port: int | None) -> None:
        layout = self.layout
        settings = settings_text(layout.data, layout.sockets, layout.access, tcp_port, self.extra_settings)
        for path, content in ((layout.settings, settings), (layout.access, ACCESS_RULES)):
            path.write_text(content, encoding="utf-8")
            path.chmod(0o644 if layout.user else 0o600)
        if layout.log.exists() and layout.log.stat().st_size > LONGEST_LOG:
            layout.log.replace(layout.log.with_suffix(".log.old"))

    # Looking at the server ------------------------------------------------------------------------

    def _ping(self) -> Ping:
        """OK: it answers. REJECT: it starts, recovers or shuts down. NO_RESPONSE: nobody there."""
        return Ping(PGconn.ping(make_conninfo(**self.parameters(), connect_timeout=10).encode()))

    def _settled(self) -> bool:
        """Whether the server answers, after waiting for one that is on its way up or down."""
        wait_for(lambda: self._ping() is not Ping.REJECT, RECOVERY_SECONDS)
        if self._ping() is Ping.OK:
            return True

        def is_decided() -> bool:
            is_coming = is_locked(self.layout.server_lock) and self._postmaster() is not None
            return not is_coming or self._ping() is Ping.OK

        wait_for(is_decided, SOCKET_SECONDS)
        return self._ping() is Ping.OK

    def _pid_file(self) -> PidFile:
        return PidFile.read(self.layout.data)

    def _postmaster(self) -> int | None:
        """The server's first process, whether it answers or not, and even where its data are gone."""
        for pid in (self._pid_file().pid, noted_pid(self.layout.server_lock)):
            if pid is not None and is_at_work(pid, self.layout.data):
                return pid
        return None

    def _has_data(self) -> bool:
        return (self.layout.data / "PG_VERSION").exists()

    def _is_deaf(self) -> bool:
        """Whether the server runs and has listened, and its socket's file is not there any more."""
        found = self._pid_file()
        socket_file = self.layout.sockets / f".s.PGSQL.{found.port}"
        return found.has_listened and self._postmaster() is not None and not socket_file.exists()

    def _has(self, tcp: bool, port: int | None) -> bool:
        found = self._pid_file()
        return not tcp or (found.is_tcp and port in (None, found.port))

    @contextmanager
    def _connect(self) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        with psycopg.connect(make_conninfo(**self.parameters(database="postgres")), autocommit=True) as opened:
            yield opened

    # Running programs -----------------------------------------------------------------------------

    def _binaries(self) -> Path:
        return reachable_binaries(self.layout, self.binaries or find_binaries())

    def _program(self, name: str, *arguments: str, lock: int | None = None, text: str = "") -> str:
        command = [str(self._binaries() / name), *arguments]
        return run(command, self.layout.user, [] if lock is None else [lock], text)

    @contextmanager
    def _start_lock(self) -> Iterator[int]:
        """The lock of whoever makes, starts or stops; what goes wrong meanwhile is an EmbeddedServerError."""
        try:
            with opened(self.layout.start_lock) as lock:
                if not wait_for(lambda: try_lock(lock), LOCK_SECONDS):
                    raise EmbeddedServerError(
                        "Another process has been starting or stopping the embedded server for "
                        f"{LOCK_SECONDS:.0f} seconds. This lists it: lsof {self.layout.start_lock}"
                    )
                yield lock
        except (OSError, subprocess.SubprocessError, psycopg.Error) as error:
            raise EmbeddedServerError(
                f"The embedded server in {self.layout.base} cannot be made, started or stopped: {error}"
            ) from error


def _quoted(path: Path) -> str:
    return quote(str(path), safe="")
