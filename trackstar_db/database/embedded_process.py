"""Processes of the embedded server: locks that outlive a killed one, the pid file, another user's rights."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trackstar_db.database.embedded_layout import ServerUser
from trackstar_db.database.embedded_settings import DEFAULT_PORT
from trackstar_db.errors import EmbeddedServerError

POLL_SECONDS = 0.02

# Ours may hold PGPORT, PGDATA or LD_LIBRARY_PATH, which the server would obey.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class PidFile:
    """What the server writes about itself into its data directory."""

    pid: int | None = None
    port: int = DEFAULT_PORT
    is_tcp: bool = False
    has_listened: bool = False

    @classmethod
    def read(cls, data: Path) -> PidFile:
        """The pid file of a data directory; empty where there is none, or only the beginning of one."""
        try:
            lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
            pid = int(lines[0])
        except (OSError, IndexError, ValueError):
            return cls()
        if len(lines) < 6 or not lines[3].isdigit():
            return cls(pid)
        # The eighth line, its state, is written after the socket was made.
        return cls(pid, int(lines[3]), bool(lines[5].strip()), len(lines) > 7)

    @property
    def tcp_port(self) -> int | None:
        """The port that is open on the loopback interface."""
        return self.port if self.is_tcp else None


def is_at_work(pid: int, data: Path) -> bool:
    """Whether a process works in a data directory, deleted or not: its number may be another program's by now."""
    if Path("/proc/self/cwd").exists():
        try:
            found = str(Path(f"/proc/{pid}/cwd").readlink())
            return found.removesuffix(" (deleted)") == str(data.resolve())
        except OSError:
            return False
    command = ["ps", "-o", "command=", "-p", str(pid)]
    return str(data) in subprocess.run(command, capture_output=True, text=True, check=False).stdout


def note_pid(lock: int, pid: int) -> None:
    """Nothing; the number of the server's process stands in its lock file, should the data directory vanish."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{pid}\n".encode(), 0)


def noted_pid(lock: Path) -> int | None:
    """The number in a lock file; whether it still is the server's, is_at_work says."""
    try:
        return int(lock.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A file descriptor to lock; the file is made if need be, for its owner alone."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def try_lock(descriptor: int, operation: int = fcntl.LOCK_EX) -> bool:
    """Whether the lock was free; it is held now, until the descriptor and all its heirs are closed."""
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock of a file."""
    with opened(path) as probe:
        return not try_lock(probe, fcntl.LOCK_SH)


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether a condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def run(command: Sequence[str], user: ServerUser | None, inherited: Sequence[int] = (), text: str = "") -> str:
    """What a program printed, run as the server's user.

    inherited: descriptors of locks that the program goes on holding should this process be killed
    """
    done = subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        pass_fds=inherited,
        cwd="/",
        env=ENVIRONMENT,
        umask=0o077,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
    )
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise EmbeddedServerError(
            f"{Path(command[0]).name} of the embedded server failed (exit code {done.returncode}):\n{said}"
        )
    return done.stdout


def spawn(command: Sequence[str], user: ServerUser | None, inherited: Sequence[int], log: Path) -> int:
    """The process number of a program that outlives this process, in a session of its own; it writes to a log.

    Through a shell that ends at once: were it our child, it would stay a zombie when killed, and look alive.
    The log is its owner's alone: what the server says quotes queries.
    """
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as output:
        os.fchmod(output.fileno(), 0o600)  # one that an earlier version made
        started = subprocess.run(
            ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh", *command],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            pass_fds=inherited,
            start_new_session=True,
            cwd="/",
            env=ENVIRONMENT,
            umask=0o077,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )
    return int(started.stdout)
