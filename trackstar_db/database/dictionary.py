"""The data dictionary: schema tda as its comments describe it, for people and for programs.

python -m trackstar_db.database.dictionary > docs/data-dictionary.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trackstar_db.database.engine import Connection, open_database
from trackstar_db.database.queries import query
from trackstar_db.database.schema import require_current

HEAD = """\
# Data dictionary

Schema `tda`, version {version}: what analysts, dashboards and notebooks read. Made from the comments in the database by
`make dictionary`; `psql` shows the same with `\\d+ tda.proponent`.

Within a major version nothing is taken away, renamed or changed in type or meaning; what is added raises the minor
version (`SELECT version FROM tda.surface`). What is to go says so in its comment, "Deprecated since …", with what takes
its place, and stays for the rest of the major version and for six months at least.

Views with a column `refreshed_at` are computed beforehand by `trackstar refresh`; all others are live, and so is
`tda.refresh`, which says when that was.
"""


@dataclass(frozen=True)
class Column:
    """A column of a view."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True)
class View:
    """A view of schema tda."""

    name: str
    comment: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Function:
    """A function of schema tda; arguments and result as PostgreSQL writes them."""

    name: str
    arguments: str
    result: str
    comment: str


@dataclass(frozen=True)
class Dictionary:
    """Schema tda: views and functions by name."""

    version: str
    views: tuple[View, ...]
    functions: tuple[Function, ...]


def read_dictionary(connection: Connection) -> Dictionary:
    """What schema tda has, as the connection's role may see it: tda_reader sees everything."""
    ((version,),) = connection.execute(query("dictionary_version"))
    views = tuple(
        View(name, comment or "", tuple(Column(c["name"], c["type"], c["comment"] or "") for c in columns))
        for name, comment, columns in connection.execute(query("dictionary_views"))
    )
    functions = tuple(Function(*row) for row in connection.execute(query("dictionary_functions")))
    return Dictionary(version, views, functions)


def dictionary_page(dictionary: Dictionary) -> str:
    """The data dictionary in Markdown."""
    return "\n".join(_lines(dictionary)) + "\n"


def _lines(dictionary: Dictionary) -> Iterator[str]:
    yield HEAD.format(version=dictionary.version)
    yield "## Views\n"
    for view in dictionary.views:
        yield f"### tda.{view.name}\n\n{_cell(view.comment)}\n\n| column | type | meaning |\n|---|---|---|"
        for column in view.columns:
            yield f"| `{column.name}` | {column.type} | {_cell(column.comment)} |"
        yield ""
    yield "## Functions\n"
    for function in dictionary.functions:
        yield f"### tda.{function.name}({', '.join(_argument_names(function))})\n\n{_cell(function.comment)}\n"
        yield f"```\ntda.{function.name}({function.arguments})\n{_wrapped_result(function.result)}\n```\n"


def _argument_names(function: Function) -> list[str]:
    return [argument.split()[0] for argument in function.arguments.split(", ") if argument]


def _wrapped_result(result: str) -> str:
    """RETURNS with a line for each column of a table."""
    if not result.startswith("TABLE("):
        return f"RETURNS {result}"
    columns = result.removeprefix("TABLE(").removesuffix(")").split(", ")
    return "RETURNS TABLE (\n" + ",\n".join(f"    {column}" for column in columns) + "\n)"


def _cell(text: str) -> str:
    """Text that stands as it is in a Markdown table."""
    for character in "\\*|<>`":
        text = text.replace(character, f"\\{character}")
    return text


def main() -> None:
    """Print the data dictionary of the configured database."""
    database = open_database()
    require_current(database)
    with database.connect() as connection:
        print(dictionary_page(read_dictionary(connection)), end="")


if __name__ == "__main__":
    main()
