"""What every command is made of.

    from trackstar_db.cli.base import Context, TrackstarCommand, TrackstarGroup, format_option

    @click.group(cls=TrackstarGroup)            # its @group.command() are TrackstarCommands by themselves
    @click.command(cls=TrackstarCommand)        # a command outside a group

Both classes give --database-url to the command, so that it is taken before and after the subcommand. A
command that needs the database takes @click.pass_obj, a Context, and uses `context.store` or
`context.database`: opened at first use, and refused with exit code 3 when the tables are not at the code's
revision.
@format_option adds --format table|json as the parameter `output_format`; cli/output.py prints by it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from trackstar_db.database.engine import Database
    from trackstar_db.store import Store


@dataclass
class Context:
    """What the commands of one invocation share.

    database_url: the option's value; None leaves it to the environment
    """

    database_url: str | None = None

    @cached_property
    def unchecked_database(self) -> Database:
        """The database at whatever revision: for the commands that look at it or upgrade it."""
        from trackstar_db.database.engine import open_database

        return open_database(self.database_url)

    @cached_property
    def database(self) -> Database:
        """The database, at the code's revision; raises SchemaOutOfDate otherwise."""
        from trackstar_db.database.schema import require_current

        require_current(self.unchecked_database)
        return self.unchecked_database

    @cached_property
    def store(self) -> Store:
        """The library's front door on that database."""
        from trackstar_db.store import Store

        return Store(self.unchecked_database)  # checks the revision itself


class _DatabaseUrlOption(click.Option):
    """--database-url: kept in the Context, wherever on the line it stands; the last one counts."""

    def __init__(self) -> None:
        super().__init__(
            ["--database-url"],
            metavar="URL",
            expose_value=False,
            callback=_keep_database_url,
            help="PostgreSQL database to use.  [default: TRACKSTAR_DATABASE_URL, DATABASE_URL, or the embedded server]",
        )


def _keep_database_url(context: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Context).database_url = value


class TrackstarCommand(click.Command):
    """A command that takes --database-url."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.params.append(_DatabaseUrlOption())


class TrackstarGroup(click.Group):
    """A group that takes --database-url, as its commands do."""

    command_class = TrackstarCommand
    group_class = type

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.params.append(_DatabaseUrlOption())


def _separated(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(name.strip() for value in values for name in value.split(",") if name.strip())
    if values and not names:
        raise click.BadParameter("it names no run.")
    return names


def _runs_option(required: bool) -> Callable[[Any], Any]:
    return click.option(
        "--runs",
        multiple=True,
        required=required,
        metavar="NAME[,NAME…]",
        callback=_separated,
        help="Runs, by name or by a pattern such as 'facts/*'; may be given again.",
    )


runs_option = _runs_option(required=True)
runs_option_of_group = _runs_option(required=False)  # its subcommands have their own

batch_tokens_option = click.option(
    "--batch-tokens",
    "token_budget",
    type=click.IntRange(min=1),
    metavar="N",
    help="Tokens of one padded batch; a GPU wants more.  [default: 2048]",
)

format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="A table to read, or JSON.",
)
