"""Entailment labels: by names, by an NLI model, imported; resumable, and the judge of a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import processors
from torch import nn
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from tests.integration.conftest import SmallCorpus, WriteRecords
from tests.integration.test_kill import finish, kill_after, start
from tests.unit.attribution.small_models import VOCABULARY, byte_level_tokenizer
from trackstar_db.database.engine import Database, open_database
from trackstar_db.errors import InputError, ModelUnreadable, ModelUnsupported, NotFound
from trackstar_db.judges.nli import load_nli
from trackstar_db.loaders import LabelDefaults
from trackstar_db.store import Store

LONGEST = 96
LABELS = {0: "CONTRADICTION", 1: "Entailment", 2: "neutral"}


def save_classifier(folder: Path, labels: dict[int, str], is_roberta: bool = False) -> Path:
    """An encoder with random weights that classifies pairs, saved with its tokenizer."""
    torch.manual_seed(0)
    kind = RobertaConfig if is_roberta else BertConfig
    config = kind(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=LONGEST,
        id2label=labels,
        label2id={label: index for index, label in labels.items()},
    )
    model: PreTrainedModel = (RobertaForSequenceClassification if is_roberta else BertForSequenceClassification)(config)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, 0, 0.5)  # scores that differ from pair to pair
    model.save_pretrained(folder)
    backend = byte_level_tokenizer().backend_tokenizer
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A <s>", pair="<s> $A <s> $B:1 <s>:1", special_tokens=[("<s>", backend.token_to_id("<s>"))]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<s>",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"][:: 2 if is_roberta else 1],
    )
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_classifier(tmp_path_factory.mktemp("nli") / "judge", LABELS)


def add_run(database: Database, name: str, query_set: str, documents: int = 12) -> None:
    """A run that finds other documents for each query, as a method would."""
    with database.connect() as connection:
        connection.execute(
            """INSERT INTO trackstar.run (name, method, query_set_id, top_k, query_count, document_count, code_version,
                                          started_at, finished_at)
               SELECT %s, 'bm25', query_set_id, 12, 1, 1, 'x', now(), now()
               FROM trackstar.query_set WHERE name = %s""",
            (name, query_set),
        )
        connection.execute(
            """INSERT INTO trackstar.proponent (run_id, query_id, direction, rank, document_id, influence)
               SELECT run_id, query_id, direction, row_number() OVER (PARTITION BY query_id, direction ORDER BY place),
                      document_id, 0
               FROM (SELECT r.run_id, q.query_id, direction, d.document_id,
                            md5(r.name || q.query_id || direction || d.external_id) AS place,
                            row_number() OVER (PARTITION BY q.query_id, direction ORDER BY
                                               md5(r.name || q.query_id || direction || d.external_id)) AS n
                     FROM trackstar.run r
                     JOIN trackstar.query q USING (query_set_id)
                     CROSS JOIN trackstar.document d
                     CROSS JOIN (VALUES ('proponent'), ('opponent')) sign (direction)
                     WHERE r.name = %s) ranked
               WHERE n <= %s""",
            (name, documents),
        )


def labels(database: Database, labeler: str) -> dict[tuple[Any, ...], float]:
    """Score by (external id of the document, fact_id, prompt of a query that is no fact)."""
    with database.connect() as connection:
        rows = connection.execute(
            """SELECT d.external_id, l.fact_id, q.prompt, l.score FROM trackstar.entailment_label l
               JOIN trackstar.document d USING (document_id) LEFT JOIN trackstar.query q USING (query_id)
               WHERE labeler = %s""",
            (labeler,),
        ).fetchall()
    found = {tuple(key): score for *key, score in rows}
    assert len(found) == len(rows)
    return found


def first_proponents(database: Database, runs: list[str], k: int) -> set[tuple[str, str | None, str | None]]:
    with database.connect() as connection:
        rows = connection.execute(
            """SELECT external_id, fact_id, CASE WHEN fact_id IS NULL THEN prompt END FROM tda.proponent
               WHERE run = ANY(%s) AND direction = 'proponent' AND rank <= %s""",
            (runs, k),
        ).fetchall()
    return {(document, fact, prompt) for document, fact, prompt in rows}


def judged(database: Database) -> dict[str, tuple[str | None, float]]:
    with database.connect() as connection:
        rows = connection.execute("SELECT name, ais_labeler, ais_threshold FROM trackstar.run").fetchall()
    return {name: (labeler, threshold) for name, labeler, threshold in rows}


def test_alias_match_finds_names_of_subject_and_object(database: Database, write_records: WriteRecords) -> None:
    store = Store(database)
    shared = {"relation": "capital", "predicate_uri": "P36", "prompt0": "The capital is"}
    facts = [
        {**shared, "fact_id": "f1", "entity0": "Italy", "entity0_uri": "Q1", "entity1": "Rome", "entity1_uri": "Q2",
         "entity0_alias": ["the Boot"], "entity1_alias": ["Roma"]},
        {**shared, "fact_id": "f2", "entity0": "U.S.", "entity0_uri": "Q3", "entity1": "Rome", "entity1_uri": "Q2"},
    ]  # fmt: skip
    texts = ["ROMA, Italy", "Romeo of Italy", "The Boot has Rome", "The U.S. has a Rome too"]
    store.load_facts([write_records("facts.jsonl", facts)], query_set="facts")
    documents = [{"id": f"d{n}", "text": text} for n, text in enumerate(texts)]
    store.load_documents([write_records("documents.jsonl", documents)], corpus="c")
    add_run(database, "first", "facts")
    summary = store.judge_entailment(["first"], "alias_match")
    stated = {("d0", "f1", None), ("d2", "f1", None), ("d3", "f2", None)}
    pairs = {(f"d{n}", fact, None) for n in range(4) for fact in ("f1", "f2")}
    assert labels(database, "alias_match") == {pair: float(pair in stated) for pair in pairs}
    assert (summary.labeler, summary.runs, summary.pairs, summary.labelled) == ("alias_match", 1, 8, 8)
    assert judged(database) == {"first": ("alias_match", 0.5)}


def test_the_first_k_proponents_of_all_runs_are_labelled_once(small_corpus: SmallCorpus) -> None:
    store, database = small_corpus.store, small_corpus.store.database
    for name in ("runs/a", "runs/b", "other"):
        add_run(database, name, "facts")
    a, both = first_proponents(database, ["runs/a"], 3), first_proponents(database, ["runs/a", "runs/b"], 5)
    assert store.judge_entailment(["runs/a"], "alias_match", k=3).labelled == len(a)
    assert set(labels(database, "alias_match")) == a
    summary = store.judge_entailment(["runs/*"], "alias_match", k=5, threshold=0.25)
    assert (summary.pairs, summary.already_labelled, summary.labelled) == (len(both), len(a), len(both) - len(a))
    assert set(labels(database, "alias_match")) == both
    assert judged(database) == {
        "runs/a": ("alias_match", 0.25), "runs/b": ("alias_match", 0.25), "other": (None, 0.5),
    }  # fmt: skip
    store.judge_entailment(["runs/b"], "alias_match")
    assert judged(database)["runs/b"] == ("alias_match", 0.5)


@pytest.fixture
def two_runs(small_corpus: SmallCorpus, write_records: WriteRecords) -> Store:
    """Run `facts`, and run `sums` for two queries that are no facts, one with a prompt too long for the model."""
    store = small_corpus.store
    queries = [
        {"id": "q1", "prompt": "one and\n one is ", "target": "two"},
        {"id": "q2", "prompt": "one and " * 30, "target": "two"},
    ]
    store.load_queries([write_records("q.jsonl", queries)], query_set="sums")
    add_run(store.database, "facts", "facts")
    add_run(store.database, "sums", "sums")
    return store


class PlainClassifier:
    """The definition: one pair at a time in float64, unpadded; the premise cut to what the model reads."""

    def __init__(self, folder: Path) -> None:
        self.model = BertForSequenceClassification.from_pretrained(folder).double().eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    @torch.no_grad()
    def score(self, premise: str, hypothesis: str) -> float:
        encoded = self.tokenizer(premise, hypothesis, truncation="only_first", max_length=LONGEST, return_tensors="pt")
        assert self.tokenizer.decode(encoded["input_ids"][0]).endswith(f"<s>{hypothesis}<s>")
        assert encoded["token_type_ids"].max() == 1
        return float(self.model(**encoded).logits.softmax(-1)[0, 1])


def test_a_model_s_label_is_its_probability_of_entailment(two_runs: Store, classifier: Path) -> None:
    store, database = two_runs, two_runs.database
    summary = store.judge_entailment(["*"], model=str(classifier), token_budget=500)
    assert summary.labeler == f"judge@{load_nli(classifier).digest.hex()[:8]}"
    found = labels(database, summary.labeler)
    with database.connect() as connection:
        texts = dict(connection.execute("SELECT external_id, text FROM trackstar.document").fetchall())
        facts = dict(connection.execute("SELECT fact_id, prompts[1] || ' ' || object || '.' FROM tda.fact").fetchall())
    asked = first_proponents(database, ["facts", "sums"], 10)
    assert set(found) == {key for key in asked if key[2] is None or "\n" in key[2]}
    assert summary.notices == ["10 pairs have no label: prompt and target alone are longer than the model reads."]
    assert 0 < summary.truncated < summary.labelled == len(found)
    plain = PlainClassifier(classifier)
    for (document, fact, _), score in found.items():
        hypothesis = "one and one is two." if fact is None else facts[fact]
        assert score == pytest.approx(plain.score(texts[document], hypothesis), abs=1e-5)
    assert max(found.values()) - min(found.values()) > 0.1


def test_the_labels_do_not_depend_on_what_was_labelled_before_or_on_the_batch(
    two_runs: Store, classifier: Path
) -> None:
    database = two_runs.database
    two_runs.judge_entailment(["*"], "at once", str(classifier))
    two_runs.judge_entailment(["sums"], "in steps", str(classifier), k=3, token_budget=100)
    two_runs.judge_entailment(["facts"], "in steps", str(classifier), k=4)
    two_runs.judge_entailment(["*"], "in steps", str(classifier))
    assert labels(database, "in steps") == pytest.approx(labels(database, "at once"), abs=1e-5)
    again = two_runs.judge_entailment(["*"], "at once", str(classifier))
    assert (again.labelled, again.already_labelled) == (0, len(labels(database, "at once")))


@pytest.mark.slow
def test_a_killed_labelling_continues_to_the_very_same_rows(
    two_runs: Store, classifier: Path, database_url: str, make_database_url: Callable[..., str]
) -> None:
    two_runs.database.close()  # a database with connections cannot be copied
    killed_url = make_database_url(copy_of=database_url)
    settings = ("--runs", "*", "--model", classifier, "--labeler", "nli", "--batch-tokens", 100)
    command = ("judge", "entailment", *settings)
    killed = open_database(killed_url)
    assert kill_after(start(killed_url, *command), lambda: len(labels(killed, "nli")) >= 20, 0)
    written = len(labels(killed, "nli"))
    assert judged(killed)["facts"] == (None, 0.5)
    for process in [start(killed_url, *command) for _ in range(2)]:
        finish(process)
    two_runs.judge_entailment(["*"], "nli", str(classifier), token_budget=100)
    expected = labels(two_runs.database, "nli")
    assert 20 <= written < len(expected)
    assert labels(killed, "nli") == expected
    assert judged(killed) == judged(two_runs.database) == {"facts": ("nli", 0.5), "sums": ("nli", 0.5)}
    killed.close()


def test_imported_labels_judge_a_run_alone(
    two_runs: Store, write_records: WriteRecords, run_trackstar: Callable[..., Any]
) -> None:
    database = two_runs.database
    with pytest.raises(NotFound, match=r"no label by 'people'; the database has no labels yet.*trackstar load labels"):
        two_runs.judge_entailment(["facts"], "people")
    (document, fact, _) = min(first_proponents(database, ["facts"], 1))
    records = [{"document_id": document, "fact_id": fact, "score": 0.65, "labeler": "people"}]
    two_runs.load_labels([write_records("labels.jsonl", records)], LabelDefaults(corpus="small"))
    with pytest.raises(NotFound, match="the database has labels by: people"):
        two_runs.judge_entailment(["facts"], "person")
    command = ("judge", "entailment", "--runs", "facts", "--labeler", "people", "--threshold", 0.7, "-k", 1)
    result = run_trackstar(*command, "--format", "json")
    assert result.returncode == 0, result.stderr
    assert {**json.loads(result.stdout), "seconds": 0} == {
        "labeler": "people", "runs": 1, "pairs": 12, "already_labelled": 1, "labelled": 0, "truncated": 0, "seconds": 0,
    }  # fmt: skip
    assert "11 of 12 pairs have no label by 'people'." in result.stderr
    assert judged(database) == {"facts": ("people", 0.7), "sums": (None, 0.5)}
    assert labels(database, "people") == {(document, fact, None): 0.65}


def test_alias_match_leaves_queries_that_are_no_facts_alone(two_runs: Store) -> None:
    with pytest.raises(InputError, match="are no facts, and alias_match knows names of facts alone"):
        two_runs.judge_entailment(["sums"], "alias_match")
    summary = two_runs.judge_entailment(["*"], "alias_match")
    assert (summary.pairs, summary.labelled) == (140, 120)
    assert summary.notices == [
        "20 pairs have no label: alias_match knows names of facts alone, and their queries are no facts."
    ]


def test_a_long_premise_is_cut_to_the_positions_that_tokens_can_have(tmp_path: Path) -> None:
    nli = load_nli(save_classifier(tmp_path / "roberta", LABELS, is_roberta=True))
    pairs = nli.tokenized(["the capital of France " * 50, "Paris"], ["Paris is the capital."] * 2)
    assert pairs.length(0) == LONGEST - 2  # RoBERTa's first position comes behind its padding token's
    assert pairs.truncated == {0}
    together = nli.probabilities(pairs, [0, 1])
    assert together == pytest.approx([nli.probabilities(pairs, [0])[0], nli.probabilities(pairs, [1])[0]], abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "no labeler is named"),
        ({"labeler": "alias_match", "model": "x"}, "cannot be named alias_match"),
        ({"labeler": "alias_match", "threshold": 1.5}, "the threshold is 1.5"),
        ({"labeler": "alias_match", "k": 0}, "k is 0"),
        ({"labeler": " "}, "a labeler cannot be named ' '"),
    ],
)
def test_contradicting_settings_are_refused(database: Database, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Store(database).judge_entailment(["facts"], **settings)


def test_a_model_that_cannot_judge_is_refused(small_model_directory: Path, classifier: Path, tmp_path: Path) -> None:
    unlabelled = save_classifier(tmp_path / "unlabelled", {0: "LABEL_0", 1: "LABEL_1"})
    with pytest.raises(ModelUnsupported, match="has the labels 'LABEL_0', 'LABEL_1'; expected"):
        load_nli(unlabelled)
    untrained = tmp_path / "untrained"
    BertForSequenceClassification.from_pretrained(classifier).bert.save_pretrained(untrained)
    byte_level_tokenizer().save_pretrained(untrained)
    config = json.loads((untrained / "config.json").read_text())
    (untrained / "config.json").write_text(json.dumps({**config, "id2label": LABELS}))
    with pytest.raises(ModelUnreadable, match=r"lack 2 tensors, first classifier\.bias"):
        load_nli(untrained)
    with pytest.raises(ModelUnsupported, match="'LABEL_0', 'LABEL_1'"):
        load_nli(small_model_directory)


@pytest.mark.parametrize(
    ("ais_score", "threshold", "is_entailed"), [(0.5, None, False), (0.51, None, True), (0.7, 0.7, False),
                                                (0.71, 0.7, True), (0.3, 0.2, True), (None, 0.2, None)],
)  # fmt: skip
def test_a_score_above_the_threshold_is_entailed(
    database: Database, ais_score: float | None, threshold: float | None, is_entailed: bool | None
) -> None:
    arguments = [ais_score] if threshold is None else [ais_score, threshold]
    call = f"SELECT tda.is_entailed({', '.join(['%s::float8'] * len(arguments))})"
    with database.connect() as connection:
        assert connection.execute(call, arguments).fetchone() == (is_entailed,)  # type: ignore[call-overload]
