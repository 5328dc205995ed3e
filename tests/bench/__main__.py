"""`make bench`: every benchmark in one run, a JSON line each on standard output and a table at the end.

A benchmark is a ratio: what the product takes over what a reference takes, measured in alternation in this
process. None passes or fails by the clock.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
from tabulate import tabulate

from tests.bench import encode, load
from tests.bench.corpus import BenchCorpus, prepare
from tests.bench.measure import Measurement
from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.store import Store

BENCHMARKS: tuple[Callable[[Store, BenchCorpus], Measurement], ...] = (
    encode.encode_rank1,
    encode.encode_full_v,
    load.load_gradients,
)


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        "threads": torch.get_num_threads(),
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "trackstar_db": version("trackstar-db"),
    }


def main() -> None:
    """Run every benchmark in a database of its own, which is gone afterwards."""
    wanted = set(sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="trackstar-bench-") as home:
        Path(home).chmod(0o755)
        os.environ["TRACKSTAR_HOME"] = home
        os.environ.pop("TRACKSTAR_DATABASE_URL", None)
        os.environ.pop("DATABASE_URL", None)
        measurements = []
        try:
            with Store.open() as store:
                store.initialize()
                corpus = prepare(store)
                for benchmark in BENCHMARKS:
                    if wanted and benchmark.__name__ not in wanted:
                        continue
                    measurement = benchmark(store, corpus)
                    measurements.append(measurement)
                    print(json.dumps({**measurement.as_dict(), **machine()}), flush=True)
        finally:
            EmbeddedServer().stop(force=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(file=sys.stderr)
    print(tabulate([m.as_row() for m in measurements], headers="keys", floatfmt=".3g"), file=sys.stderr)
    print(f"\npeak memory of this process: {peak:,.0f} MiB", file=sys.stderr)


main()
