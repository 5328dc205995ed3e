"""Does the memory of encoding and of search stay the same when the corpus grows?

Each is done in a process of its own, over N documents and over 4 N; the ratio is the larger process's peak memory over
the smaller one's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from tests.bench.corpus import CORPUS, BenchCorpus
from tests.bench.measure import Measurement
from tests.bench.synthetic import insert_documents, insert_queries, take_gradients
from trackstar_db.encoding.batches import write_batch
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.store import Store

TIMES = 4
ENCODED, SEARCHED = 1_024, 20_000  # N
QUERIES = 100
ENCODING = "memory"

# Prints the peak memory of a process that does one thing with a store.
PROGRAM = """
import json, sys
from trackstar_db.estimates.estimate import peak_memory
from trackstar_db.store import Store
url, method, *arguments = sys.argv[1:]
with Store.open(url) as store:
    getattr(store, method)(*arguments)
print(json.dumps(peak_memory()))
"""


def memory(store: Store, corpus: BenchCorpus) -> list[Measurement]:
    """Peak memory of `encode_documents` and of `attribute`."""
    new = NewEncoding(ENCODING, str(corpus.model), CORPUS, optimizer_state=corpus.second_moment, sample=256)
    encoding = store.create_encoding(new)
    sizes = (ENCODED, TIMES * ENCODED)
    for number, size in enumerate(sizes):
        _corpus_of(store, f"of {number}", size)
    encoded = [_peak(store, "encode_documents", ENCODING, f"of {number}") for number in range(len(sizes))]
    mixtures = take_gradients(store, encoding.encoding_id)
    documents = insert_documents(store, TIMES * SEARCHED)
    query_set = insert_queries(store, encoding.encoding_id, mixtures, QUERIES)
    searched = []
    for part in (documents[:SEARCHED], documents[SEARCHED:]):
        for batch in mixtures.batches(part):
            with store.database.connect() as connection:
                write_batch(connection, encoding, batch)
        searched.append(_peak(store, "attribute", ENCODING, query_set, f"at {len(part)}"))
    return [
        _measurement("encode_documents", sizes, encoded),
        _measurement("attribute", (SEARCHED, TIMES * SEARCHED), searched),
    ]


def _corpus_of(store: Store, name: str, size: int) -> None:
    """A corpus of the first so many texts of the benchmarks' corpus, over again where it has fewer."""
    with store.database.connect() as connection:
        connection.execute(
            """
            WITH made AS (INSERT INTO trackstar.corpus (name) VALUES (%(name)s) RETURNING corpus_id),
                 old AS (SELECT text, row_number() OVER (ORDER BY document_id) - 1 AS place, count(*) OVER () AS texts
                         FROM tda.document WHERE corpus = %(corpus)s)
            INSERT INTO trackstar.document (corpus_id, external_id, text, content_digest)
            SELECT corpus_id, n::text, text, sha256(convert_to(text, 'UTF8'))
            FROM made, generate_series(0, %(size)s - 1) AS n
            JOIN old ON place = n %% texts
            """,
            {"name": name, "corpus": CORPUS, "size": size},
        )


def _peak(store: Store, method: str, *arguments: str) -> int:
    """Bytes of memory that a new process took at most."""
    url = store.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    command = [sys.executable, "-c", PROGRAM, url, method, *arguments]
    run = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return int(json.loads(run.stdout.splitlines()[-1]))


def _measurement(work: str, sizes: Sequence[int], peaks: Sequence[int]) -> Measurement:
    ratio = peaks[-1] / peaks[0]
    extra = {
        "work": work,
        "documents": sizes[-1],
        "reference_documents": sizes[0],
        "peak_mib": peaks[-1] // 2**20,
        "reference_peak_mib": peaks[0] // 2**20,
    }
    return Measurement("memory", ratio, (ratio, ratio), "the same with a quarter of the documents", extra=extra)


BENCHMARKS = (memory,)
