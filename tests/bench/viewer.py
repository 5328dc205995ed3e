"""Do the viewer's pages stay quick at a million queries?

A run of 1,000,000 queries with 10 proponents each, made in SQL, and refreshed. Every page is asked for again and again,
at places spread over the run, through the web application itself; it tells how long its statements took, and the rest
of the time is our own. Memory is the most that this process held meanwhile, beyond what it held after the first pages.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

from starlette.testclient import TestClient

from tests.bench.corpus import BenchCorpus
from tests.bench.measure import Measurement
from tests.bench.resources import PeakMemory
from trackstar_db.store import Store

QUERIES, DOCUMENTS, PER_QUERY, RELATIONS, ENTITIES = 1_000_000, 1_000_000, 10, 25, 20_000
ROUNDS = 21
RUN = "million"
FIRST = 100_000_000  # above the numbers of whatever the database has
ADDRESS = "http://127.0.0.1"

INDEXES = """
    ALTER TABLE trackstar.proponent ADD PRIMARY KEY (run_id, query_id, direction, rank),
        ADD UNIQUE (run_id, query_id, direction, document_id);
    CREATE INDEX proponent_document ON trackstar.proponent (document_id);
    CREATE INDEX proponent_query ON trackstar.proponent (query_id)"""
ROWS = f"""
    SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '512MB';
    ALTER TABLE trackstar.proponent DROP CONSTRAINT proponent_pkey,
        DROP CONSTRAINT proponent_run_id_query_id_direction_document_id_key;
    DROP INDEX trackstar.proponent_document, trackstar.proponent_query;
    INSERT INTO trackstar.corpus (corpus_id, name) OVERRIDING SYSTEM VALUE VALUES ({FIRST}, '{RUN}');
    INSERT INTO trackstar.document (document_id, corpus_id, external_id, text, content_digest) OVERRIDING SYSTEM VALUE
    SELECT {FIRST} + n, {FIRST}, 's' || n, repeat('a sentence about entity ' || n || ' and more, ', 5), sha256('')
    FROM generate_series(1, {DOCUMENTS}) n;
    INSERT INTO trackstar.relation (relation_id, uri, label) OVERRIDING SYSTEM VALUE
    SELECT {FIRST} + n, 'bench:P' || n, 'relation ' || n FROM generate_series(1, {RELATIONS}) n;
    INSERT INTO trackstar.entity (entity_id, uri, label) OVERRIDING SYSTEM VALUE
    SELECT {FIRST} + n, 'bench:Q' || n, 'entity ' || n FROM generate_series(1, {ENTITIES}) n;
    INSERT INTO trackstar.fact (fact_id, subject_entity_id, relation_id, object_entity_id, content_digest)
    SELECT 'f' || n, {FIRST} + 1 + n % {ENTITIES}, {FIRST} + 1 + n % {RELATIONS}, {FIRST} + 1 + n * 7 % {ENTITIES},
           sha256('')
    FROM generate_series(1, {QUERIES}) n;
    INSERT INTO trackstar.fact_frequency
    SELECT 'f' || n, '{RUN}', exp(n * 7919::bigint % 1000 / 1000.0 * 12)::bigint - 1
    FROM generate_series(1, {QUERIES}) n;
    INSERT INTO trackstar.query_set (query_set_id, name) OVERRIDING SYSTEM VALUE VALUES ({FIRST}, '{RUN}');
    INSERT INTO trackstar.query (query_id, query_set_id, external_id, prompt, target, fact_id, content_digest)
        OVERRIDING SYSTEM VALUE
    SELECT {FIRST} + n, {FIRST}, 'q' || n, 'What is said of entity ' || n || ' is', 'target ' || n % 1000, 'f' || n,
           sha256('')
    FROM generate_series(1, {QUERIES}) n;
    INSERT INTO trackstar.run (run_id, name, method, query_set_id, top_k, query_count, document_count, code_version,
                               started_at, finished_at) OVERRIDING SYSTEM VALUE
    VALUES ({FIRST}, '{RUN}', 'trackstar', {FIRST}, {PER_QUERY}, {QUERIES}, {DOCUMENTS}, '0', now(), now());
    INSERT INTO trackstar.run_corpus VALUES ({FIRST}, {FIRST});
    INSERT INTO trackstar.run_query (run_id, query_id, position)
    SELECT {FIRST}, {FIRST} + n, n FROM generate_series(1, {QUERIES}) n;
    INSERT INTO trackstar.proponent
    SELECT {FIRST}, {FIRST} + q, 'proponent', k, {FIRST} + 1 + (q * 7919::bigint + k * 104729) % {DOCUMENTS}, 1.0 / k
    FROM generate_series(1, {QUERIES}) q, generate_series(1, {PER_QUERY}) k;
    {INDEXES};
    INSERT INTO trackstar.annotation
    SELECT 'f' || q, 's' || 1 + (q * 7919::bigint + k * 104729) % {DOCUMENTS}
    FROM generate_series(1, {QUERIES}) q, generate_series(3, 9, 6) k
    WHERE q % 3 > 0
    ON CONFLICT DO NOTHING;
    INSERT INTO trackstar.entailment_label (document_id, fact_id, score, labeler)
    SELECT document_id, 'f' || query_id - {FIRST}, (hashint8(query_id * 10 + rank) % 100 + 100) / 200.0, 'nli'
    FROM trackstar.proponent
    WHERE rank <= 5 AND query_id % 10 = 0
    ON CONFLICT DO NOTHING;
    INSERT INTO trackstar.model (model_id, name, architecture, parameter_count, config, content_digest)
        OVERRIDING SYSTEM VALUE
    VALUES ({FIRST}, 'm', 'a', 1, '{{}}', sha256('{RUN}'));
    INSERT INTO trackstar.prediction (model_id, query_id, greedy_answer, samples, confidence, target_probability,
                                      is_correct, seed)
    SELECT {FIRST}, {FIRST} + n, 'x', '{{}}', n % 21 / 20.0, 0.5, n % 3 = 0, 0 FROM generate_series(1, {QUERIES}) n;
    RESET session_replication_role"""  # noqa: S608

Page = Callable[[random.Random], str]


def _at(path: str, **parameters: object) -> str:
    return f"{path}?{urlencode({'run': RUN, **parameters})}"


PAGES: dict[str, Page] = {
    "list": lambda _: _at("/queries"),
    "list, far down": lambda chance: _at("/queries", cursor=f"after:{chance.randrange(QUERIES)}:0"),
    "list by best AIS": lambda _: _at("/queries", sort="ais"),
    "list by confidence, far down": lambda chance: _at(
        "/queries", sort="confidence", cursor=f"after:{chance.randrange(20) / 20}:{FIRST + chance.randrange(QUERIES)}"
    ),
    "filter: correct and confidence > 0.5": lambda _: _at("/queries", filter="correct and confidence > 0.5"),
    "filter: relation and bucket, by MRR": lambda chance: _at(
        "/queries", sort="mrr", filter=f'relation = "relation {chance.randint(1, RELATIONS)}" and bucket = 3'
    ),
    "filter: prompt contains, by confidence": lambda chance: _at(
        "/queries", sort="confidence", filter=f'prompt contains "{chance.randint(10, 99)}"'
    ),
    "filter: one of 20,000": lambda chance: _at("/queries", filter=f"frequency = {chance.randint(30_000, 90_000)}"),
    "filter: a rare one, by best AIS": lambda _: _at("/queries", sort="ais", filter="correct and precision = 0.7"),
    "random page": lambda _: _at("/queries/random", sort="mrr", filter="correct"),
    "list with another AIS threshold": lambda _: _at("/queries", threshold=0.8),
    "query": lambda chance: _at("/query", query=FIRST + 1 + chance.randrange(QUERIES)),
    "document": lambda chance: _at("/document", document=FIRST + 1 + chance.randrange(DOCUMENTS)),
    "heat map": lambda _: _at("/map", metric="recall"),
}


def viewer(store: Store, _: BenchCorpus) -> list[Measurement]:
    """Every page's median time, of it outside the database, and the memory that pages take."""
    fill(store)
    return measure(store)


def fill(store: Store) -> None:
    """Nothing; the run is there, refreshed."""
    with store.database.session() as session:
        session.execute(ROWS.encode())
        session.execute("VACUUM (ANALYZE)")
    store.refresh()


def measure(store: Store) -> list[Measurement]:
    """A line for each page."""
    chance = random.Random(0)
    with _client(store) as client:
        for page in PAGES.values():  # the first time, templates are read and statements' tables come into memory
            _ask(client, page(chance))
        return [_measured(client, name, page, chance) for name, page in PAGES.items()]


@contextmanager
def _client(store: Store) -> Iterator[TestClient]:
    from trackstar_db.viewer.app import create_app
    from trackstar_db.viewer.reading import Reading
    from trackstar_db.viewer.state import Viewer

    with TestClient(create_app(Viewer(Reading(store.database))), base_url=ADDRESS) as client:
        yield client


def _measured(client: TestClient, name: str, page: Page, chance: random.Random) -> Measurement:
    with PeakMemory() as memory:
        before = memory.ours
        times = [_ask(client, page(chance)) for _ in range(ROUNDS)]
    wholes = [whole for whole, _ in times]
    outside = [whole - in_database for whole, in_database in times]
    ratios = [whole / in_database for whole, in_database in times]
    return Measurement(
        "viewer",
        statistics.median(ratios),
        (min(ratios), max(ratios)),
        "the same in the database alone",
        ours_seconds=statistics.median(wholes),
        reference_seconds=statistics.median(in_database for _, in_database in times),
        rounds=ROUNDS,
        extra={
            "page": name,
            "median_ms": round(statistics.median(wholes) * 1e3, 1),
            "slowest_ms": round(max(wholes) * 1e3, 1),
            "outside_ms": round(statistics.median(outside) * 1e3, 1),
            "our_growth_mib": round((memory.ours - before) / 2**20, 1),
        },
    )


def _ask(client: TestClient, address: str) -> tuple[float, float]:
    """Seconds of a page, and of its statements."""
    began = time.perf_counter()
    answer = client.get(address, follow_redirects=True)
    seconds = time.perf_counter() - began
    answer.raise_for_status()
    told = [step.headers["server-timing"] for step in (*answer.history, answer) if "server-timing" in step.headers]
    return seconds, sum(float(one.rpartition("dur=")[2]) for one in told) / 1e3


FULL = (viewer,)
