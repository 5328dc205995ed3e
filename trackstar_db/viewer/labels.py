"""Labels by hand: whether a document states what a query asks for, by somebody's name; stored as entailment labels."""

from __future__ import annotations

import math
import re
from typing import Any

import psycopg

from trackstar_db.database.queries import query
from trackstar_db.errors import InputError, NotFound
from trackstar_db.judges.labelers import ALIAS_MATCH
from trackstar_db.loaders.decide import LoadRow
from trackstar_db.loaders.labels import store_labels

LONGEST_NAME = 200
OF_JUDGES = re.compile(rf"{ALIAS_MATCH}$|results:|.*@[0-9a-f]{{8}}$", re.IGNORECASE | re.DOTALL)
"""Names of labelers that are nobody's: names in a text, scores of a file of results, a model with its digest."""


def store_label(
    connection: psycopg.Connection[Any], labeler: str, query_id: int, document_id: int, score: float
) -> None:
    """Nothing; the label is stored, in place of one that the labeler gave before. The caller commits.

    connection: of a role that writes; score: 0 (does not state it) to 1 (states it)
    Raises InputError for a score that is none and a name that is none or a judge's, NotFound for a query or document
    that is not there.
    """
    if not (math.isfinite(score) and 0 <= score <= 1):
        raise InputError(f"A label is a number from 0 (does not state it) to 1 (states it), not {score}.")
    key = _pair(connection, labeler, query_id, document_id)
    store_labels(connection, [LoadRow(1, "a label by hand", key, float(score))], "update")


def remove_label(connection: psycopg.Connection[Any], labeler: str, query_id: int, document_id: int) -> None:
    """Nothing; what the labeler said of the pair is gone. The caller commits. Raises as `store_label`."""
    document, fact_id, asked, name = _pair(connection, labeler, query_id, document_id)
    parameters = {"document_id": document, "fact_id": fact_id, "query_id": asked, "labeler": name}
    connection.execute(query("viewer_label_delete"), parameters)


def checked_name(labeler: str) -> str:
    """An annotator's name without the white space around it; raises InputError for one that is none, or a judge's."""
    name = labeler.strip()
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise InputError(f"A label needs its annotator's name, of at most {LONGEST_NAME} characters in one line.")
    if OF_JUDGES.match(name):
        raise _is_judge(name)
    return name


def _pair(
    connection: psycopg.Connection[Any], labeler: str, query_id: int, document_id: int
) -> tuple[int, str | None, int | None, str]:
    """What the label is about and by whom: the document, the query's fact, or the query where it asks for none."""
    name = checked_name(labeler)
    parameters = {"query_id": query_id, "document_id": document_id, "labeler": name}
    found = connection.execute(query("viewer_label_pair"), parameters).fetchone()
    if found is None:
        raise NotFound(f"There is no query {query_id}, or no document {document_id}.")
    fact_id, is_taken = found
    if is_taken:
        raise _is_judge(name)
    return document_id, fact_id, query_id if fact_id is None else None, name


def _is_judge(name: str) -> InputError:
    return InputError(
        f"{name!r} is the name of a judge, or of labels that were loaded: they would be replaced. Give your own."
    )
