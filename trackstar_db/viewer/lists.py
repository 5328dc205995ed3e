"""Runs, and the queries of one: a page of a list at a time, sorted and filtered."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from psycopg import sql

from trackstar_db.database.queries import query
from trackstar_db.errors import InputError
from trackstar_db.viewer import places
from trackstar_db.viewer.filters import Filter, clause
from trackstar_db.viewer.places import Place, Sort, Stretch, parse_place, stretches
from trackstar_db.viewer.sampling import one_of_every, share
from trackstar_db.viewer.statements import Statements

PAGE = 100

LONGEST_LINE = 400
"""Characters of a prompt or target on a list."""


@dataclass(frozen=True)
class Run:
    """A run as the chooser shows it.

    model: what `8b_` or the encoding names, if anything
    is_refreshed: its queries stand in tda.query_overview; else lists are read live, and slowly:
        `trackstar refresh` makes them quick
    is_imported: loaded from a file of results
    """

    run_id: int
    name: str
    method: str
    query_set: str
    encoding: str | None
    model: str | None
    top_k: int
    queries: int
    documents: int
    finished_at: datetime
    ais_labeler: str | None
    ais_threshold: float
    is_imported: bool
    is_refreshed: bool
    refreshed_at: datetime | None


@dataclass(frozen=True)
class Listed:
    """A query on a list: columns of tda.query_overview."""

    query_id: int
    external_id: str
    prompt: str
    target: str
    fact_id: str | None
    relation: str | None
    fact_frequency: int | None
    frequency_bucket: int | None
    has_annotated_document: bool | None
    position: int
    proponents: int
    confidence: float | None
    is_correct: bool | None
    reciprocal_rank: float | None
    recall_at_10: float | None
    precision_at_10: float | None
    best_ais_score: float | None
    ais_reciprocal_rank: float | None
    ais_recall_at_10: float | None
    ais_precision_at_10: float | None
    tail_patch_delta: float | None


@dataclass(frozen=True)
class Page:
    """Some queries in order; before, after: cursors of the pages beside it, None where there is none."""

    queries: list[Listed]
    before: str | None
    after: str | None


@dataclass(frozen=True)
class View:
    """What of a list is shown, all of it in the address.

    sort: a name of SORTS; cursor: of a Page, or of `random_page`; size: queries on the page
    longest: characters of each prompt and target
    """

    filter: Filter = field(default_factory=Filter)
    sort: str = "position"
    cursor: str | None = None
    size: int = PAGE
    longest: int = LONGEST_LINE


@dataclass(frozen=True)
class Count:
    """A chip: how many queries of the run are so; is_estimated: reckoned from some of them.

    name: None for queries without (no relation, no bucket)
    filter: the text that leaves these queries
    """

    name: str | None
    queries: int
    filter: str
    is_estimated: bool = False


@dataclass(frozen=True)
class Chips:
    """Queries of the run by task, by relation and by frequency bucket."""

    tasks: list[Count]
    relations: list[Count]
    buckets: list[Count]


SORTS = {name: sort.label for name, sort in places.SORTS.items()}
"""What lists are sorted by, and what pages call it. All but the position: highest first, those without a value last."""

MOST_TRIED = 500
"""Queries that chance proposes for the beginning of a page."""

MOST_COUNTED = 20_000
"""Queries of a run that are counted for its chips; of more, one of every n."""


def runs(statements: Statements) -> list[Run]:
    """Every run that may be read, the newest first."""
    return statements.rows("viewer_runs", Run)


def page(statements: Statements, run: Run, view: View) -> Page:
    """Queries of the run. Raises InputError for a cursor or sort that is none."""
    sort = _sort(view.sort)
    place = parse_place(view.cursor) if view.cursor else None
    is_backward = place is not None and place.is_before
    found: list[Listed] = []
    for stretch in stretches(sort, place):
        found += _read(statements, run, view, stretch, view.size + 1 - len(found))
        if len(found) > view.size:
            break
    has_more = len(found) > view.size
    del found[view.size :]
    if is_backward:
        found.reverse()
    if not found:
        return Page([], None, None)
    has_before, has_after = (has_more, True) if is_backward else (place is not None, has_more)
    return Page(
        found,
        before=str(_place_of(found[0], sort, is_before=True)) if has_before else None,
        after=str(_place_of(found[-1], sort, is_before=False)) if has_after else None,
    )


def neighbours(statements: Statements, run: Run, view: View, query_id: int) -> tuple[int | None, int | None]:
    """The queries in front of one and behind it on the list; None at its ends, and where the run did not ask it."""
    here = listed(statements, run, query_id)
    if here is None:
        return None, None
    cursors = [str(_place_of(here, _sort(view.sort), is_before)) for is_before in (True, False)]
    pages = [page(statements, run, replace(view, cursor=cursor, size=1)).queries for cursor in cursors]
    before, after = (queries[0].query_id if queries else None for queries in pages)
    return before, after


def random_page(statements: Statements, run: Run, view: View) -> str | None:
    """The cursor of a page that begins with a query of the list that chance chooses; None for its top."""
    if not run.queries:
        return None
    sort = _sort(view.sort)
    positions = random.sample(range(1, run.queries + 1), min(run.queries, MOST_TRIED))
    some = Stretch(sql.SQL("o.position = ANY (%(positions)s)"), sql.SQL("random()"), {"positions": positions})
    found = _read(statements, run, view, some, 1)
    if not found:  # the filter leaves few queries, or none
        found = _read(statements, run, view, Stretch(places.ANYWHERE, sql.SQL("random()"), {}), 1)
    if not found:
        return None
    cursor = str(_place_of(found[0], sort, is_before=True))
    before = page(statements, run, replace(view, cursor=cursor, size=1)).queries
    return str(_place_of(before[0], sort, is_before=False)) if before else None


def chips(statements: Statements, run: Run) -> Chips:
    """How many queries of the run there are of each task, relation and frequency bucket."""
    relations: Counter[str | None] = Counter()
    buckets: Counter[int | None] = Counter()
    rows, every = _by_cell(statements, run)
    for row in rows:
        relations[row["relation"]] += row["queries"] * every
        buckets[row["frequency_bucket"]] += row["queries"] * every
    return Chips(
        _tasks(statements, run),
        [Count(name, number, clause("relation", name), every > 1) for name, number in relations.most_common()],
        [
            Count(None if bucket is None else str(bucket), buckets[bucket], clause("bucket", bucket), every > 1)
            for bucket in sorted(buckets, key=lambda bucket: -1 if bucket is None else bucket)
        ],
    )


def judged(statements: Statements, run: Run) -> list[dict[str, Any]]:
    """How many queries of the run its source judges, by relation and frequency_bucket, as of the last refresh."""
    return statements.mappings("viewer_judged", {"run": run.name})


def source(run: Run) -> sql.Composable:
    """Where the queries of a run are read: what a refresh computed, else the plain views."""
    if run.is_refreshed:
        return sql.SQL("tda.query_overview")
    return sql.SQL("({})").format(query("viewer_overview_live"))


def listed(statements: Statements, run: Run, query_id: int) -> Listed | None:
    """One query as the list has it; None where the run did not ask it."""
    here = Stretch(sql.SQL("o.query_id = %(query_id)s"), sql.SQL("o.position"), {"query_id": query_id})
    return next(iter(_read(statements, run, View(), here, 1)), None)


def _tasks(statements: Statements, run: Run) -> list[Count]:
    if not run.is_imported:
        return [Count(run.query_set, run.queries, clause("task", run.query_set))]
    rows, every = _counted(statements, run, "viewer_tasks")
    return [Count(row["name"], row["queries"] * every, clause("task", row["name"]), every > 1) for row in rows]


def _by_cell(statements: Statements, run: Run) -> tuple[list[dict[str, Any]], int]:
    """Queries of the run by relation and bucket, and the n where one of every n was counted: 1 where all are judged."""
    rows = judged(statements, run)
    if not run.is_refreshed or sum(row["queries"] for row in rows) == run.queries:
        return rows, 1
    return _counted(statements, run, "viewer_relations")


def _counted(statements: Statements, run: Run, name: str) -> tuple[list[dict[str, Any]], int]:
    """What sql/queries/NAME.sql counts, and the n where it looked at one of every n queries of the run."""
    sample = one_of_every(share(run.queries, MOST_COUNTED), run.queries)
    return statements.mappings(name, {"run_id": run.run_id, **sample.parameters}, sample=sample.condition), sample.every


def _sort(name: str) -> Sort:
    if name not in places.SORTS:
        raise InputError(f"There is no order called {name[:60]!r}; lists are sorted by {', '.join(places.SORTS)}.")
    return places.SORTS[name]


def _read(statements: Statements, run: Run, view: View, stretch: Stretch, size: int) -> list[Listed]:
    """Queries of one stretch of the list that the view's filter leaves."""
    limits = {"size": size, "longest": view.longest}
    parameters = {"run_id": run.run_id, **limits, **view.filter.parameters, **stretch.parameters}
    return statements.rows(
        "viewer_queries",
        Listed,
        parameters,
        source=source(run),
        place=stretch.condition,
        condition=view.filter.condition,
        order=stretch.order,
    )


def _place_of(listed: Listed, sort: Sort, is_before: bool) -> Place:
    return Place(is_before, getattr(listed, sort.column), 0 if sort.is_position else listed.query_id)
