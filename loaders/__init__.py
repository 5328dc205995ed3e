"""Loaders: outside bytes become rows, in idempotent parts that a stopped load continues behind.

`trackstar_db.loaders.records` tells what a record must be, and what becomes of one that is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from trackstar_db.database.engine import Database
from trackstar_db.errors import InputError
from trackstar_db.loaders.destinations import check_name, check_run_name
from trackstar_db.loaders.documents import Documents
from trackstar_db.loaders.facts import PROMPTS, Facts
from trackstar_db.loaders.labels import Labels
from trackstar_db.loaders.load import load
from trackstar_db.loaders.options import DocumentFields, LabelDefaults, LoadOptions, LoadSummary, ResultDefaults
from trackstar_db.loaders.queries import Queries
from trackstar_db.loaders.readers import READERS, Reader, find_sources
from trackstar_db.loaders.results import Results

Paths = Sequence[str | Path]


def load_documents(
    database: Database,
    paths: Paths,
    corpus: str,
    reader: Reader = "auto",
    fields: DocumentFields = DocumentFields(),  # noqa: B008  frozen
    options: LoadOptions = LoadOptions(),  # noqa: B008
) -> LoadSummary:
    """What became of documents, loaded into a corpus that is made where it is new.

    paths: files, folders, or `-` for standard input; fields: where a record has its id and text
    Raises UnreadableSource, ConflictingRecord under on_conflict="error", DatabaseError.
    """
    kind = Documents(check_name("corpus", corpus), fields, "documents")
    return load(database, kind, find_sources(paths, reader, fields.split), options)


def load_sentences(
    database: Database,
    paths: Paths,
    corpus: str,
    reader: Reader = "auto",
    options: LoadOptions = LoadOptions(),  # noqa: B008
) -> LoadSummary:
    """What became of trex_sentences: documents, annotated with the facts that they state.

    The facts need not be loaded: an annotation holds from the moment that both sides are there.
    """
    kind = Documents(check_name("corpus", corpus), DocumentFields(), "sentences")
    return load(database, kind, find_sources(paths, reader), options)


def load_facts(
    database: Database,
    paths: Paths,
    query_set: str | None = None,
    prompt: str = "prompt0",
    reader: Reader = "auto",
    options: LoadOptions = LoadOptions(),  # noqa: B008
) -> LoadSummary:
    """What became of trex_facts, and with a query set of a query for each.

    A query's prompt is the one named, its target the object's label, its id the fact's.
    """
    if prompt not in PROMPTS:
        raise InputError(f"facts have no {prompt!r}; expected {', '.join(PROMPTS)}.")
    kind = Facts(check_name("query set", query_set) if query_set is not None else None, prompt)
    return load(database, kind, find_sources(paths, reader), options)


def load_queries(
    database: Database,
    paths: Paths,
    query_set: str,
    reader: Reader = "auto",
    options: LoadOptions = LoadOptions(),  # noqa: B008
) -> LoadSummary:
    """What became of queries, loaded into a query set that is made where it is new."""
    kind = Queries(check_name("query set", query_set))
    return load(database, kind, find_sources(paths, reader), options)


def load_labels(
    database: Database,
    paths: Paths,
    defaults: LabelDefaults = LabelDefaults(),  # noqa: B008
    reader: Reader = "auto",
    options: LoadOptions = LoadOptions(),  # noqa: B008
) -> LoadSummary:
    """What became of entailment labels of documents, with a fact or a query each.

    defaults: corpus, query set and labeler of labels that do not name them
    """
    if defaults.labeler is not None:
        check_name("labeler", defaults.labeler)
    return load(database, Labels(defaults), find_sources(paths, reader), options)


def load_results(
    database: Database,
    paths: Paths,
    run: str,
    defaults: ResultDefaults = ResultDefaults(),  # noqa: B008
    reader: Reader = "auto",
    options: LoadOptions = LoadOptions(),  # noqa: B008
) -> LoadSummary:
    """What became of retrieval results, loaded into a run that is made where it is new.

    Further files may be added to the run; raises InputError for a run that was not imported.
    """
    check_run_name(run)
    for kind, name in asdict(defaults).items():
        if name is not None:
            check_name(kind.removesuffix("_name").replace("_", " "), name)
    return load(database, Results(run, defaults), find_sources(paths, reader), options)


__all__ = [
    "PROMPTS",
    "READERS",
    "DocumentFields",
    "LabelDefaults",
    "LoadOptions",
    "LoadSummary",
    "Reader",
    "ResultDefaults",
    "load_documents",
    "load_facts",
    "load_labels",
    "load_queries",
    "load_results",
    "load_sentences",
]
