"""Gradients in one or two bits a number: what is stored, and that everything finds what the codes say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray

from tests.bare_encoding import bare_encoding, note_encoded
from tests.conftest import RunTrackstar
from tests.integration.conftest import SmallCorpus
from trackstar_db.attribution.tokens import tokenize_documents
from trackstar_db.encoding.batches import document_encodings
from trackstar_db.encoding.codes import code_bytes, decode, encode
from trackstar_db.encoding.encodings import load_encoder
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.encoding.gradient_codes import write_gradient_codes
from trackstar_db.encoding.gradient_reader import GradientReader
from trackstar_db.errors import InputError
from trackstar_db.estimates import disk
from trackstar_db.search.request import SearchOptions

Floats = NDArray[np.float64]

IN_RUN = """SELECT document_id, influence FROM tda.proponent
            WHERE run = %s AND query_id = %s AND direction = %s ORDER BY rank"""
COUNT = "SELECT count(*) FROM trackstar.gradient_code"
OF_RELATION = "SELECT document_id FROM tda.annotation JOIN tda.fact USING (fact_id) WHERE relation = %s"
STORED = "SELECT document_id, scale, code::text FROM trackstar.gradient_code ORDER BY document_id"


def defined(gradients: Floats, bits: int) -> Floats:
    """The nearest level of each number, sign by sign and size by size, in unit norm; [row, d]."""
    sizes = np.abs(gradients) * np.sqrt(gradients.shape[1])
    levels = np.ones_like(sizes) if bits == 1 else np.where(sizes > (0.4528 + 1.510) / 2, 1.510, 0.4528)
    signed = np.where(gradients >= 0, levels, -levels)
    return signed / np.linalg.norm(signed, axis=1, keepdims=True)


@pytest.mark.parametrize("bits", [1, 2])
@pytest.mark.parametrize("dimension", [16, 29, 4205, 15488])
def test_a_code_is_the_nearest_level_in_unit_norm(dimension: int, bits: int) -> None:
    rng = np.random.default_rng(dimension)
    gradients = rng.standard_normal((7, dimension)) * rng.uniform(0.2, 3, (1, dimension))
    gradients = (gradients / np.linalg.norm(gradients, axis=1, keepdims=True)).astype(np.float16)
    codes, scales = encode(gradients, bits)
    assert codes.shape == (7, code_bytes(dimension, bits)) == (7, -(-dimension * bits // 8))
    found = decode(codes, scales, dimension, bits).astype(np.float64)
    assert np.allclose(found, defined(gradients.astype(np.float64), bits), rtol=2e-3, atol=0)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)


def test_two_bits_keep_more_of_a_gradient_than_one() -> None:
    gradients = np.random.default_rng(0).standard_normal((20, 3872))
    gradients = (gradients / np.linalg.norm(gradients, axis=1, keepdims=True)).astype(np.float16)
    one, two = (
        (decode(*encode(gradients, bits), 3872, bits).astype(np.float64) * gradients).sum(axis=1) for bits in (1, 2)
    )
    assert one.mean() == pytest.approx(np.sqrt(2 / np.pi), abs=0.005)
    assert two.mean() == pytest.approx(np.sqrt(1 - 0.1175), abs=0.005)  # the distortion that Max (1960) gives


@dataclass(frozen=True)
class Coded(SmallCorpus):
    """The small corpus under the encoding `coded`."""

    blocks: int = 0
    width: int = 0
    bits: int = 0

    def ask(self, statement: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with self.store.database.connect() as connection:
            return connection.execute(statement, parameters).fetchall()  # type: ignore[call-overload, no-any-return]

    def documents(self) -> dict[int, Floats]:
        """The gradients that the codes in the database stand for, by their text: [block, width] each."""
        levels = [-1, 1] if self.bits == 1 else [-1.510, -0.4528, 0.4528, 1.510]
        found = {}
        for number, scale, code in self.ask(STORED):
            places = [int(code[at : at + self.bits], 2) for at in range(0, len(code), self.bits)]
            found[number] = (np.array(levels)[places] * scale).reshape(self.blocks, self.width)
        return found

    def queries(self) -> dict[int, Floats]:
        """The gradients of queries: [block, width] each."""
        rows = self.ask("SELECT query_id, gradient FROM trackstar.query_gradient ORDER BY query_id, block")
        found: dict[int, list[Floats]] = {}
        for number, gradient in rows:
            found.setdefault(number, []).append(gradient.to_numpy().astype(np.float64))
        return {number: np.concatenate(parts).reshape(self.blocks, self.width) for number, parts in found.items()}


def coded_corpus(corpus: SmallCorpus, blocks: int, block_rank: int, bits: int) -> Coded:
    new = NewEncoding("coded", str(corpus.model), "small", blocks=blocks, block_rank=block_rank, bits=bits)
    assert corpus.store.create_encoding(new).bits == bits
    corpus.store.encode_documents("coded", "small")
    corpus.store.encode_queries("coded", "facts")
    return Coded(corpus.store, corpus.model, blocks, block_rank**2, bits)


@pytest.fixture(params=[(14, 18, 2), (4, 5, 1)], ids=["2 bits of 4,536", "1 bit of 100"])
def coded(request: pytest.FixtureRequest, small_corpus: SmallCorpus) -> Coded:
    return coded_corpus(small_corpus, *request.param)


FEW = pytest.mark.parametrize("coded", [(4, 4, 2)], indirect=True, ids=["2 bits of 64"])


def test_what_is_stored_is_the_code_of_the_encoders_gradient_and_reads_back_as_it(coded: Coded) -> None:
    stored = coded.documents()
    with coded.store.database.connect() as connection:
        encoding, encoder = load_encoder(connection, "coded")
        (block,) = GradientReader(connection, encoding).blocks()
    texts = [text for (text,) in coded.ask("SELECT text FROM trackstar.document ORDER BY document_id")]
    gradients, norms, _ = document_encodings(encoder, tokenize_documents(encoder.loaded.tokenizer, texts, 64, "split"))
    expected = defined(gradients.astype(np.float64), coded.bits)
    found = np.stack(list(stored.values())).reshape(60, -1)
    assert (np.abs(found - expected) > 1e-5).mean() < 1e-3  # a number at a threshold may fall to either side
    assert np.allclose(block.gradients.astype(np.float64), found, rtol=2e-3)
    assert np.allclose(block.norms, norms, rtol=1e-3)
    assert coded.ask("SELECT bits, dimension, encoded_documents, encoded_queries FROM tda.encoding") == [
        (coded.bits, coded.blocks * coded.width, 60, 12)
    ]
    assert coded.store.encodings()[0]["bits"] == coded.bits
    storage = "SELECT attstorage FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'code'"
    assert coded.ask(storage, ("trackstar.gradient_code_1",)) == [("p",)]


def test_runs_tasks_and_sql_score_what_the_codes_stand_for(coded: Coded) -> None:
    documents, queries, store = coded.documents(), coded.queries(), coded.store
    store.create_task("own", "coded", "facts", mixing_lambda=0.5)
    store.attribute("coded", "facts", "corpus", "trackstar_train", SearchOptions(top_k=60))
    store.attribute("coded", "facts", "task", "trackstar", SearchOptions(top_k=60, task="own"))
    moment = np.einsum("qbi,qbj->bij", *2 * [np.stack(list(queries.values()))]) / len(queries)
    inverse = np.linalg.inv(0.5 * moment + 0.5 * np.eye(coded.width))
    norms = {n: np.sqrt((np.einsum("bi,bij->bj", d, inverse) * d).sum()) for n, d in documents.items()}
    for query_id, asked in queries.items():
        cosine = {n: float((d * asked).sum() / np.linalg.norm(asked)) for n, d in documents.items()}
        assert dict(coded.ask(IN_RUN, ("corpus", query_id, "proponent"))) == pytest.approx(cosine, abs=5e-4)
        nearest = dict(coded.ask("SELECT document_id, influence FROM tda.nearest(%s, 60)", (query_id,)))
        assert nearest == pytest.approx(cosine, abs=5e-4)
        sides = np.einsum("bij,bj->bi", inverse, asked)
        length = np.sqrt((sides * asked).sum())
        mixed = {n: float((d * sides).sum() / length / norms[n]) for n, d in documents.items()}
        assert dict(coded.ask(IN_RUN, ("task", query_id, "proponent"))) == pytest.approx(mixed, abs=5e-4)
        nearest = dict(coded.ask("SELECT document_id, influence FROM tda.nearest(%s, 60, task => 'own')", (query_id,)))
        assert nearest == pytest.approx(mixed, abs=5e-4)
    parts = coded.ask(
        """SELECT sum(b.influence), max(p.influence)
           FROM tda.block_influence b JOIN tda.proponent p USING (run, query_id, direction, rank, document_id)
           WHERE rank <= 2 AND query_id < 4 GROUP BY run, query_id, direction, rank"""
    )
    assert len(parts) == 2 * 3 * 2 * 2
    assert [part for part, _ in parts] == pytest.approx([whole for _, whole in parts], abs=1e-3)


@FEW
def test_filters_traces_and_reranks_find_the_same_documents(coded: Coded) -> None:
    whole = [number for (number,) in coded.ask("SELECT document_id FROM tda.nearest(3, 60)")]
    of_relation = {number for (number,) in coded.ask(OF_RELATION, ("capital",))}
    found = coded.ask("SELECT document_id FROM tda.nearest(3, 60, relation => 'capital')")
    assert found == [(number,) for number in whole if number in of_relation]
    assert 0 < len(found) < 60
    ((prompt, target),) = coded.ask("SELECT prompt, target FROM tda.query WHERE query_id = 3")
    trace = coded.store.trace(prompt, target, "coded", k=60)
    assert [found.document_id for found in trace.proponents[:5]] == whole[:5]
    assert [found.document_id for found in trace.opponents[:5]] == whole[:-6:-1]
    assert [found.influence for found in trace.proponents] == pytest.approx(
        [found.influence for found in trace.opponents[::-1]], abs=1e-6
    )
    coded.store.attribute("coded", "facts", "every", "less", SearchOptions(top_k=5))
    coded.store.attribute("coded", "facts", "again", "less", SearchOptions(top_k=5, rerank="every", candidates=5))
    scores = dict(coded.ask(IN_RUN, ("every", 3, "proponent")))
    assert dict(coded.ask(IN_RUN, ("again", 3, "proponent"))) == pytest.approx(scores, abs=1e-3)


@FEW
def test_an_encoding_that_was_stopped_ends_with_the_same_codes_and_a_drop_takes_them_away(coded: Coded) -> None:
    before = coded.ask(STORED)
    coded.ask("DELETE FROM trackstar.encoded_document WHERE document_id > 20 RETURNING 1")
    assert coded.ask(COUNT) == [(20,)]
    assert coded.store.encode_documents("coded", "small").stored == 40
    after = coded.ask(STORED)
    differing = sum(a != b for old, new in zip(before, after, strict=True) for a, b in zip(old[2], new[2], strict=True))
    assert differing < 1e-3 * sum(len(code) for *_, code in before)  # batches of other documents round otherwise
    coded.ask("UPDATE trackstar.document SET text = 'Rome' WHERE document_id = 3 RETURNING 1")
    assert coded.ask(COUNT) == [(59,)]
    with pytest.raises(psycopg.errors.CheckViolation, match="gradient_code_length"):
        coded.ask("UPDATE trackstar.gradient_code SET code = '10' RETURNING 1")
    coded.store.drop_encoding("coded")
    assert coded.ask("SELECT to_regclass('trackstar.gradient_code_1')") == [(None,)]


def test_indexes_are_refused_for_codes(small_corpus: SmallCorpus) -> None:
    coded = coded_corpus(small_corpus, 4, 4, 2)
    with pytest.raises(InputError, match="keeps 2 bits of each number, which no index covers"):
        coded.store.build_index("coded", "signs")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="'coded' keeps 2 bits of each number"):
        coded.ask("SELECT * FROM tda.nearest(1, 5, index => 'signs')")


@pytest.mark.parametrize(("block_rank", "bits", "storage"), [(44, 2, "p"), (62, 2, "p"), (92, 1, "e")])
def test_codes_stay_on_one_page_where_they_fit_and_the_estimate_of_disk_knows(
    small_corpus: SmallCorpus, block_rank: int, bits: int, storage: str
) -> None:
    with small_corpus.store.database.connect() as connection:
        encoding = bare_encoding(connection, "bare", small_corpus.model, blocks=8, block_rank=block_rank, bits=bits)
        note_encoded(connection, encoding, range(1, 61))
        gradient = np.random.default_rng(0).standard_normal(encoding.dimension).astype(np.float16)
        write_gradient_codes(connection, encoding, [(number, gradient) for number in range(1, 61)])
        kind = "SELECT attstorage FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'code'"
        assert connection.execute(kind, ("trackstar.gradient_code_1",)).fetchone() == (storage,)
        (taken,) = connection.execute("SELECT pg_total_relation_size('trackstar.gradient_code_1')").fetchone() or (0,)
    expected = 60 * (disk.gradient_rows(encoding) - disk.encoded_document_row())
    assert taken == pytest.approx(expected, rel=0.1, abs=4 * disk.PAGE)


def test_the_command_line_makes_codes(small_corpus: SmallCorpus, run_trackstar: RunTrackstar) -> None:
    made = run_trackstar("encoding", "create", "narrow", "--model", small_corpus.model, "--corpus", "small",
                         "--block-rank", 4, "--bits", 2)  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert small_corpus.store.encoding("narrow").recipe["settings"]["bits"] == 2
    with pytest.raises(InputError, match="bits is 4; expected one of 16, 2, 1"):
        small_corpus.store.create_encoding(NewEncoding("other", str(small_corpus.model), "small", bits=4))
