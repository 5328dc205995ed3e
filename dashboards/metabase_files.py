"""The dashboard as Metabase questions: one SQL file a chart, with what to choose for its picture."""

from __future__ import annotations

from dashboards.description import Chart, Dashboard

PICTURES = {
    "bars": "Bar",
    "lines": "Line",
    "scatter": "Scatter",
    "heatmap": "Pivot table, with conditional formatting by colour range",
    "table": "Table",
}


def metabase_files(dashboard: Dashboard) -> dict[str, str]:
    """The text of each question's file, by its name; numbered in the order of the dashboard."""
    return {
        f"{number:02}_{chart.name}.sql": _question(dashboard, chart)
        for number, chart in enumerate(dashboard.charts, start=1)
    }


def _question(dashboard: Dashboard, chart: Chart) -> str:
    order = ", ".join(column if is_ascending else f"{column} DESC NULLS LAST" for column, is_ascending in chart.sorting)
    filters = [f"  [[AND {item.column} = {{{{{item.column}}}}}]]" for item in dashboard.filters_of(chart.panel)]
    lines = [
        f"-- {chart.title}",
        f"-- Visualization: {PICTURES[chart.shows]}{_settings(chart)}",
        *([f"-- Variables: {_variables(dashboard, chart)}, each of type text"] if filters else []),
        f"SELECT {', '.join(chart.selected)} FROM (",  # noqa: S608
        chart.panel.sql,
        ") AS panel",
        *(["WHERE true", *filters] if filters else []),
        *([f"ORDER BY {order}"] if order else []),
    ]
    return "\n".join(lines) + "\n"


def _settings(chart: Chart) -> str:
    if chart.shows == "table":
        return ""
    if chart.shows == "heatmap":
        return f"; rows {chart.y}, columns {chart.x}, values {chart.value}"
    stacked = "; stacked" if chart.is_stacked else ""
    return f"; x {chart.x}, y {chart.y}, series {chart.series}{stacked}"


def _variables(dashboard: Dashboard, chart: Chart) -> str:
    return ", ".join(
        f"{item.column} (default {item.default})" if item.default else item.column
        for item in dashboard.filters_of(chart.panel)
    )
