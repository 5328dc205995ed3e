"""`trackstar serve`, started and ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

START_SECONDS = 60


@contextmanager
def served(*arguments: object, url: str = "", log: Path) -> Iterator[str]:
    """The address of `trackstar serve ARGUMENTS` on a free port, until it is told to end."""
    command = [sys.executable, "-m", "trackstar_db.cli", "serve", "--port", "0", *map(str, arguments)]
    variables = {**os.environ, "PYTHONUNBUFFERED": "1", **({"TRACKSTAR_DATABASE_URL": url} if url else {})}
    with (
        log.open("w") as errors,
        subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert "http://" in line, log.read_text()
            address = line.split()[4].rstrip("/")
            httpx.get(f"{address}/runs", timeout=START_SECONDS).raise_for_status()
            yield address
        finally:
            process.terminate()
            process.wait(START_SECONDS)
