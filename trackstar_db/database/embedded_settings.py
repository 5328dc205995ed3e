"""The settings, access rules and passwords of the embedded server."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from trackstar_db.database.roles import READER

OWNER = "trackstar"
DATABASE = "trackstar"
LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 5432

ACCESS_RULES = f"""\
# Written at every start. The socket lies in a directory that only its owner can enter.
local  all  all  trust
host   all  all  {LOOPBACK}/32  scram-sha-256
"""

# wal_level=minimal lets COPY into a new partition skip the log; fsync and synchronous_commit stay on.
FIXED_SETTINGS = {
    "max_connections": "100",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "password_encryption": "scram-sha-256",
    "unix_socket_permissions": "0700",
    "client_connection_check_interval": "10s",
}


def settings_text(data: Path, sockets: Path, access: Path, tcp_port: int | None, extra: Mapping[str, str]) -> str:
    """The configuration file of the server, complete: the data directory's own is not read."""
    values = {
        **FIXED_SETTINGS,
        **memory_settings(_memory_bytes()),
        **process_settings(os.cpu_count() or 1),
        "data_directory": str(data),
        "hba_file": str(access),
        "unix_socket_directories": _list_item(str(sockets)),
        "listen_addresses": LOOPBACK if tcp_port else "",
        "port": str(tcp_port or DEFAULT_PORT),
        **extra,
    }
    lines = (f"{name} = '{_escaped(value)}'\n" for name, value in values.items())
    return "# Written at every start; change settings with ALTER SYSTEM.\n" + "".join(lines)


def first_open_port() -> int:
    """The lowest port that a program may open without being root."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        return 1024


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """The first port from 5432 on that nobody listens on; 5432 itself where a hundred are taken."""
    return next(filter(is_free, range(DEFAULT_PORT, DEFAULT_PORT + 100)), DEFAULT_PORT)


def set_passwords(connection: psycopg.Connection[tuple[object, ...]], password_file: Path) -> None:
    """Give each role the password in the password file, which is made with new ones if it is not there.

    The server is sent SCRAM verifiers, never a password, so none can reach its log.
    """
    if not password_file.exists():
        lines = (f"{LOOPBACK}:*:*:{role}:{secrets.token_urlsafe(24)}\n" for role in (OWNER, READER))
        _write_private(password_file, "".join(lines))
    for line in password_file.read_text(encoding="ascii").splitlines():
        role, password = line.split(":")[3:5]
        verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier.decode()))
        )


def _write_private(path: Path, text: str) -> None:
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    unfinished.rename(path)


def memory_settings(memory: int) -> dict[str, str]:
    """The settings that grow with the memory of the machine, given in bytes.

    Gradients that are loaded stay in the shared buffers, where an exact search reads them at less than half of what it
    costs to fetch them from the system's cache; as much memory as PostgreSQL advises at most, taken as it fills.
    """
    megabytes = memory // 2**20
    return {
        "shared_buffers": f"{max(32, megabytes * 2 // 5)}MB",
        "effective_cache_size": f"{max(64, megabytes * 3 // 4)}MB",
        "maintenance_work_mem": f"{max(32, min(megabytes // 16, 1024))}MB",
        "work_mem": f"{max(4, min(megabytes // 128, 64))}MB",
    }


def process_settings(cores: int) -> dict[str, str]:
    """The settings that grow with the cores of the machine: a search may use half of them beside the one it has."""
    return {
        "max_worker_processes": str(max(8, cores)),
        "max_parallel_workers": str(max(8, cores)),
        "max_parallel_workers_per_gather": str(max(2, cores // 2)),
    }


def _memory_bytes() -> int:
    """The memory that this process may use: the machine's, or its container's limit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        try:
            memory = min(memory, int(limit.read_text()))
        except (OSError, ValueError):
            continue
    return memory


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def _list_item(path: str) -> str:
    """One path as an item of a list setting, where a comma or a quote would otherwise end it."""
    return '"' + path.replace('"', '""') + '"'
