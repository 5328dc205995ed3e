"""What processes take while something runs: sampled from /proc, where there is one."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from typing_extensions import Self

SECONDS = 0.25  # between two looks, which cost milliseconds


class PeakMemory:
    """The most memory that this process and its children, and the server's processes, held inside a `with` block.

    Ours is resident memory; the server's is what its processes hold for themselves, without the buffers they share.

    postmaster: process id of the server's first process
    """

    def __init__(self, postmaster: int | None = None) -> None:
        self.ours = 0
        self.server = 0
        self._postmaster = postmaster
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        Path("/proc/self/clear_refs").write_text("5")  # this process's own peak begins anew, and none of it is missed
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._sample()
        self.ours = max(self.ours, _kilobytes(os.getpid(), "VmHWM") * 1024)

    def _watch(self) -> None:
        while not self._is_over.wait(SECONDS):
            self._sample()

    def _sample(self) -> None:
        parents = _parents()
        server = [] if self._postmaster is None else _family(parents, self._postmaster)
        ours = set(_family(parents, os.getpid())) - set(server)
        self.ours = max(self.ours, sum(_kilobytes(process, "VmRSS") for process in ours) * 1024)
        self.server = max(self.server, sum(_kilobytes(process, "RssAnon") for process in server) * 1024)


def _family(parents: dict[int, int], ancestor: int) -> list[int]:
    """A process and all that it started, and so on."""
    found = [ancestor]
    for number in found:
        found += [child for child, parent in parents.items() if parent == number]
    return found


def _parents() -> dict[int, int]:
    """Each process's parent."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
    return found


def _kilobytes(process: int, field: str) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)
