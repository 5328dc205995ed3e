"""Every command: it has a help text with an example, and the README speaks of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from trackstar_db.cli import trackstar

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
# The names that others build on.
PROMISED = {
    "init", "status", "demo", "db start", "db stop", "db status", "db url", "load documents", "load sentences",
    "load facts", "load queries", "load labels", "encoding create", "encoding list", "encoding show",
    "encoding drop", "encode documents", "encode queries", "attribute", "trace",
}  # fmt: skip


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{before}{name}", command


COMMANDS = dict(commands(trackstar))


def test_the_promised_commands_are_there() -> None:
    assert set(COMMANDS) >= PROMISED


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_help_of_a_command_has_an_example_of_it(name: str) -> None:
    result = CliRunner().invoke(trackstar, [*name.split(), "--help"])
    assert result.exit_code == 0
    assert f"trackstar {name}" in result.output.split("Example", 1)[1]
    assert "--database-url" in result.output


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_readme_names_every_command(name: str) -> None:
    assert f"trackstar {name}" in README


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_says_what_it_does(name: str) -> None:
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_help_comes_without_loading_torch() -> None:
    program = "import sys, trackstar_db.cli; sys.exit(any(m in sys.modules for m in ('torch', 'transformers')))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
