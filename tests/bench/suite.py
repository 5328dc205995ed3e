"""Which benchmarks there are, and one run of some of them, each in a database of its own.

A module of this folder registers its benchmarks in a tuple `BENCHMARKS` (minutes: `make bench`) or `FULL` (a
million rows, tables of quality: `make bench-full`). A benchmark is a function of a store, in which the corpus is
loaded, and of that corpus; it gives a Measurement, or a list of them for a table.
"""

from __future__ import annotations

import importlib
import itertools
import os
import pkgutil
import platform
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import torch

from tests.bench.corpus import BenchCorpus, prepare
from tests.bench.measure import Measurement, Missing
from tests.copies import administer
from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.database.server import server_facts
from trackstar_db.store import Store

FOLDER = Path(__file__).parent
TEMPLATE = "bench_template"

Benchmark: TypeAlias = Callable[[Store, BenchCorpus], "Measurement | list[Measurement]"]
MakeStore: TypeAlias = Callable[[], Any]


@dataclass(frozen=True)
class Registered:
    """A benchmark, the module that it stands in, and whether it belongs to `make bench-full` only."""

    run: Benchmark
    file: str
    is_full: bool

    @property
    def name(self) -> str:
        return self.run.__name__


def discover() -> list[Registered]:
    """Every registered benchmark, by module and in the order of its tuple."""
    found = []
    for module_name in sorted(info.name for info in pkgutil.iter_modules([str(FOLDER)])):
        if module_name == "__main__":
            continue
        module = importlib.import_module(f"tests.bench.{module_name}")
        for is_full, attribute in enumerate(("BENCHMARKS", "FULL")):
            found += [Registered(run, module_name, bool(is_full)) for run in getattr(module, attribute, ())]
    return found


def run_benchmarks(
    benchmarks: Sequence[Registered], stores: MakeStore
) -> Iterator[tuple[str, list[dict[str, Any]] | None]]:
    """Each benchmark's name and results as they are made; None where it failed, which stops no other.

    stores: gives a context with a store and its corpus, for one benchmark
    """
    for benchmark in benchmarks:
        print(f"{benchmark.name} …", file=sys.stderr, flush=True)
        try:
            with stores() as (store, corpus):
                measured = benchmark.run(store, corpus)
                facts = machine(store)
        except Missing as missing:
            print(f"{benchmark.name} skipped: {missing}", file=sys.stderr, flush=True)
            yield benchmark.name, []
        except Exception:
            traceback.print_exc()
            yield benchmark.name, None
        else:
            rows = measured if isinstance(measured, list) else [measured]
            yield benchmark.name, [_result(benchmark, row, facts) for row in rows]


def _result(benchmark: Registered, measurement: Measurement, facts: dict[str, object]) -> dict[str, Any]:
    """A line of the results."""
    if not measurement.benchmark.startswith(benchmark.name):
        raise ValueError(f"{benchmark.name} gave a measurement called {measurement.benchmark!r}")
    return {
        **measurement.as_dict(),
        "file": benchmark.file,
        "command": f"python -m tests.bench {benchmark.name}",
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": facts,
    }


def machine(store: Store) -> dict[str, object]:
    """What the figures are measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with store.database.connect() as connection:
        server = server_facts(connection)
    is_cuda = torch.cuda.is_available()
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        "cpu": _cpu_model(),
        "device": torch.cuda.get_device_name() if is_cuda else "cpu",
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "postgresql": server.version,
        "pgvector": server.installed_vector,
        "trackstar_db": version("trackstar-db"),
    }


@contextmanager
def bench_server() -> Iterator[MakeStore]:
    """A server of this run alone, gone afterwards, and what makes a database for one benchmark on it.

    It stands in a new folder of the system's temporary files (TMPDIR), with the settings that every embedded server
    has.
    """
    home = Path(tempfile.mkdtemp(prefix="trackstar-bench-"))
    home.chmod(0o755)
    os.environ["TRACKSTAR_HOME"] = str(home)
    for variable in ("TRACKSTAR_DATABASE_URL", "DATABASE_URL"):
        os.environ.pop(variable, None)
    server = EmbeddedServer(home)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was made is taken away
    try:
        server.start()
        administer(server, "CREATE DATABASE {}", TEMPLATE)
        with Store.open(server.url(database=TEMPLATE)) as store:
            store.initialize()
            corpus = prepare(store)
        numbers = itertools.count()
        yield lambda: _own_database(server, f"bench_{next(numbers)}", corpus)
    finally:
        server.stop(force=True)
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _own_database(server: EmbeddedServer, name: str, corpus: BenchCorpus) -> Iterator[tuple[Store, BenchCorpus]]:
    """A store with the corpus and nothing else; dropped afterwards, with all that was put there."""
    administer(server, "CREATE DATABASE {} TEMPLATE {}", name, TEMPLATE)
    try:
        with Store.open(server.url(database=name)) as store:
            yield store, corpus
    finally:
        administer(server, "DROP DATABASE {} WITH (FORCE)", name)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
