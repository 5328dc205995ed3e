"""What every test may ask for: a real database of its own, the real command line, the shared data."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from filelock import FileLock
from psycopg.conninfo import conninfo_to_dict

from tests.copies import (
    administer,
    copy_database,
    dump_database,
    initialized_database,
    restore_database,
)
from trackstar_db.database.embedded import EmbeddedServer, find_binaries
from trackstar_db.database.embedded_layout import copy_programs
from trackstar_db.database.engine import Database, open_database

collect_ignore = ["peers"]  # in an environment of their own: make test-peers

# Tests run beside each other, and so do the programs that they start: more threads would only be in the way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell lets its background jobs ignore Ctrl-C, and programs inherit that: the tests that interrupt one need it back.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The tests' server keeps nothing: without waiting for the disk they are several times faster.
TEST_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
}
TEMPLATE = "migrated"
COMMAND_SECONDS = 300
OUTSIDE = ("TRACKSTAR_HOME", "TRACKSTAR_DATABASE_URL", "DATABASE_URL", "PG")

RunTrackstar = Callable[..., "subprocess.CompletedProcess[str]"]
_numbers = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow tests come first, so that workers who run beside each other end together."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@contextmanager
def reachable_directory() -> Iterator[Path]:
    """A temporary directory that the server's user can enter when tests run as root; pytest's are closed."""
    directory = Path(tempfile.mkdtemp(prefix="trackstar-test-", dir="/tmp"))
    try:
        directory.chmod(0o711)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def reachable_path() -> Iterator[Path]:
    """Like tmp_path, for the home of an embedded server; short, and open to the server's user."""
    with reachable_directory() as directory:
        yield directory


@pytest.fixture(scope="session", autouse=True)
def outside_is_hidden() -> Iterator[None]:
    """No test meets a database, or a home, that the developer uses."""
    with pytest.MonkeyPatch.context() as patch, reachable_directory() as directory:
        for name in [name for name in os.environ if name.startswith(OUTSIDE)]:
            patch.delenv(name)
        patch.setenv("TRACKSTAR_HOME", str(directory / "home"))
        yield


@pytest.fixture(scope="session")
def test_server(outside_is_hidden: None) -> Iterator[EmbeddedServer]:
    """One running server for the session, with a database at the code's revision to clone."""
    with reachable_directory() as directory:
        server = EmbeddedServer(directory / "home", TEST_SETTINGS)
        server.start()
        try:
            initialized_database(server, TEMPLATE)
            yield server
        finally:
            server.stop(force=True)


@pytest.fixture(scope="session")
def server_without_vector(outside_is_hidden: None) -> Iterator[EmbeddedServer]:
    """A running server from a copy of the wheel's programs that lacks pgvector."""
    with reachable_directory() as directory:
        binaries = copy_programs(find_binaries(), directory / "programs")
        for path in binaries.parent.rglob("vector*"):
            path.unlink()
        server = EmbeddedServer(directory / "home", TEST_SETTINGS, binaries)
        server.start()
        try:
            yield server
        finally:
            server.stop(force=True)


@pytest.fixture
def own_server(reachable_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedServer]:
    """A server of this test alone, not yet made, at the TRACKSTAR_HOME that the test's programs have too."""
    monkeypatch.setenv("TRACKSTAR_HOME", str(reachable_path / "home"))
    server = EmbeddedServer(extra_settings={"fsync": "off", "shared_buffers": "64MB"})  # kills lose nothing
    yield server
    server.stop(force=True)


@pytest.fixture
def empty_database_url(test_server: EmbeddedServer) -> Iterator[str]:
    """The URL of a new database without anything of trackstar."""
    name = f"empty_{next(_numbers)}"
    administer(test_server, "CREATE DATABASE {}", name)
    yield test_server.url(database=name)
    administer(test_server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def database_url(test_server: EmbeddedServer) -> Iterator[str]:
    """The URL of a new database at the code's revision."""
    name = f"test_{next(_numbers)}"
    yield copy_database(test_server, name, TEMPLATE)
    administer(test_server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture(scope="session")
def demo_dump(test_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the demo's database, further methods beside it, and what all judges say; all workers share it."""
    folder = tmp_path_factory.getbasetemp()
    path = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "demo.dump"
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            _make_demo(copy_database(test_server, "demo_made", TEMPLATE))
            unfinished = path.with_suffix(".unfinished")
            dump_database(test_server.url(database="demo_made"), unfinished)
            administer(test_server, "DROP DATABASE {} WITH (FORCE)", "demo_made")
            unfinished.rename(path)
    return path


@pytest.fixture(scope="session")
def demo_database_url(test_server: EmbeddedServer, demo_dump: Path) -> str:
    """The URL of a database with the demo, further methods beside it, and what all judges say; for reading only."""
    url = copy_database(test_server, "demo", TEMPLATE)
    restore_database(url, demo_dump)
    return url


@pytest.fixture
def make_database_url(test_server: EmbeddedServer) -> Iterator[Callable[..., str]]:
    """Makes further databases at the code's revision, or copies of one that nobody is connected to."""
    made: list[str] = []

    def make(copy_of: str | None = None) -> str:
        template = TEMPLATE if copy_of is None else str(conninfo_to_dict(copy_of)["dbname"])
        made.append(f"made_{next(_numbers)}")
        return copy_database(test_server, made[-1], template)

    yield make
    for name in made:
        administer(test_server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A new database at the code's revision."""
    database = open_database(database_url)
    yield database
    database.close()


@pytest.fixture
def run_trackstar(request: pytest.FixtureRequest) -> RunTrackstar:
    """Runs `trackstar ARGUMENTS` as a program: a result with returncode, stdout and stderr.

    Where the test has a database, the program has it too (TRACKSTAR_DATABASE_URL).
    """
    added: dict[str, str] = {}
    for fixture in {"database_url", "empty_database_url"} & set(request.fixturenames):
        added["TRACKSTAR_DATABASE_URL"] = request.getfixturevalue(fixture)

    def run(
        *arguments: object,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        timeout: float = COMMAND_SECONDS,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "trackstar_db.cli", *map(str, arguments)],
            env={**os.environ, **added, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    return run


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The directory of real T-REx data and its model; tests are skipped without it, except in CI."""
    named = os.environ.get("TRACKSTAR_TEST_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if folder.is_dir():
        return folder
    missing = f"needs the shared data, and {folder} is not there (TRACKSTAR_TEST_DATA names it)"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(f"CI {missing}")
    pytest.skip(missing)


def _make_demo(url: str) -> None:
    from trackstar_db.demo.run import run_demo
    from trackstar_db.judges.tail_patch_step import TailPatchOptions
    from trackstar_db.store import Store

    with Store.open(url) as store:
        run_demo(store, tell=lambda _: None)
        store.attribute_all(["demo"], "demo", "demo", ["trackstar", "bm25", "gold"])
        runs = ["demo", "demo/*"]
        store.judge_entailment(runs, "alias_match")
        store.judge_tail_patch(runs, TailPatchOptions(every=40))
        store.evaluate(runs)
        store.refresh()
