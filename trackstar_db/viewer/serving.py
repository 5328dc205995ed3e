"""The viewer served: its socket, its address, and the web server until Ctrl-C."""

from __future__ import annotations

import errno
import logging
import signal
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import uvicorn

from trackstar_db.errors import InputError
from trackstar_db.viewer.app import create_app
from trackstar_db.viewer.protection import LOOPBACK
from trackstar_db.viewer.state import Viewer

ANY = ("0.0.0.0", "::", "")
IDLE_SECONDS = 75  # of a browser's connection: longer than browsers keep one that they may send on
ENDING_SECONDS = 3  # that open requests may take when it ends
CLOSING_SECONDS = 2  # that its connections may take then


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens; raises InputError where the address is not to be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.create_server((host, port), family=family)
    except UnicodeError as error:
        raise InputError(f"{host[:80]!r} is no name or address of a computer. Give another --host.") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(
                f"port {port} of {host} is taken, perhaps by another viewer. Give another one: --port {port + 1}"
            ) from error
        raise InputError(
            f"nothing can listen on {host}, port {port}: {error.strerror}. Give another --host."
        ) from error
    with bound:
        # For the connections, which have it from here: small answers would wait 40 ms for the browser's word else.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield bound


def address(host: str, bound: socket.socket) -> str:
    """Where a browser on this computer finds it."""
    name = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{name}]' if ':' in name else name}:{bound.getsockname()[1]}/"


def is_loopback(host: str) -> bool:
    """Whether this computer alone reaches it."""
    return host in LOOPBACK or host.startswith("127.")


def serve(viewer: Viewer, bound: socket.socket, names: Collection[str]) -> bool:
    """Whether every request has ended; the viewer was served until Ctrl-C or SIGTERM.

    names: further hosts under which it may be asked for
    """
    config = uvicorn.Config(
        create_app(viewer, {*LOOPBACK, *names} - set(ANY)),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=ENDING_SECONDS,
    )
    server = uvicorn.Server(config)
    has_ended = Event()

    def run() -> None:
        try:
            server.run([bound])
        finally:
            has_ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):  # which a shell's background has switched off
        signal.signal(number, signal.default_int_handler)  # what was opened is closed then
    try:
        # In a thread: uvicorn waits for the threads of its requests, however long they take, and Ctrl-C does not.
        Thread(target=run, name="viewer", daemon=True).start()
        has_ended.wait()
    except KeyboardInterrupt:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # a request that is cut short now is no failure
        server.should_exit = True
    return has_ended.wait(ENDING_SECONDS + CLOSING_SECONDS)
