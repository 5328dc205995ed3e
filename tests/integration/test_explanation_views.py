"""tda.proponent_explanation and tda.proponent_kind: what a document shares with its query, by a plain definition."""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.rows import dict_row

from tests.integration.conftest import WriteRecords
from trackstar_db.database.engine import Database
from trackstar_db.store import Store

ADD_RUN = """
    INSERT INTO trackstar.run (name, method, query_set_id, top_k, query_count, document_count, code_version,
                               started_at, finished_at)
    SELECT %(run)s, 'bm25', query_set_id, 100, 1, 1, '0', now(), now()
    FROM trackstar.query_set WHERE name = %(query_set)s"""
ADD_PROPONENT = """
    INSERT INTO trackstar.proponent
    SELECT run_id, query_id, %(direction)s, %(rank)s, document_id, 1.0 / %(rank)s
    FROM trackstar.run r
    JOIN trackstar.query q USING (query_set_id), trackstar.document d
    WHERE r.name = %(run)s AND q.external_id = %(query)s AND d.external_id = %(document)s"""


def fact(fact_id: str, subject: str, target: str, **fields: Any) -> dict[str, Any]:
    record = {
        "fact_id": fact_id, "entity0": subject, "relation": "capital", "entity1": target,
        "entity0_uri": f"Q-{subject}", "predicate_uri": "P36", "entity1_uri": f"Q-{target}", "entity0_alias": [],
        "entity1_alias": [], "trex_sentences": [], "is_repetition": False,
        "prompt0": f"The capital of {subject} is", "prompt1": "", "prompt2": "",
    }  # fmt: skip
    return record | fields


class Corpus:
    """A store that facts, documents and runs are written into by hand."""

    def __init__(self, database: Database, write_records: WriteRecords) -> None:
        self.database = database
        self.store = Store(database)
        self.write = write_records

    def load(self, facts: list[dict[str, Any]], texts: dict[str, str], states: dict[str, list[str]]) -> None:
        self.store.load_facts([self.write("facts.jsonl", facts)], query_set="facts")
        documents = [
            {"sentence_id": name, "text": text, "fact_triples": states.get(name, [])} for name, text in texts.items()
        ]
        self.store.load_sentences([self.write("sentences.jsonl", documents)], corpus="texts")

    def add_run(self, run: str, found: dict[str, list[str]], direction: str = "proponent", query_set: str = "facts"):
        """A run with these documents, by external id, for each query."""
        with self.database.connect() as connection:
            connection.execute(ADD_RUN, {"run": run, "query_set": query_set})
            for asked, documents in found.items():
                for rank, document in enumerate(documents, start=1):
                    row = {"run": run, "query": asked, "document": document, "rank": rank, "direction": direction}
                    assert connection.execute(ADD_PROPONENT, row).rowcount == 1

    def rows(self, statement: str) -> list[dict[str, Any]]:
        with self.database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement).fetchall()  # type: ignore[arg-type]

    def explanations(self) -> dict[str, dict[str, Any]]:
        rows = self.rows(
            "SELECT e.*, d.external_id FROM tda.proponent_explanation e JOIN tda.document d USING (document_id)"
        )
        return {row["external_id"]: row for row in rows}


@pytest.fixture
def corpus(database: Database, write_records: WriteRecords) -> Corpus:
    return Corpus(database, write_records)


FRANCE = fact("france", "France", "Paris", entity0_alias=["l'Hexagone"], entity1_alias=["City of Light"])
ITALY = fact("italy", "Italy", "Rome")
RIVER = fact("river", "Seine", "France", relation="flows in", predicate_uri="P17")
TEXTS = {
    "annotated": "It is there.",
    "both": "FRANCE lost to paris.",
    "aliases": "(L'HEXAGONE)\nhas its city  of light",
    "subject": "France has rivers.",
    "object": "Paris, Texas.",
    "relation": "Italy is governed from Rome.",
    "template": "The capital of Spain is Madrid.",
    "wording": "capital",
    "another_relation": "The Seine.",
    "other": "Parisian Frances, capitals all; France2, _Paris9",
}
KINDS = {
    "annotated": "states_fact",
    "both": "both_entities",
    "aliases": "both_entities",
    "subject": "subject",
    "object": "object",
    "relation": "same_relation",
    "template": "same_relation",
    "wording": "same_relation",
    "another_relation": "other",
    "other": "other",
}
STATES = {"annotated": ["france", "italy"], "relation": ["italy"], "another_relation": ["river"]}


def test_each_proponent_has_the_strongest_kind_that_holds(corpus: Corpus) -> None:
    corpus.load([FRANCE, ITALY, RIVER], TEXTS, STATES)
    corpus.add_run("run", {"france": list(TEXTS)})
    found = corpus.explanations()
    assert {name: row["kind"] for name, row in found.items()} == KINDS
    first = found["annotated"]
    assert {name: first[name] for name in ("run", "method", "fact_id", "relation", "direction", "rank")} == {
        "run": "run", "method": "bm25", "fact_id": "france", "relation": "capital", "direction": "proponent", "rank": 1,
    }  # fmt: skip
    evidence = ("holds_subject", "holds_object", "states_fact", "has_same_relation", "shares_template", "word_overlap")
    assert {name: tuple(row[column] for column in evidence) for name, row in found.items()} == {
        "annotated": (False, False, True, True, False, 1 / 6),
        "both": (True, True, False, False, False, 2 / 6),
        "aliases": (True, True, False, False, False, 1 / 6),
        "subject": (True, False, False, False, False, 1 / 6),
        "object": (False, True, False, False, False, 1 / 6),
        "relation": (False, False, False, True, False, 1 / 6),
        "template": (False, False, False, False, True, 4 / 6),
        "wording": (False, False, False, False, True, 1 / 6),
        "another_relation": (False, False, False, False, False, 1 / 6),
        "other": (False, False, False, False, False, 0),
    }


def test_kinds_are_counted_up_to_rank_ten_with_the_queries_behind_them(corpus: Corpus) -> None:
    corpus.load([FRANCE, ITALY, RIVER], {**TEXTS, "eleventh": "France"}, STATES)
    corpus.add_run("run", {"france": [*TEXTS, "eleventh"], "italy": ["relation", "subject"]})
    corpus.add_run("against", {"italy": ["subject"]}, "opponent")
    rows = corpus.rows("SELECT * FROM tda.proponent_kind WHERE run = 'run'")
    assert {(row["direction"], row["method"], row["queries"]) for row in rows} == {("proponent", "bm25", 2)}
    assert {row["kind"]: row["proponents"] for row in rows} == {
        "states_fact": 2, "both_entities": 2, "subject": 1, "object": 1, "same_relation": 3, "other": 3,
    }  # fmt: skip
    assert {row["kind"]: row["share"] for row in rows} == {
        row["kind"]: pytest.approx(row["proponents"] / 12) for row in rows
    }
    (against,) = corpus.rows("SELECT * FROM tda.proponent_kind WHERE run = 'against' AND proponents > 0")
    assert (against["direction"], against["kind"], against["share"], against["queries"]) == ("opponent", "other", 1, 1)


def test_a_query_that_is_no_fact_has_only_its_words(corpus: Corpus) -> None:
    corpus.load([FRANCE], {"right": "two and two are 4.", "wrong": "two of those and two of these: 44"}, {})
    queries = [{"id": "sum", "prompt": "Two and two are", "target": "4"}]
    corpus.store.load_queries([corpus.write("q.jsonl", queries)], query_set="sums")
    corpus.add_run("run", {"sum": ["right", "wrong"]}, query_set="sums")
    found = corpus.explanations()
    nothing = ("fact_id", "relation", "holds_subject", "states_fact", "has_same_relation")
    assert {found["right"][name] for name in nothing} == {None}
    assert (found["right"]["holds_object"], found["right"]["kind"], found["right"]["word_overlap"]) == (
        True, "object", 1,
    )  # fmt: skip
    assert (found["wrong"]["holds_object"], found["wrong"]["shares_template"]) == (False, True)
    assert (found["wrong"]["kind"], found["wrong"]["word_overlap"]) == ("same_relation", 0.5)


TEMPLATES = [
    ("The capital of France is", "the Capital, of Y", True),
    ("The capital of France is", "capitals of Y", False),
    ("The city that l'hexagone has as its capital is", "the city Rome is a capital", True),
    ("The city that l'Hexagone has as its capital is", "the capital is the city", False),
    ("France was born in the city of", "Y, born in 1950 in that city", True),
    ("France was born in the city of", "born " + "a " * 10 + "city", True),
    ("France was born in the city of", "born " + "a " * 11 + "city", False),
    ("France was born in the city of", "born then, " + "a " * 30 + "born in a city", True),
    ("France is a", "Y is a", False),
    ("France", "France", False),
    ("", "anything", False),
    ("The Francesca of France plays", "the Francesca of Y plays", True),
    ("The Francesca of France plays", "Y plays", False),
]


def test_a_template_is_the_prompts_own_words_in_order_and_near_each_other(database: Database) -> None:
    statement = """SELECT trackstar.shares_template(
                       trackstar.spaced_words(trackstar.folded(%s)),
                       trackstar.template_words(%s, '{france, l''hexagone, île (de) france}'))"""
    with database.connect() as connection:
        found = [connection.execute(statement, (text, prompt)).fetchone() for prompt, text, _ in TEMPLATES]
        (left,) = connection.execute(
            "SELECT trackstar.template_words(%s, trackstar.folded_names(%s))",
            ("Its Island, as île  (de) FRANCE (an Île) is", ["Île", "Île (de) France"]),
        ).fetchone() or ([],)
    assert found == [(shares,) for _, _, shares in TEMPLATES]
    assert left == ["island"]  # the longest name that stands there goes as a whole


# Each part alone, and joined in every way that a random text joins them.
NAMES = [
    "U.S.", "C++", "C", "U.S", "(a)", "[b]", "x|y", "a.b", "\\d", "^a$", "St. John's", "Zoë",
    "ZOE\N{COMBINING DIAERESIS}", "new  york", "New York", "*", "%", "_", "a_b", "?!", "{2}", "ß",
    "\N{CJK UNIFIED IDEOGRAPH-6771}", "3", "...", "", " ", "Ünal's", "a-a", "'s",
]  # fmt: skip
JOINS = ["", " ", "  ", "\n", ",", "-", "'", "a", "9", "é", "_", ".", "(", "\\"]


def folded(text: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).lower())


def holds(text: str, names: list[str]) -> bool:
    """Whether a name stands anywhere with no letter or digit at either end."""
    text = folded(text)
    for name in (folded(name).strip() for name in names):
        for start in range(len(text)) if name else ():
            around = text[max(start - 1, 0) : start] + text[start + len(name) : start + len(name) + 1]
            if text.startswith(name, start) and not any(char.isalnum() for char in around):
                return True
    return False


def words(text: str) -> list[str]:
    return "".join(char if char.isalnum() else " " for char in folded(text)).split()


def random_texts(count: int) -> Iterator[str]:
    rng = random.Random(1)
    for _ in range(count):
        yield "".join(rng.choice(NAMES) + rng.choice(JOINS) for _ in range(rng.randint(1, 6))) or "."


def test_names_stand_in_a_text_as_a_plain_definition_has_it(database: Database) -> None:
    rng = random.Random(2)
    asked = [(text, rng.sample(NAMES, rng.randint(0, 3))) for text in random_texts(3000)]
    with database.connect() as connection:
        found = connection.execute(
            """SELECT trackstar.holds_name(trackstar.folded(pair ->> 0),
                                           trackstar.folded_names(
                                               ARRAY(SELECT jsonb_array_elements_text(pair -> 1))))
               FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY pairs (pair, place) ORDER BY place""",
            (json.dumps(asked),),
        ).fetchall()
    expected = [holds(text, names) for text, names in asked]
    assert [answer for (answer,) in found] == expected
    assert 300 < sum(expected) < 2700


def test_words_overlap_as_a_plain_definition_has_it(database: Database) -> None:
    texts = list(random_texts(2000))
    asked = list(zip(texts, texts[1:] + texts[:1], strict=True))
    with database.connect() as connection:
        found = connection.execute(
            """SELECT trackstar.word_overlap(trackstar.spaced_words(trackstar.folded(pair ->> 0)), pair ->> 1)
               FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY pairs (pair, place) ORDER BY place""",
            (json.dumps(asked),),
        ).fetchall()
    for (text, wanted), (share,) in zip(asked, found, strict=True):
        distinct = set(words(wanted))
        there = len(distinct & set(words(text)))
        assert share == (pytest.approx(there / len(distinct)) if distinct else None)


def test_nothing_comes_of_nothing(database: Database) -> None:
    calls = (
        "folded(NULL)", "spaced_words(NULL)", "folded_names(NULL)", "holds_name(NULL, '{a}')", "holds_name('a', NULL)",
        "word_overlap(NULL, 'a')", "word_overlap('a', NULL)", "template_words(NULL, '{a}')",
    )  # fmt: skip
    with database.connect() as connection:
        for call in calls:
            assert connection.execute(f"SELECT trackstar.{call}").fetchone() == (None,)  # type: ignore[arg-type]


def test_only_the_run_that_is_asked_for_is_looked_at(corpus: Corpus) -> None:
    corpus.load([FRANCE, ITALY, RIVER], TEXTS, STATES)
    corpus.add_run("small", {"france": ["both", "other"]})
    corpus.add_run("large", {name: list(TEXTS) for name in ("france", "italy", "river")})

    def looked_at(node: dict[str, Any]) -> Iterator[int]:
        """How often each part of the plan that reads no table ran: the functions over texts are such parts."""
        if node["Node Type"] == "Result":
            yield node["Actual Loops"]
        for part in node.get("Plans", ()):
            yield from looked_at(part)

    for view in ("tda.proponent_explanation", "tda.proponent_kind"):
        (row,) = corpus.rows(f"EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM {view} WHERE run = 'small'")  # noqa: S608
        loops = list(looked_at(row["QUERY PLAN"][0]["Plan"]))
        assert loops
        assert max(loops) == 2
