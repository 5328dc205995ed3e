"""The library's front door: everything that the command `trackstar` does, as methods of one object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from trackstar_db.store_frames import Frames
from trackstar_db.store_grants import Grants
from trackstar_db.store_indexes import Indexes
from trackstar_db.store_judging import Evidence

if TYPE_CHECKING:  # torch and transformers take seconds to import: methods import them when they are called
    from trackstar_db.encoding.encodings import Encoding
    from trackstar_db.encoding.fitting import NewEncoding
    from trackstar_db.encoding.summary import EncodeSummary
    from trackstar_db.estimates.estimate import Estimate, OnEstimate
    from trackstar_db.export import ExportSummary
    from trackstar_db.loaders import DocumentFields, LabelDefaults, LoadOptions, LoadSummary, Reader, ResultDefaults
    from trackstar_db.query_sets import NewQuerySet, Selection
    from trackstar_db.search.attribute import RunSummaries, RunSummary
    from trackstar_db.search.methods import Method
    from trackstar_db.search.request import SearchOptions
    from trackstar_db.search.tasks import Task
    from trackstar_db.search.trace import Trace, TraceOptions

Paths: TypeAlias = "Sequence[str | Path]"


class Store(Evidence, Frames, Grants, Indexes):
    """A trackstar database.

        with Store.open() as store:
            store.initialize()
            store.load_sentences(["sentences.jsonl"], corpus="trex")

    Every method raises TrackstarError; trackstar_db.errors draws the tree.
    """

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

    def load_results(
        self,
        paths: Paths,
        run: str,
        defaults: ResultDefaults | None = None,
        reader: Reader = "auto",
        options: LoadOptions | None = None,
    ) -> LoadSummary:
        """What became of retrieval results of the data release: a run, with its queries, documents and labels."""
        from trackstar_db import loaders

        defaults, options = defaults or loaders.ResultDefaults(), options or loaders.LoadOptions()
        return loaders.load_results(self._current, paths, run, defaults, reader, options)

    def export_results(self, run: str, output: str | Path | None = None) -> ExportSummary:
        """What was written: a run in the data release's format, to a file or to standard output."""
        from trackstar_db.export import export_results

        return export_results(self._current, run, output)

    def create_encoding(
        self, new: NewEncoding, token_budget: int | None = None, on_estimate: OnEstimate | None = None
    ) -> Encoding:
        """A new encoding: V read or estimated, R fitted on a sample of the corpus.

        on_estimate: told what it will take before it begins; what that raises stops it
        """
        from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET
        from trackstar_db.encoding.fitting import create_encoding

        return create_encoding(self._current, new, token_budget or DEFAULT_TOKEN_BUDGET, on_estimate)

    def encoding(self, name: str) -> Encoding:
        """One encoding with its whole recipe."""
        from trackstar_db.encoding.encodings import load_encoding

        with self._current.connect() as connection:
            return load_encoding(connection, name)

    def encodings(self) -> list[dict[str, Any]]:
        """Every encoding, a mapping each, by name."""
        from trackstar_db.encoding.encodings import list_encodings

        with self._current.connect() as connection:
            return list_encodings(connection)

    def drop_encoding(self, name: str) -> None:
        """Nothing; the encoding and its gradients are gone."""
        from trackstar_db.encoding.encodings import drop_encoding

        drop_encoding(self._current, name)

    def encode_documents(
        self,
        encoding: str,
        corpus: str,
        model: str | None = None,
        token_budget: int | None = None,
        on_estimate: OnEstimate | None = None,
    ) -> EncodeSummary:
        """What was encoded: every document of the corpus that the encoding lacked.

        model: where the encoding's model lies on this machine, if not where it was
        token_budget: tokens of one padded batch; a GPU wants more than the default
        on_estimate: told what it will take before it begins; what that raises stops it
        """
        from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET
        from trackstar_db.encoding.documents import encode_documents

        budget = token_budget or DEFAULT_TOKEN_BUDGET
        return encode_documents(self._current, encoding, corpus, model, budget, on_estimate)

    def encode_queries(self, encoding: str, query_set: str, model: str | None = None) -> EncodeSummary:
        """What was encoded: every query of the set that the encoding lacked."""
        from trackstar_db.encoding.queries import encode_queries

        return encode_queries(self._current, encoding, query_set, model)

    def attribute(
        self,
        encodings: str | Sequence[str],
        query_set: str,
        run: str,
        method: str = "trackstar_train",
        options: SearchOptions | None = None,
    ) -> RunSummary:
        """The stored run: proponents and opponents of every query of a set.

        encodings: one, or one for each checkpoint over which scores are averaged; none for bm25, dense and gold
        """
        from trackstar_db.search.attribute import attribute
        from trackstar_db.search.request import SearchOptions

        names = [encodings] if isinstance(encodings, str) else encodings
        return attribute(self._current, names, query_set, run, method, options or SearchOptions())

    def estimate_attribute(
        self,
        encodings: Sequence[str],
        query_set: str,
        methods: Sequence[str] = ("trackstar_train",),
        options: SearchOptions | None = None,
    ) -> Estimate:
        """What `attribute` or `attribute_all` will take of disk, memory and time; nothing is stored."""
        from trackstar_db.search.estimate import estimate_attribute
        from trackstar_db.search.request import SearchOptions

        return estimate_attribute(self._current, encodings, query_set, methods, options or SearchOptions())

    def attribute_all(
        self,
        encodings: Sequence[str],
        query_set: str,
        run: str,
        methods: Sequence[str] = ("all",),
        options: SearchOptions | None = None,
    ) -> RunSummaries:
        """A stored run `RUN/METHOD` for each method; those that are there already stay as they are."""
        from trackstar_db.search.attribute import attribute_all
        from trackstar_db.search.request import SearchOptions

        return attribute_all(self._current, encodings, query_set, run, methods, options or SearchOptions())

    def methods(self) -> list[dict[str, Any]]:
        """Every method with its settings, a mapping each."""
        from trackstar_db.search.methods import list_methods

        return list_methods(self._current)

    def add_method(self, method: Method) -> None:
        """Nothing; the method is there for `attribute`."""
        from trackstar_db.search.methods import add_method

        add_method(self._current, method)

    def drop_method(self, name: str) -> None:
        """Nothing; a method that was added is gone."""
        from trackstar_db.search.methods import drop_method

        drop_method(self._current, name)

    def create_task(
        self,
        name: str,
        encoding: str,
        query_set: str,
        mixing_lambda: float | None = None,
        on_estimate: OnEstimate | None = None,
    ) -> Task:
        """The new task: R mixed from the query set's own and the corpus's, lambda by the spectra or given.

        on_estimate: told what it will take before it begins; what that raises stops it
        """
        from trackstar_db.search.tasks import create_task

        return create_task(self._current, name, encoding, query_set, mixing_lambda, on_estimate)

    def tasks(self) -> list[dict[str, Any]]:
        """Every task, a mapping each, by name."""
        from trackstar_db.search.tasks import list_tasks

        return list_tasks(self._current)

    def drop_task(self, name: str) -> None:
        """Nothing; the task is gone, the gradients stay."""
        from trackstar_db.search.tasks import drop_task

        drop_task(self._current, name)

    def runs(self) -> list[dict[str, Any]]:
        """Every run, a mapping each, oldest first."""
        from trackstar_db.search.runs import list_runs

        return list_runs(self._current)

    def drop_run(self, name: str) -> None:
        """Nothing; the run and its proponents are gone."""
        from trackstar_db.search.runs import drop_run

        drop_run(self._current, name)

    def create_query_set(self, name: str, source: str, selection: Selection | None = None) -> NewQuerySet:
        """The new query set: copies of queries of another, such as those that a model answers right."""
        from trackstar_db.query_sets import create_query_set

        return create_query_set(self._current, name, source, selection)

    def query_sets(self) -> list[dict[str, Any]]:
        """Every query set, a mapping each, by name."""
        from trackstar_db.query_sets import list_query_sets

        return list_query_sets(self._current)

    def drop_query_set(self, name: str) -> None:
        """Nothing; the query set is gone with its queries and all that was computed for them."""
        from trackstar_db.query_sets import drop_query_set

        drop_query_set(self._current, name)

    def trace(
        self,
        prompt: str,
        target: str,
        encoding: str,
        k: int = 10,
        model: str | None = None,
        options: TraceOptions | None = None,
    ) -> Trace:
        """The documents that influenced one prediction, found on the spot and not stored.

        options: which documents are searched, and whether by an index, which may miss some
        """
        from trackstar_db.search.trace import trace

        return trace(self._current, (prompt, target), encoding, k, model, options)
