"""Rejected records: counted by everyone, kept by those who ask for a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from trackstar_db.errors import InputError
from trackstar_db.loaders.readers import Source


@dataclass(frozen=True)
class Rejection:
    """A record that was not loaded. record: as the source has it, at most 1,000 characters"""

    source: str
    line: int
    reason: str
    record: str


class Rejects:
    """The rejections of a load, written part after part."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file
        self.first: Rejection | None = None

    def add(self, rejections: Sequence[Rejection]) -> None:
        """Nothing; the rejections of a part are in the file, if there is one."""
        if rejections and self.first is None:
            self.first = rejections[0]
        if self._file is not None:
            lines = [json.dumps(asdict(rejection), ensure_ascii=True) + "\n" for rejection in rejections]
            self._file.write("".join(lines))
            self._file.flush()


@contextmanager
def open_rejects(path: Path | None, sources: Sequence[Source]) -> Iterator[Rejects]:
    """The rejections of a load and their file, begun anew; raises InputError where it cannot be written."""
    if path is None:
        yield Rejects(None)
        return
    if any(path.resolve() == file for source in sources for file in source.files):
        raise InputError(f"--rejects {path} is one of the files to load; name another file.")
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot write --rejects {path}: {error.strerror}. Name a file that can be written."
        ) from error
    with file:
        yield Rejects(file)
