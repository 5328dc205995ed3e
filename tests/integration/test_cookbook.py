"""The cookbook: a reader of the demo's database answers every question, as it stands and with parameters given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integration.judged_runs import FACTS, write_judged_runs
from trackstar_db.cookbook import Example, bind, example, examples, parameters_of
from trackstar_db.database.engine import Database
from trackstar_db.database.reader import answer, open_reader
from trackstar_db.errors import InputError, NotFound, StatementRefused

by_question = pytest.mark.parametrize("question", examples(), ids=[found.name for found in examples()])


def test_there_are_as_many_questions_as_the_readme_says() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"`trackstar sql --list` shows {len(examples())} questions" in readme
    assert len(examples()) >= 15


@by_question
def test_a_question_stands_on_top_and_names_tda_alone(question: Example) -> None:
    assert question.text.startswith(f"-- {question.question}\n")
    assert "?" in question.question
    assert "trackstar." not in question.text
    assert re.findall(r"::.* AS (\w+)\W", question.text.partition("\n)")[0]) == [p.name for p in question.parameters]
    assert all(parameter.says for parameter in question.parameters)


@pytest.mark.slow
@by_question
def test_a_question_has_an_answer_in_the_demos_database(demo_database_url: str, question: Example) -> None:
    reader = open_reader(demo_database_url)
    with answer(reader, question.text) as found:
        rows = [row for batch in found.batches for row in batch]
    assert rows
    given = {parameter.name: parameter.default.strip("'").replace("''", "'") for parameter in question.parameters}
    text, values = bind(question.text, given)
    assert len(values) == len(question.parameters)
    with answer(reader, text, values) as found:
        assert [row for batch in found.batches for row in batch] == rows


def test_a_fact_has_one_row_for_each_model_however_many_queries_ask_for_it(database: Database) -> None:
    write_judged_runs(database)
    with database.connect() as connection:
        connection.execute(
            """
            WITH s AS (INSERT INTO trackstar.query_set (name) VALUES ('other') RETURNING query_set_id),
            q AS (INSERT INTO trackstar.query (query_set_id, external_id, prompt, target, fact_id, content_digest)
                  SELECT query_set_id, name, 'p', 't', 'f1', sha256('q') FROM s, (VALUES ('a'), ('b')) n (name)
                  RETURNING query_id),
            m AS (INSERT INTO trackstar.model (name, architecture, parameter_count, config, content_digest)
                  VALUES ('n', 'a', 1, '{}', sha256('n')) RETURNING model_id)
            INSERT INTO trackstar.prediction (model_id, query_id, greedy_answer, samples, confidence,
                                              target_probability, is_correct, seed)
            SELECT 1, query_id, 't', '{}'::text[], 0.5, 0.5, true, 0
            FROM (SELECT query_id FROM q UNION ALL SELECT 1) asked
            UNION ALL
            SELECT model_id, 1, 'x', '{}'::text[], 0.25, 0.5, false, 0 FROM m
            """
        )
    text, values = bind(example("facts_with_few_documents").text, {"query_set": "asked"})
    with answer(open_reader(str(database.address)), text, values) as found:
        rows = [(row[0], *row[5:8], str(row[8])) for batch in found.batches for row in batch]
    assert len(rows) == FACTS + 1
    assert [row for row in rows if row[1]] == [("f1", "m", 1, 1, "0.50"), ("f1", "n", 1, 0, "0.25")]
    text, values = bind(example("facts_with_few_documents").text, {"query_set": "other"})
    with answer(open_reader(str(database.address)), text, values) as found:
        rows = [(row[0], *row[5:8], str(row[8])) for batch in found.batches for row in batch]
    assert [row for row in rows if row[1]] == [("f1", "m", 2, 2, "0.50")]


def test_a_parameter_takes_the_place_of_its_default_and_of_nothing_else() -> None:
    text = (
        "-- Why?\nWITH parameter AS (SELECT\n    'it''s'::text AS name,  -- the ''name''::text\n"
        "    -1.5::double precision AS k  -- how much\n)\nSELECT 'it''s'::text AS name, * FROM parameter"
    )
    assert [(p.name, p.type, p.default, p.says) for p in parameters_of(text)] == [
        ("name", "text", "'it''s'", "the ''name''::text"),
        ("k", "double precision", "-1.5", "how much"),
    ]
    assert bind(text, {}) == (text, [])
    assert bind(text, {"k": "2"}) == (text.replace("-1.5::", "$1::"), ["2"])
    bound, values = bind(text, {"k": "2", "name": "'; DROP"})
    assert values == ["'; DROP", "2"]
    assert bound == text.replace("'it''s'::text AS name,", "$1::text AS name,", 1).replace("-1.5::", "$2::")


def test_a_value_for_a_parameter_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="no parameter 'rum': it has run, k"):
        bind(example("attribution_rate").text, {"rum": "demo"})
    with pytest.raises(InputError, match="it has none on top"):
        bind("SELECT 1", {"run": "demo"})


def test_a_name_that_is_nearly_right_is_guessed() -> None:
    with pytest.raises(NotFound, match="Did you mean attribution_rate"):
        example("atribution_rate")


@pytest.mark.slow
def test_a_value_of_the_wrong_type_is_an_error_that_names_it(demo_database_url: str) -> None:
    text, values = bind(example("attribution_rate").text, {"k": "ten"})
    with (
        pytest.raises(StatementRefused, match='invalid input syntax for type integer: "ten"'),
        answer(open_reader(demo_database_url), text, values),
    ):
        pass
