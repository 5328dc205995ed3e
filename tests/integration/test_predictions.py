"""What a model says to queries: stored, judged as documented, resumed after a kill."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import torch
from psycopg.rows import dict_row
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.integration.conftest import SmallCorpus, WriteRecords
from tests.integration.test_kill import ask, finish, kill_after, start
from trackstar_db.attribution.model import load_model
from trackstar_db.database.engine import Database, open_database
from trackstar_db.errors import EncodingMismatch, InputError, NotFound
from trackstar_db.prediction import Sampling, generate, greedy_answer, states

PREDICTED = """
    SELECT md5(string_agg(concat_ws('|', q.external_id, p.greedy_answer, p.samples, p.confidence, p.target_probability,
                                    p.alternatives, p.is_correct, p.seed), '|' ORDER BY q.external_id)), count(*)
    FROM trackstar.prediction p JOIN trackstar.query q USING (query_id)"""


def predictions(database: Database, query_set: str) -> dict[str, dict[str, Any]]:
    """Rows of tda.prediction by the query's external id, as an analyst reads them."""
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        connection.execute("SET LOCAL ROLE tda_reader")
        rows = cursor.execute(
            "SELECT q.external_id, p.* FROM tda.prediction p JOIN tda.query q USING (query_id) WHERE p.query_set = %s",
            (query_set,),
        ).fetchall()
    return {row["external_id"]: row for row in rows}


class Exact:
    """The small model in float64, asked plainly."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder).double().eval()

    def probability(self, prompt: str, target: str) -> float:
        given, whole = (self.tokenizer(text)["input_ids"] for text in (prompt, f"{prompt} {target}"))
        with torch.no_grad():
            log_probabilities = self.model(torch.tensor([whole])).logits[0].log_softmax(-1)
        return math.exp(sum(float(log_probabilities[t - 1, whole[t]]) for t in range(len(given), len(whole))))

    def greedy(self, prompt: str, tokens: int) -> str:
        token_ids = self.tokenizer(prompt)["input_ids"]
        said: list[int] = []
        for _ in range(tokens):
            with torch.no_grad():
                said.append(int(self.model(torch.tensor([token_ids + said])).logits[0, -1].argmax()))
            if said[-1] == self.model.generation_config.eos_token_id:
                said.pop()
                break
        return str(self.tokenizer.decode(said, skip_special_tokens=True)).replace("\0", "\ufffd").strip()


@pytest.fixture
def exact(small_corpus: SmallCorpus) -> Exact:
    return Exact(small_corpus.model)


def test_a_fact_is_answered_right_by_its_object_or_an_alias(
    small_corpus: SmallCorpus, exact: Exact, write_records: WriteRecords
) -> None:
    summary = small_corpus.store.judge_predictions("facts", str(small_corpus.model), sampling=Sampling(samples=4))
    assert (summary.queries, summary.predicted, summary.judged, summary.failures) == (12, 12, 12, [])
    found = predictions(small_corpus.store.database, "facts")
    assert len(found) == 12
    for row in found.values():
        assert row["greedy_answer"] == exact.greedy(row["prompt"], 16)
        assert row["target_probability"] == pytest.approx(exact.probability(row["prompt"], row["target"]), rel=1e-4)
        assert len(row["samples"]) == 4
        assert row["confidence"] == sum(states(said, [row["target"]]) for said in row["samples"]) / 4
        assert row["is_correct"] is states(row["greedy_answer"], [row["target"]])
        assert row["alternatives"] is None
    assert summary.correct == sum(row["is_correct"] for row in found.values())


def test_an_alias_of_the_object_counts(small_corpus: SmallCorpus, exact: Exact) -> None:
    prompts = {row["external_id"]: row["prompt"] for row in asked(small_corpus.store.database)}
    name, answer = next((n, said) for n, p in prompts.items() if (said := exact.greedy(p, 16)).strip())
    with small_corpus.store.database.connect() as connection:
        connection.execute(
            """UPDATE trackstar.entity SET aliases = ARRAY[%s] WHERE entity_id =
               (SELECT object_entity_id FROM trackstar.fact WHERE fact_id = %s)""",
            (answer.upper(), name),
        )
    small_corpus.store.judge_predictions("facts", str(small_corpus.model), sampling=Sampling(samples=0))
    row = predictions(small_corpus.store.database, "facts")[name]
    assert row["is_correct"] is True
    assert (row["samples"], row["confidence"]) == ([], None)


def asked(database: Database) -> list[dict[str, Any]]:
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("SELECT * FROM tda.query ORDER BY query_id").fetchall()


def test_queries_that_are_no_facts_are_judged_by_what_they_have(
    small_corpus: SmallCorpus, exact: Exact, write_records: WriteRecords
) -> None:
    prompt, choices = "the king of", ["Rome", "Paris and France", "sea"]
    likely = sorted(choices, key=lambda choice: exact.probability(prompt, choice))
    said = exact.greedy("a river in", 16)
    records = [
        {"id": "best", "prompt": prompt, "target": likely[2], "alternatives": likely[:2]},
        {"id": "second", "prompt": prompt, "target": likely[1], "alternatives": choices},
        {"id": "sum", "prompt": "a river in", "target": "7", "ground_truth": said},
        {"id": "sums", "prompt": "a river in", "target": "7", "groundtruth": ["no such thing", said]},
        {"id": "wrong sum", "prompt": "a river in", "target": said, "ground_truth": 12},
        {"id": "story", "prompt": "the stone was", "target": "never a king"},
        {"id": "odd", "prompt": "the stone was", "target": "never", "alternatives": [["a list"]]},
    ]
    small_corpus.store.load_queries([write_records("q.jsonl", records)], query_set="mixed")
    summary = small_corpus.store.judge_predictions("mixed", str(small_corpus.model), sampling=Sampling(samples=2))
    found = predictions(small_corpus.store.database, "mixed")
    assert {name: row["is_correct"] for name, row in found.items()} == {
        "best": True,
        "second": False,
        "sum": True,
        "sums": True,
        "wrong sum": False,
        "story": None,
    }
    for name, alternatives in (("best", likely[:2]), ("second", [likely[0], likely[2]])):
        stored = found[name]["alternatives"]
        assert stored == {choice: pytest.approx(exact.probability(prompt, choice), rel=1e-4) for choice in alternatives}
    assert (summary.queries, summary.predicted, summary.judged, summary.correct) == (7, 6, 5, 3)
    assert [name for name, _ in summary.failures] == ["odd"]
    assert "alternatives holds ['a list']; expected a text or a list of texts" in summary.failures[0][1]


def test_samples_come_from_the_models_own_distribution(small_corpus: SmallCorpus, exact: Exact) -> None:
    loaded = load_model(small_corpus.model)
    (answers,) = generate(loaded, ["the king of"], Sampling(samples=4000, max_new_tokens=1))
    with torch.no_grad():
        token_ids = torch.tensor([exact.tokenizer("the king of")["input_ids"]])
        expected = exact.model(token_ids).logits[0, -1].softmax(-1)
    likeliest = int(expected.argmax())
    text = str(exact.tokenizer.decode([likeliest], skip_special_tokens=True)).replace("\0", "\ufffd").strip()
    same = [t for t in range(len(expected)) if str(exact.tokenizer.decode([t])).replace("\0", "\ufffd").strip() == text]
    share = sum(float(expected[token]) for token in same)
    found = np.mean([said == text for said in answers.samples])
    assert found == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 4000))


def test_answers_do_not_depend_on_the_company(small_corpus: SmallCorpus) -> None:
    loaded = load_model(small_corpus.model)
    prompts = ["the king of", "a river in Italy", "the king of", "Paris", "the sea of stone was", "a king of"]
    together = generate(loaded, prompts, Sampling(samples=5))
    assert together == [generate(loaded, [prompt], Sampling(samples=5))[0] for prompt in prompts]
    assert together[0] == together[2]
    assert together != generate(loaded, prompts, Sampling(samples=5, seed=1))
    assert [said.greedy for said in together] == [greedy_answer(loaded, prompt) for prompt in prompts]


def test_a_seed_that_cannot_be_stored_is_refused_before_the_work() -> None:
    with pytest.raises(InputError, match="seed is 9223372036854775808; expected a whole number of 64 bits"):
        Sampling(seed=2**63)


def test_what_was_asked_in_the_same_way_is_not_asked_again(small_corpus: SmallCorpus) -> None:
    store, model = small_corpus.store, str(small_corpus.model)
    store.judge_predictions("facts", model, sampling=Sampling(samples=2))
    before = ask(store.database, PREDICTED)
    again = store.judge_predictions("facts", model, sampling=Sampling(samples=2))
    assert (again.already_there, again.predicted) == (12, 0)
    with store.database.connect() as connection:
        connection.execute("DELETE FROM trackstar.prediction WHERE query_id % 3 = 0")
    assert store.judge_predictions("facts", model, sampling=Sampling(samples=2)).predicted == 4
    assert ask(store.database, PREDICTED) == before
    for sampling in (Sampling(samples=3), Sampling(samples=3, seed=1), Sampling(samples=3, seed=1, max_new_tokens=2)):
        assert store.judge_predictions("facts", model, sampling=sampling).predicted == 12
    assert all(len(row["samples"]) == 3 for row in predictions(store.database, "facts").values())


def test_the_model_of_an_encoding_is_asked(small_corpus: SmallCorpus, tmp_path: Path) -> None:
    from tests.integration.conftest import save_small_model

    store = small_corpus.store
    store.create_encoding(small_corpus.new_encoding())
    assert store.judge_predictions("facts", encoding="small", sampling=Sampling(samples=0)).predicted == 12
    by_folder = store.judge_predictions("facts", str(small_corpus.model), sampling=Sampling(samples=0))
    assert by_folder.already_there == 12
    save_small_model(tmp_path / "other", seed=2)
    with pytest.raises(EncodingMismatch, match="encoding 'small' was made from model"):
        store.judge_predictions("facts", str(tmp_path / "other"), "small")
    with pytest.raises(InputError, match="no model is named"):
        store.judge_predictions("facts")
    with pytest.raises(NotFound, match="no query set named 'x'"):
        store.judge_predictions("x", str(small_corpus.model))


def test_a_prediction_goes_when_its_query_changes(small_corpus: SmallCorpus) -> None:
    store = small_corpus.store
    store.judge_predictions("facts", str(small_corpus.model), sampling=Sampling(samples=0))
    with store.database.connect() as connection:
        connection.execute("UPDATE trackstar.query SET target = 'another' WHERE external_id = 'f1'")
    assert "f1" not in predictions(store.database, "facts")


@pytest.mark.parametrize(
    ("answer", "target", "is_stated"),
    [
        ("Paris, France", "paris", True),
        ("Parisian", "Paris", False),
        ("12 apples", "12", True),
        ("12.", "12", True),
        ("12.5", "12", False),
        ("1,200", "1", False),
        ("U.S. law", "U.S.", True),
        ("", "", False),
        ("x", " ", False),
    ],
)
def test_an_answer_states_whole_words_and_whole_numbers(answer: str, target: str, is_stated: bool) -> None:
    assert states(answer, [target]) is is_stated


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_predictions_killed_halfway_end_as_undisturbed_ones(
    small_corpus: SmallCorpus, database_url: str, make_database_url: Callable[..., str], write_records: WriteRecords
) -> None:
    records = [{"id": f"q{n}", "prompt": "the king of " * (n % 9 + 1), "target": f"{n}"} for n in range(120)]
    small_corpus.store.load_queries([write_records("q.jsonl", records)], query_set="many")
    small_corpus.store.close()
    judge = ("judge", "predictions", "--query-set", "many", "--model", small_corpus.model, "--format", "json")
    copy = make_database_url(copy_of=database_url)
    undisturbed = json.loads(finish(start(database_url, *judge)))
    assert undisturbed["predicted"] == 120
    expected = ask(small_corpus.store.database, PREDICTED)
    database = open_database(copy)
    is_halfway = "SELECT count(*) > 30 FROM trackstar.prediction"
    assert kill_after(start(copy, *judge), lambda: bool(ask(database, is_halfway)[0]), 0)
    summary = json.loads(finish(start(copy, *judge)))
    assert 30 < summary["already_there"] < 120
    assert summary["already_there"] + summary["predicted"] == 120
    assert ask(database, PREDICTED) == expected
    database.close()


def test_the_private_table_is_closed_to_readers(small_corpus: SmallCorpus) -> None:
    with small_corpus.store.database.connect() as connection:
        connection.execute("SET LOCAL ROLE tda_reader")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("SELECT * FROM trackstar.prediction")
