"""The documentation: the site builds strictly, its commands are there, and every block of its pages runs.

A page is run from top to bottom on a copy of the demo's database, in an empty folder: `sh` by bash, with what was
exported before; `sql` as tda_reader where it asks, else as the owner; `python` as a program. A block after
`<!-- not run: REASON -->` is not; its commands and options, or its syntax, are checked all the same.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import psycopg
import pytest

from tests.conftest import TEST_SETTINGS, reachable_directory
from tests.copies import administer, copy_database, initialized_database, restore_database
from tests.integration.pages import (
    PAGES,
    ROOT,
    RUN,
    SHOWN,
    Block,
    blocks,
    check_command,
    check_figures,
    commands,
    named_commands,
)
from trackstar_db.cookbook import example
from trackstar_db.database.embedded import EmbeddedServer, find_binaries

ASKS = re.compile(r"\s*(--[^\n]*\n\s*)*(SELECT|WITH|TABLE|VALUES)\b")
FETCHED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*(?:src|href)=[\"']?(?:https?:)?//|@import|url\(https?:")
DEMO, PAGE, EMPTY = "demo", "trackstar", "empty"
SECONDS = 120

with_path = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


@dataclass(frozen=True)
class Runner:
    """Runs the blocks of one page: in a folder, on the database that the server of the docs has for it."""

    server: EmbeddedServer
    folder: Path

    def run(self, block: Block) -> None:
        """Nothing; fails where the block does."""
        {"sh": self._shell, "sql": self._sql, "python": self._python}[block.language](block)

    def _shell(self, block: Block) -> None:
        state = self.folder / ".exported"
        text = f"set -aeuo pipefail\n[ ! -e {state} ] || . {state}\n{block.text}\nexport -p > {state}\n"
        self._program(block, ["bash", "-c", text])

    def _python(self, block: Block) -> None:
        self._program(block, [sys.executable, "-c", block.text])

    def _program(self, block: Block, command: list[str]) -> None:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert done.returncode == 0, f"{block.place}\n{block.text}\n{done.stdout}\n{done.stderr}"

    def _environment(self) -> dict[str, str]:
        path = (str(Path(sys.executable).parent), os.environ["PATH"], str(find_binaries()))
        return {
            **os.environ,
            "PATH": os.pathsep.join(path),
            "TRACKSTAR_HOME": str(self.server.layout.home),
            "NEW": self.server.url(database=EMPTY),
            "PSQLRC": os.devnull,
            "MPLBACKEND": "agg",
        }

    def _sql(self, block: Block) -> None:
        is_asking = ASKS.match(block.text) is not None
        url = self.server.url("tda_reader" if is_asking else "trackstar", PAGE)
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(block.text.encode())
            while is_asking:
                rows = cursor.fetchall()
                assert rows, f"{block.place} gives no rows:\n{block.text}"
                if block.shown is not None:
                    check_figures(block.shown, [column.name for column in cursor.description or ()], rows)
                if not cursor.nextset():
                    break


@pytest.fixture(scope="module")
def docs_server(demo_dump: Path) -> Iterator[EmbeddedServer]:
    """A server of the docs' own, with a copy of the demo's database to copy for each page."""
    with reachable_directory() as directory:
        server = EmbeddedServer(directory / "home", TEST_SETTINGS)
        server.start()
        try:
            restore_database(initialized_database(server, DEMO), demo_dump)
            yield server
        finally:
            server.stop(force=True)


@pytest.fixture
def runner(docs_server: EmbeddedServer, tmp_path: Path) -> Runner:
    """For one page: a new copy of the demo's database, an empty one beside it, and an empty folder."""
    for name, template in ((PAGE, DEMO), (EMPTY, "template0")):
        administer(docs_server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        copy_database(docs_server, name, template)
    (tmp_path / "dashboards").symlink_to(ROOT / "dashboards")  # programs that the pages call from a clone
    return Runner(docs_server, tmp_path)


# The site ------------------------------------------------------------------------------------------


def test_the_site_builds_strictly_and_a_reader_fetches_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = [path for ending in ("html", "css") for path in (tmp_path / "site").rglob(f"*.{ending}")]
    assert len(made) > len(PAGES)
    assert [path.name for path in made if FETCHED.search(path.read_text(encoding="utf-8"))] == []
    reference = (tmp_path / "site" / "reference" / "cli.html").read_text(encoding="utf-8")
    assert "trackstar encoding create [OPTIONS] NAME" in reference
    assert "as_reader" in (tmp_path / "site" / "reference" / "api.html").read_text(encoding="utf-8")


# What stands in the pages --------------------------------------------------------------------------


@with_path
def test_every_block_is_of_a_kind_that_is_run_or_shown(path: Path) -> None:
    found = blocks(path)
    assert {block.language for block in found} <= {*RUN, *SHOWN}
    fences = re.findall(r"^[ \t>]*```\w*$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) * 2 == len(fences)  # none is hidden by its indentation
    assert {block.language for block in found if block.reason} <= {"sh", "python"}


@with_path
def test_every_command_that_a_page_names_is_there_with_its_options(path: Path) -> None:
    for block in blocks(path):
        if block.language == "sh":
            subprocess.run(["bash", "-n", "-c", block.text], check=True)
            for arguments in commands(block.text):
                check_command(arguments)
        elif block.language == "python":
            compile(block.text, block.place, "exec")
    assert named_commands(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "trackstar atribute --run x",
        "BIN=x trackstar judge nobody > file",
        'psql "$(trackstar db url --writer)"',
        "for e in a b; do\n  trackstar encoding create $e --model m --corpus c \\\n    --bits 3\ndone",
    ],
)
def test_a_command_that_is_not_there_is_found(text: str) -> None:
    (arguments,) = commands(text)
    with pytest.raises(click.UsageError):
        check_command(arguments)


@pytest.mark.parametrize(
    "name",
    [
        "relations_learned_from_statements",
        "documents_influencing_most_facts",
        "where_methods_agree",
        "influence_by_fact_frequency",
    ],
)
def test_an_answer_of_the_docs_is_asked_as_the_cookbook_asks_it_and_shown(name: str) -> None:
    page = blocks(ROOT / "docs" / "explanation" / "answers.md")
    (block,) = [block for block in page if block.text == example(name).text]
    assert block.language == "sql"
    assert block.shown


# The pages, run ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [path for path in PAGES if any(block.language in RUN and not block.reason for block in blocks(path))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_block_of_a_page_runs(path: Path, runner: Runner) -> None:
    for block in blocks(path):
        if block.language in RUN and not block.reason:
            runner.run(block)
