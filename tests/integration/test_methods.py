"""Every gradient method from two stored encodings, against its plain definition in float64."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.integration.conftest import SmallCorpus, WriteRecords
from trackstar_db.attribution.tokens import query_piece, tokenize_documents
from trackstar_db.encoding.encodings import load_encoder
from trackstar_db.errors import AlreadyExists, EncodingIncomplete, InputError, InUse, NotFound
from trackstar_db.search.methods import Method
from trackstar_db.search.request import SearchOptions

DAMPING, BLOCKS, WIDTH = 0.1, 4, 16
Matrix = NDArray[np.float64]


@pytest.fixture
def encoded(small_corpus: SmallCorpus) -> SmallCorpus:
    """With three encodings of everything: `small` (rank-1 V), `plain` (no V), `margin` (no V, the margin)."""
    small_corpus.encode()
    for name, loss in (("plain", "cross-entropy"), ("margin", "margin")):
        new = replace(small_corpus.new_encoding(name), second_moment="none", loss=loss)
        small_corpus.store.create_encoding(new)
        small_corpus.store.encode_documents(name, "small")
        small_corpus.store.encode_queries(name, "facts")
    return small_corpus


def projected(corpus: SmallCorpus, encoding: str) -> tuple[Matrix, Matrix, Matrix]:
    """Projected gradients of documents and queries, [example, block, k²], and each document's mean of 1 - p."""
    with corpus.store.database.connect() as connection:
        _, encoder = load_encoder(connection, encoding)
        texts = [text for (text,) in connection.execute("SELECT text FROM trackstar.document ORDER BY document_id")]
        asked = connection.execute("SELECT prompt, target FROM trackstar.query ORDER BY query_id").fetchall()
    tokenizer = encoder.loaded.tokenizer
    documents, doubts = encoder.gradients_and_doubts(tokenize_documents(tokenizer, texts, encoder.settings.max_tokens))
    pieces = [query_piece(tokenizer, prompt, target, encoder.settings.max_tokens) for prompt, target in asked]
    queries = encoder.query_gradients(pieces)
    shaped = [gradients.double().numpy().reshape(-1, BLOCKS, WIDTH) for gradients in (documents, queries)]
    return shaped[0], shaped[1], doubts.double().numpy()


def autocorrelation(gradients: Matrix) -> Matrix:
    return np.einsum("nbi,nbj->bij", gradients, gradients) / len(gradients)


def damped(matrix: Matrix) -> Matrix:
    means = np.trace(matrix, axis1=1, axis2=2) / WIDTH
    return matrix + DAMPING * means[:, None, None] * np.eye(WIDTH)


def scores_under(metric: Matrix, queries: Matrix, documents: Matrix, is_unit_norm: bool) -> Matrix:
    """g_q^T A g_m, over both lengths in unit norm: [query, document]."""
    scores = np.einsum("qbi,bij,mbj->qm", queries, metric, documents)
    if not is_unit_norm:
        return scores
    lengths = [np.sqrt(np.einsum("nbi,bij,nbj->n", side, metric, side)) for side in (queries, documents)]
    return scores / lengths[0][:, None] / lengths[1]


def definition(corpus: SmallCorpus, method: str, mixing_lambda: float) -> Matrix:
    encoding = {"trak": "margin"}.get(method, "plain" if method in ("tracin", "grad_cosine", "logra") else "small")
    documents, queries, doubts = projected(corpus, encoding)
    train = damped(autocorrelation(documents))
    identity = np.broadcast_to(np.eye(WIDTH), train.shape)
    mixed = mixing_lambda * autocorrelation(queries) + (1 - mixing_lambda) * train
    match method:
        case "tracin":
            return scores_under(identity, queries, documents, False)
        case "grad_cosine" | "less":
            return scores_under(identity, queries, documents, True)
        case "logra" | "trackstar_train":
            return scores_under(np.linalg.inv(train), queries, documents, True)
        case "trackstar":
            return scores_under(np.linalg.inv(mixed), queries, documents, True)
        case "trak":
            return scores_under(np.linalg.inv(train), queries, documents, False) * doubts
        case _:
            raise AssertionError(method)


def stored_scores(corpus: SmallCorpus, run: str) -> Matrix:
    """Scores of a run that kept every document: [query, document]."""
    with corpus.store.database.connect() as connection:
        rows = connection.execute(
            "SELECT array_agg(influence ORDER BY document_id) FROM tda.proponent "
            "WHERE run = %s AND direction = 'proponent' GROUP BY query_id ORDER BY query_id",
            (run,),
        ).fetchall()
    return np.array([row for (row,) in rows], dtype=np.float64)


METHODS = ["tracin", "grad_cosine", "logra", "less", "trackstar_train", "trackstar", "trak"]


def test_every_gradient_method_is_its_definition(encoded: SmallCorpus) -> None:
    names = ["small", "plain", "margin"]
    encoded.store.create_task("half", "small", "facts", mixing_lambda=0.5)
    for method in METHODS:
        options = SearchOptions(top_k=60, task="half" if method == "trackstar" else None)
        encoded.store.attribute(names, "facts", method, method, options)
        found, expected = stored_scores(encoded, method), definition(encoded, method, 0.5)
        assert found.shape == (12, 60)
        scale = np.abs(expected).max()
        assert np.abs(found - expected).max() <= 2e-3 * scale, method
        order = np.argsort(-expected, axis=1)[:, :10]
        same = [set(np.argsort(-row)[:10]) == set(best) for row, best in zip(found, order, strict=True)]
        assert np.mean(same) >= 0.9, method


def test_the_methods_differ_from_one_another(encoded: SmallCorpus) -> None:
    found = [definition(encoded, method, 0.5) for method in METHODS]
    ranks = [np.argsort(-scores, axis=1) for scores in found]
    assert all((ranks[i] != ranks[j]).any() for i in range(len(ranks)) for j in range(i))


def test_a_method_that_a_user_adds_runs_as_the_built_in_ones(encoded: SmallCorpus) -> None:
    plain = Method("trak_plain", "gradient", "TRAK, plain loss.", "", "none", "corpus", False, "cross-entropy")
    encoded.store.add_method(plain)
    with pytest.raises(AlreadyExists, match="'trak_plain' is there already"):
        encoded.store.add_method(plain)
    encoded.store.attribute("plain", "facts", "mine", "trak_plain", SearchOptions(top_k=60))
    documents, queries, _ = projected(encoded, "plain")
    expected = scores_under(np.linalg.inv(damped(autocorrelation(documents))), queries, documents, False)
    found = stored_scores(encoded, "mine")
    assert np.abs(found - expected).max() <= 2e-3 * np.abs(expected).max()
    encoded.store.drop_method("trak_plain")
    with pytest.raises(NotFound, match="no method named 'trak_plain'; there are: tracin"):
        encoded.store.attribute("plain", "facts", "again", "trak_plain")
    with pytest.raises(InUse, match="built in"):
        encoded.store.drop_method("tracin")
    with pytest.raises(InputError, match="says second_moment"):
        encoded.store.add_method(Method("half", "gradient", "Half a record."))
    with pytest.raises(InputError, match="method 'silent' has no description"):
        encoded.store.add_method(replace(plain, name="silent", description=" "))


def test_scores_of_two_checkpoints_are_averaged(encoded: SmallCorpus, tmp_path: Any) -> None:
    from tests.integration.conftest import save_small_model

    save_small_model(tmp_path, seed=7)
    store = encoded.store
    store.create_encoding(replace(encoded.new_encoding("later"), model=str(tmp_path)))
    store.encode_documents("later", "small")
    store.encode_queries("later", "facts")
    for run, names in (("first", ["small"]), ("second", ["later"]), ("both", ["small", "later"])):
        store.attribute(names, "facts", run, "trackstar_train", SearchOptions(top_k=60))
    mean = (stored_scores(encoded, "first") + stored_scores(encoded, "second")) / 2
    np.testing.assert_allclose(stored_scores(encoded, "both"), mean, atol=1e-6)
    with pytest.raises(InUse, match="both"):
        store.drop_encoding("later")
    store.create_encoding(encoded.new_encoding("twin"))
    with pytest.raises(InputError, match="all suit method 'trackstar_train', and some are of the same model"):
        store.attribute(["small", "twin"], "facts", "twins")


def test_averages_reach_every_document_that_two_checkpoints_share(
    encoded: SmallCorpus, write_records: WriteRecords, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.integration.conftest import save_small_model

    save_small_model(tmp_path, seed=7)
    store = encoded.store
    store.load_documents(
        [write_records("last.jsonl", [{"id": f"l{n}", "text": f"Paris is on a river {n}"} for n in range(4)])], "last"
    )
    store.encode_documents("small", "last")
    store.create_encoding(replace(encoded.new_encoding("later"), model=str(tmp_path)))
    store.encode_documents("later", "last")  # none of the 60 documents before them
    store.encode_queries("later", "facts")
    monkeypatch.setattr("trackstar_db.encoding.gradient_reader.BLOCK_ROWS", 3)
    for names in (["small", "later"], ["later", "small"]):
        summary = store.attribute(names, "facts", names[0], options=SearchOptions(top_k=60))
        assert summary.documents == 4
    np.testing.assert_allclose(stored_scores(encoded, "small"), stored_scores(encoded, "later"), atol=1e-6)
    done = store.attribute_all(["small", "later"], "facts", "all", options=SearchOptions(top_k=5))
    assert "ekfac was left out: it takes one model" in "\n".join(done.notices)
    assert "trackstar_train" in [summary.method for summary in done.runs]


def test_all_methods_make_a_run_each_and_go_on_where_they_were_stopped(
    encoded: SmallCorpus, run_trackstar: Callable[..., Any], database_url: str
) -> None:
    store = encoded.store
    store.attribute("small", "facts", "facts/less", "less", SearchOptions(top_k=5))
    done = store.attribute_all(["small", "plain"], "facts", "facts", options=SearchOptions(top_k=5))
    made = ["tracin", "grad_cosine", "logra", "trackstar_train", "trackstar", "ekfac", "bm25", "gold"]
    assert [summary.method for summary in done.runs] == made
    notices = "\n".join(done.notices)
    assert "run 'facts/less' is there already and stays as it is" in notices
    assert (
        "trak was left out: no encoding suits it (trackstar encoding create … --second-moment none --loss margin)"
        in notices
    )
    assert "dense was left out: no embedding model was named" in notices
    again = run_trackstar(
        "attribute", "--encoding", "small", "--query-set", "facts", "--run", "facts",
        "--method", "less", "--method", "gold", "--top-k", "5", "--format", "json",
    )  # fmt: skip
    assert (again.returncode, json.loads(again.stdout)) == (0, [])


def test_a_method_without_its_encoding_says_which_one_to_make(encoded: SmallCorpus) -> None:
    with pytest.raises(InputError, match="'tracin' needs an encoding made with --second-moment none; given: 'small'"):
        encoded.store.attribute("small", "facts", "first", "tracin")
    with pytest.raises(InputError, match="'trak' needs an encoding made with --second-moment none --loss margin"):
        encoded.store.attribute(["small", "plain"], "facts", "first", "trak")


def test_bm25_answers_queries_and_corpora_without_a_word(
    small_corpus: SmallCorpus, write_records: WriteRecords
) -> None:
    store = small_corpus.store
    asked = [{"id": "sum", "prompt": "2+2=", "target": "4"}, {"id": "words", "prompt": "the stone", "target": "was"}]
    store.load_queries([write_records("sums.jsonl", asked)], query_set="sums")
    store.load_documents([write_records("signs.jsonl", [{"id": "x", "text": "?"}])], corpus="signs")
    assert store.attribute([], "sums", "sums", "bm25").queries == 2
    assert store.attribute([], "sums", "signs", "bm25", SearchOptions(corpus="signs")).proponents == 0
    with store.database.connect() as connection:
        found = connection.execute("SELECT DISTINCT prompt FROM tda.proponent WHERE run = 'sums'").fetchall()
    assert found == [("the stone",)]  # who shares no word with anything has no proponents


def test_only_the_documents_of_a_corpus_are_ranked_where_one_is_named(
    encoded: SmallCorpus, write_records: WriteRecords
) -> None:
    store = encoded.store
    more = [{"id": f"o{n}", "text": f"Paris is the capital of France {n}"} for n in range(5)]
    store.load_documents([write_records("other.jsonl", more)], corpus="other")
    store.encode_documents("small", "other")
    for method in ("trackstar_train", "trackstar", "bm25"):
        summary = store.attribute("small", "facts", method, method, SearchOptions(top_k=70, corpus="other"))
        assert summary.documents == 5
        whole = store.attribute("small", "facts", f"{method}/all", method, SearchOptions(top_k=70))
        assert whole.documents == 65
    with store.database.connect() as connection:
        found = connection.execute(
            "SELECT run, array_agg(DISTINCT corpus) FROM tda.proponent WHERE run NOT LIKE '%/all' GROUP BY run"
        ).fetchall()
    assert dict(found) == {"trackstar_train": ["other"], "trackstar": ["other"], "bm25": ["other"]}
    store.load_documents([write_records("third.jsonl", more)], corpus="third")
    with pytest.raises(EncodingIncomplete, match="no document of corpus 'third' is encoded by 'small'"):
        store.attribute("small", "facts", "third", options=SearchOptions(corpus="third"))


def test_options_that_a_method_does_not_heed_are_refused(small_corpus: SmallCorpus) -> None:
    for method, options, named in (
        ("bm25", SearchOptions(rerank="first", task="own"), "task, rerank"),
        ("gold", SearchOptions(embedding_model="m"), "embedding_model"),
        ("trackstar_train", SearchOptions(curvature_rank=2), "curvature_rank"),
    ):
        with pytest.raises(InputError, match=f"method '{method}' has no use for {named}"):
            small_corpus.store.attribute([], "facts", "run", method, options)


def test_methods_without_gradients_rank_what_the_encodings_have_encoded(
    encoded: SmallCorpus, write_records: WriteRecords
) -> None:
    store = encoded.store
    more = [{"id": f"o{n}", "text": f"Paris is the capital of France {n}"} for n in range(5)]
    store.load_documents([write_records("other.jsonl", more)], corpus="other")
    for method in ("bm25", "gold"):
        assert store.attribute(["small"], "facts", f"own/{method}", method).documents == 60
        assert store.attribute([], "facts", f"every/{method}", method).documents == 65


def test_a_run_that_was_made_otherwise_is_not_taken_for_the_one_that_is_asked(encoded: SmallCorpus) -> None:
    store = encoded.store
    store.attribute_all([], "facts", "facts", ["bm25", "gold"], SearchOptions(top_k=5))
    with pytest.raises(AlreadyExists, match="'facts/bm25' is there already, made with top k 5; asked is top k 7"):
        store.attribute_all([], "facts", "facts", ["bm25", "gold"], SearchOptions(top_k=7))
    with pytest.raises(AlreadyExists, match="made with no corpus; asked is corpus 'small'"):
        store.attribute_all([], "facts", "facts", ["bm25"], SearchOptions(top_k=5, corpus="small"))
    store.attribute_all(["small"], "facts", "best", ["less"], SearchOptions(top_k=5, rerank="facts/bm25"))
    with pytest.raises(AlreadyExists, match=r"made with rerank 'facts/bm25'; asked is no rerank"):
        store.attribute_all(["small"], "facts", "best", ["less"], SearchOptions(top_k=5))
    encoded.encode("twin")
    with pytest.raises(AlreadyExists, match=r"made with encodings \['small'\]; asked is encodings \['twin'\]"):
        store.attribute_all(["twin"], "facts", "best", ["less"], SearchOptions(top_k=5, rerank="facts/bm25"))


def test_a_run_is_reranked_by_its_name_alone(encoded: SmallCorpus) -> None:
    store = encoded.store
    store.attribute([], "facts", "words", "bm25")
    options = SearchOptions(top_k=5, rerank="words")
    assert len(store.attribute_all(["small"], "facts", "best", ["less"], options).runs) == 1
    again = store.attribute_all(["small"], "facts", "best", ["less"], options)
    assert (again.runs, again.notices) == ([], ["run 'best/less' is there already and stays as it is"])
    with pytest.raises(NotFound, match=r"no run named 'wor\*'; the database has: words, best/less"):
        store.attribute(["small"], "facts", "other", "less", SearchOptions(top_k=5, rerank="wor*"))


def test_a_method_that_cannot_filter_ranks_nothing_else_instead(encoded: SmallCorpus) -> None:
    store, capitals = encoded.store, SearchOptions(top_k=5, relation="P36")
    done = store.attribute_all(["small"], "facts", "capitals", options=capitals)
    assert {run.method for run in done.runs} == {"less", "trackstar_train", "trackstar"}
    assert any("bm25 was left out: it does not rank the documents of a relation" in one for one in done.notices)
    with pytest.raises(InputError, match="'bm25' has no use for relation"):
        store.attribute_all(["small"], "facts", "capitals", ["bm25", "gold"], capitals)
    with pytest.raises(AlreadyExists, match=r"made with relation 'P36'; asked is no relation"):
        store.attribute_all(["small"], "facts", "capitals", ["trackstar_train"], SearchOptions(top_k=5))


@pytest.mark.parametrize("name", ["a,b", "all*", "facts/", "x?", "[x]", " "])
def test_a_run_has_no_name_that_would_mean_several(encoded: SmallCorpus, name: str) -> None:
    with pytest.raises(InputError, match="a run cannot be named"):
        encoded.store.attribute([], "facts", name, "gold")
