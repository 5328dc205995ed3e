"""Documents and queries become stored gradients: the right ones, once each, whatever happens."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import psycopg
import pytest
import torch

from tests.integration.conftest import SmallCorpus, WriteRecords, save_small_model
from tests.unit.attribution.small_models import byte_level_tokenizer, small_model
from trackstar_db.attribution.tokens import query_piece, tokenize_documents
from trackstar_db.database.queries import query
from trackstar_db.encoding.batches import Document, document_encodings, write_batch
from trackstar_db.encoding.documents import encode_documents
from trackstar_db.encoding.encodings import load_encoder
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.encoding.gradient_reader import GradientReader
from trackstar_db.encoding.queries import query_encodings
from trackstar_db.errors import (
    AlreadyExists,
    EncodingIncomplete,
    EncodingMismatch,
    InputError,
    InUse,
    ModelUnreadable,
    NotFound,
    SecondMomentError,
)
from trackstar_db.search.request import SearchOptions

STORED = "SELECT external_id, gradient FROM trackstar.gradient JOIN trackstar.document USING (document_id)"
DIGEST = """
    SELECT md5(string_agg(external_id || gradient::text || outcome || e.token_count, ',' ORDER BY external_id))
    FROM trackstar.gradient g JOIN trackstar.encoded_document e USING (encoding_id, document_id)
    JOIN trackstar.document d USING (document_id)"""


def rows(corpus: SmallCorpus, statement: str, *parameters: object) -> list[tuple[object, ...]]:
    with corpus.store.database.connect() as connection:
        return connection.execute(statement, parameters).fetchall()  # type: ignore[call-overload, no-any-return]


def test_a_stored_gradient_is_the_documents_base_encoding_in_unit_norm(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    with small_corpus.store.database.connect() as connection:
        _, encoder = load_encoder(connection, "small")
        texts = dict(connection.execute("SELECT external_id, text FROM tda.document").fetchall())
        stored = {name: vector.to_numpy() for name, vector in connection.execute(STORED)}
    assert len(stored) == len(texts) == 60
    for name, text in texts.items():
        tokens = tokenize_documents(encoder.loaded.tokenizer, [text], encoder.settings.max_tokens)
        expected = encoder.encode(encoder.document_gradients(tokens))[0].double()
        expected = expected / expected.norm()
        difference = np.linalg.norm(stored[name].astype(np.float64) - expected.numpy())
        assert difference < 2e-3
        assert np.linalg.norm(stored[name].astype(np.float64)) == pytest.approx(1, abs=1e-3)


def test_a_query_is_stored_before_unit_norm_and_as_it_was_computed(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    with small_corpus.store.database.connect() as connection:
        _, encoder = load_encoder(connection, "small")
        found = connection.execute(
            "SELECT prompt, target, gradient FROM trackstar.query_gradient JOIN trackstar.query USING (query_id)"
        ).fetchall()
    assert len(found) == 12
    for prompt, target, gradient in found:
        expected = query_encodings(encoder, [query_piece(encoder.loaded.tokenizer, prompt, target, 64)])[0]
        np.testing.assert_allclose(gradient.to_numpy(), expected.numpy(), rtol=1e-4, atol=1e-5 * expected.norm())


def test_an_encoder_from_the_database_is_the_one_that_was_fitted(small_corpus: SmallCorpus) -> None:
    small_corpus.store.create_encoding(small_corpus.new_encoding())
    with small_corpus.store.database.connect() as connection:
        encoding, encoder = load_encoder(connection, "small")
        texts = [text for (text,) in connection.execute("SELECT text FROM tda.document ORDER BY 1")]
    assert encoding.dimension == 4 * 4 * 4
    assert encoding.recipe["blocks"] == ["layer 0 attention", "layer 0 MLP", "layer 1 attention", "layer 1 MLP"]
    tokens = tokenize_documents(encoder.loaded.tokenizer, texts, encoder.settings.max_tokens)
    gradients = encoder.document_gradients(tokens).double().numpy().reshape(60, 4, 16)
    assert encoder.inverse_roots is not None
    for block in range(4):  # R^(-1/2) of all 60 documents, from the definition
        autocorrelation = gradients[:, block].T @ gradients[:, block] / 60
        damped = autocorrelation + 0.1 * np.trace(autocorrelation) / 16 * np.eye(16)
        values, vectors = np.linalg.eigh(damped)
        expected = vectors @ np.diag(values**-0.5) @ vectors.T
        np.testing.assert_allclose(
            encoder.inverse_roots[block].numpy(), expected, rtol=1e-3, atol=1e-4 * abs(expected).max()
        )


@pytest.mark.parametrize("second_moment", ["rank1", "full", "none"])
def test_second_moments_survive_the_database(small_corpus: SmallCorpus, second_moment: str) -> None:
    new = NewEncoding("e", str(small_corpus.model), "small", block_rank=3, second_moment=second_moment)  # type: ignore[arg-type]
    small_corpus.store.create_encoding(new)
    with small_corpus.store.database.connect() as connection:
        _, encoder = load_encoder(connection, "e")
    tokens = tokenize_documents(encoder.loaded.tokenizer, ["the capital of France is Paris"], 64)
    stored, _, outcomes = document_encodings(encoder, tokens)
    assert outcomes == ["stored"]
    assert encoder.settings.second_moment == second_moment
    assert bool(encoder.second_moments) == (second_moment != "none")
    assert np.isfinite(stored).all()


def test_encoding_again_stores_nothing_and_changes_nothing(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    before = rows(small_corpus, DIGEST)
    summary = small_corpus.store.encode_documents("small", "small")
    assert (summary.stored, summary.already_encoded) == (0, 60)
    assert small_corpus.store.encode_queries("small", "facts").stored == 0
    assert rows(small_corpus, DIGEST) == before


def test_documents_added_later_are_encoded_and_the_others_left_alone(
    small_corpus: SmallCorpus, write_records: WriteRecords
) -> None:
    small_corpus.encode()
    before = dict(rows(small_corpus, STORED.replace("gradient F", "gradient::text F")))
    more = write_records("more.jsonl", [{"id": "new", "text": "the king of Rome"}])
    small_corpus.store.load_documents([more], corpus="small")
    assert small_corpus.store.encode_documents("small", "small").stored == 1
    after = dict(rows(small_corpus, STORED.replace("gradient F", "gradient::text F")))
    assert after.pop("new")
    assert after == before


def test_two_token_budgets_give_the_same_gradients(small_corpus: SmallCorpus) -> None:
    gradients = []
    for name, budget in (("a", 64), ("b", 8192)):
        small_corpus.store.create_encoding(small_corpus.new_encoding(name))
        encode_documents(small_corpus.store.database, name, "small", token_budget=budget)
        with small_corpus.store.database.connect() as connection:
            encoding, _ = load_encoder(connection, name)
            blocks = GradientReader(connection, encoding).blocks()
            gradients.append(np.concatenate([block.gradients for block in blocks]))
    np.testing.assert_allclose(gradients[0].astype(float), gradients[1].astype(float), atol=2e-3)


def digest_of(corpus: SmallCorpus, encoding: str) -> list[tuple[object, ...]]:
    """What an encoding has stored, as one value, and how many documents that is."""
    return rows(
        corpus,
        """SELECT md5(string_agg(document_id || outcome || norm || gradient::text, ',' ORDER BY document_id)), count(*)
           FROM trackstar.encoded_document JOIN trackstar.encoding USING (encoding_id)
           LEFT JOIN trackstar.gradient USING (encoding_id, document_id)
           WHERE name = %s""",
        encoding,
    )


def test_a_batch_that_cannot_be_written_is_an_error_and_leaves_whole_batches(
    small_corpus: SmallCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackstar_db.encoding.documents.CHUNK_DOCUMENTS", 25)
    for name in ("undisturbed", "disturbed"):
        small_corpus.store.create_encoding(small_corpus.new_encoding(name))
    database = small_corpus.store.database
    encode_documents(database, "undisturbed", "small", token_budget=100)
    refuse = """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON trackstar.encoded_document FOR EACH ROW
            WHEN (NEW.document_id = 40) EXECUTE FUNCTION refuse()"""
    with database.connect() as connection:
        connection.execute(refuse)
    with pytest.raises(psycopg.errors.RaiseException, match="refused"):
        encode_documents(database, "disturbed", "small", token_budget=100)
    ((_, written),) = digest_of(small_corpus, "disturbed")
    assert 25 <= written < 60  # type: ignore[operator]  # the first chunk, and what came before in the second
    with database.connect() as connection:
        connection.execute("DROP FUNCTION refuse CASCADE")
    summary = encode_documents(database, "disturbed", "small", token_budget=100)
    assert (summary.already_encoded, summary.stored) == (written, 60 - written)  # type: ignore[operator]
    assert digest_of(small_corpus, "disturbed") == digest_of(small_corpus, "undisturbed")


def test_an_encoding_that_is_interrupted_while_it_waits_for_the_database_is_continued(
    small_corpus: SmallCorpus,
) -> None:
    for name in ("undisturbed", "disturbed"):
        small_corpus.store.create_encoding(small_corpus.new_encoding(name))
    database = small_corpus.store.database
    encode_documents(database, "undisturbed", "small", token_budget=100)
    waiting = """
        SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
        WHERE NOT granted AND datname = current_database()"""

    def interrupt() -> None:
        while rows(small_corpus, waiting) == [(0,)]:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    with database.connect() as other:
        other.execute("LOCK TABLE trackstar.encoded_document IN SHARE MODE")
        watcher = threading.Thread(target=interrupt, daemon=True)
        watcher.start()
        with pytest.raises(KeyboardInterrupt):
            encode_documents(database, "disturbed", "small", token_budget=100)
        watcher.join()
    assert digest_of(small_corpus, "disturbed")[0][1] == 0
    assert encode_documents(database, "disturbed", "small", token_budget=100).stored == 60
    assert digest_of(small_corpus, "disturbed") == digest_of(small_corpus, "undisturbed")


def test_a_new_text_takes_the_old_gradient_away(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    rows(small_corpus, "UPDATE trackstar.document SET text = 'Rome' WHERE external_id = 's3' RETURNING 1")
    assert ("s3",) not in [row[:1] for row in rows(small_corpus, STORED)]
    assert small_corpus.store.encode_documents("small", "small").stored == 1
    assert len(rows(small_corpus, STORED)) == 60


def test_a_text_that_changes_while_it_is_encoded_is_encoded_again(small_corpus: SmallCorpus) -> None:
    small_corpus.store.create_encoding(small_corpus.new_encoding())
    with small_corpus.store.database.connect() as connection:
        encoding, encoder = load_encoder(connection, "small")
        read = connection.execute(query("encode_texts"), {"document_ids": [1, 2]}).fetchall()
    tokens = tokenize_documents(encoder.loaded.tokenizer, [text for _, _, text, _ in read], 64)
    documents = [Document(row[0], row[1], row[3], tokens) for row, tokens in zip(read, tokens, strict=True)]
    gradients, norms, outcomes = document_encodings(encoder, tokens)
    rows(
        small_corpus,
        "UPDATE trackstar.document SET text = 'Rome', content_digest = sha256('Rome') WHERE document_id = 2 "
        "RETURNING 1",
    )
    with small_corpus.store.database.connect() as connection:
        written = write_batch(
            connection, encoding, list(zip(documents, outcomes, gradients, norms.tolist(), strict=True))
        )
    assert [document.document_id for document, *_ in written] == [1]
    assert small_corpus.store.encode_documents("small", "small").stored == 59


def test_the_largest_gradient_fits_on_its_page(small_corpus: SmallCorpus, tmp_path: Path) -> None:
    model = small_model("llama", torch.float32, layers=3)  # 6 blocks of 26²: 4,056 numbers
    model.save_pretrained(tmp_path / "deep")
    byte_level_tokenizer().save_pretrained(tmp_path / "deep")
    new = NewEncoding("e", str(tmp_path / "deep"), "small", block_rank=26, second_moment="none")
    encoding = small_corpus.store.create_encoding(new)
    assert (encoding.dimension, encoding.is_by_block) == (4056, False)
    assert small_corpus.store.encode_documents("e", "small").stored == 60


def test_token_counts_and_truncation_are_recorded(small_corpus: SmallCorpus, write_records: WriteRecords) -> None:
    long = write_records("long.jsonl", [{"id": "long", "text": "king " * 100}])
    small_corpus.store.load_documents([long], corpus="small")
    new = NewEncoding("cut", str(small_corpus.model), "small", block_rank=3, long_documents="truncate")
    small_corpus.store.create_encoding(new)
    assert small_corpus.store.encode_documents("cut", "small").truncated > 0
    tokenizer_count = len(load_tokens(small_corpus, "king " * 100))
    assert rows(small_corpus, "SELECT token_count FROM tda.document WHERE external_id = 'long'") == [(tokenizer_count,)]
    assert rows(
        small_corpus,
        "SELECT is_truncated FROM trackstar.encoded_document JOIN trackstar.document USING (document_id) "
        "WHERE external_id = 'long'",
    ) == [(True,)]


def load_tokens(corpus: SmallCorpus, text: str) -> list[int]:
    from transformers import AutoTokenizer

    return list(AutoTokenizer.from_pretrained(corpus.model)(text)["input_ids"])


def test_documents_without_a_usable_gradient_are_reported_and_never_stored(
    small_corpus: SmallCorpus, write_records: WriteRecords, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    save_small_model(broken, seed=1)
    spoil_token(broken, "Z")
    documents = [{"id": "nan", "text": "Zebra of Rome"}, {"id": "good", "text": "the king of Rome"}]
    small_corpus.store.load_documents([write_records("z.jsonl", documents)], corpus="small")
    new = NewEncoding("broken", str(broken), "small", block_rank=3, sample=10)
    small_corpus.store.create_encoding(new)
    summary = small_corpus.store.encode_documents("broken", "small")
    assert summary.failures == [("nan", "not finite")]
    assert any("'nan'" in notice and "not finite" in notice for notice in summary.notices)
    stored = {row[0] for row in rows(small_corpus, STORED)}
    assert "good" in stored
    assert "nan" not in stored
    assert small_corpus.store.encode_documents("broken", "small").already_encoded == 62  # not tried for ever


def spoil_token(directory: Path, token: str) -> None:
    """Make the model's answer to any text with this token NaN."""
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer

    weights = load_file(directory / "model.safetensors")
    number = AutoTokenizer.from_pretrained(directory).convert_tokens_to_ids(token)
    weights["model.embed_tokens.weight"][number] = torch.nan
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})


def test_another_model_is_refused(small_corpus: SmallCorpus, tmp_path: Path) -> None:
    small_corpus.store.create_encoding(small_corpus.new_encoding())
    save_small_model(tmp_path / "other", seed=2)
    with pytest.raises(EncodingMismatch, match="was made from model"):
        small_corpus.store.encode_documents("small", "small", str(tmp_path / "other"))
    assert rows(small_corpus, "SELECT count(*) FROM trackstar.encoded_document") == [(0,)]


def test_a_copy_of_the_model_elsewhere_is_taken(small_corpus: SmallCorpus, tmp_path: Path) -> None:
    small_corpus.store.create_encoding(small_corpus.new_encoding())
    save_small_model(tmp_path / "copy", seed=1)
    assert small_corpus.store.encode_documents("small", "small", str(tmp_path / "copy")).stored == 60


def test_an_encoding_is_frozen(small_corpus: SmallCorpus) -> None:
    small_corpus.store.create_encoding(small_corpus.new_encoding())
    for statement in (
        "UPDATE trackstar.encoding SET second_moment = 'none'",
        "UPDATE trackstar.encoding_tensor SET data = ''",
    ):
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="frozen"):
            rows(small_corpus, statement)


def test_a_gradient_of_the_wrong_dimension_cannot_be_stored(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    with pytest.raises(psycopg.errors.CheckViolation):
        rows(small_corpus, "UPDATE trackstar.gradient SET gradient = '[1,0]'")


def test_gradients_are_stored_plain(small_corpus: SmallCorpus) -> None:
    small_corpus.store.create_encoding(small_corpus.new_encoding())
    storage = "SELECT attstorage FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'gradient'"
    assert rows(small_corpus, storage, "trackstar.gradient_1") == [("p",)]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"corpus": "nowhere"}, NotFound, "no corpus named 'nowhere'; the database has: small"),
        ({"model": "/nowhere/model"}, ModelUnreadable, "/nowhere/model"),
        ({"optimizer_state": Path("/nowhere/optimizer.pt")}, SecondMomentError, "/nowhere/optimizer.pt"),
        ({"max_tokens": 10_000}, InputError, "the model reads 64 at once"),
        ({"sample": 0}, InputError, "expected 1 or more"),
        ({"name": ""}, InputError, "an encoding cannot be named ''"),
        ({"seed": 2**63}, InputError, "expected a whole number of 64 bits"),
        ({"block_rank": 65}, InputError, "block rank is 65; a row of PostgreSQL holds gradients up to block rank 64"),
        ({"blocks": 4097}, InputError, "blocks is 4,097; .* of 4,096 blocks"),
    ],
)
def test_a_wrong_setting_is_an_error_and_stores_nothing(
    small_corpus: SmallCorpus, change: dict[str, object], error: type[Exception], message: str
) -> None:
    settings: dict[str, object] = {
        "name": "e",
        "model": str(small_corpus.model),
        "corpus": "small",
        "block_rank": 3,
    }
    with pytest.raises(error, match=message):  # noqa: PT012 - either step may refuse
        new = NewEncoding(**{**settings, **change})  # type: ignore[arg-type]
        small_corpus.store.create_encoding(new)
    assert rows(small_corpus, "SELECT count(*) FROM trackstar.encoding") == [(0,)]


def test_a_taken_name_is_refused_before_any_work(small_corpus: SmallCorpus) -> None:
    small_corpus.store.create_encoding(small_corpus.new_encoding())
    with pytest.raises(AlreadyExists, match="trackstar encoding drop small"):
        small_corpus.store.create_encoding(small_corpus.new_encoding())


def test_no_second_moment_anywhere_says_what_can_be_given(small_corpus: SmallCorpus, tmp_path: Path) -> None:
    save_small_model(tmp_path / "bare", seed=1)
    (tmp_path / "bare" / "exp_avg_sq.safetensors").unlink()
    with pytest.raises(SecondMomentError, match="--estimate-second-moment N"):
        small_corpus.store.create_encoding(NewEncoding("e", str(tmp_path / "bare"), "small"))


def test_an_estimated_second_moment_is_recorded_as_such(small_corpus: SmallCorpus) -> None:
    new = NewEncoding("e", str(small_corpus.model), "small", block_rank=3, estimate_second_moment=20)
    recipe = small_corpus.store.create_encoding(new).recipe
    assert recipe["second_moment"]["source"] == "estimated"
    assert recipe["second_moment"]["pieces"] >= 20  # long documents are read in pieces
    assert small_corpus.store.encode_documents("e", "small").stored == 60


def test_a_corpus_without_gradients_cannot_fit_an_encoding(
    small_corpus: SmallCorpus, write_records: WriteRecords, tmp_path: Path
) -> None:
    save_small_model(tmp_path / "broken", seed=1)
    spoil_token(tmp_path / "broken", "Z")
    small_corpus.store.load_documents([write_records("z.jsonl", [{"id": "z", "text": "Z Z"}])], corpus="spoilt")
    with pytest.raises(EncodingIncomplete, match="R_train cannot be fitted"):
        small_corpus.store.create_encoding(NewEncoding("e", str(tmp_path / "broken"), "spoilt", block_rank=3))


def test_dropping_an_encoding_takes_its_gradients_but_not_a_runs_ground(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    small_corpus.store.attribute("small", "facts", "first", options=SearchOptions(top_k=3))
    with pytest.raises(InUse, match="first"):
        small_corpus.store.drop_encoding("small")
    small_corpus.store.drop_run("first")
    small_corpus.store.drop_encoding("small")
    for table in ("gradient", "encoded_document", "query_gradient", "encoding_tensor", "encoding"):
        assert rows(small_corpus, f"SELECT count(*) FROM trackstar.{table}") == [(0,)]  # noqa: S608
    assert rows(small_corpus, "SELECT to_regclass('trackstar.gradient_1')") == [(None,)]
