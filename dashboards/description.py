"""What the dashboard shows: dashboard.yaml and the SQL of its panels, read into a few plain classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Panel:
    """One query.

    question: the first line of its file
    columns: type in PostgreSQL by name, in the order of the dashboard's description
    """

    name: str
    question: str
    sql: str
    columns: dict[str, str]


@dataclass(frozen=True)
class Chart:
    """One picture of a panel.

    shows: bars, lines, scatter, heatmap or table
    x, y, series, value: columns; detail: one that a scatter shows beside its points
    columns, order: of a table; an order is "mrr descending"
    width: of twelve columns; height: in units of 8 pixels
    """

    title: str
    panel: Panel
    shows: str
    width: int
    height: int = 50
    x: str = ""
    y: str = ""
    series: str = ""
    detail: str = ""
    value: str = ""
    is_stacked: bool = False
    columns: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The title as a file's name."""
        return "_".join("".join(letter if letter.isalnum() else " " for letter in self.title.lower()).split())

    @property
    def used(self) -> list[str]:
        """Every column that the chart names."""
        ordered = [item.split()[0] for item in self.order]
        return [
            column
            for column in (self.x, self.y, self.series, self.detail, self.value, *self.columns, *ordered)
            if column
        ]

    @property
    def selected(self) -> list[str]:
        """The columns that the chart's rows have, each once."""
        return list(self.columns) or list(dict.fromkeys(self.used))

    @property
    def sorting(self) -> list[tuple[str, bool]]:
        """(column, whether ascending), the first counts most."""
        return [(column, direction == "ascending") for column, direction in (item.split() for item in self.order)]


@dataclass(frozen=True)
class Section:
    title: str
    text: str
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class Filter:
    """A choice that narrows the charts whose panels have its column, except the spared panels.

    panel: whose values can be chosen
    default: the value chosen at first; without one the first value, or all where several can be chosen
    """

    column: str
    title: str
    panel: Panel
    default: str | None = None
    is_multiple: bool = False
    spares: tuple[str, ...] = ()

    def narrows(self, panel: Panel) -> bool:
        return self.column in panel.columns and panel.name not in self.spares


@dataclass(frozen=True)
class Dashboard:
    """The whole page.

    labels: what a person reads in place of a column's name
    shares: columns from 0 to 1
    """

    title: str
    slug: str
    description: str
    filters: tuple[Filter, ...]
    sections: tuple[Section, ...]
    panels: dict[str, Panel]
    labels: dict[str, str]
    shares: frozenset[str]

    @property
    def charts(self) -> list[Chart]:
        return [chart for section in self.sections for chart in section.charts]

    def label(self, column: str) -> str:
        """What a person reads in place of a column's name."""
        return self.labels.get(column, column.replace("_", " "))

    def filters_of(self, panel: Panel) -> list[Filter]:
        return [item for item in self.filters if item.narrows(panel)]


def read_dashboard(folder: Path = FOLDER) -> Dashboard:
    """The dashboard that a folder describes."""
    written = yaml.safe_load((folder / "dashboard.yaml").read_text(encoding="utf-8"))
    panels = {name: _panel(folder, name, columns) for name, columns in written["panels"].items()}
    return Dashboard(
        title=written["title"],
        slug=written["slug"],
        description=written["description"],
        filters=tuple(Filter(**_with_panel(item, panels, "spares")) for item in written["filters"]),
        sections=tuple(
            Section(
                section["title"],
                section["text"],
                tuple(Chart(**_with_panel(chart, panels, "columns", "order")) for chart in section["charts"]),
            )
            for section in written["sections"]
        ),
        panels=panels,
        labels=written["labels"],
        shares=frozenset(written["shares"]),
    )


def _panel(folder: Path, name: str, columns: dict[str, str]) -> Panel:
    sql = (folder / "panels" / f"{name}.sql").read_text(encoding="utf-8").strip()
    return Panel(name, sql.splitlines()[0].removeprefix("-- "), sql, columns)


def _with_panel(written: dict[str, Any], panels: dict[str, Panel], *lists: str) -> dict[str, Any]:
    """The fields of a class: the panel itself for its name, tuples for lists."""
    return {**written, "panel": panels[written["panel"]], **{name: tuple(written.get(name, ())) for name in lists}}
