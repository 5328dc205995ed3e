"""`trackstar serve` as a command: how it begins, how it ends, and what it says where it cannot."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from tests.conftest import RunTrackstar
from trackstar_db.viewer.reading import STATEMENT_SECONDS

SECONDS = 60


@contextmanager
def started(database_url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command at work, and the address that it told."""
    with subprocess.Popen(
        [sys.executable, "-m", "trackstar_db.cli", "serve", "--port", "0", "--database-url", database_url],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().split()[4]


def test_it_ends_with_ctrl_c_and_leaves_no_connection(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection, started(database_url) as (process, address):
        response = httpx.get(address, timeout=SECONDS)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=SECONDS)
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()

    assert process.returncode == 0
    assert errors == ""
    assert row == (0,)
    assert response.status_code == 404
    assert "trackstar attribute" in response.text


def test_a_login_that_may_not_read_is_told_at_the_start(database_url: str, run_trackstar: RunTrackstar) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE ROLE stranger LOGIN; GRANT USAGE ON SCHEMA trackstar, tda TO stranger; "
            "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA trackstar TO stranger; ALTER ROLE tda_reader NOLOGIN"
        )
        try:
            url = make_url(database_url).set(username="stranger")
            refused = run_trackstar("serve", "--port", 0, "--database-url", url, timeout=30)
        finally:
            connection.execute("ALTER ROLE tda_reader LOGIN; DROP OWNED BY stranger; DROP ROLE stranger")
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "GRANT tda_reader TO stranger;" in refused.stderr


def test_it_ends_with_ctrl_c_while_a_request_is_worked_on(database_url: str) -> None:
    with psycopg.connect(database_url) as connection, started(database_url) as (process, address):
        httpx.get(address, timeout=SECONDS)
        connection.execute("LOCK trackstar.run")
        with suppress(httpx.ReadTimeout):
            httpx.get(address, timeout=0.5)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=SECONDS)

    assert process.returncode == 0
    assert errors == ""
    assert time.monotonic() - began < STATEMENT_SECONDS - 1.5


def test_a_port_that_is_taken_is_named_with_another(run_trackstar: RunTrackstar, database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        done = run_trackstar("serve", "--port", port)

    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1 is taken" in done.stderr
    assert f"--port {port + 1}" in done.stderr


def test_an_address_of_another_computer_cannot_be_listened_on(run_trackstar: RunTrackstar, database_url: str) -> None:
    done = run_trackstar("serve", "--port", "0", "--host", "203.0.113.7")

    assert done.returncode == 1
    assert "nothing can listen on 203.0.113.7" in done.stderr


@pytest.mark.parametrize("host", ["exa..mple", "a" * 70 + ".example"])
def test_a_host_that_is_no_name_is_told(run_trackstar: RunTrackstar, database_url: str, host: str) -> None:
    done = run_trackstar("serve", "--port", "0", "--host", host)

    assert done.returncode == 1
    assert "no name or address of a computer. Give another --host" in done.stderr


def test_a_database_without_tables_is_said_to_need_init(run_trackstar: RunTrackstar, empty_database_url: str) -> None:
    done = run_trackstar("serve", "--port", "0")

    assert done.returncode == 3
    assert "trackstar init" in done.stderr


def test_a_file_that_is_not_there_is_named(run_trackstar: RunTrackstar, tmp_path: Path) -> None:
    done = run_trackstar("serve", "--port", "0", "--file", tmp_path / "none.jsonl")

    assert done.returncode == 1
    assert "none.jsonl is not a file" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--file", "x.jsonl", "--writer"),
        ("--port", "70000"),
        ("--allow-host", "viewer.example:8765"),
        ("--allow-host", "https://viewer.example"),
        ("--allow-host", "[::1]:8765"),
        ("--allow-host", "*"),
    ],
)
def test_what_does_not_go_together_is_refused(run_trackstar: RunTrackstar, arguments: tuple[str, ...]) -> None:
    assert run_trackstar("serve", *arguments).returncode == 2


def test_an_address_of_a_writer_that_is_none_is_refused_at_once(run_trackstar: RunTrackstar, database_url: str) -> None:
    done = run_trackstar("serve", "--port", "0", "--writer", "nonsense")

    assert done.returncode == 1
    assert done.stdout == ""
    assert "--writer holds something that is not a URL" in done.stderr
