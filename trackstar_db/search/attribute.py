"""Runs: which documents influenced the predictions of a query set, by any method.

One pipeline: what is asked → the ranker of the method's kind → proponents and opponents → a stored run. A method
is a row of data (`trackstar_db.search.methods`); a ranker knows one way of comparing a query with a document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.baselines.bm25 import rank_by_words
from trackstar_db.baselines.dense import rank_by_embeddings
from trackstar_db.baselines.gold import rank_by_annotations
from trackstar_db.database.engine import Database
from trackstar_db.database.locks import locked
from trackstar_db.database.names import query_set_id
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding, load_encoding
from trackstar_db.encoding.gradient_reader import EVERY_DOCUMENT
from trackstar_db.errors import AlreadyExists, InputError
from trackstar_db.loaders.destinations import check_run_name
from trackstar_db.search.curvature_search import rank_by_curvature
from trackstar_db.search.gradient_search import rank_by_gradients
from trackstar_db.search.methods import ALL, DEFAULT_METHOD, Method, load_methods
from trackstar_db.search.request import Found, SearchOptions, SearchRequest, document_filter
from trackstar_db.search.rerank import rerank_by_gradients
from trackstar_db.search.run_writer import write_run
from trackstar_db.search.runs import run_taken
from trackstar_db.search.tasks import prepare_task
from trackstar_db.search.unfinished import forget_search

MAX_TOP_K = 1_000_000

Ranker = Callable[[SearchRequest], Found]

RANKERS: Mapping[str, Ranker] = {
    "gradient": rank_by_gradients,
    "curvature": rank_by_curvature,
    "lexical": rank_by_words,
    "embedding": rank_by_embeddings,
    "annotation": rank_by_annotations,
}
"""The ranker of each kind of method."""


@dataclass(frozen=True)
class RunSummary:
    """What a run did."""

    run: str
    method: str
    queries: int
    documents: int
    proponents: int
    seconds: float
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """One run as it is asked for, by names."""

    encodings: tuple[str, ...]
    query_set: str
    run: str
    method: Method
    options: SearchOptions


@dataclass
class RunSummaries:
    """What several runs did.

    notices: of methods that were not run, and of runs that were there already
    """

    runs: list[RunSummary] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def attribute(
    database: Database,
    encodings: Sequence[str],
    query_set: str,
    run: str,
    method: str = DEFAULT_METHOD,
    options: SearchOptions = SearchOptions(),  # noqa: B008  frozen
) -> RunSummary:
    """The stored run `run`: the top_k proponents and opponents of every query of a set.

    encodings: of one model; of several checkpoints where scores are to be averaged over them
    All or nothing: an interrupted run leaves no row behind. A long search over stored gradients leaves how far it came,
    and the same call goes on from there (`trackstar_db.search.unfinished`). Of two calls for one run the second waits.
    Raises AlreadyExists for a taken name, NotFound for an unknown name, InputError where no encoding suits the
    method, and EncodingIncomplete while no query or no document has a gradient; fewer than all is a notice.
    """
    check_run_name(run)
    if not 1 <= options.top_k <= MAX_TOP_K:
        raise InputError(f"top k is {options.top_k}; expected 1 to {MAX_TOP_K:,}.")
    started_at = datetime.now(timezone.utc)
    with database.session() as session, locked(session, f"run {run}"):
        with database.connect() as connection:
            if _is_there(connection, run):
                raise run_taken(run)
            (chosen,) = load_methods(connection, [method])
        _refuse_unused(chosen, options)
        asked = Asked(tuple(encodings), query_set, run, chosen, options)
        _prepare_tasks(database, asked)
        with database.connect() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # what is counted is what is ranked
            request = _request(database, connection, asked)
            is_reranked = chosen.kind == "gradient" and options.rerank is not None
            found = rerank_by_gradients(request) if is_reranked else RANKERS[chosen.kind](request)
            written = write_run(connection, request, found, started_at)
        forget_search(database, run)
    with database.connect() as connection:  # views over new rows are slow until the planner knows of them
        connection.execute(query("run_analyze"))
    seconds = (datetime.now(timezone.utc) - started_at).total_seconds()
    return RunSummary(run, chosen.name, len(found.query_ids), found.documents, written, seconds, found.notices)


def attribute_all(
    database: Database,
    encodings: Sequence[str],
    query_set: str,
    run: str,
    methods: Sequence[str] = (ALL,),
    options: SearchOptions = SearchOptions(),  # noqa: B008  frozen
) -> RunSummaries:
    """A run for each method, named `RUN/METHOD`; runs that are there already stay as they are.

    Of `all` methods those are left out, with a notice, that need something that was not given or cannot rank the
    documents alone that were asked for; one that was named is refused.
    Raises as `attribute`, and AlreadyExists for a run that was made otherwise than is asked.
    """
    check_run_name(run)
    summaries = RunSummaries()
    with database.connect() as connection:
        chosen = load_methods(connection, methods)
        known = [load_encoding(connection, name) for name in dict.fromkeys(encodings)]
        has_facts = connection.execute(query("query_set_has_facts"), {"name": query_set}).fetchone() == (True,)
    for method in chosen:
        name = f"{run}/{method.name}"
        lacking = _lacking(method, known, options, has_facts)
        if lacking and ALL in methods:
            summaries.notices.append(f"{method.name} was left out: {lacking}")
            continue
        # A method without use for the filters is refused: it would rank others than were asked for.
        own = replace(options.of_use_to(method), relation=options.relation, metadata=options.metadata)
        with database.connect() as connection:
            made_as = connection.execute(query("run_made_as"), {"name": name}).fetchone()
        if made_as is not None:
            _require_same(name, made_as[0], _asked(method, known, query_set, own))
            summaries.notices.append(f"run {name!r} is there already and stays as it is")
            continue
        summaries.runs.append(attribute(database, encodings, query_set, name, method.name, own))
    return summaries


def _asked(method: Method, encodings: Sequence[Encoding], query_set: str, options: SearchOptions) -> dict[str, Any]:
    """What a run of the method depends on, by the names under which runs keep it."""
    asked: dict[str, Any] = {"query_set": query_set, "top_k": options.top_k}
    asked |= {"corpus": options.corpus, "relation": options.relation, "metadata": options.metadata}
    asked["rerank"] = options.rerank
    if options.rerank is not None:
        asked["candidates"] = options.candidates_for(method)
    if method.uses_encodings:
        asked["encodings"] = [encoding.name for encoding in suitable(method, encodings)]
    if options.task is not None:  # else the query set's own
        asked["task"] = options.task
    if method.kind == "curvature":
        asked["curvature_rank"] = options.curvature_rank
    if method.kind == "embedding":
        asked["embedding_model"] = options.embedding_model
    return asked


def _require_same(run: str, made_as: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Nothing; raises AlreadyExists for a run that was made otherwise than is asked."""
    other = [name for name, value in asked.items() if made_as.get(name) != value]
    if not other:
        return
    was, now = (", ".join(_told(name, of.get(name)) for name in other) for of in (made_as, asked))
    raise AlreadyExists(
        f"run {run!r} is there already, made with {was}; asked is {now}. "
        f"Choose another name, or run: trackstar run drop {run}"
    )


def _told(name: str, value: object) -> str:
    """An option and its value as a message has them."""
    words = name.replace("_", " ")
    return f"no {words}" if value is None else f"{words} {value!r}"


def _is_there(connection: Connection[TupleRow], run: str) -> bool:
    return connection.execute(query("run_exists"), {"name": run}).fetchone() == (True,)


def _refuse_unused(method: Method, options: SearchOptions) -> None:
    """Nothing; raises InputError for an option that the method does not heed."""
    heeded = asdict(options.of_use_to(method))
    unused = [name for name, value in asdict(options).items() if heeded[name] != value]
    if unused:
        raise InputError(
            f"method {method.name!r} has no use for {', '.join(unused)}. Leave that out, or choose a method that has "
            f"(trackstar methods lists them)."
        )


def _lacking(method: Method, encodings: Sequence[Encoding], options: SearchOptions, has_facts: bool) -> str:
    """What a method would need that was not given; empty where nothing is lacking."""
    if method.uses_encodings and not any(method.fits(encoding) for encoding in encodings):
        return f"no encoding suits it (trackstar encoding create … {method.encoding_wanted})"
    if method.kind == "curvature" and len({e.model_digest for e in encodings if method.fits(e)}) > 1:
        return "it takes one model, and the encodings given are of several"
    if method.autocorrelation == "task" and not has_facts:
        return "its task-specific R is for queries of facts; ask for it by name to have it all the same"
    own = options.of_use_to(method)
    if (own.relation, own.metadata) != (options.relation, options.metadata):
        return "it does not rank the documents of a relation, or with given metadata, alone"
    if method.kind == "embedding" and options.embedding_model is None:
        return "no embedding model was named (--embedding-model)"
    if method.kind == "annotation" and not has_facts:
        return "the queries ask for no facts, and only facts are annotated"
    return ""


def _request(database: Database, connection: Connection[TupleRow], asked: Asked) -> SearchRequest:
    """What a ranker needs, with names looked up and encodings that suit the method."""
    encodings = [load_encoding(connection, name) for name in dict.fromkeys(asked.encodings)]
    if asked.method.uses_encodings:
        encodings = suitable(asked.method, encodings)
    options = asked.options
    documents = document_filter(connection, options.corpus, options.relation, options.metadata)
    set_id = query_set_id(connection, asked.query_set)
    return SearchRequest(
        database, connection, asked.method, tuple(encodings), asked.query_set, set_id, documents, options, asked.run
    )


def _prepare_tasks(database: Database, asked: Asked) -> None:
    """Nothing; the tasks of a method with a task-specific R are there, and stay whatever becomes of the run.

    A search over every document gives them the documents' norms; for another they are made before.
    """
    if asked.method.autocorrelation != "task":
        return
    with database.connect() as connection:
        request = _request(database, connection, asked)
    is_search_of_all = asked.options.rerank is None and request.documents == EVERY_DOCUMENT
    for encoding in request.encodings:
        prepare_task(database, encoding, asked.query_set, asked.options.task, with_documents=not is_search_of_all)


def suitable(method: Method, encodings: Sequence[Encoding]) -> list[Encoding]:
    """The encodings whose gradients the method is for, one for each checkpoint.

    Raises InputError where there is none, or more than one for a checkpoint.
    """
    fitting = [encoding for encoding in encodings if method.fits(encoding)]
    if not fitting:
        given = ", ".join(repr(encoding.name) for encoding in encodings) or "none"
        raise InputError(
            f"method {method.name!r} needs an encoding made with {method.encoding_wanted}; given: {given}. Make one "
            f"with: trackstar encoding create NAME --model DIR --corpus NAME {method.encoding_wanted}"
        )
    if method.kind == "curvature":  # what it takes of an encoding is the model and the sample
        fitting = list({encoding.model_digest: encoding for encoding in reversed(fitting)}.values())
    models = [encoding.model_digest for encoding in fitting]
    if len(set(models)) < len(models):
        same = ", ".join(repr(encoding.name) for encoding in fitting)
        raise InputError(
            f"encodings {same} all suit method {method.name!r}, and some are of the same model; scores are averaged "
            f"over different checkpoints only. Name one of them."
        )
    return fitting
