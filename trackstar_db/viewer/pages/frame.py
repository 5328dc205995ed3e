"""What every page has around it: the runs to choose from, and the one that is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from trackstar_db.errors import NotFound
from trackstar_db.viewer.lists import Run, runs
from trackstar_db.viewer.pages.asked import Asked
from trackstar_db.viewer.state import Viewer
from trackstar_db.viewer.statements import Statements

NAMED = 50  # runs, or characters, in a message


@dataclass(frozen=True)
class Frame:
    """The chooser of runs.

    path, kept: where choosing another run leads, and the parameters that stay
    """

    runs: list[Run]
    run: Run
    path: str
    kept: list[tuple[str, str]]

    @property
    def others(self) -> list[Run]:
        """The other runs that asked the same queries."""
        return [run for run in self.runs if run.query_set == self.run.query_set and run.run_id != self.run.run_id]

    def other(self, name: str) -> Run | None:
        """The second run of this name, None for no name or that of the first; raises NotFound."""
        if name in ("", self.run.name):
            return None
        found = next((run for run in self.others if run.name == name), None)
        if found is None:
            raise NotFound(
                f"no other run named {name[:NAMED]!r} asked the queries of {self.run.name!r}. "
                f"There are: {', '.join(run.name for run in self.others[:NAMED]) or 'none'}."
            )
        return found


def viewer_of(request: Request) -> Viewer:
    """What pages are made with."""
    return cast(Viewer, request.app.state.viewer)


@contextmanager
def reading(request: Request) -> Iterator[Statements]:
    """The statements of one page."""
    with viewer_of(request).reading.connect() as connection:
        yield Statements(connection)


def frame_of(statements: Statements, asked: Asked, *kept: str) -> Frame:
    """The frame of a page: the run that the address names, else `preferred`'s; raises NotFound.

    kept: parameters that stay when another run is chosen
    """
    found = runs(statements)
    first = preferred(found)
    name = asked.text("run")
    run = next((run for run in found if run.name == name), None) if name else first
    if run is None:
        names = ", ".join(run.name for run in found[:NAMED])
        raise NotFound(f"no run named {name[:NAMED]!r} may be read here. Among those that may: {names}.")
    return Frame(found, run, asked.path, [(n, asked.text(n)) for n in kept if asked.text(n)])


def preferred(found: list[Run]) -> Run:
    """The run to begin with: the newest that ranked by gradients, else the newest; raises NotFound without runs."""
    if not found:
        raise NotFound(
            "the database has no run that may be read. Make one: trackstar attribute, or trackstar demo; "
            "or load one: trackstar load results."
        )
    return next((run for run in found if run.encoding), found[0])
