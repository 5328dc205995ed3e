"""The page of every command, made of click's own help when the site is built: it cannot lag behind the code."""

from __future__ import annotations

from collections.abc import Iterator

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from trackstar_db.cli import trackstar

PAGE = "reference/cli.md"
WIDTH = 100
HEAD = """\
# Commands

What `--help` says of each command. Data goes to standard output, everything else to standard error; `--format json` is
for programs.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | an error that says what was found, what was expected and what to do |
| 2 | a command or option that is not there |
| 3 | the database is not at the code's revision: run `trackstar init` |
| 130 | interrupted; what can be continued goes on when it is started again |
| 143 | ended by SIGTERM; the same holds |
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The site's files, and this page."""
    files.append(File.generated(config, PAGE, content=HEAD + "".join(_sections(trackstar, "trackstar", None))))
    return files


def _sections(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    """A section for the command, then one for each of its commands: those of a group stand below it."""
    context = click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH)
    yield f"\n{'###' if parent and parent.parent else '##'} {context.command_path}\n"
    yield f"\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from _sections(command.commands[below], below, context)
