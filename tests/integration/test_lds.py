"""Retraining on subsets: kept, continued, and compared with the scores of runs."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from tests.integration.conftest import SmallCorpus
from trackstar_db.database.engine import Database, open_database
from trackstar_db.errors import InputError, NotFound
from trackstar_db.evaluation.lds import Retraining, linear_datamodeling_scores
from trackstar_db.evaluation.retraining import TrainingRecipe, read_recipe, train
from trackstar_db.search.request import SearchOptions

RECIPE = TrainingRecipe(epochs=2, batch_size=8, learning_rate=1e-2)
KEPT = """
    SELECT md5(string_agg(subset || document_ids::text || query_id || target_log_probability, '|'
                          ORDER BY subset, query_id)), count(*)
    FROM trackstar.retrained_subset JOIN trackstar.retrained_answer USING (retraining_id, subset)"""


def ask(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(statement).fetchall()  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def retrained(small_corpus: SmallCorpus, tmp_path: Path) -> Path:
    """A model trained on the small corpus, and runs `gold` and `bm25` over its facts."""
    small_corpus.store.retrain(tmp_path / "trained", str(small_corpus.model), "small", RECIPE)
    for method in ("gold", "bm25"):
        small_corpus.store.attribute([], "facts", method, method, SearchOptions(top_k=60))
    return tmp_path / "trained"


def halves(model: Path, subsets: int = 4, **settings: Any) -> Retraining:
    return Retraining("halves", str(model), "small", "facts", subsets, **settings)


def test_the_score_is_spearmans_correlation_of_sums_and_answers() -> None:
    random = np.random.default_rng(0)
    scores, members = random.normal(size=(5, 30)), random.random((12, 30)) < 0.5
    answers = scores @ members.T + random.normal(size=(5, 12))
    answers[3, :4] = answers[3, 0]  # ties
    answers[4] = -1.0  # nothing to tell apart
    found = linear_datamodeling_scores(scores, members, answers)
    for query in range(4):
        sums = [sum(scores[query, m] for m in range(30) if members[subset, m]) for subset in range(12)]
        assert found[query] == pytest.approx(spearmanr(sums, answers[query]).statistic, abs=1e-12)
    assert found[4] == 0


def test_a_trained_model_can_be_encoded_and_its_training_done_again(small_corpus: SmallCorpus, retrained: Path) -> None:
    assert read_recipe(retrained) == RECIPE
    store = small_corpus.store
    record = json.loads((retrained / "training.json").read_text())
    assert record["steps"] == 26  # twice through 60 documents, in stretches of 64 tokens
    assert record["learning_rate_last"] == pytest.approx(5e-4)
    again = retrained.parent / "again"
    store.retrain(again, str(retrained), "small", RECIPE)
    assert (again / "model.safetensors").read_bytes() == (retrained / "model.safetensors").read_bytes()
    state = torch.load(retrained / "optimizer.pt", weights_only=True)
    assert state["param_groups"][0]["lr"] == pytest.approx(5e-4)
    with pytest.raises(InputError, match="is there already, and not an empty folder"):
        store.retrain(again, str(retrained), "small", RECIPE)
    with pytest.raises(InputError, match="does not tell how its model was trained"):
        read_recipe(small_corpus.model)
    with pytest.raises(InputError, match=r"cannot make the folder .*: Not a directory"):  # told before the training
        store.retrain(again / "config.json" / "x", str(retrained), "small", RECIPE)


@pytest.mark.parametrize(("name", "value"), [("weight_decay", math.inf), ("learning_rate", math.nan), ("seed", 2**63)])
def test_a_recipe_that_no_training_can_follow_is_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"{name} is {value}; expected"):
        TrainingRecipe(**{name: value})  # type: ignore[arg-type]


def test_training_lowers_the_loss(small_corpus: SmallCorpus) -> None:
    from trackstar_db.attribution.model import load_model
    from trackstar_db.attribution.tokens import tokenize_documents

    loaded = load_model(small_corpus.model)
    (document,) = tokenize_documents(loaded.tokenizer, ["the capital of France is Paris"], 64)
    losses = []
    for epochs in (1, 30):
        model = train(loaded, list(document.pieces), TrainingRecipe(epochs=epochs, learning_rate=1e-2)).model
        ids = torch.tensor([document.pieces[0].token_ids])
        losses.append(float(model(input_ids=ids, labels=ids).loss))
    assert losses[1] < 0.5 * losses[0]
    with pytest.raises(InputError, match=r"not finite. Train with a learning rate below 1e\+30"):
        train(loaded, list(document.pieces), TrainingRecipe(epochs=2, learning_rate=1e30))


def test_runs_are_scored_and_the_view_shows_it(small_corpus: SmallCorpus, retrained: Path, database: Database) -> None:
    rows = small_corpus.store.evaluate_lds(halves(retrained), ["gold", "bm25"])
    assert {row["run"] for row in rows} == {"gold", "bm25"}
    for row in rows:
        assert -1 <= row["lds_low"] <= row["lds"] <= row["lds_high"] <= 1
        assert (row["subsets"], row["queries"]) == (4, 12)
    sizes = ask(database, "SELECT cardinality(document_ids) FROM trackstar.retrained_subset")
    assert sizes == [(30,)] * 4
    assert len(set(ask(database, "SELECT document_ids::text FROM trackstar.retrained_subset"))) == 4
    shown = ask(database, "SELECT run, lds FROM tda.lds WHERE retraining = 'halves' ORDER BY lds DESC, run")
    assert shown == [(row["run"], row["lds"]) for row in rows]


def test_more_subsets_and_other_runs_train_no_model_twice(
    small_corpus: SmallCorpus, retrained: Path, database: Database
) -> None:
    store = small_corpus.store
    store.evaluate_lds(halves(retrained, 2), ["gold"])
    first = ask(database, "SELECT subset, finished_at FROM trackstar.retrained_subset ORDER BY 1")
    store.evaluate_lds(halves(retrained, 4), ["gold", "bm25"])
    second = ask(database, "SELECT subset, finished_at FROM trackstar.retrained_subset ORDER BY 1")
    assert second[:2] == first
    assert len(second) == 4
    with pytest.raises(InputError, match=r"'halves' was made with fraction 0\.5; now it is 0\.25"):
        store.evaluate_lds(halves(retrained, 4, fraction=0.25), ["gold"])
    with database.connect() as connection:
        connection.execute(
            "UPDATE trackstar.document SET text = 'Rome', content_digest = sha256('Rome') WHERE document_id = 1"
        )
    with pytest.raises(InputError, match="'halves' was made with documents '"):
        store.evaluate_lds(halves(retrained, 4), ["gold"])


def test_a_retraining_is_listed_and_dropped(small_corpus: SmallCorpus, retrained: Path, database: Database) -> None:
    store = small_corpus.store
    store.evaluate_lds(halves(retrained, 2), ["gold"])
    (listed,) = store.retrainings()
    assert (listed["retraining"], listed["subsets"], listed["runs"], listed["fraction"]) == ("halves", 2, 1, 0.5)
    store.drop_retraining("halves")
    assert store.retrainings() == []
    assert ask(database, "SELECT count(*) FROM trackstar.retrained_answer") == [(0,)]
    with pytest.raises(NotFound, match="no retraining named 'halves'"):
        store.drop_retraining("halves")


def test_a_run_that_kept_too_little_is_refused(small_corpus: SmallCorpus, retrained: Path) -> None:
    small_corpus.encode()
    small_corpus.store.attribute("small", "facts", "short", options=SearchOptions(top_k=10))
    small_corpus.store.attribute([], "facts", "few words", "bm25", SearchOptions(top_k=1))  # other words have scores
    for run, kept in (("short", 10), ("few words", 1)):
        with pytest.raises(InputError, match=f"kept scores of {kept} documents for some query; corpus 'small' has 60"):
            small_corpus.store.evaluate_lds(halves(retrained), [run])


@pytest.mark.slow
def test_killed_and_started_again_it_ends_as_undisturbed(
    small_corpus: SmallCorpus, retrained: Path, database: Database, database_url: str,
    make_database_url: Callable[..., str],
) -> None:  # fmt: skip
    database.close()
    other_url = make_database_url(copy_of=database_url)
    other = open_database(other_url)
    arguments = ["evaluate", "lds", "halves", "--runs", "gold", "--model", str(retrained), "--corpus", "small",
                 "--query-set", "facts", "--subsets", "6"]  # fmt: skip
    command = [sys.executable, "-m", "trackstar_db.cli", *arguments]

    def start(url: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env={**os.environ, "TRACKSTAR_DATABASE_URL": url}, stdout=subprocess.DEVNULL)

    killed = start(database_url)
    deadline = time.monotonic() + 120
    while not ask(database, "SELECT FROM trackstar.retrained_subset WHERE subset >= 1") and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert len(ask(database, "SELECT FROM trackstar.retrained_subset")) < 6
    for url in (database_url, other_url):
        assert start(url).wait(timeout=200) == 0
    assert ask(database, KEPT) == ask(other, KEPT)
    assert ask(database, "SELECT run, lds, lds_low FROM tda.lds") == ask(other, "SELECT run, lds, lds_low FROM tda.lds")
    other.close()
