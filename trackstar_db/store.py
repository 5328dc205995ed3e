"""The library's front door: everything that the command `trackstar` does, as methods of one object."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from trackstar_db.engine import Database, open_database

if TYPE_CHECKING:  # torch and transformers take seconds to import: methods import them when they are called
    from trackstar_db.encode import EncodeSummary
    from trackstar_db.encodings import Encoding
    from trackstar_db.fitting import NewEncoding
    from trackstar_db.loaders import DocumentFields, LabelDefaults, LoadOptions, LoadSummary, Reader
    from trackstar_db.schema import SchemaState, Status
    from trackstar_db.search import RunSummary
    from trackstar_db.trace import Trace

Paths: TypeAlias = "Sequence[str | Path]"


class Store:
    """A trackstar database.

        with Store.open() as store:
            store.initialize()
            store.load_sentences(["sentences.jsonl"], corpus="trex")

    Every method raises TrackstarError; trackstar_db.errors draws the tree.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, url: str | None = None) -> Store:
        """The store at a URL, else at TRACKSTAR_DATABASE_URL or DATABASE_URL, else on the embedded server."""
        return cls(open_database(url))

    @cached_property
    def _current(self) -> Database:
        """The database, at the code's revision; raises SchemaOutOfDate otherwise."""
        from trackstar_db.schema import require_current

        require_current(self.database)
        return self.database

    def close(self) -> None:
        """Give back every connection; the embedded server goes on for other processes."""
        self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def initialize(self) -> SchemaState:
        """The schema, created or upgraded to the code's revision."""
        from trackstar_db.schema import initialize

        return initialize(self.database)

    def status(self) -> Status:
        """Versions, revision, rows and unfinished work."""
        from trackstar_db.schema import status

        return status(self.database)

    def load_documents(
        self,
        paths: Paths,
        corpus: str,
        reader: Reader = "auto",
        fields: DocumentFields | None = None,
        options: LoadOptions | None = None,
    ) -> LoadSummary:
        """What became of documents: JSONL, Parquet, CSV, text, C4 shards, dataset folders, `-`."""
        from trackstar_db import loaders

        fields, options = fields or loaders.DocumentFields(), options or loaders.LoadOptions()
        return loaders.load_documents(self._current, paths, corpus, reader, fields, options)

    def load_sentences(
        self, paths: Paths, corpus: str, reader: Reader = "auto", options: LoadOptions | None = None
    ) -> LoadSummary:
        """What became of trex_sentences: documents with the facts that they state."""
        from trackstar_db import loaders

        return loaders.load_sentences(self._current, paths, corpus, reader, options or loaders.LoadOptions())

    def load_facts(
        self,
        paths: Paths,
        query_set: str | None = None,
        prompt: str = "prompt0",
        reader: Reader = "auto",
        options: LoadOptions | None = None,
    ) -> LoadSummary:
        """What became of trex_facts, and with a query set of a query for each."""
        from trackstar_db import loaders

        options = options or loaders.LoadOptions()
        return loaders.load_facts(self._current, paths, query_set, prompt, reader, options)

    def load_queries(
        self, paths: Paths, query_set: str, reader: Reader = "auto", options: LoadOptions | None = None
    ) -> LoadSummary:
        """What became of queries: a prompt and a target each."""
        from trackstar_db import loaders

        return loaders.load_queries(self._current, paths, query_set, reader, options or loaders.LoadOptions())

    def load_labels(
        self,
        paths: Paths,
        defaults: LabelDefaults | None = None,
        reader: Reader = "auto",
        options: LoadOptions | None = None,
    ) -> LoadSummary:
        """What became of entailment labels: a document, a fact or query, and a score each."""
        from trackstar_db import loaders

        defaults, options = defaults or loaders.LabelDefaults(), options or loaders.LoadOptions()
        return loaders.load_labels(self._current, paths, defaults, reader, options)

    def create_encoding(self, new: NewEncoding, token_budget: int | None = None) -> Encoding:
        """A new encoding: V read or estimated, R fitted on a sample of the corpus."""
        from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET
        from trackstar_db.fitting import create_encoding

        return create_encoding(self._current, new, token_budget or DEFAULT_TOKEN_BUDGET)

    def encoding(self, name: str) -> Encoding:
        """One encoding with its whole recipe."""
        from trackstar_db.encodings import load_encoding

        with self._current.connect() as connection:
            return load_encoding(connection, name)

    def encodings(self) -> list[dict[str, Any]]:
        """Every encoding, a mapping each, by name."""
        from trackstar_db.encodings import list_encodings

        with self._current.connect() as connection:
            return list_encodings(connection)

    def drop_encoding(self, name: str) -> None:
        """Nothing; the encoding and its gradients are gone."""
        from trackstar_db.encodings import drop_encoding

        drop_encoding(self._current, name)

    def encode_documents(
        self, encoding: str, corpus: str, model: str | None = None, token_budget: int | None = None
    ) -> EncodeSummary:
        """What was encoded: every document of the corpus that the encoding lacked.

        model: where the encoding's model lies on this machine, if not where it was
        token_budget: tokens of one padded batch; a GPU wants more than the default
        """
        from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET
        from trackstar_db.encode import encode_documents

        return encode_documents(self._current, encoding, corpus, model, token_budget or DEFAULT_TOKEN_BUDGET)

    def encode_queries(self, encoding: str, query_set: str, model: str | None = None) -> EncodeSummary:
        """What was encoded: every query of the set that the encoding lacked."""
        from trackstar_db.encode import encode_queries

        return encode_queries(self._current, encoding, query_set, model)

    def attribute(self, encoding: str, query_set: str, run: str, top_k: int = 100) -> RunSummary:
        """The stored run: proponents and opponents of every query of a set."""
        from trackstar_db.search import attribute

        return attribute(self._current, encoding, query_set, run, top_k)

    def runs(self) -> list[dict[str, Any]]:
        """Every run, a mapping each, oldest first."""
        from trackstar_db.runs import list_runs

        return list_runs(self._current)

    def drop_run(self, name: str) -> None:
        """Nothing; the run and its proponents are gone."""
        from trackstar_db.runs import drop_run

        drop_run(self._current, name)

    def trace(self, prompt: str, target: str, encoding: str, k: int = 10, model: str | None = None) -> Trace:
        """The documents that influenced one prediction, found on the spot and not stored."""
        from trackstar_db.trace import trace

        return trace(self._current, prompt, target, encoding, k, model)
