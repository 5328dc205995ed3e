"""From the paths of a command line to sources with a format."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from trackstar_db.errors import UnreadableSource
from trackstar_db.loaders.readers.base import Format, Source, Split
from trackstar_db.loaders.readers.naming import named_apart
from trackstar_db.loaders.readers.streams import unreadable

Reader = Literal["auto", "jsonl", "parquet", "csv", "text", "c4", "hf"]
READERS: tuple[Reader, ...] = ("auto", "jsonl", "parquet", "csv", "text", "c4", "hf")
STANDARD_INPUT = "-"
MAX_KEY_BYTES = 1000

_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".arrow": "arrow",
    ".txt": "text",
    ".text": "text",
    ".md": "text",
}
_COMPRESSED = (".gz", ".zst", ".zstd")
_DESCRIPTIONS = ("state.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json")


@dataclass(frozen=True)
class Found:
    """Sources in the order given, and how many files of folders are none."""

    sources: tuple[Source, ...]
    ignored: int = 0


def find_sources(paths: Sequence[str | Path], reader: Reader = "auto", split: Split = "file") -> Found:
    """The sources behind files, folders and `-`; raises UnreadableSource for a path with nothing to read."""
    if reader not in READERS:
        raise UnreadableSource(f"there is no reader {reader!r}; expected one of {', '.join(READERS)}.")
    sources: list[Source] = []
    ignored = 0
    for given in paths:
        found = _Finder(reader, split).find(given)
        sources.extend(found.sources)
        ignored += found.ignored
    return Found(named_apart(sources), ignored)


class _Finder:
    """Finds the sources of one path."""

    def __init__(self, reader: Reader, split: Split) -> None:
        self._reader = reader
        self._split = split

    def find(self, given: str | Path) -> Found:
        if str(given) == STANDARD_INPUT:
            return Found((Source("stdin", STANDARD_INPUT, self._format_of_stream(), (), None, self._split),))
        path = Path(given)
        try:
            path = path.resolve(strict=True)
            is_folder = path.is_dir()
        except (OSError, RuntimeError) as error:
            told = error if isinstance(error, OSError) else OSError(str(error))
            raise unreadable(str(given), told) from error
        return self._folder(path) if is_folder else Found((self._file(path),))

    def _format_of_stream(self) -> Format:
        return "jsonl" if self._reader == "auto" or self._reader == "hf" else self._reader

    def _file(self, path: Path) -> Source:
        reader = self._reader
        known = _format_by_name(path) if reader == "auto" or reader == "hf" else reader
        if known is None:
            names = ", ".join(_SUFFIXES)
            raise UnreadableSource(
                f"cannot tell the format of {path} by its name; expected {names} (and .gz or .zst). "
                "Say which with --reader jsonl|parquet|csv|text|c4|hf."
            )
        return _source(path.name, path, known, (path,), self._split)

    def _folder(self, folder: Path) -> Found:
        saved = _saved_dataset(folder) if self._reader in ("auto", "hf") else []
        if saved:
            return Found(tuple(_source(_name(file, folder), file, "arrow", (file,)) for file in saved))
        files = [path for path in _walk(folder) if path.name not in _DESCRIPTIONS]
        chosen = self._choose(files)
        if not chosen:
            expected = f"a file that --reader {self._reader} can read" if files else "at least one file"
            raise UnreadableSource(f"folder {folder} has no source in it; expected {expected}.")
        ignored = len(files) - len(chosen)
        if self._split == "file" and all(kind == "text" for kind in chosen.values()):
            whole = _source(folder.name, folder, "text", tuple(chosen))
            return Found((replace(whole, root=folder),), ignored)
        sources = (_source(_name(file, folder), file, kind, (file,), self._split) for file, kind in chosen.items())
        return Found(tuple(sources), ignored)

    def _choose(self, files: Iterable[Path]) -> dict[Path, Format]:
        """The files that the reader takes; text only where there are no data files beside it."""
        known = {file: kind for file in files if (kind := _format_by_name(file)) is not None}
        if self._reader == "auto":
            return _only_data(known) or known
        if self._reader == "hf":
            return _only_data(known)
        reader = self._reader
        wanted = ("jsonl", "c4") if reader in ("jsonl", "c4") else (reader,)
        return {file: reader for file, kind in known.items() if kind in wanted}


def _only_data(known: dict[Path, Format]) -> dict[Path, Format]:
    return {file: kind for file, kind in known.items() if kind != "text"}


def _format_by_name(path: Path) -> Format | None:
    name = path.name
    for suffix in _COMPRESSED:
        name = name.removesuffix(suffix)
    known = _SUFFIXES.get(Path(name).suffix.lower())
    if known == "jsonl" and name.startswith("c4-"):
        return "c4"
    return None if known in ("parquet", "arrow") and name != path.name else known


def _name(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _source(name: str, key: Path, kind: Format, files: tuple[Path, ...], split: Split = "file") -> Source:
    if len(os.fsencode(key)) > MAX_KEY_BYTES:
        raise UnreadableSource(f"the path {key} is longer than {MAX_KEY_BYTES} bytes; give it a shorter one.")
    for part in (name, str(key)):
        if not part.isprintable() and any("\ud800" <= character <= "\udfff" for character in part):
            raise UnreadableSource(f"the path {os.fsencode(key)!r} is no UTF-8; rename it.")
    try:
        size = sum(file.stat().st_size for file in files)
    except OSError as error:
        raise unreadable(str(key), error) from error
    known_as = key.name if kind == "c4" else name  # a shard of C4 is known by its name alone, wherever it lies
    return Source(known_as, str(key), kind, files, size, split)


def _walk(folder: Path) -> Iterator[Path]:
    """The files of a folder and its folders, sorted by path, hidden ones left out."""

    def refuse(error: OSError) -> None:
        raise unreadable(str(error.filename), error) from error

    found = []
    for root, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(root, name) for name in files if not name.startswith(".")]
    return iter(sorted(file for file in found if file.is_file()))


def _saved_dataset(folder: Path) -> list[Path]:
    """The Arrow files of a folder that Hugging Face `save_to_disk` wrote; empty where it is none."""
    if (folder / "dataset_dict.json").is_file():
        splits = _described(folder / "dataset_dict.json", "splits")
        return [file for split in splits for file in _saved_dataset(folder / str(split))]
    if not (folder / "state.json").is_file():
        return []
    entries = _described(folder / "state.json", "_data_files")
    files = [folder / str(entry.get("filename")) for entry in entries if isinstance(entry, dict)]
    missing = next((file for file in files if not file.is_file()), None)
    if missing is not None:
        raise UnreadableSource(f"{folder}/state.json names {missing.name}, which is not there.")
    return files


def _described(path: Path, name: str) -> list[object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableSource(f"cannot read {path}: {error}. Expected the JSON of a saved dataset.") from error
    value = content.get(name) if isinstance(content, dict) else None
    if not isinstance(value, list):
        raise UnreadableSource(f"{path} has no list {name!r}; expected a dataset that save_to_disk wrote.")
    return value
