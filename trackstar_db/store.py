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
    from trackstar_db.evaluation import Bootstrap, Evaluation, Judge
    from trackstar_db.explain import Direction, Explanation
    from trackstar_db.export import ExportSummary
    from trackstar_db.fitting import NewEncoding
    from trackstar_db.judges.entailment import EntailmentSummary
    from trackstar_db.judges.frequency import FrequencySummary
    from trackstar_db.judges.predictions import PredictionSummary
    from trackstar_db.judges.tail_patch import TailPatchSummary
    from trackstar_db.judges.tail_patch_step import TailPatchOptions
    from trackstar_db.loaders import DocumentFields, LabelDefaults, LoadOptions, LoadSummary, Reader, ResultDefaults
    from trackstar_db.lds import Retraining
    from trackstar_db.methods import Method
    from trackstar_db.retraining import TrainingRecipe
    from trackstar_db.prediction import Sampling
    from trackstar_db.query_sets import NewQuerySet, Selection
    from trackstar_db.schema import SchemaState, Status
    from trackstar_db.search import RunSummaries, RunSummary
    from trackstar_db.search_request import SearchOptions
    from trackstar_db.tasks import Task
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
        from trackstar_db.search import attribute
        from trackstar_db.search_request import SearchOptions

        names = [encodings] if isinstance(encodings, str) else encodings
        return attribute(self._current, names, query_set, run, method, options or SearchOptions())

    def attribute_all(
        self,
        encodings: Sequence[str],
        query_set: str,
        run: str,
        methods: Sequence[str] = ("all",),
        options: SearchOptions | None = None,
    ) -> RunSummaries:
        """A stored run `RUN/METHOD` for each method; those that are there already stay as they are."""
        from trackstar_db.search import attribute_all
        from trackstar_db.search_request import SearchOptions

        return attribute_all(self._current, encodings, query_set, run, methods, options or SearchOptions())

    def methods(self) -> list[dict[str, Any]]:
        """Every method with its settings, a mapping each."""
        from trackstar_db.methods import list_methods

        return list_methods(self._current)

    def add_method(self, method: Method) -> None:
        """Nothing; the method is there for `attribute`."""
        from trackstar_db.methods import add_method

        add_method(self._current, method)

    def drop_method(self, name: str) -> None:
        """Nothing; a method that was added is gone."""
        from trackstar_db.methods import drop_method

        drop_method(self._current, name)

    def create_task(self, name: str, encoding: str, query_set: str, mixing_lambda: float | None = None) -> Task:
        """The new task: R mixed from the query set's own and the corpus's, lambda by the spectra or given."""
        from trackstar_db.tasks import create_task

        return create_task(self._current, name, encoding, query_set, mixing_lambda)

    def tasks(self) -> list[dict[str, Any]]:
        """Every task, a mapping each, by name."""
        from trackstar_db.tasks import list_tasks

        return list_tasks(self._current)

    def drop_task(self, name: str) -> None:
        """Nothing; the task is gone, the gradients stay."""
        from trackstar_db.tasks import drop_task

        drop_task(self._current, name)

    def runs(self) -> list[dict[str, Any]]:
        """Every run, a mapping each, oldest first."""
        from trackstar_db.runs import list_runs

        return list_runs(self._current)

    def drop_run(self, name: str) -> None:
        """Nothing; the run and its proponents are gone."""
        from trackstar_db.runs import drop_run

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

    def judge_predictions(
        self,
        query_set: str,
        model: str | None = None,
        encoding: str | None = None,
        sampling: Sampling | None = None,
    ) -> PredictionSummary:
        """What was predicted: every query of the set that the model has not been asked in this way.

        model: its folder or hub id; encoding: the one whose model is meant
        """
        from trackstar_db.judges.predictions import judge_predictions

        return judge_predictions(self._current, query_set, model, encoding, sampling)

    def judge_tail_patch(self, runs: Sequence[str], options: TailPatchOptions | None = None) -> TailPatchSummary:
        """What was tried: one training step on each of the first proponents; the runs are judged by it.

        runs: names, or patterns such as `facts/*`
        """
        from trackstar_db.judges.tail_patch import judge_tail_patch

        return judge_tail_patch(self._current, runs, options)

    def judge_frequency(self, corpus: str) -> FrequencySummary:
        """What was counted: documents of the corpus that hold each fact."""
        from trackstar_db.judges.frequency import judge_frequency

        return judge_frequency(self._current, corpus)

    def judge_entailment(
        self,
        runs: Sequence[str],
        labeler: str | None = None,
        model: str | None = None,
        k: int = 10,
        threshold: float | None = None,
        token_budget: int | None = None,
    ) -> EntailmentSummary:
        """What was labelled: whether the first k proponents of runs state the fact; the runs are judged by it.

        labeler: alias_match, or whose imported labels are taken; with a model, the name of its labels
        model: folder or hub id of an NLI classifier
        threshold: a score above it counts as entailed; 0.5 where None
        """
        from trackstar_db.judges.entailment import EntailmentSettings, judge_entailment

        settings = EntailmentSettings(runs, labeler, model, k, threshold, token_budget)
        return judge_entailment(self._current, settings)

    def trace(self, prompt: str, target: str, encoding: str, k: int = 10, model: str | None = None) -> Trace:
        """The documents that influenced one prediction, found on the spot and not stored."""
        from trackstar_db.trace import trace

        return trace(self._current, prompt, target, encoding, k, model)

    def evaluate(
        self, runs: Sequence[str], judge: Judge = "annotation", bootstrap: Bootstrap | None = None
    ) -> Evaluation:
        """How runs compare before a judge: means over queries with intervals, which are stored.

        runs: names, or patterns such as `facts/*`
        """
        from trackstar_db.evaluation import evaluate

        return evaluate(self._current, runs, judge, bootstrap)

    def explain(
        self,
        run: str,
        query_id: str,
        ranks: Sequence[int] = (1,),
        direction: Direction = "proponent",
        model: str | None = None,
    ) -> list[Explanation]:
        """Documents that a run found at these ranks of a query, each with its influence divided over its tokens."""
        from trackstar_db.explain import explain

        return explain(self._current, run, query_id, ranks, direction, model)

    def explain_document(
        self,
        asked: tuple[str, str],
        encoding: str,
        document: str,
        corpus: str | None = None,
        model: str | None = None,
    ) -> Explanation:
        """Any document's influence on any prediction (prompt and target), divided over the document's tokens."""
        from trackstar_db.explain import explain_document

        return explain_document(self._current, asked, encoding, document, corpus, model)

    def retrain(self, directory: str | Path, model: str, corpus: str, recipe: TrainingRecipe) -> dict[str, Any]:
        """What a new model is, trained from the start on a corpus and written to a folder with its recipe."""
        from trackstar_db.lds import retrain

        return retrain(self._current, Path(directory), model, corpus, recipe)

    def evaluate_lds(self, retraining: Retraining, runs: Sequence[str]) -> list[dict[str, Any]]:
        """The linear datamodeling scores of runs, after models were retrained on subsets of a corpus."""
        from trackstar_db.lds import evaluate_lds

        return evaluate_lds(self._current, retraining, runs)
