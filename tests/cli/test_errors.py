"""What a person sees when something is wrong: one clear message, the right exit code, nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import save_small_model, write_small_corpus
from tests.interruption import INTERRUPTED
from trackstar_db.database.engine import Database

RunTrackstar = Callable[..., Any]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models") / "model"
    directory.mkdir()
    save_small_model(directory, seed=1)
    return directory


@pytest.fixture
def loaded(run_trackstar: RunTrackstar, database_url: str, tmp_path: Path) -> None:
    facts, sentences = write_small_corpus(tmp_path)
    assert run_trackstar("load", "facts", facts, "--query-set", "facts").returncode == 0
    assert run_trackstar("load", "sentences", sentences, "--corpus", "small").returncode == 0


def one_error(result: Any) -> str:
    """The only line on standard error of a command that failed as it should."""
    assert result.returncode == 1, result
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("Error: ")
    return str(lines[0])


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("no folder", "is not a folder"),
        ("no tokenizer", "has no tokenizer"),
        ("no weights", "has no weights"),
        ("cut weights", "cannot be read"),
        ("no configuration", "has no config.json"),
    ],
)
def test_a_model_that_cannot_be_read_is_one_line(
    run_trackstar: RunTrackstar, database: Database, model: Path, tmp_path: Path, broken: str, words: str
) -> None:
    folder = tmp_path / "broken"
    if broken != "no folder":
        shutil.copytree(model, folder)
    if broken == "no tokenizer":
        for path in folder.glob("tokenizer*"):
            path.unlink()
    elif broken == "no weights":
        (folder / "model.safetensors").unlink()
    elif broken == "cut weights":
        (folder / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:1000])
    elif broken == "no configuration":
        (folder / "config.json").unlink()
    result = run_trackstar("encoding", "create", "e", "--model", folder, "--corpus", "small")
    assert words in one_error(result)
    with database.connect() as connection:
        for table in ("model", "encoding", "encoding_tensor"):
            assert connection.execute(f"SELECT count(*) FROM trackstar.{table}").fetchone() == (0,)  # noqa: S608


@pytest.mark.usefixtures("loaded")
def test_the_whole_job_by_the_command_line_and_what_it_refuses_on_the_way(
    run_trackstar: RunTrackstar, database: Database, model: Path, tmp_path: Path
) -> None:
    def succeed(*arguments: object) -> Any:
        result = run_trackstar(*arguments, "--format", "json")
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
        return json.loads(result.stdout)

    assert "no encoding named 'e'" in one_error(
        run_trackstar("encode", "documents", "--encoding", "e", "--corpus", "small")
    )
    created = succeed("encoding", "create", "e", "--model", model, "--corpus", "small", "--block-rank", 4)
    assert created["dimension"] == 64
    assert "no corpus named 'nowhere'; the database has: small." in one_error(
        run_trackstar("encode", "documents", "--encoding", "e", "--corpus", "nowhere")
    )
    save_small_model(tmp_path / "other", seed=2)
    assert "encoding 'e' was made from model" in one_error(
        run_trackstar("encode", "documents", "--encoding", "e", "--corpus", "small", "--model", tmp_path / "other")
    )
    assert succeed("encode", "documents", "--encoding", "e", "--corpus", "small")["stored"] == 60
    assert succeed("encode", "queries", "--encoding", "e", "--query-set", "facts")["stored"] == 12
    assert succeed("attribute", "--encoding", "e", "--query-set", "facts", "--run", "r", "--top-k", 5)["queries"] == 12
    traced = succeed("trace", "the king of", "Rome", "--encoding", "e", "-k", 3)
    assert [found["rank"] for found in traced["proponents"]] == [1, 2, 3]
    assert [run["run"] for run in succeed("run", "list")] == ["r"]
    assert succeed("encoding", "list")[0]["encoded_documents"] == 60
    shown = json.loads(run_trackstar("encoding", "show", "e").stdout)
    assert shown["settings"]["block_rank"] == 4
    assert "these runs stand on: r" in one_error(run_trackstar("encoding", "drop", "e", "--yes"))
    assert run_trackstar("run", "drop", "r", "--yes").returncode == 0
    assert run_trackstar("encoding", "drop", "e", "--yes").returncode == 0
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM trackstar.gradient").fetchone() == (0,)


def test_a_drop_without_an_answer_drops_nothing(
    run_trackstar: RunTrackstar, loaded: None, model: Path, database: Database
) -> None:
    create = ("encoding", "create", "e", "--model", model, "--corpus", "small", "--block-rank", 3)
    assert run_trackstar(*create).returncode == 0
    assert run_trackstar("encoding", "drop", "e", stdin="n\n").returncode == 0
    unanswered = run_trackstar("encoding", "drop", "e")
    assert unanswered.returncode == 130
    assert "--yes" in unanswered.stderr
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM tda.encoding").fetchone() == (1,)


def test_bytes_that_are_no_text_are_one_line(run_trackstar: RunTrackstar, database_url: str) -> None:
    assert "no text in UTF-8" in one_error(run_trackstar("judge", "frequency", "--corpus", os.fsdecode(b"\xff")))


@pytest.mark.parametrize(
    "arguments",
    [
        ("encoding", "create", "e"),
        ("trace", "only a prompt", "--encoding", "e"),
        ("attribute", "--encoding", "e", "--query-set", "q", "--run", "r", "--top-k", "0"),
        ("load", "documents", "--corpus", "c"),
        ("no-such-command",),
    ],
)
@pytest.mark.usefixtures("database_url")
def test_wrong_usage_has_exit_code_2(run_trackstar: RunTrackstar, arguments: tuple[str, ...]) -> None:
    result = run_trackstar(*arguments)
    assert result.returncode == 2
    assert "Usage: trackstar" in result.stderr


@pytest.mark.usefixtures("loaded")
def test_an_interrupted_command_has_exit_code_130_and_leaves_nothing_half_written(
    database: Database, database_url: str, model: Path
) -> None:
    command = ["encoding", "create", "e", "--model", str(model), "--corpus", "small", "--estimate-second-moment", "60"]
    with database.connect() as connection:  # connections of before are ours, whatever they did last
        (before,) = connection.execute("SELECT clock_timestamp()").fetchone() or (None,)
    process = subprocess.Popen(
        [sys.executable, "-m", "trackstar_db.cli", *command],
        env={**os.environ, "TRACKSTAR_DATABASE_URL": database_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    is_at_work = (
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_start > %s AND query LIKE '%%trackstar.%%'"
    )
    with database.session() as session:
        while process.poll() is None and session.execute(is_at_work, (before,)).fetchone() == (False,):
            time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in INTERRUPTED, errors
    assert errors.decode().strip() == "Interrupted."
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM trackstar.encoding").fetchone() == (0,)


ESCAPE = "no\x1b[31m\x9bname"


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    "arguments",
    [
        ("grant", ESCAPE, "--to", "tda_reader"),
        ("grant", "small", "--to", ESCAPE),
        ("revoke", ESCAPE, "--from", "tda_reader"),
        ("revoke", "--all", "--from", ESCAPE),
        ("export", "results", "--run", ESCAPE, "--output", "x.jsonl"),
        ("export", "table", "run", "--output", ESCAPE),
        ("load", "documents", ESCAPE, "--corpus", "small"),
        ("sql", ESCAPE),
        ("run", "drop", ESCAPE, "--yes"),
        (ESCAPE,),
        ("status", f"--{ESCAPE}"),
        ("methods", "add", "bm25", f"--{ESCAPE}"),
    ],
)
def test_what_an_error_quotes_cannot_command_the_terminal(run_trackstar: RunTrackstar, arguments: Any) -> None:
    result = run_trackstar(*arguments)
    assert result.returncode in (1, 2)
    assert "name" in result.stderr
    assert "Traceback" not in result.stderr
    assert not set(result.stderr) & {"\x1b", "\x9b"}


def test_stored_names_cannot_command_the_terminal(run_trackstar: RunTrackstar, loaded: None, tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps({"id": "d", "text": "Rome"}) + "\n")
    assert run_trackstar("load", "documents", path, "--corpus", ESCAPE).returncode == 0
    for arguments in (
        ("grant", ESCAPE, "--to", "tda_reader"),
        ("grants",),
        ("grants", "--format", "json"),
        ("revoke", ESCAPE, "--from", "tda_reader"),
        ("trace", "the king of", "Rome", "--encoding", "e", "--corpus", ESCAPE),
        ("load", "documents", path, "--corpus", ESCAPE, "--format", "json"),
    ):
        result = run_trackstar(*arguments)
        assert "Traceback" not in result.stderr
        assert not set(result.stdout + result.stderr) & {"\x1b", "\x9b"}


def test_terminal_escapes_in_a_document_do_not_reach_the_terminal(
    run_trackstar: RunTrackstar, loaded: None, model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "escape.jsonl"
    path.write_text(json.dumps({"id": "\x1b[31mred", "text": "Rome \x1b[2J\x07 is"}) + "\n")
    assert run_trackstar("load", "documents", path, "--corpus", "escapes").returncode == 0
    create = ("encoding", "create", "e", "--model", model, "--corpus", "escapes", "--block-rank", 3)
    assert run_trackstar(*create).returncode == 0
    assert run_trackstar("encode", "documents", "--encoding", "e", "--corpus", "escapes").returncode == 0
    result = run_trackstar("trace", "the king of", "Rome", "--encoding", "e")
    assert result.returncode == 0
    assert "Rome" in result.stdout
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout
