"""What runs will take, by method, before they begin."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.attribution.autocorrelation import autocorrelation_memory_bytes, inverse_root_memory_bytes
from trackstar_db.database.engine import Database
from trackstar_db.database.names import query_set_id
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding, load_encoding
from trackstar_db.encoding.gradient_reader import BLOCK_BYTES
from trackstar_db.encoding.read_ahead import BLOCKS_AHEAD, connection_count
from trackstar_db.estimates.estimate import Estimate
from trackstar_db.estimates.search import Searched, estimate_passes
from trackstar_db.search.attribute import suitable
from trackstar_db.search.gradient_pass import PASS_BYTES, SCORES_AT_ONCE, queries_at_once
from trackstar_db.search.methods import ALL, load_methods
from trackstar_db.search.request import SearchOptions, document_filter

_SCORE_BYTES = 32  # of a score while the strongest are picked: itself, whether it is, its document, twice


def estimate_attribute(
    database: Database, names: Sequence[str], query_set: str, methods: Sequence[str], options: SearchOptions
) -> Estimate:
    """What runs of these methods take; the time is that of gradient methods, the others are named in `not_timed`.

    Raises NotFound for an unknown name, and InputError where no encoding suits a method that was named.
    """
    with database.connect() as connection:
        chosen = load_methods(connection, methods)
        known = [load_encoding(connection, name) for name in dict.fromkeys(names)]
        set_id = query_set_id(connection, query_set)
        (queries,) = connection.execute(query("query_count"), {"query_set_id": set_id}).fetchone() or (0,)
        passes: list[Encoding] = []
        new_tasks: list[Encoding] = []
        not_timed = [method.name for method in chosen if method.kind != "gradient" or options.rerank is not None]
        for method in (method for method in chosen if method.name not in not_timed):
            fitting = [one for one in known if method.fits(one)] if ALL in methods else suitable(method, known)
            passes += fitting
            if method.autocorrelation == "task":
                new_tasks += [one for one in fitting if not _has_task(connection, one, query_set, options)]
        work = f"score query set {query_set!r} by {', '.join(method.name for method in chosen)}"
        search = Searched(
            queries=queries,
            top_k=options.top_k,
            runs=len(chosen),
            wanted=document_filter(connection, options.corpus, options.relation, options.metadata),
            groups=-(-queries // _queries_of_a_pass(passes, options.top_k)),
            memory_bytes=_memory(passes, new_tasks, queries, options.top_k),
            not_timed=tuple(not_timed),
        )
        return estimate_passes(connection, work, passes, new_tasks, search)


def _queries_of_a_pass(passes: Sequence[Encoding], top_k: int) -> int:
    return queries_at_once(max((encoding.dimension for encoding in passes), default=1), top_k)


def _memory(passes: Sequence[Encoding], new_tasks: Sequence[Encoding], queries: int, top_k: int) -> int:
    """Bytes that scoring takes at most: one pass's queries, blocks read ahead, scores, and a task's matrices."""
    if not passes:
        return 0
    share = min(1.0, queries / _queries_of_a_pass(passes, top_k))
    checkpoints = max(len({encoding.model_digest for encoding in passes}), 1)  # are read side by side
    blocks = checkpoints * (2 * (connection_count() + BLOCKS_AHEAD) + 2) * BLOCK_BYTES
    matrices = max(
        (
            autocorrelation_memory_bytes(one.settings.blocks, one.settings.block_rank)
            + 2 * inverse_root_memory_bytes(one.settings.blocks, one.settings.block_rank)
            for one in new_tasks
        ),
        default=0,
    )
    return int(share * PASS_BYTES) + blocks + _SCORE_BYTES * SCORES_AT_ONCE + matrices


def _has_task(connection: Connection[TupleRow], encoding: Encoding, query_set: str, options: SearchOptions) -> bool:
    name = options.task or f"{encoding.name}/{query_set}"
    return connection.execute(query("task_by_name"), {"name": name}).fetchone() is not None
