"""The embedded server after something outside broke it: no socket, no pid file, no data, an impossible port."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import psycopg
import pytest

from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.database.embedded_settings import first_open_port
from trackstar_db.errors import EmbeddedServerError


def lose_socket(server: EmbeddedServer) -> None:
    for path in server.layout.sockets.iterdir():
        path.unlink()


def test_a_server_whose_socket_is_gone_is_started_anew_with_its_data(own_server: EmbeddedServer) -> None:
    before = own_server.start(tcp=True)
    with psycopg.connect(own_server.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS x")
    lose_socket(own_server)
    found = own_server.status()
    assert (found.is_running, found.is_reachable, found.pid) == (True, False, before.pid)
    begun = time.monotonic()
    after = own_server.start()
    assert time.monotonic() - begun < 30
    assert after.pid != before.pid
    assert (after.is_reachable, after.port) == (True, before.port)
    with psycopg.connect(own_server.url()) as connection:
        assert connection.execute("SELECT x FROM kept").fetchone() == (42,)


def test_without_a_socket_its_clients_may_finish_and_others_are_told(own_server: EmbeddedServer) -> None:
    pid = own_server.start().pid
    with psycopg.connect(own_server.url(), autocommit=True) as client:
        lose_socket(own_server)
        for attempt in (own_server.start, own_server.stop):
            with pytest.raises(EmbeddedServerError, match=rf"Process {pid} .* socket .* is gone.*db stop --force"):
                attempt()
        assert client.execute("SELECT 1").fetchone() == (1,)
        assert own_server.stop(force=True)
    assert not own_server.status().is_running


def test_stop_ends_a_server_whose_socket_is_gone(own_server: EmbeddedServer) -> None:
    own_server.start()
    lose_socket(own_server)
    assert own_server.stop()
    assert not own_server.status().is_running


@pytest.mark.parametrize("content", ["", "\x00\x00\x00garbage\n"])
def test_a_pid_file_without_a_number_is_cleared(own_server: EmbeddedServer, content: str) -> None:
    own_server.start()
    own_server.stop()
    (own_server.layout.data / "postmaster.pid").write_text(content)
    assert own_server.start().is_reachable


def test_data_deleted_under_a_running_server_are_noticed_and_it_can_be_ended(own_server: EmbeddedServer) -> None:
    pid = own_server.start().pid
    assert pid is not None
    with psycopg.connect(own_server.url(), autocommit=True) as connection:
        connection.execute("CHECKPOINT")  # the one after a start would end the server before we look
    shutil.rmtree(own_server.layout.data)
    for attempt in (own_server.start, own_server.stop):
        with pytest.raises(EmbeddedServerError, match=rf"process {pid}.*was deleted.*db stop --force"):
            attempt()
    assert own_server.stop(force=True)
    assert not Path(f"/proc/{pid}/cwd").exists()
    assert own_server.start().is_reachable


@pytest.mark.skipif(first_open_port() < 2, reason="every port is open to everybody here")
def test_a_port_for_root_alone_is_refused_and_the_server_stays(own_server: EmbeddedServer) -> None:
    pid = own_server.start().pid
    with pytest.raises(EmbeddedServerError, match="Port 1 is one that only root may open"):
        own_server.start(tcp=True, port=1)
    assert own_server.status().pid == pid
