"""Runs as the viewer reads them."""

from __future__ import annotations

from trackstar_db.viewer.lists import Run, runs
from trackstar_db.viewer.statements import Statements


def run_named(statements: Statements, name: str) -> Run:
    """The run of this name."""
    return next(run for run in runs(statements) if run.name == name)
