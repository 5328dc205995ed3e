"""Tail-patch of runs: the numbers of the definition, each pair once, resumed after a kill, and what is refused."""

from __future__ import annotations

import json
import math
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.integration.conftest import SmallCorpus, WriteRecords, save_small_model
from tests.integration.test_kill import ask, finish, kill_after, start
from trackstar_db.database.engine import Database, open_database
from trackstar_db.errors import EncodingMismatch, InputError, NotFound, SecondMomentError
from trackstar_db.judges.tail_patch_step import TailPatchOptions
from trackstar_db.search.request import SearchOptions

LEARNING_RATE = 0.01
OPTIONS = TailPatchOptions(learning_rate=LEARNING_RATE)
TRIED = """
    SELECT md5(string_agg(concat_ws('|', document_id, query_id, delta), '|' ORDER BY document_id, query_id)), count(*)
    FROM trackstar.tail_patch"""
PATCHES = """
    SELECT q.external_id, q.prompt, q.target, d.text, t.rank, t.tail_patch_delta, t.optimizer, t.learning_rate
    FROM tda.tail_patch t JOIN tda.query q USING (query_id) JOIN tda.document d USING (document_id)
    WHERE t.run = %s ORDER BY q.query_id, t.rank"""


def patches(database: Database, run: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        connection.execute("SET LOCAL ROLE tda_reader")
        return connection.execute(PATCHES, (run,)).fetchall()


class Exact:
    """The definition in float64: Adam's step with V going on, the gradient in place of the first moment."""

    def __init__(self, folder: Path, beta2: float = 1.0, epsilon: float = 1e-8) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder).double().eval()
        self.moments = {name: v.double() for name, v in load_file(folder / "exp_avg_sq.safetensors").items()}
        self.beta2, self.epsilon = beta2, epsilon
        self.start = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}

    def probability(self, prompt: str, target: str) -> float:
        given, whole = (self.tokenizer(text)["input_ids"] for text in (prompt, prompt + target))
        with torch.no_grad():
            log_probabilities = self.model(torch.tensor([whole])).logits[0].log_softmax(-1)
        return math.exp(sum(float(log_probabilities[t - 1, whole[t]]) for t in range(len(given), len(whole))))

    def likeliest_letter(self, prompt: str) -> str:
        with torch.no_grad():
            logits = self.model(torch.tensor([self.tokenizer(prompt)["input_ids"]])).logits[0, -1]
        return max(string.ascii_letters, key=lambda letter: float(logits[self.tokenizer.convert_tokens_to_ids(letter)]))

    def delta(self, prompt: str, target: str, document: str, optimizer: str = "adam") -> float:
        before = self.probability(prompt, target)
        token_ids = torch.tensor([self.tokenizer(document)["input_ids"][:64]])
        logits = self.model(token_ids).logits[0, :-1]
        functional.cross_entropy(logits, token_ids[0, 1:], reduction="mean").backward()
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                g = parameter.grad
                v = self.beta2 * self.moments[name] + (1 - self.beta2) * g**2
                scale = {"adam": v.sqrt() + self.epsilon, "fresh_adam": g.abs() + self.epsilon, "sgd": 1.0}[optimizer]
                parameter -= LEARNING_RATE * g / scale
        after = self.probability(prompt, target)
        self.model.zero_grad()
        self.model.load_state_dict(self.start)
        return 100 * (after - before)


@pytest.fixture
def attributed(small_corpus: SmallCorpus) -> SmallCorpus:
    """Two runs over the facts that share some of their proponents, four for each query.

    The targets are single letters that the model finds likely: a step can change their probability.
    """
    store, exact = small_corpus.store, Exact(small_corpus.model)
    with store.database.connect() as connection:
        for number, prompt in connection.execute("SELECT query_id, prompt || ' ' FROM trackstar.query").fetchall():
            connection.execute(
                "UPDATE trackstar.query SET prompt = %s, target = %s WHERE query_id = %s",
                (prompt, exact.likeliest_letter(prompt), number),
            )
    small_corpus.encode()
    store.attribute("small", "facts", "first", options=SearchOptions(top_k=4))
    store.attribute("small", "facts", "second", "less", options=SearchOptions(top_k=4))
    return small_corpus


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "fresh_adam"])
def test_a_runs_deltas_are_those_of_the_definition(attributed: SmallCorpus, optimizer: Any) -> None:
    options = TailPatchOptions(optimizer, LEARNING_RATE, k=3, every=5)
    summary = attributed.store.judge_tail_patch(["first"], options)
    found = patches(attributed.store.database, "first")
    assert [(row[0], row[4]) for row in found] == [(f"f{n}", rank) for n in (0, 5, 10) for rank in (1, 2, 3)]
    exact = Exact(attributed.model)
    expected = [exact.delta(*row[1:4], optimizer) for row in found]
    assert max(map(abs, expected)) > 0.1
    assert [row[5] for row in found] == pytest.approx(expected, rel=2e-3, abs=2e-3)
    assert {row[6:] for row in found} == {(optimizer, LEARNING_RATE)}
    assert (summary.pairs, summary.computed, summary.already_there) == (9, 9, 0)
    means = [sum(expected[n : n + 3]) / 3 for n in (0, 3, 6)]
    error = torch.tensor(means).std() / math.sqrt(3)
    (told,) = summary.runs
    assert (told["run"], told["queries"]) == ("first", 3)
    assert told["tail_patch_delta"] == pytest.approx(sum(means) / 3, rel=1e-2, abs=2e-3)
    assert told["standard_error"] == pytest.approx(float(error), rel=1e-2, abs=2e-3)


def test_a_pair_that_runs_share_is_tried_once(attributed: SmallCorpus) -> None:
    store = attributed.store
    together = store.judge_tail_patch(["first", "second"], OPTIONS)
    shared = ask(
        store.database,
        """SELECT count(*), count(DISTINCT (query_id, document_id)), count(DISTINCT document_id)
           FROM trackstar.proponent WHERE direction = 'proponent'""",
    )
    assert shared[0] == 96
    assert together.pairs == together.computed == shared[1] < 96  # type: ignore[operator]
    assert together.steps == shared[2]
    assert [run["run"] for run in together.runs] == ["first", "second"]
    assert len(patches(store.database, "first")) == len(patches(store.database, "second")) == 48
    again = store.judge_tail_patch(["second"], OPTIONS)
    assert (again.computed, again.already_there, again.steps) == (0, 48, 0)


def test_what_is_missing_is_made_as_it_was(attributed: SmallCorpus) -> None:
    store = attributed.store
    store.judge_tail_patch(["*"], OPTIONS)
    expected = ask(store.database, TRIED)
    with store.database.connect() as connection:
        connection.execute("DELETE FROM trackstar.tail_patch WHERE (query_id + document_id) % 3 = 0")
    assert store.judge_tail_patch(["*"], OPTIONS).computed > 0
    assert ask(store.database, TRIED) == expected


def test_another_step_stands_beside_the_first(attributed: SmallCorpus) -> None:
    store = attributed.store
    store.judge_tail_patch(["first"], OPTIONS)
    before = patches(store.database, "first")
    other = TailPatchOptions("sgd", 2 * LEARNING_RATE)
    assert store.judge_tail_patch(["first"], other).computed == 48
    assert {row[6:] for row in patches(store.database, "first")} == {("sgd", 2 * LEARNING_RATE)}
    assert store.judge_tail_patch(["first"], OPTIONS).computed == 0
    assert patches(store.database, "first") == before


def test_the_last_learning_rate_is_the_training_runs(attributed: SmallCorpus, tmp_path: Path) -> None:
    store, options = attributed.store, TailPatchOptions(k=1, every=6)
    with pytest.raises(InputError, match=r"learning rate is not known.*Give the training run's last one with"):
        store.judge_tail_patch(["first"], options)
    save_small_model(tmp_path, seed=1)
    (tmp_path / "training.json").write_text(json.dumps({"learning_rate_last": LEARNING_RATE}))
    summary = store.judge_tail_patch(["first"], TailPatchOptions(beta2=0.9, k=1, every=6, model=str(tmp_path)))
    assert summary.learning_rate == LEARNING_RATE
    exact = Exact(tmp_path, beta2=0.9)
    for row in patches(store.database, "first"):
        assert row[5] == pytest.approx(exact.delta(*row[1:4]), rel=2e-3, abs=2e-3)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4, betas=(0.9, 0.95), eps=1e-6)
    for name, parameter in model.named_parameters():
        moments = exact.moments[name].float()
        optimizer.state[parameter] = {"step": torch.tensor(9.0), "exp_avg": moments, "exp_avg_sq": moments}
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    (tmp_path / "exp_avg_sq.safetensors").unlink()
    summary = store.judge_tail_patch(["first"], TailPatchOptions(k=1, every=6, model=str(tmp_path)))
    assert summary.learning_rate == 2e-4
    with store.database.connect() as connection:
        told = [settings for (settings,) in connection.execute("SELECT settings FROM trackstar.tail_patch_step")]
    assert (told[-1]["beta2"], told[-1]["epsilon"]) == (1.0, 1e-6)


def test_a_run_without_a_model_takes_the_others_or_the_named(attributed: SmallCorpus) -> None:
    store = attributed.store
    with store.database.connect() as connection:  # as bm25 and gold have it
        connection.execute("DELETE FROM trackstar.run_encoding WHERE run_id = 2")
        connection.execute("UPDATE trackstar.run SET encoding_id = NULL WHERE run_id = 2")
    with pytest.raises(InputError, match="none of the runs has an encoding that tells its model"):
        store.judge_tail_patch(["second"], OPTIONS)
    few = {"learning_rate": LEARNING_RATE, "k": 1, "every": 4}
    assert store.judge_tail_patch(["second"], TailPatchOptions(**few, model=str(attributed.model))).computed == 3
    assert store.judge_tail_patch(["second"], TailPatchOptions(**few, encoding="small")).already_there == 3
    assert len(store.judge_tail_patch(["first", "second"], TailPatchOptions(**few)).runs) == 2


def test_what_cannot_be_judged_is_said(attributed: SmallCorpus, tmp_path: Path) -> None:
    store = attributed.store
    save_small_model(tmp_path / "other", seed=2)
    with pytest.raises(EncodingMismatch, match="has digest"):
        store.judge_tail_patch(["first"], TailPatchOptions(learning_rate=1.0, model=str(tmp_path / "other")))
    (tmp_path / "other" / "exp_avg_sq.safetensors").unlink()
    with store.database.connect() as connection:
        connection.execute("DELETE FROM trackstar.run_encoding; UPDATE trackstar.run SET encoding_id = NULL")
    with pytest.raises(SecondMomentError, match=r"holds no optimizer\.pt.*or take --optimizer fresh_adam or sgd"):
        store.judge_tail_patch(["first"], TailPatchOptions(learning_rate=1.0, model=str(tmp_path / "other")))
    with_state = TailPatchOptions("sgd", 1.0, tmp_path, model=str(attributed.model))
    with pytest.raises(InputError, match="sgd uses no second moments"):
        store.judge_tail_patch(["first"], with_state)
    with pytest.raises(InputError, match="beta2 is nan; expected a number from 0 to 1"):
        store.judge_tail_patch(
            ["first"], TailPatchOptions(learning_rate=1.0, beta2=math.nan, model=str(attributed.model))
        )
    with pytest.raises(InputError, match="k is 0"):
        store.judge_tail_patch(["first"], TailPatchOptions(k=0))
    with pytest.raises(NotFound, match="no run named 'x'"):
        store.judge_tail_patch(["x"])


def test_runs_of_two_models_are_not_judged_together(attributed: SmallCorpus, tmp_path: Path) -> None:
    from trackstar_db.encoding.fitting import NewEncoding

    store = attributed.store
    save_small_model(tmp_path, seed=2)
    store.create_encoding(NewEncoding("other", str(tmp_path), "small", block_rank=4))
    store.encode_documents("other", "small")
    store.encode_queries("other", "facts")
    store.attribute("other", "facts", "third", options=SearchOptions(top_k=1))
    with pytest.raises(InputError, match=r"the runs stand on 2 models .*Judge the runs of each by themselves"):
        store.judge_tail_patch(["*"], OPTIONS)


def test_a_delta_goes_when_its_text_changes_and_long_documents_are_read_at_their_beginning(
    attributed: SmallCorpus, write_records: WriteRecords
) -> None:
    store = attributed.store
    options = TailPatchOptions(learning_rate=LEARNING_RATE, k=1, every=12)
    store.judge_tail_patch(["first"], options)
    ((_, prompt, target, text, *_),) = patches(store.database, "first")
    with store.database.connect() as connection:
        connection.execute(
            """UPDATE trackstar.document SET text = repeat(text || ' ', 30), content_digest = sha256('new')
               WHERE text = %s""",
            (text,),
        )
    assert patches(store.database, "first") == []
    assert store.judge_tail_patch(["first"], options).computed == 1
    (row,) = patches(store.database, "first")
    assert row[5] == pytest.approx(Exact(attributed.model).delta(prompt, target, row[3]), rel=2e-3, abs=2e-3)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_tail_patches_killed_halfway_end_as_undisturbed_ones(
    small_corpus: SmallCorpus, database_url: str, make_database_url: Callable[..., str], write_records: WriteRecords
) -> None:
    store = small_corpus.store
    texts = [{"id": f"t{n}", "text": "the king of the sea was never in Italy " * (n % 7 + 1)} for n in range(120)]
    store.load_documents([write_records("more.jsonl", texts)], corpus="small")
    with store.database.connect() as connection:
        connection.execute(
            """INSERT INTO trackstar.run (name, method, query_set_id, top_k, query_count, document_count, code_version,
                                          started_at, finished_at)
               VALUES ('many', 'gold', 1, 180, 12, 180, '', now(), now())"""
        )
        connection.execute(
            """INSERT INTO trackstar.proponent (run_id, query_id, direction, rank, document_id, influence)
               SELECT 1, query_id, 'proponent', document_id, document_id, 1 FROM trackstar.query, trackstar.document"""
        )
    store.close()
    options = ("--model", small_corpus.model, "--learning-rate", LEARNING_RATE, "-k", 180, "--format", "json")
    judge = ("judge", "tail-patch", "--runs", "many", *options)
    copy = make_database_url(copy_of=database_url)
    assert json.loads(finish(start(database_url, *judge)))["computed"] == 2160
    expected = ask(store.database, TRIED)
    database = open_database(copy)
    is_halfway = "SELECT count(*) > 300 FROM trackstar.tail_patch"
    assert kill_after(start(copy, *judge), lambda: bool(ask(database, is_halfway)[0]), 0)
    assert ask(database, "SELECT tail_patch_step_id FROM trackstar.run") == (None,)
    summary = json.loads(finish(start(copy, *judge)))
    assert 300 < summary["already_there"] < 2160
    assert summary["already_there"] + summary["computed"] == 2160
    assert ask(database, TRIED) == expected
    assert ask(database, "SELECT count(*) FROM tda.tail_patch") == (2160,)
    database.close()
