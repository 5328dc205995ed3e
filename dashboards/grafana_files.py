"""The dashboard as Grafana's JSON, and the files that provision it with its data source."""

from __future__ import annotations

import json
from typing import Any

from dashboards.description import Chart, Dashboard, Filter, Panel, Section

DATA_SOURCE = {"type": "grafana-postgresql-datasource", "uid": "trackstar"}
COLUMNS = 24
SCHEMA_VERSION = 41
PIXELS_OF_A_ROW = 38  # 30 pixels and the gap to the next one
HEADING_ROWS = 3
ALL = "$__all"
SQL_FORMAT = "table"


def grafana_files(dashboard: Dashboard) -> dict[str, str]:
    """The text of the dashboard's file, by its name."""
    content = {
        "uid": dashboard.slug,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["trackstar"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 0,
        "timezone": "utc",
        "timepicker": {"hidden": True},
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_variable(item) for item in dashboard.filters]},
        "panels": _panels(dashboard),
    }
    name = f"{dashboard.slug.replace('-', '_')}.json"
    return {name: json.dumps(content, indent=2, ensure_ascii=False) + "\n"}


# Queries ------------------------------------------------------------------------------------------


def _variable(item: Filter) -> dict[str, Any]:
    sql = f"SELECT DISTINCT {item.column} FROM (\n{item.panel.sql}\n) AS panel\nORDER BY {item.column}"  # noqa: S608
    chosen: Any = (
        {"text": ["All"], "value": [ALL]} if item.is_multiple else {"text": item.default, "value": item.default}
    )
    # Put in as it is where all are chosen, and true for every row then, those without a value too.
    everything = {"allValue": _compared(item)} if item.is_multiple else {}
    return {
        "name": item.column,
        "label": item.title,
        "type": "query",
        "datasource": DATA_SOURCE,
        "query": sql,
        "refresh": 1,
        "sort": 0,
        "multi": item.is_multiple,
        "includeAll": item.is_multiple,
        **everything,
        "options": [],
        **({"current": chosen} if item.is_multiple or item.default else {}),
    }


def filtered(dashboard: Dashboard, panel: Panel, columns: list[str], sorting: list[tuple[str, bool]]) -> str:
    """The panel's SQL under the filters that narrow it; Grafana puts the chosen values in, quoted."""
    chosen = [f"{_compared(item)} IN (${{{item.column}:sqlstring}})" for item in dashboard.filters_of(panel)]
    order = ", ".join(column if is_ascending else f"{column} DESC NULLS LAST" for column, is_ascending in sorting)
    lines = [f"SELECT {', '.join(columns)} FROM (", panel.sql, ") AS panel"]  # noqa: S608
    if chosen:
        lines.append("WHERE " + " AND ".join(chosen))
    if order:
        lines.append(f"ORDER BY {order}")
    return "\n".join(lines)


def _compared(item: Filter) -> str:
    """What is compared with the chosen values: never NULL where all can be chosen, which no list holds."""
    return f"coalesce({item.column}, '')" if item.is_multiple else item.column


# Panels -------------------------------------------------------------------------------------------


def _panels(dashboard: Dashboard) -> list[dict[str, Any]]:
    """Grafana's panels from top to bottom, each with its place and number."""
    panels: list[dict[str, Any]] = []
    y = 0
    for section in dashboard.sections:
        panels.append(_heading(section, y))
        y += HEADING_ROWS
        x = height = 0
        for chart in section.charts:
            width = chart.width * COLUMNS // 12
            if x + width > COLUMNS:
                x, y = 0, y + height
            height = round(chart.height * 8 / PIXELS_OF_A_ROW)
            panels.append({**_panel(dashboard, chart), "gridPos": {"x": x, "y": y, "w": width, "h": height}})
            x += width
        y += height
    return [{"id": number, **panel} for number, panel in enumerate(panels, start=1)]


def _heading(section: Section, y: int) -> dict[str, Any]:
    return {
        "type": "text",
        "title": "",
        "transparent": True,
        "options": {"mode": "markdown", "content": f"### {section.title}\n\n{section.text}"},
        "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": HEADING_ROWS},
    }


def _panel(dashboard: Dashboard, chart: Chart) -> dict[str, Any]:
    kinds = {"bars": _bars, "lines": _bars, "scatter": _scatter, "heatmap": _heatmap, "table": _table}
    sorting = chart.sorting or [(column, True) for column in (chart.x, chart.series or chart.y)]
    return {
        "title": chart.title,
        "description": chart.panel.question,
        "datasource": DATA_SOURCE,
        "targets": [
            {
                "refId": "A",
                "datasource": DATA_SOURCE,
                "editorMode": "code",
                "format": SQL_FORMAT,
                "rawQuery": True,
                "rawSql": filtered(dashboard, chart.panel, chart.selected, sorting),
            }
        ],
        **kinds[chart.shows](dashboard, chart),
    }


def _matrix(row: str, column: str, value: str) -> list[dict[str, Any]]:
    """Long rows turned into a column for each value of `column`: what bar charts and heat maps are drawn from."""
    options = {"rowField": row, "columnField": column, "valueField": value, "emptyValue": "null"}
    return [{"id": "groupingToMatrix", "options": options}]


def _bars(dashboard: Dashboard, chart: Chart) -> dict[str, Any]:
    return {
        "type": "barchart",
        "transformations": _matrix(chart.x, chart.series, chart.y),
        "fieldConfig": {
            "defaults": {"decimals": 2, "custom": {"axisLabel": dashboard.label(chart.y), "fillOpacity": 80}},
            "overrides": [],
        },
        "options": {
            "xField": f"{chart.x}\\{chart.series}",
            "orientation": "auto",
            "stacking": "normal" if chart.is_stacked else "none",
            "showValue": "never",
            "xTickLabelRotation": -30,
            "xTickLabelMaxLength": 0,
            "fullHighlight": False,
            "groupWidth": 0.8,
            "barWidth": 0.95,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "none"},
        },
    }


def _scatter(dashboard: Dashboard, chart: Chart) -> dict[str, Any]:
    return {
        "type": "xychart",
        "transformations": [
            {"id": "partitionByValues", "options": {"fields": [chart.series], "keepFields": False}},
        ],
        "fieldConfig": {
            "defaults": {"decimals": 2, "custom": {"show": "points", "pointSize": {"fixed": 10}}},
            "overrides": [
                {
                    "matcher": {"id": "byName", "options": column},
                    "properties": [{"id": "custom.axisLabel", "value": dashboard.label(column)}],
                }
                for column in (chart.x, chart.y)
            ],
        },
        "options": {
            "mapping": "auto",
            "series": [
                {
                    "x": {"matcher": {"id": "byName", "options": chart.x}},
                    "y": {"matcher": {"id": "byName", "options": chart.y}},
                }
            ],
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    }


def _heatmap(dashboard: Dashboard, chart: Chart) -> dict[str, Any]:
    """A table with coloured cells: Grafana's own heat map has numbers and times on its axes alone."""
    return {
        "type": "table",
        "transformations": _matrix(chart.y, chart.x, chart.value),
        "fieldConfig": {
            "defaults": {
                "decimals": 2,
                **({"min": 0, "max": 1} if chart.value in dashboard.shares else {}),
                "color": {"mode": "continuous-BlYlRd"},
                "custom": {
                    "cellOptions": {"type": "color-background", "mode": "basic"},
                    "align": "center",
                    "inspect": False,
                },
            },
            "overrides": [
                {
                    "matcher": {"id": "byType", "options": "string"},
                    "properties": [{"id": "custom.cellOptions", "value": {"type": "auto"}}],
                }
            ],
        },
        "options": {"showHeader": True, "cellHeight": "sm", "frameIndex": 0},
    }


def _table(dashboard: Dashboard, chart: Chart) -> dict[str, Any]:
    return {
        "type": "table",
        "fieldConfig": {
            "defaults": {
                "decimals": 3,
                "custom": {"filterable": True, "cellOptions": {"type": "auto"}, "align": "auto", "inspect": True},
            },
            "overrides": [
                {
                    "matcher": {"id": "byName", "options": column},
                    "properties": [
                        {"id": "displayName", "value": dashboard.label(column)},
                        *([{"id": "decimals", "value": 0}] if _is_count(chart.panel.columns[column]) else []),
                    ],
                }
                for column in chart.columns
            ],
        },
        "options": {"showHeader": True, "cellHeight": "sm", "frameIndex": 0},
    }


def _is_count(sql_type: str) -> bool:
    return sql_type in ("integer", "bigint")
