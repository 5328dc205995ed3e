"""The dashboard as Apache Superset's assets: a bundle of YAML files that its importer takes, zipped."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml

from dashboards.description import Chart, Dashboard, Filter, Panel, Section
from dashboards.superset_charts import COLOURS, COLUMNS, chart_params

DATABASE = "trackstar"
SQLALCHEMY_URI = "postgresql://tda_reader:XXXXXXXXXX@127.0.0.1:5432/trackstar"
"""Superset's importer asks for the password of a URI that has these ten X in its place."""
VERSION = "1.0.0"
HEADING_HEIGHT = 13


def superset_files(dashboard: Dashboard) -> dict[str, str]:
    """The text of each file of the bundle, by its path in it."""
    files: dict[str, Any] = {
        "metadata.yaml": {"version": VERSION, "type": "Dashboard", "timestamp": "2026-11-22T00:00:00+00:00"},
        f"databases/{DATABASE}.yaml": _database(),
        f"dashboards/{dashboard.slug.replace('-', '_')}.yaml": _dashboard(dashboard),
    }
    for panel in dashboard.panels.values():
        files[f"datasets/{DATABASE}/{panel.name}.yaml"] = _dataset(dashboard, panel)
    for chart in dashboard.charts:
        files[f"charts/{chart.name}.yaml"] = _chart(dashboard, chart)
    return {path: _yaml(content) for path, content in files.items()}


def _uuid(kind: str, name: str) -> str:
    """The same for the same thing, so that an import replaces what an earlier one made."""
    return str(uuid5(NAMESPACE_URL, f"trackstar-db/dashboards/superset/{kind}/{name}"))


def _database() -> dict[str, Any]:
    return {
        "database_name": DATABASE,
        "sqlalchemy_uri": SQLALCHEMY_URI,
        "cache_timeout": None,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {"allows_virtual_table_explore": True, "schema_options": {}},
        "uuid": _uuid("database", DATABASE),
        "version": VERSION,
    }


def _dataset(dashboard: Dashboard, panel: Panel) -> dict[str, Any]:
    return {
        "table_name": panel.name,
        "description": panel.question,
        "schema": "tda",
        "sql": panel.sql,
        "columns": [
            {
                "column_name": column,
                "verbose_name": dashboard.label(column),
                "type": sql_type.upper(),
                "is_dttm": sql_type.startswith("timestamp"),
                "is_active": True,
                "groupby": True,
                "filterable": True,
            }
            for column, sql_type in panel.columns.items()
        ],
        "metrics": [{"metric_name": "count", "verbose_name": "rows", "expression": "COUNT(*)"}],
        "uuid": _uuid("dataset", panel.name),
        "version": VERSION,
        "database_uuid": _uuid("database", DATABASE),
    }


def _chart(dashboard: Dashboard, chart: Chart) -> dict[str, Any]:
    params = chart_params(dashboard, chart)
    return {
        "slice_name": chart.title,
        "description": chart.panel.question,
        "viz_type": params["viz_type"],
        "params": params,
        "uuid": _uuid("chart", chart.name),
        "version": VERSION,
        "dataset_uuid": _uuid("dataset", chart.panel.name),
    }


# The page -----------------------------------------------------------------------------------------


def _dashboard(dashboard: Dashboard) -> dict[str, Any]:
    numbers = {chart.name: number for number, chart in enumerate(dashboard.charts, start=1)}
    return {
        "dashboard_title": dashboard.title,
        "description": dashboard.description,
        "slug": dashboard.slug,
        "css": "",
        "published": True,
        "uuid": _uuid("dashboard", dashboard.slug),
        "position": _position(dashboard, numbers),
        "metadata": {
            "color_scheme": COLOURS,
            "cross_filters_enabled": False,
            "filter_bar_orientation": "HORIZONTAL",
            "refresh_frequency": 0,
            "native_filter_configuration": [_filter(dashboard, item, numbers) for item in dashboard.filters],
        },
        "version": VERSION,
    }


def _position(dashboard: Dashboard, numbers: dict[str, int]) -> dict[str, Any]:
    rows = [row for number, section in enumerate(dashboard.sections) for row in _rows(section, number, numbers)]
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "parents": ["ROOT_ID"], "children": []},
        "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": dashboard.title}},
    }
    for number, items in enumerate(rows, start=1):
        row = f"ROW-{number}"
        position["GRID_ID"]["children"].append(row)
        position[row] = {
            "id": row,
            "type": "ROW",
            "parents": ["ROOT_ID", "GRID_ID"],
            "children": [item["id"] for item in items],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for item in items:
            position[item["id"]] = {**item, "parents": ["ROOT_ID", "GRID_ID", row], "children": []}
    return position


def _rows(section: Section, number: int, numbers: dict[str, int]) -> list[list[dict[str, Any]]]:
    """The components of a section by row: its heading, then as many charts as fit beside each other."""
    heading = {"code": f"### {section.title}\n\n{section.text}", "width": COLUMNS, "height": HEADING_HEIGHT}
    rows: list[list[dict[str, Any]]] = [[{"id": f"MARKDOWN-{number + 1}", "type": "MARKDOWN", "meta": heading}], []]
    for chart in section.charts:
        if sum(item["meta"]["width"] for item in rows[-1]) + chart.width > COLUMNS:
            rows.append([])
        meta = {
            "chartId": numbers[chart.name],
            "sliceName": chart.title,
            "uuid": _uuid("chart", chart.name),
            "width": chart.width,
            "height": chart.height,
        }
        rows[-1].append({"id": f"CHART-{numbers[chart.name]}", "type": "CHART", "meta": meta})
    return rows


def _filter(dashboard: Dashboard, item: Filter, numbers: dict[str, int]) -> dict[str, Any]:
    takes_first = not item.is_multiple and item.default is None
    chosen: dict[str, Any] = {"extraFormData": {}, "filterState": {}, "ownState": {}}
    if item.default is not None:
        chosen["extraFormData"] = {"filters": [{"col": item.column, "op": "IN", "val": [item.default]}]}
        chosen["filterState"] = {"label": item.default, "value": [item.default]}
    return {
        "id": f"NATIVE_FILTER-{item.column}",
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "name": item.title,
        "description": "",
        "targets": [{"column": {"name": item.column}, "datasetUuid": _uuid("dataset", item.panel.name)}],
        "controlValues": {
            "multiSelect": item.is_multiple,
            "enableEmptyFilter": not item.is_multiple,
            "defaultToFirstItem": takes_first,
            "inverseSelection": False,
            "searchAllOptions": False,
        },
        "requiredFirst": takes_first,
        "defaultDataMask": chosen,
        "cascadeParentIds": [],
        "scope": {
            "rootPath": ["ROOT_ID"],
            "excluded": [numbers[chart.name] for chart in dashboard.charts if not item.narrows(chart.panel)],
        },
    }


# YAML ---------------------------------------------------------------------------------------------


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _yaml(content: Any) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
