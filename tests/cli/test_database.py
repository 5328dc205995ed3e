"""`trackstar init`, `status` and `db` as programs: what they print, where, and their exit codes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.interruption import INTERRUPTED
from trackstar_db.cli import main
from trackstar_db.database.embedded import EmbeddedServer

Run = Callable[..., "subprocess.CompletedProcess[str]"]

NOWHERE = "postgresql://me:s3cret@127.0.0.1:1/corpus"


# init ----------------------------------------------------------------------------------------------


def test_init_sets_a_database_up_and_says_the_second_time_that_it_is(
    run_trackstar: Run, empty_database_url: str
) -> None:
    first = run_trackstar("init")
    assert (first.returncode, first.stdout) == (0, "")
    assert "is ready" in first.stderr
    second = run_trackstar("init")
    assert second.returncode == 0
    assert "up to date already" in second.stderr
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM tda.run").fetchone() == (0,)


def test_two_at_once_both_succeed(run_trackstar: Run, empty_database_url: str) -> None:
    environment = {**os.environ, "TRACKSTAR_DATABASE_URL": empty_database_url}
    command = [sys.executable, "-m", "trackstar_db.cli", "init"]
    running = [subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) for _ in range(3)]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    assert run_trackstar("status").returncode == 0


def test_a_server_without_pgvector_is_one_clear_line(run_trackstar: Run, server_without_vector: EmbeddedServer) -> None:
    done = run_trackstar("init", "--database-url", server_without_vector.url())
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The server has no pgvector")
    assert "CREATE EXTENSION vector" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_database_of_a_newer_version_is_exit_code_three(run_trackstar: Run, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE trackstar.alembic_version SET version_num = '9999'")
    for command in ("init", "status"):
        done = run_trackstar(command)
        assert done.returncode == 3
        assert "pip install --upgrade trackstar-db" in done.stderr


# status --------------------------------------------------------------------------------------------


def test_status_shows_versions_and_rows_to_people_and_to_machines(run_trackstar: Run, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO trackstar.corpus (name) VALUES ('wiki')")
        connection.execute("INSERT INTO trackstar.load (kind, destination, source) VALUES ('facts', '', 'f.jsonl')")
    table = run_trackstar("status")
    assert table.returncode == 0
    assert "PostgreSQL  18." in table.stdout
    assert "Unfinished since" in table.stdout
    found = json.loads(run_trackstar("status", "--format", "json").stdout)
    assert found["is_current"] is True
    assert (found["rows"]["corpus"], found["rows"]["document"]) == (1, 0)
    assert [load["source"] for load in found["unfinished_loads"]] == ["f.jsonl"]


def test_status_names_runs_to_refresh_and_stopped_tail_patches(run_trackstar: Run, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """
            WITH c AS (INSERT INTO trackstar.corpus (name) VALUES ('wiki') RETURNING corpus_id),
            d AS (INSERT INTO trackstar.document (corpus_id, external_id, text, content_digest)
                  SELECT corpus_id, 'd' || n, 'text', sha256('text') FROM c, generate_series(1, 3) n
                  RETURNING document_id),
            s AS (INSERT INTO trackstar.query_set (name) VALUES ('questions') RETURNING query_set_id),
            q AS (INSERT INTO trackstar.query (query_set_id, external_id, prompt, target, content_digest)
                  SELECT query_set_id, 'q', 'prompt', 'target', sha256('q') FROM s RETURNING query_id),
            m AS (INSERT INTO trackstar.model (name, architecture, parameter_count, config, content_digest)
                  VALUES ('m', 'llama', 1, '{}', sha256('m')) RETURNING model_id),
            step AS (INSERT INTO trackstar.tail_patch_step (model_id, optimizer, learning_rate, settings, digest)
                     SELECT model_id, 'sgd', 0.5, '{}', sha256('s') FROM m RETURNING tail_patch_step_id),
            r AS (INSERT INTO trackstar.run (name, method, query_set_id, query_count, document_count, top_k,
                                           code_version, started_at, finished_at)
                  SELECT name, 'bm25', query_set_id, 0, 1, 10, '1', now(), now()
                  FROM s, (VALUES ('stopped'), ('other')) n (name)
                  RETURNING run_id, name),
            p AS (INSERT INTO trackstar.proponent (run_id, query_id, direction, rank, document_id, influence)
                  SELECT run_id, query_id, 'proponent', document_id, document_id, 0 FROM r, q, d
                  WHERE name = 'stopped' RETURNING query_id, document_id)
            INSERT INTO trackstar.tail_patch (tail_patch_step_id, query_id, document_id, delta)
            SELECT tail_patch_step_id, query_id, document_id, 1 FROM p, step LIMIT 2
            """
        )
    shown = run_trackstar("status").stdout
    assert "run stopped has tail-patches of 2 proponents (sgd, learning rate 0.5) and is not judged by them" in shown
    assert "Not refreshed: what dashboards read lacks other, stopped. Run: trackstar refresh" in shown
    with psycopg.connect(database_url) as connection:  # what the judge does last
        connection.execute(
            "UPDATE trackstar.run SET tail_patch_step_id = "
            "(SELECT tail_patch_step_id FROM trackstar.tail_patch_step) WHERE name = 'stopped'"
        )
    run_trackstar("refresh")
    found = json.loads(run_trackstar("status", "--format", "json").stdout)
    assert (found["unfinished_tail_patches"], found["runs_not_refreshed"]) == ([], [])


@pytest.mark.usefixtures("empty_database_url")
def test_status_of_a_database_that_is_not_set_up_says_so_with_exit_code_three(run_trackstar: Run) -> None:
    done = run_trackstar("status", "--format", "json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["revision"] is None
    assert done.stderr == "Error: The database has no tables of trackstar yet. Run: trackstar init\n"


@pytest.mark.usefixtures("empty_database_url")
def test_other_commands_refuse_a_database_that_is_not_set_up(run_trackstar: Run) -> None:
    done = run_trackstar("encoding", "list")
    assert (done.returncode, done.stdout) == (3, "")
    assert "Run: trackstar init" in done.stderr


def test_the_reader_is_told_in_one_line_that_it_may_not(run_trackstar: Run, database_url: str) -> None:
    reader = database_url.replace("trackstar@", "tda_reader@")
    done = run_trackstar("status", "--database-url", reader)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The database role may not do this: permission denied for schema trackstar")


# The address ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["before", "after"])
def test_the_url_is_taken_before_and_after_the_command_and_beats_the_environment(
    run_trackstar: Run, database_url: str, where: str
) -> None:
    option = ["--database-url", database_url]
    arguments = [*option, "status"] if where == "before" else ["status", *option]
    assert run_trackstar(*arguments, env={"TRACKSTAR_DATABASE_URL": NOWHERE}).returncode == 0


def test_postgres_as_the_scheme_is_accepted(run_trackstar: Run, database_url: str) -> None:
    url = database_url.replace("postgresql://", "postgres://")
    assert run_trackstar("status", env={"TRACKSTAR_DATABASE_URL": "", "DATABASE_URL": url}).returncode == 0


def test_a_server_that_is_not_there_is_exit_code_one_without_the_password(run_trackstar: Run) -> None:
    for command in (["init"], ["status"], ["encoding", "list"]):
        done = run_trackstar(*command, env={"DATABASE_URL": NOWHERE})
        assert done.returncode == 1
        assert done.stderr.startswith("Error: The database at postgresql://me:***@127.0.0.1:1/corpus does not answer")
        assert "s3cret" not in done.stderr + done.stdout
        assert "Traceback" not in done.stderr


def test_an_address_of_another_kind_is_exit_code_one(run_trackstar: Run) -> None:
    done = run_trackstar("status", env={"DATABASE_URL": "mysql://root:s3cret@host/db"})
    assert done.returncode == 1
    assert "DATABASE_URL holds a URL that begins with mysql://" in done.stderr
    assert "s3cret" not in done.stderr


# db ------------------------------------------------------------------------------------------------


def test_the_life_of_the_embedded_server(run_trackstar: Run, own_server: EmbeddedServer) -> None:
    before = json.loads(run_trackstar("db", "status", "--format", "json").stdout)
    assert (before["is_running"], before["pid"]) == (False, None)
    assert run_trackstar("init").returncode == 0
    running = json.loads(run_trackstar("db", "status", "--format", "json").stdout)
    assert (running["is_running"], running["is_tcp"]) == (True, False)
    os.kill(running["pid"], signal.SIGKILL)
    assert run_trackstar("status").returncode == 0
    with psycopg.connect(own_server.url()):
        refused = run_trackstar("db", "stop")
        assert refused.returncode == 1
        assert "1 other client is connected" in refused.stderr
    assert "has stopped" in run_trackstar("db", "stop").stderr
    again = run_trackstar("db", "stop")
    assert (again.returncode, "was not running" in again.stderr) == (0, True)


@pytest.mark.parametrize("options", [[], ["--tcp"]])
def test_the_url_works_for_psql_as_owner_and_as_reader(
    run_trackstar: Run, own_server: EmbeddedServer, options: list[str]
) -> None:
    assert run_trackstar("db", "start", *options).returncode == 0
    owner, reader = (run_trackstar("db", "url", *extra).stdout.strip() for extra in ([], ["--reader"]))
    assert ("passfile=" in owner) is bool(options)
    for url, role in ((owner, "trackstar"), (reader, "tda_reader")):
        with psycopg.connect(url) as connection:
            assert connection.info.user == role
    if psql := shutil.which("psql"):
        asked = [psql, owner, "--no-psqlrc", "--no-password", "-Atc", "SELECT current_user"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("trackstar\n", "")
    passwords = own_server.layout.passwords
    if passwords.exists():
        secrets = [line.rsplit(":", 1)[1] for line in passwords.read_text().splitlines()]
        printed = owner + reader + run_trackstar("db", "status").stdout
        assert not [secret for secret in secrets if secret in printed]


def test_db_says_that_it_is_not_about_the_database_at_a_url(run_trackstar: Run, own_server: EmbeddedServer) -> None:
    done = run_trackstar("db", "status", env={"DATABASE_URL": NOWHERE})
    assert done.returncode == 0
    assert "DATABASE_URL is set" in done.stderr
    assert str(own_server.layout.home) in done.stdout


def test_a_port_without_tcp_is_a_usage_error(run_trackstar: Run) -> None:
    done = run_trackstar("db", "start", "--port", "5433")
    assert done.returncode == 2
    assert "--tcp" in done.stderr


# The command itself --------------------------------------------------------------------------------


def test_version_and_help_are_quick_and_import_no_model_library(run_trackstar: Run) -> None:
    assert run_trackstar("--version").stdout == "trackstar, version 0.1.0\n"
    code = (
        "import sys; from trackstar_db.cli import main; main(['encode', 'documents', '--help']); "
        "sys.exit(bool({'torch', 'transformers', 'pyarrow', 'alembic'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["status", "--format", "xml"], ["trace", "only a prompt"]])
def test_wrong_usage_is_exit_code_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Usage: trackstar" in capsys.readouterr().err


def test_a_reader_that_stops_reading_is_no_traceback(database_url: str) -> None:
    command = f"{sys.executable} -m trackstar_db.cli status | true"
    environment = {**os.environ, "TRACKSTAR_DATABASE_URL": database_url}
    done = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("target", "words"), [(">&-", "Standard output is closed"), (">/dev/full", "No space left on device")]
)
def test_an_output_that_takes_nothing_is_one_line_and_exit_code_one(database_url: str, target: str, words: str) -> None:
    if "full" in target and not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    command = f"exec {sys.executable} -m trackstar_db.cli run list {target}"
    environment = {**os.environ, "TRACKSTAR_DATABASE_URL": database_url}
    done = subprocess.run(["sh", "-c", command], env=environment, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_interruption_while_it_imports_is_exit_code_130() -> None:
    code = (
        "import os, signal, sys; from trackstar_db.cli import main\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'click': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting()); sys.exit(main(['--version']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode in INTERRUPTED
    assert (done.stdout, done.stderr) == ("", "Interrupted.\n")


def test_renewed_views_are_not_called_an_upgrade(run_trackstar: Run, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("COMMENT ON SCHEMA trackstar IS 'of another version'")
    done = run_trackstar("init")
    assert done.returncode == 0
    assert "views were renewed" in done.stderr
    assert "upgraded" not in done.stderr


def test_an_interrupted_command_is_exit_code_130(own_server: EmbeddedServer) -> None:
    own_server.start()
    with psycopg.connect(own_server.url()) as blocker:
        blocker.execute("CREATE SCHEMA trackstar; CREATE TABLE trackstar.alembic_version (version_num text)")
        blocker.commit()
        blocker.execute("LOCK TABLE trackstar.alembic_version")
        command = [sys.executable, "-m", "trackstar_db.cli", "status"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as waiting:
            with psycopg.connect(own_server.url(), autocommit=True) as watcher:
                waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                while watcher.execute(waits).fetchone() == (0,):
                    assert waiting.poll() is None
            waiting.send_signal(signal.SIGINT)
            _, errors = waiting.communicate(timeout=30)
    assert waiting.returncode in INTERRUPTED
    assert errors.strip() == "Interrupted."


def test_every_command_explains_itself_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    from trackstar_db.cli import trackstar

    paths = [["init"], ["status"], *(["db", name] for name in trackstar.commands["db"].commands)]  # type: ignore[attr-defined]
    for path in paths:
        assert main([*path, "--help"]) == 0
        shown = capsys.readouterr().out
        assert "Example" in shown
        assert f"trackstar {' '.join(path)}" in shown
        assert "--database-url" in shown


def test_the_console_script_is_this_program() -> None:
    script = Path(sys.executable).with_name("trackstar")
    done = subprocess.run([script, "status", "--format", "xml"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
