"""Runs with random proponents, annotations, labels and tail-patches, written in plain SQL: what evaluation reads."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from trackstar_db.database.engine import Connection, Database

DOCUMENTS = 40
FACTS = 12
RELATIONS = ("capital", "river", "author")
DIGEST = bytes(32)

Pair = tuple[int, int]


@dataclass
class JudgedRuns:
    """What was written, as Python has it. Numbers of queries, documents and runs count from 1."""

    proponents: dict[str, dict[int, list[int]]] = field(default_factory=dict)
    annotated: set[Pair] = field(default_factory=set)
    labels: dict[str, dict[Pair, float]] = field(default_factory=dict)
    tail_patches: dict[Pair, float] = field(default_factory=dict)
    relations: dict[int, str] = field(default_factory=dict)
    frequencies: dict[int, int] = field(default_factory=dict)


def write_judged_runs(database: Database, seed: int = 0) -> JudgedRuns:
    """Query set `asked`: facts 1 to 12 and the queries 13 and 14, which are no facts. Runs `one`, `two` and `gold`.

    `gold` asked all and found nothing for the facts 1 and 2.
    """
    rng, made = random.Random(seed), JudgedRuns()
    with database.connect() as connection:
        _write_facts(connection, rng, made)
        for query in range(1, FACTS + 1):
            made.annotated |= {(query, document) for document in rng.sample(range(1, DOCUMENTS + 1), 3)}
        _write_many(connection, "annotation (fact_id, document_external_id)",
                    [(f"f{query}", f"s{document}") for query, document in made.annotated])  # fmt: skip
        connection.execute(
            "INSERT INTO trackstar.model (name, architecture, parameter_count, config, content_digest)"
            " VALUES ('m', 'a', 1, '{}', %s)", (DIGEST,)
        )  # fmt: skip
        _write_many(connection, "tail_patch_step (model_id, optimizer, learning_rate, settings, digest)",
                    [(1, "adam", 1e-4, "{}", DIGEST), (1, "sgd", 1e-4, "{}", bytes(31) + b"1")])  # fmt: skip
        for name in ("one", "two", "gold"):
            answered = range(3 if name == "gold" else 1, FACTS + 3)
            found = {query: rng.sample(range(1, DOCUMENTS + 1), 15) for query in answered}
            write_run(connection, made, name, found)
        _write_judgements(connection, rng, made)
    return made


def write_run(
    connection: Connection, made: JudgedRuns, name: str, found: dict[int, list[int]], asked: int = 14
) -> None:
    """One run of query set 1 under tail-patch step 1, with opponents that nobody judges."""
    made.proponents[name] = found
    row = connection.execute(
        """INSERT INTO trackstar.run (name, method, query_set_id, top_k, query_count, document_count, code_version,
                                      started_at, finished_at, tail_patch_step_id)
           VALUES (%s, %s, 1, 15, %s, 40, '0', now(), now(), 1) RETURNING run_id""",
        (name, f"method_{name}", asked),
    ).fetchone()
    assert row is not None
    _write_many(connection, "run_query (run_id, query_id, position)", [(row[0], n, n) for n in range(1, asked + 1)])
    rows = [(row[0], query, "proponent", rank, document, -rank)
            for query, documents in found.items() for rank, document in enumerate(documents, start=1)]  # fmt: skip
    opponents = [(*one[:2], "opponent", *one[3:]) for one in rows]
    _write_many(connection, "proponent (run_id, query_id, direction, rank, document_id, influence)", rows + opponents)


def _write_facts(connection: Connection, rng: random.Random, made: JudgedRuns) -> None:
    connection.execute("INSERT INTO trackstar.corpus (name) VALUES ('c')")
    _write_many(connection, "document (corpus_id, external_id, text, content_digest)",
                [(1, f"s{n}", f"text {n}", DIGEST) for n in range(1, DOCUMENTS + 1)])  # fmt: skip
    _write_many(connection, "relation (uri, label)", [(f"P{n}", label) for n, label in enumerate(RELATIONS)])
    _write_many(connection, "entity (uri, label)", [("Q1", "a"), ("Q2", "b")])
    connection.execute("INSERT INTO trackstar.query_set (name) VALUES ('asked')")
    for n in range(1, FACTS + 1):
        made.relations[n] = RELATIONS[0] if n == 1 else RELATIONS[1 + n % 2]  # one relation with a single query
        made.frequencies[n] = rng.choice([0, 5, 200])
    _write_many(connection, "fact (fact_id, subject_entity_id, relation_id, object_entity_id, content_digest)",
                [(f"f{n}", 1, 1 + RELATIONS.index(made.relations[n]), 2, DIGEST) for n in made.relations])  # fmt: skip
    _write_many(connection, "fact_frequency (fact_id, corpus_name, frequency)",
                [(f"f{n}", "c", frequency) for n, frequency in made.frequencies.items()])  # fmt: skip
    write_queries(connection, [f"f{n}" for n in range(1, FACTS + 1)] + [None, None])


def write_queries(connection: Connection, facts: list[str | None], first: int = 1) -> None:
    """Queries of query set 1, each of a fact or of none."""
    _write_many(connection, "query (query_set_id, external_id, prompt, target, fact_id, content_digest)",
                [(1, f"q{n}", "p", "t", fact, DIGEST) for n, fact in enumerate(facts, start=first)])  # fmt: skip


def _write_judgements(connection: Connection, rng: random.Random, made: JudgedRuns) -> None:
    """Tail-patches under two steps for most of the first ten, labels of two labelers for some proponents."""
    pairs = sorted({(query, document) for found in made.proponents.values()
                    for query, documents in found.items() for document in documents[:10]})  # fmt: skip
    made.tail_patches = {pair: rng.uniform(-3, 3) for pair in pairs if rng.random() < 0.8 and pair[0] != 4}
    rows = [(step, *pair, delta if step == 1 else 50.0) for pair, delta in made.tail_patches.items() for step in (1, 2)]
    _write_many(connection, "tail_patch (tail_patch_step_id, query_id, document_id, delta)", rows)
    for labeler in ("nli", "people"):
        made.labels[labeler] = {pair: rng.random() for pair in pairs if rng.random() < 0.3 and pair[0] not in (5, 13)}
    _write_many(
        connection, "entailment_label (document_id, fact_id, query_id, score, labeler)",
        [(document, f"f{query}" if query <= FACTS else None, None if query <= FACTS else query, score, labeler)
         for labeler, scores in made.labels.items() for (query, document), score in scores.items()],
    )  # fmt: skip
    connection.execute("UPDATE trackstar.run SET ais_labeler = 'nli', ais_threshold = 0.7 WHERE name = 'one'")


def _write_many(connection: Connection, table: str, rows: list[tuple[object, ...]]) -> None:
    places = ", ".join(["%s"] * len(rows[0]))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO trackstar.{table} VALUES ({places})", rows)  # type: ignore[arg-type]  # noqa: S608
