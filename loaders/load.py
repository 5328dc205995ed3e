"""The one bulk writer: every load is parts, and every part one transaction with its row in the ledger.

Killed at any point and started again, a load goes on behind the last part that was committed.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from functools import partial
from typing import Generic, NamedTuple

from tqdm import tqdm

from trackstar_db.database.engine import Database
from trackstar_db.loaders.ledger import Ledger, LedgerKey, exclusive
from trackstar_db.loaders.options import LoadOptions, LoadSummary
from trackstar_db.loaders.parts import Kind, RowT, parse_part, write_part
from trackstar_db.loaders.readers import Found, Part, Source, read_parts
from trackstar_db.loaders.records import canonical_json
from trackstar_db.loaders.rejects import Rejects, open_rejects
from trackstar_db.loaders.tally import Tally
from trackstar_db.loaders.transactions import Transactions, transactions
from trackstar_db.progress import progress_bar


def load(database: Database, kind: Kind[RowT], found: Found, options: LoadOptions) -> LoadSummary:
    """What became of every record of the sources."""
    began = time.perf_counter()
    sizes = [source.size for source in found.sources]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    with ExitStack() as stack:
        rejects = stack.enter_context(open_rejects(options.rejects, found.sources))
        bar = stack.enter_context(progress_bar(total, kind.name, "B"))
        work = stack.enter_context(transactions(database, options.dry_run))
        running = _Load(database, kind, options, _Instruments(work, rejects, bar))
        for source in found.sources:
            if running.left != 0:
                running.load_source(source)
    if found.ignored:
        running.tally.note(f"{found.ignored:,} files of the folder are no source for this load; left out")
    seconds = time.perf_counter() - began
    return running.tally.summary(kind.name, seconds, options.dry_run, rejects.first)


class _Instruments(NamedTuple):
    """What a load works with."""

    work: Transactions
    rejects: Rejects
    bar: tqdm[None]


class _Load(Generic[RowT]):
    """A load on its way."""

    def __init__(self, database: Database, kind: Kind[RowT], options: LoadOptions, instruments: _Instruments) -> None:
        self._database = database
        self._kind = kind
        self._options = options
        self._work, self._rejects, self._bar = instruments
        self.tally = Tally()

    @property
    def left(self) -> int | None:
        """How many records may still be read; None for all."""
        limit = self._options.limit
        return None if limit is None else max(0, limit - self.tally.counts.read)

    def load_source(self, source: Source) -> None:
        """Nothing; the source is loaded, behind the parts that an interrupted load of it has written."""
        key = self._ledger_key(source)
        with exclusive(self._database, key) as had_to_wait:
            if had_to_wait:
                self.tally.note(f"waited for another load of {source.key} to end")
            ledger = self._work.keep(lambda connection: Ledger(connection, key))
            if ledger.known_parts:
                self.tally.note(f"continued a load of {source.key} that had written {ledger.known_parts:,} parts")
            with closing(read_parts(source)) as parts:
                for part in parts:
                    if self.left == 0:
                        break
                    self._load_part(source, part, ledger)
            self._work.keep(lambda connection: ledger.finish(connection, self._options.limit is None))

    def _ledger_key(self, source: Source) -> LedgerKey:
        options = {"limit": self._options.limit, "on_conflict": self._options.on_conflict}
        source_settings = {"format": source.format, "name": source.name}  # the name: generated ids begin with it
        settings = canonical_json({**self._kind.settings, **options, **source_settings})
        return LedgerKey(self._kind.name, self._kind.destination, source.key, settings)

    def _load_part(self, source: Source, part: Part, ledger: Ledger) -> None:
        counts = ledger.written(part)
        if counts is None or counts.rejected:
            parsed = parse_part(self._kind, source, part, self.left)
        on_conflict = self._options.on_conflict
        if counts is None:
            record = partial(ledger.record, part)
            written = write_part(self._work.keep, self._kind, parsed, on_conflict, record)
            counts = written.counts
            self.tally.add_stored(written.stored)
            self._rejects.add(written.rejections)
        elif counts.rejected:  # written before, and only looked at again to tell why
            self._rejects.add(write_part(self._work.rehearse, self._kind, parsed, on_conflict).rejections)
        self.tally.add(counts)
        self._bar.update(part.size)
