"""The demo: what it promises, twice."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.viewer.serving import served
from trackstar_db import demo
from trackstar_db.database.engine import open_database

ROOT = Path(__file__).parents[2]


def test_the_readme_shows_what_the_demo_prints() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    documents = {json.loads(line)["text"] for line in demo.SENTENCES.read_text(encoding="utf-8").splitlines()}
    shown = [line for line in readme.splitlines() if re.match(r" +[+-]0\.\d{3}  (yes|no) ", line)]
    assert len(shown) >= 6
    for line in shown:
        assert any(text.startswith(line.split(maxsplit=2)[2]) for text in documents), line


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_demo_prints_answers_with_their_documents_again_and_again(
    empty_database_url: str, run_trackstar: Callable[..., Any], tmp_path: Path
) -> None:
    first = run_trackstar("demo")
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("the model says: ") == 3
    assert first.stdout.count("(right; confidence") == 3
    assert "FROM tda.proponent" in first.stdout
    assert "psql" in first.stdout
    told = [line for line in first.stderr.splitlines() if line.startswith("· ")]
    assert "this takes longest" in told[-3]
    assert told[-1] == "· asks the model for 3 answers to show"
    database = open_database(empty_database_url)
    with database.connect() as connection:
        statement = first.stdout.split("The same answer in SQL:")[1].split("Go on:")[0]
        assert len(connection.execute(statement.encode()).fetchall()) == 10
        (stated,) = connection.execute(
            "SELECT avg(is_annotated::integer) FROM tda.proponent WHERE run = 'demo' AND direction = 'proponent' "
            "AND rank <= 3"
        ).fetchone() or (0,)
        (chance,) = connection.execute(
            "SELECT avg(annotated_documents) / (SELECT count(*) FROM tda.document) FROM tda.fact"
        ).fetchone() or (1,)
    database.close()
    assert stated > 10 * chance  # influence finds the statements far better than chance
    last = re.fullmatch(r" +in a browser: +trackstar serve +and open (http://\S+)", first.stdout.splitlines()[-1])
    assert last is not None
    with served(url=empty_database_url, log=tmp_path / "errors") as viewer:
        page = httpx.get(f"{viewer}{httpx.URL(last[1]).raw_path.decode()}", timeout=60)
    assert page.status_code == 200
    assert page.text.count('class="asks"') == 100
    assert "The city that France has as its capital is <b>Paris</b>" in page.text
    second = run_trackstar("demo")
    assert second.returncode == 0, second.stderr
    assert second.stdout == first.stdout


def test_the_demos_corpus_is_as_large_and_its_model_as_small_as_promised() -> None:
    facts = [json.loads(line) for line in demo.FACTS.read_text(encoding="utf-8").splitlines()]
    sentences = [json.loads(line) for line in demo.SENTENCES.read_text(encoding="utf-8").splitlines()]
    assert len(facts) >= 300
    assert len({fact["relation"] for fact in facts}) >= 6
    assert len({sentence["text"] for sentence in sentences}) == len(sentences) >= 1500
    assert min(Counter(fact for s in sentences for fact in s["fact_triples"]).values()) >= 1
    kinds = Counter(sentence["kind"] for sentence in sentences)
    assert kinds["subject_only"] + kinds["object_only"] + kinds["both"] >= 500  # many only touch a fact
    assert all((sentence["kind"] == "states") == bool(sentence["fact_triples"]) for sentence in sentences)
    size = sum(path.stat().st_size for path in demo.MODEL.iterdir())
    assert size <= 6 * 2**20


def test_the_wording_of_a_prompt_stands_in_no_document() -> None:
    texts = " \n ".join(json.loads(line)["text"] for line in demo.SENTENCES.read_text(encoding="utf-8").splitlines())
    for line in demo.FACTS.read_text(encoding="utf-8").splitlines():
        fact = json.loads(line)
        assert fact["prompt0"] not in texts
        before, after = fact["prompt0"].split(fact["entity0"])
        assert not (before.strip() and before.strip() in texts and after.strip() and after.strip() in texts)


@pytest.mark.slow
def test_the_demos_model_knows_what_its_card_says() -> None:
    from trackstar_db.attribution.model import load_model
    from trackstar_db.prediction import greedy_answer, states

    loaded = load_model(demo.MODEL)
    facts = [json.loads(line) for line in demo.FACTS.read_text(encoding="utf-8").splitlines()]
    right = sum(
        states(greedy_answer(loaded, fact["prompt0"]), [fact["entity1"], *fact["entity1_alias"]]) for fact in facts
    )
    card = json.loads((demo.MODEL / "training.json").read_text(encoding="utf-8"))
    assert right / len(facts) >= 0.8
    assert right / len(facts) == pytest.approx(card["accuracy_prompt0"], abs=0.02)
