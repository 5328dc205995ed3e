"""An estimate: what a piece of work will take, and the refusal of what the disk cannot hold."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from trackstar_db.errors import DiskFull

LONG_SECONDS = 60.0
"""Work that takes longer is announced; unknown counts as short."""


@dataclass(frozen=True)
class Estimate:
    """What a piece of work will take.

    work: what is done, as in "encode corpus 'c4' under 'olmo'"
    disk_bytes: what tables and indexes grow by
    log_bytes: what the server's write-ahead log takes of the disk meanwhile, at most
    free_bytes: free on the disk of the database; None where that is on another machine
    memory_bytes: of this process, at its most
    seconds: None where nothing was measured
    details: what the figures were reckoned from
    """

    work: str
    disk_bytes: int
    log_bytes: int
    free_bytes: int | None
    memory_bytes: int
    seconds: float | None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_long(self) -> bool:
        """Whether a person should hear of it before it begins."""
        return self.seconds is not None and self.seconds > LONG_SECONDS

    def require_disk(self) -> None:
        """Nothing; raises DiskFull where the disk of the database cannot hold it."""
        needed = self.disk_bytes + self.log_bytes
        if self.free_bytes is None or needed <= self.free_bytes:
            return
        log = f", {shown_bytes(self.log_bytes)} of it log for a while" if self.log_bytes else ""
        raise DiskFull(
            f"to {self.work} needs {shown_bytes(needed)} on the disk of the database{log}; "
            f"{shown_bytes(self.free_bytes)} are free. Nothing was written. Make room there, drop an encoding that "
            f"nobody needs (trackstar encoding list), or take less: fewer documents or a smaller dimension."
        )

    def record(self) -> dict[str, Any]:
        """Every figure, in bytes and seconds."""
        fields = asdict(self)
        return {**{name: value for name, value in fields.items() if name != "details"}, **self.details}

    def shown(self) -> dict[str, Any]:
        """The same for people."""
        free = (
            "unknown free: the server is elsewhere"
            if self.free_bytes is None
            else f"{shown_bytes(self.free_bytes)} free"
        )
        log = f", and up to {shown_bytes(self.log_bytes)} of log for a while" if self.log_bytes else ""
        memory = machine_memory()
        return {
            "estimate": self.work,
            **{name: shown_bytes(value) if name.endswith("_bytes") else value for name, value in self.details.items()},
            "disk": f"{shown_bytes(self.disk_bytes)}{log} ({free})",
            "memory": f"{shown_bytes(self.memory_bytes)} (of {shown_bytes(memory)})",
            "time": "unknown" if self.seconds is None else shown_seconds(self.seconds),
        }


OnEstimate: TypeAlias = Callable[[Estimate], object]
"""Told of the estimate before the work begins; what it raises stops the work."""


def shown_bytes(number: float) -> str:
    """Bytes in a unit that people read."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:,.1f} TiB"


def shown_seconds(seconds: float) -> str:
    """A duration with two units at most."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, days = round(seconds / 60), seconds / 86400
    if days >= 2:
        return f"{days:,.1f} days"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def peak_memory() -> int:
    """The most memory that this process has held, in bytes."""
    try:  # what getrusage tells on Linux counts the program that started this one
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def machine_memory() -> int:
    """The memory of this machine, in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
