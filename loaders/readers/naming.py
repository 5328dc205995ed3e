"""Names that tell the files of one command apart, since generated ids begin with them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from trackstar_db.loaders.readers.base import Source


def named_apart(sources: Sequence[Source]) -> tuple[Source, ...]:
    """The sources in order; those that share a file's name named by their paths in their common parent folder.

    A file that is given twice keeps its name: it is the same documents.
    """
    named = tuple(sources)
    renamed: set[str] = set()
    while sharing := _sharing_a_name(named) - renamed:  # a new name may be one that another file already has
        renamed |= sharing
        root = Path(os.path.commonpath([Path(key).parent for key in renamed]))
        named = tuple(_named_in(root, source) if source.key in renamed else source for source in sources)
    return named


def _sharing_a_name(sources: Iterable[Source]) -> set[str]:
    """The keys of sources with a file whose name is another file's too."""
    paths: defaultdict[str, set[Path]] = defaultdict(set)
    keys: defaultdict[str, set[str]] = defaultdict(set)
    for source in sources:
        for path in source.files:
            name = source.name_of(path)
            paths[name].add(path)
            keys[name].add(source.key)
    return {key for name, files in paths.items() if len(files) > 1 for key in keys[name]}


def _named_in(root: Path, source: Source) -> Source:
    return replace(source, name=Path(source.key).relative_to(root).as_posix(), root=root)
