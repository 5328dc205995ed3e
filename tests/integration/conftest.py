"""A small model and a small corpus, loaded, for the tests of encoding and search."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import torch
from safetensors.torch import save_file

from tests.integration.runs import run_named
from tests.integration.two_corpora import TwoCorpora, two_corpora
from tests.unit.attribution.small_models import byte_level_tokenizer, small_model
from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.database.engine import Database, open_database
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.store import Store
from trackstar_db.viewer import lists
from trackstar_db.viewer.lists import Listed, Run, View
from trackstar_db.viewer.statements import Statements

WORDS = [
    "the",
    "capital",
    "of",
    "France",
    "is",
    "Paris",
    "and",
    "Rome",
    "in",
    "Italy",
    "was",
    "never",
    "a",
    "king",
    "who",
    "lived",
    "by",
    "sea",
    "river",
    "stone",
]
FACTS = 12
DOCUMENTS = 60


@dataclass(frozen=True)
class SmallCorpus:
    """A store with facts, queries (set `facts`) and documents (corpus `small`), and a model to encode them with."""

    store: Store
    model: Path

    def new_encoding(self, name: str = "small") -> NewEncoding:
        return NewEncoding(name, str(self.model), "small", block_rank=4)

    def encode(self, name: str = "small") -> None:
        """Make the encoding and encode everything with it."""
        self.store.create_encoding(self.new_encoding(name))
        self.store.encode_documents(name, "small")
        self.store.encode_queries(name, "facts")


@pytest.fixture(scope="session")
def small_model_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama with grouped-query attention, saved with its tokenizer and second moments."""
    directory = tmp_path_factory.mktemp("model")
    save_small_model(directory, seed=1)
    return directory


def save_small_model(directory: Path, seed: int) -> None:
    model = small_model("llama", torch.float32)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=generator))
    model.save_pretrained(directory)
    byte_level_tokenizer().save_pretrained(directory)
    moments = {
        name: torch.rand(parameter.shape, generator=generator) * 1e-4 + 1e-6
        for name, parameter in model.named_parameters()
    }
    save_file(moments, directory / "exp_avg_sq.safetensors")


@pytest.fixture
def small_corpus(database: Database, tmp_path: Path, small_model_directory: Path) -> SmallCorpus:
    store = Store(database)
    facts, sentences = write_small_corpus(tmp_path)
    store.load_facts([facts], query_set="facts")
    store.load_sentences([sentences], corpus="small")
    return SmallCorpus(store, small_model_directory)


def write_small_corpus(directory: Path, documents: int = DOCUMENTS) -> tuple[Path, Path]:
    """trex_facts and trex_sentences: every fact is stated by two documents."""
    rng = random.Random(0)
    facts = [
        {
            "fact_id": f"f{n}",
            "entity0": f"place {n}",
            "relation": "capital" if n % 2 else "river",
            "entity1": rng.choice(WORDS),
            "entity0_uri": f"Q{n}",
            "predicate_uri": "P36" if n % 2 else "P47",
            "entity1_uri": f"Q{100 + n}",
            "entity0_alias": [],
            "entity1_alias": [],
            "trex_sentences": [f"s{n}"],
            "is_repetition": False,
            "prompt0": f"the {n} capital of {rng.choice(WORDS)} is",
            "prompt1": "",
            "prompt2": "",
        }
        for n in range(FACTS)
    ]
    sentences = [
        {
            "sentence_id": f"s{n}",
            "text": " ".join(rng.choices(WORDS, k=rng.randint(3, 40))) + f" {n}",
            "fact_triples": [f"f{n - FACTS}"] if FACTS <= n < 2 * FACTS else [],
        }
        for n in range(documents)
    ]
    return _write(directory / "facts.jsonl", facts), _write(directory / "sentences.jsonl", sentences)


def _write(path: Path, records: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


WriteRecords = Callable[[str, list[dict[str, object]]], Path]


@pytest.fixture
def write_records(tmp_path: Path) -> WriteRecords:
    """Writes JSON Lines under a name and gives the path."""
    return lambda name, records: _write(tmp_path / name, records)


@pytest.fixture(scope="module")
def corpora(test_server: EmbeddedServer) -> Iterator[TwoCorpora]:
    """Two databases, with and without the corpus zebra, and those who may read it or may not."""
    with two_corpora(test_server) as made:
        yield made


# What the viewer reads in the demo's database.


@pytest.fixture(scope="module")
def reader(demo_database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A session of tda_reader in the demo's database."""
    database = open_database(demo_database_url).as_role("tda_reader")
    with psycopg.connect(database.conninfo, prepare_threshold=None) as connection:
        connection.read_only = True
        yield connection


@pytest.fixture
def statements(reader: psycopg.Connection[Any]) -> Iterator[Statements]:
    yield Statements(reader)
    reader.rollback()


@pytest.fixture
def demo(statements: Statements) -> Run:
    return run_named(statements, "demo")


@pytest.fixture
def everything(statements: Statements, demo: Run) -> list[Listed]:
    """Every query of the run, in its order."""
    return lists.page(statements, demo, View(size=10_000)).queries
