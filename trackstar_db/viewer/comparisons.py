"""Two runs side by side: rank changes and overlap of one query, of a page of queries, of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from trackstar_db.viewer.lists import Listed, Run
from trackstar_db.viewer.retrieved import Retrieved
from trackstar_db.viewer.statements import Statements


@dataclass(frozen=True)
class Paired:
    """A document of either list with its place in both; None where it is not in that one."""

    document_id: int
    rank: int | None
    other_rank: int | None


@dataclass(frozen=True)
class Agreement:
    """How far two lists agree.

    shared: documents of both; overlap: their share, from 0 to 1, of the longer list; None where both are empty
    rank_correlation: Spearman's of the shared documents' order; None for fewer than two
    """

    shared: int
    overlap: float | None
    rank_correlation: float | None
    is_same_first: bool


@dataclass(frozen=True)
class SideBySide:
    """One query in two runs, one direction; places: the documents by rank, then those of the other run alone."""

    agreement: Agreement
    places: dict[int, Paired]


@dataclass(frozen=True)
class RunAgreement:
    """How far two runs agree over all queries, as of the last refresh; means from 0 to 1."""

    other_run: str
    other_method: str
    queries: int
    overlap: float
    same_first: float


@dataclass(frozen=True)
class Compared:
    """A query with how far two runs agree on it: None where the other run did not ask it."""

    query_id: int
    external_id: str
    prompt: str
    target: str
    shared: int | None = None
    overlap: float | None = None
    rank_correlation: float | None = None
    is_same_first: bool | None = None


@dataclass(frozen=True)
class MethodMetrics:
    """A run's means before one judge (annotation, ais or tail_patch), for charts; None where it says nothing.

    low, high: ends of the 95 % intervals, where `trackstar evaluate` has drawn them
    """

    run: str
    method: str
    judge: str
    queries: int
    mrr: float | None
    recall_at_10: float | None
    precision_at_10: float | None
    tail_patch_queries: int
    tail_patch_delta: float | None
    mrr_low: float | None
    mrr_high: float | None
    recall_at_10_low: float | None
    recall_at_10_high: float | None
    precision_at_10_low: float | None
    precision_at_10_high: float | None
    tail_patch_delta_low: float | None
    tail_patch_delta_high: float | None

    def interval(self, metric: str) -> tuple[float, float] | None:
        """The interval of one of the means; None where there is none."""
        low, high = (getattr(self, f"{metric}_{end}") for end in ("low", "high"))
        return None if low is None or high is None else (low, high)


def side_by_side(mine: Sequence[Retrieved], theirs: Sequence[Retrieved]) -> SideBySide:
    """Two lists of the same query and direction beside each other; reads nothing."""
    ranks = {one.document_id: one.rank for one in mine}
    others = {one.document_id: one.rank for one in theirs}
    places = {document: Paired(document, ranks.get(document), others.get(document)) for document in {**ranks, **others}}
    shared = [document for document in ranks if document in others]
    longest = max(len(ranks), len(others))
    agreement = Agreement(
        len(shared),
        len(shared) / longest if longest else None,
        _rank_correlation([ranks[document] for document in shared], [others[document] for document in shared]),
        bool(mine and theirs) and mine[0].document_id == theirs[0].document_id,
    )
    return SideBySide(agreement, places)


def agreements(statements: Statements, run: Run, other: Run, query_ids: Sequence[int]) -> dict[int, Agreement]:
    """How far two runs' first ten proponents agree on each of these queries that both asked."""
    parameters = {"run": run.name, "other_run": other.name, "query_ids": list(query_ids)}
    rows = statements.mappings("viewer_agreements", parameters)
    return {row.pop("query_id"): Agreement(**row) for row in rows}


def compared(queries: Sequence[Listed], shares: Mapping[int, Agreement]) -> list[Compared]:
    """Queries with their agreements, of `agreements`."""
    return [
        Compared(
            query.query_id, query.external_id, query.prompt, query.target,
            **(asdict(shares[query.query_id]) if query.query_id in shares else {}),
        )
        for query in queries
    ]  # fmt: skip


def run_agreements(statements: Statements, run: Run) -> list[RunAgreement]:
    """How far every other run over the same query set agrees with this one, most first; empty before a refresh."""
    return statements.rows("viewer_run_agreements", RunAgreement, {"run": run.name})


def method_metrics(statements: Statements, query_set: str) -> list[MethodMetrics]:
    """Means of every run over the query set; empty before a refresh."""
    return statements.rows("viewer_methods", MethodMetrics, {"query_set": query_set})


def _rank_correlation(ranks: Sequence[int], others: Sequence[int]) -> float | None:
    """Spearman's, from the differences of places: no two documents share a rank."""
    count = len(ranks)
    if count < 2:
        return None
    places, other_places = ({rank: place for place, rank in enumerate(sorted(ranked))} for ranked in (ranks, others))
    squares = sum((places[rank] - other_places[other]) ** 2 for rank, other in zip(ranks, others, strict=True))
    return 1 - 6 * squares / (count * (count**2 - 1))
