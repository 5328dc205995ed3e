"""`trackstar explain`: shaded text on a terminal, a table elsewhere, every token in JSON, a picture on demand."""

from __future__ import annotations

import json
import os
import pty
import re
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.integration.conftest import save_small_model, write_small_corpus
from trackstar_db.cli import trackstar
from trackstar_db.cli.base import Context
from trackstar_db.cli.explain import AGAINST, TOWARDS
from trackstar_db.database.engine import Database
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.errors import InputError
from trackstar_db.search.request import SearchOptions
from trackstar_db.shown import printable
from trackstar_db.store import Store

EXPLAIN = ("explain", "--run", "run", "--query", "f3")
ESCAPES = {"sentence_id": "\x1b[31mred", "text": "Rome \x1b[2J\x07 is the\ncapital of Italy", "fact_triples": []}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models") / "model"
    save_small_model(directory, seed=1)
    return directory


@pytest.fixture
def store(database: Database, tmp_path: Path, model: Path) -> Store:
    """A run of few documents, one of which would command the terminal."""
    store = Store(database)
    facts, sentences = write_small_corpus(tmp_path, documents=6)
    with sentences.open("a") as stream:
        stream.write(json.dumps(ESCAPES) + "\n")
    store.load_facts([facts], query_set="facts")
    store.load_sentences([sentences], corpus="small")
    store.create_encoding(NewEncoding("small", str(model), "small", block_rank=4))
    store.encode_documents("small", "small")
    store.encode_queries("small", "facts")
    store.attribute("small", "facts", "run", options=SearchOptions(top_k=7))
    return store


def run(store: Store, *arguments: object) -> Result:
    return CliRunner().invoke(trackstar, list(map(str, arguments)), obj=context_of(store))


def context_of(store: Store) -> Context:
    """The context of a command on the test's own database, which is closed when the test ends."""
    context = Context()
    context.unchecked_database = store.database
    return context


ALL_RANKS = tuple(part for rank in range(1, 8) for part in ("--rank", str(rank)))


def test_without_a_terminal_the_strongest_words_stand_in_a_table(store: Store) -> None:
    result = run(store, *EXPLAIN, *ALL_RANKS)
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout
    assert "small/\N{REPLACEMENT CHARACTER}[31mred" in result.stdout
    (first, *_) = store.explain("run", "f3")
    lines = result.stdout.splitlines()
    assert lines[0] == f"{first.prompt} → {first.target}"
    assert lines[2].startswith(f"proponent 1: small/{first.document}   influence {first.influence:+.4g} (the run has ")
    strongest = max(first.words, key=lambda word: abs(word.influence))
    table = next(number for number, line in enumerate(lines) if line.split() == ["influence", "word", "next"])
    assert lines[table + 2].split()[:2] == [f"{strongest.influence:+.4f}", strongest.text]
    assert len([line for line in lines if line.startswith("proponent ")]) == 7


def test_json_has_every_token(store: Store) -> None:
    result = run(store, *EXPLAIN, "--opponent", "--rank", 2, "--format", "json")
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)["explanations"]
    (expected,) = store.explain("run", "f3", (2,), "opponent")
    assert (found["direction"], found["rank"], found["query"], found["run"]) == ("opponent", 2, "f3", "run")
    assert found["influence"] == pytest.approx(expected.influence)
    assert [(token["text"], token["start"], token["end"]) for token in found["tokens"]] == [
        (token.text, token.start, token.end) for token in expected.tokens
    ]
    assert sum(token["influence"] for token in found["tokens"]) == pytest.approx(found["influence"])


def test_a_picture_is_written_and_what_is_wrong_with_its_name_is_said_before_the_work(
    store: Store, tmp_path: Path
) -> None:
    result = run(store, *EXPLAIN, "--rank", 1, "--rank", 2, "--picture", tmp_path / "words.svg")
    assert result.exit_code == 0, result.output
    assert result.stderr == f"Wrote {tmp_path / 'words.svg'}.\n"
    assert (tmp_path / "words.svg").read_text().startswith("<?xml")
    wrong = run(store, "explain", "--run", "no such run", "--query", "f3", "--picture", tmp_path / "words.pdf")
    assert isinstance(wrong.exception, InputError)
    assert "words.pdf ends in .pdf" in str(wrong.exception)


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_shows_shades_unless_it_is_asked_not_to(
    store: Store, no_color: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.database.connect() as connection:
        escapes_at = connection.execute(
            "SELECT rank FROM tda.proponent JOIN tda.query USING (query_id) WHERE tda.query.external_id = 'f3' "
            "AND direction = 'proponent' AND tda.proponent.external_id = %s", (ESCAPES["sentence_id"],),
        ).fetchone()  # fmt: skip
    ours, theirs = pty.openpty()
    monkeypatch.setenv("NO_COLOR", no_color)
    with open(theirs, "w", encoding="utf-8") as terminal, monkeypatch.context() as patch:  # noqa: PTH123
        patch.setattr(sys, "stdout", terminal)
        trackstar.main([*EXPLAIN, "--rank", str(escapes_at[0])], standalone_mode=False, obj=context_of(store))
        terminal.flush()
        shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "\x1b[2J" not in shown
    assert "\x07" not in shown
    assert "capital of Italy" in click.unstyle(shown)
    if no_color:
        assert "\x1b" not in shown
        return
    backgrounds = [f"\x1b[48;5;{n}m" for n in (*TOWARDS, *AGAINST)]
    assert set(re.findall(r"\x1b\[[^m]*m", shown)) <= {"\x1b[0m", "\x1b[38;5;16m", *backgrounds}
    (found,) = store.explain("run", "f3", escapes_at)
    strongest = max(found.words, key=lambda word: abs(word.influence))
    shade = (TOWARDS if strongest.influence > 0 else AGAINST)[-1]
    assert f"\x1b[48;5;{shade}m{printable(strongest.text)}\x1b[0m" in shown
