"""Where the files of each tool lie."""

from __future__ import annotations

from pathlib import Path

from dashboards.description import FOLDER, Dashboard, read_dashboard
from dashboards.grafana_files import grafana_files
from dashboards.metabase_files import metabase_files
from dashboards.superset_files import superset_files

MADE = {
    Path("superset/bundle"): superset_files,
    Path("grafana/dashboards"): grafana_files,
    Path("metabase/questions"): metabase_files,
}
"""The folders that hold nothing but made files, and what makes them."""


def made_files(dashboard: Dashboard) -> dict[Path, str]:
    """The text of every made file, by its path in this folder."""
    return {folder / name: text for folder, make in MADE.items() for name, text in make(dashboard).items()}


def kept_files(folder: Path = FOLDER) -> dict[Path, str]:
    """The files that lie in the made folders."""
    return {
        path.relative_to(folder): path.read_text(encoding="utf-8")
        for made in MADE
        for path in sorted((folder / made).rglob("*"))
        if path.is_file()
    }


def write_files(folder: Path = FOLDER) -> list[Path]:
    """Every file that was written or removed, because it was not as the description makes it."""
    made, kept = made_files(read_dashboard(folder)), kept_files(folder)
    changed = [path for path in {**kept, **made} if made.get(path) != kept.get(path)]
    for path in changed:
        if path in made:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(made[path], encoding="utf-8")
        else:
            (folder / path).unlink()
    return changed
