"""`python -m tests.bench [NAME…]`: benchmarks in one run, a JSON line for each result on standard output.

A table goes to standard error, the lines into tests/bench/results.jsonl in place of those before, and from there
into BENCHMARKS.md. A benchmark is a ratio: what the product takes over what a reference takes, measured in
alternation in this process. None passes or fails by the clock.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tabulate import tabulate

from tests.bench import report
from tests.bench.suite import Registered, bench_server, discover, run_benchmarks

SHOWN = ("benchmark", "ratio", "spread", "ours_seconds", "reference_seconds", "reference")


def main() -> int:
    """The exit code: 0, or 1 where a benchmark failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="Benchmarks, or modules of them.  [default: quick]")
    parser.add_argument("--full", action="store_true", help="Also what takes long: a million rows, tables of quality.")
    parser.add_argument("--list", action="store_true", help="List the benchmarks and run none.")
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="Where the results are kept.")
    arguments = parser.parse_args()
    chosen = _chosen(parser, arguments.names, arguments.full)
    if arguments.list:
        print("\n".join(f"{benchmark.name}  ({benchmark.file})" for benchmark in chosen))
        return 0
    shown, failed = [], []
    with bench_server() as stores:
        for name, results in run_benchmarks(chosen, stores):
            if results is None:
                failed.append(name)
                continue
            for result in results:
                print(json.dumps(result), flush=True)
                shown.append({column: result[column] for column in SHOWN})
            report.keep(results, arguments.results)
    print(f"\n{tabulate(shown, headers='keys', floatfmt='.3g')}", file=sys.stderr)
    if arguments.results == report.RESULTS:
        report.write()
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def _chosen(parser: argparse.ArgumentParser, names: list[str], full: bool) -> list[Registered]:
    """The benchmarks that are named, by their own name or their module's; unnamed, the quick ones or all."""
    known = discover()
    if unknown := set(names) - {n for benchmark in known for n in (benchmark.name, benchmark.file)}:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; --full --list shows them all")
    if names:
        modules = set(names) - {benchmark.name for benchmark in known}
        return [benchmark for benchmark in known if benchmark.name in names or benchmark.file in modules]
    return [benchmark for benchmark in known if full or not benchmark.is_full]


if __name__ == "__main__":
    sys.exit(main())
