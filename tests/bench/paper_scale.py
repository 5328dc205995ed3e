"""What a pretraining corpus of 365 million documents would take, reckoned from the kept results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

from trackstar_db.estimates.disk import block_row, encoded_document_row, whole_row
from trackstar_db.estimates.estimate import shown_bytes
from trackstar_db.estimates.indexes import bytes_per_document

DOCUMENTS = 365_000_000
QUERIES = 1_000
DIMENSION = 3872
BLOCKS, BLOCK_RANK = 17, 62
FACTOR_BLOCKS, FACTOR_RANK, FACTORS = 8, 22, 4  # rank-4 factors of 8 blocks of 22 x 22
DAY, MONTH = 86_400, 30 * 86_400
IN_MEMORY = 0.75  # of a machine's memory that may hold gradients

NEEDED = ("encode_rank1", "load_gradients", "nearest_exact", "batch_search")


def text(results: Sequence[dict[str, Any]]) -> str:
    """The section; empty until all that it is reckoned from has been measured."""
    on_cpu = {result["benchmark"]: result for result in results if result["machine"]["device"] == "cpu"}
    if not set(NEEDED) <= on_cpu.keys():
        return ""
    encode, load, nearest, batch = (on_cpu[name] for name in NEEDED)
    machine = encode["machine"]
    held = machine["memory_gib"] * 2**30 * IN_MEMORY
    gradients = DOCUMENTS * whole_row(DIMENSION)
    machines = -(-gradients // held)
    seconds = {
        "encode": DOCUMENTS * encode["tokens_per_document"] / encode["tokens_per_second"],
        "load": DOCUMENTS / load["rows_per_second"],
        "query": DOCUMENTS * nearest["ours_seconds"] / nearest["rows"],
        "batch": DOCUMENTS * batch["ours_seconds"] / batch["rows"] * QUERIES / batch["queries"],
    }
    size = f"{machine['cores']} cores and {machine['memory_gib']} GiB"
    parts = [
        "## What would 365 million documents take?",
        f"{DOCUMENTS / 1e6:,.0f} million documents of {encode['tokens_per_document']} tokens, reckoned from the lines "
        f"above, in proportion: machines of {size}, the model {encode['model']} (another takes longer by its "
        f"parameters, longer documents by their tokens).",
        _disk_table(),
        _time_table(seconds, encode, machines),
        f"Passes: encoding reads the corpus once, after a sample for R, and loads while it computes; {QUERIES:,} "
        f"queries read the gradients once, and a task's norms come of the same pass. {machines:,.0f} machines hold the "
        f"gradients of d = {DIMENSION:,} in three quarters of their memory; each searches its part, and their best "
        f"are merged.",
    ]
    return "\n\n".join(parts)


def _disk_table() -> str:
    """Disk by how a gradient is kept."""
    noted = encoded_document_row()
    per_document = {
        f"d = {DIMENSION:,}, one page a gradient": whole_row(DIMENSION) + noted,
        f"d = {BLOCKS * BLOCK_RANK**2:,}, one page a layer block": BLOCKS * block_row(BLOCK_RANK**2) + noted,
        f"signs of d = {DIMENSION:,} (index `signs`, two bits a number)": bytes_per_document("signs", DIMENSION),
        f"one bit a number of d = {DIMENSION:,} (index `binary`)": bytes_per_document("binary", DIMENSION),
        f"rank-{FACTORS} factors of {FACTOR_BLOCKS} blocks of {FACTOR_RANK}² (numbers alone; no table has them)": (
            FACTOR_BLOCKS * FACTORS * 2 * FACTOR_RANK * 2
        ),
    }
    rows = [[name, f"{size:,.0f}", shown_bytes(size * DOCUMENTS)] for name, size in per_document.items()]
    headers = ["disk", "bytes a document", "365 million"]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def _time_table(seconds: dict[str, float], encode: dict[str, Any], machines: float) -> str:
    """Time on one machine, and on several."""
    shared = f"{machines:,.0f} machines, gradients in memory"
    rows = [
        [f"encode, {encode['tokens_per_second']:,} tokens a second", _duration(seconds["encode"]),
         f"{seconds['encode'] / MONTH:,.0f} machines: a month"],
        ["load", _duration(seconds["load"]), f"{shared}: {_duration(seconds['load'] / machines)}"],
        ["one exact query, one core", _duration(seconds["query"]),
         f"{shared}: {_duration(seconds['query'] / machines)}"],
        [f"{QUERIES:,} queries in batch", _duration(seconds["batch"]),
         f"{shared}: {_duration(seconds['batch'] / machines)}"],
    ]  # fmt: skip
    return tabulate(rows, ["work", "one machine", "several"], tablefmt="github", disable_numparse=True)


def _duration(seconds: float) -> str:
    """A duration in the unit that leaves it readable."""
    for unit, size in (("years", 365 * DAY), ("days", DAY), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.2g} s"
