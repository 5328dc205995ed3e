"""Options that choose among documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

EXPECTED = """Expected one such as '{"kind": "statement"}'."""


def json_object(text: str) -> dict[str, Any]:
    """The object that stands in JSON."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise click.BadParameter(f"{text!r} is not JSON ({error}). {EXPECTED}") from error
    if not isinstance(found, dict):
        raise click.BadParameter(f"{text!r} is not an object. {EXPECTED}")
    return found


def filter_options(command: Command) -> Command:
    """The command, with --corpus, --relation and --metadata."""
    options = (
        click.option("--corpus", help="Search only the documents of this corpus."),
        click.option(
            "--relation", help="Search only documents annotated with a fact of this relation: its label or uri."
        ),
        click.option(
            "--metadata",
            metavar="JSON",
            type=json_object,
            help="Search only documents whose metadata contain this object.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
