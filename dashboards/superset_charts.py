"""How each kind of chart is said to Apache Superset: the `params` of its charts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from dashboards.description import Chart, Dashboard

COLUMNS = 12
COLOURS = "supersetColors"
TABLE_ROWS = 10


def chart_params(dashboard: Dashboard, chart: Chart) -> dict[str, Any]:
    """The params of a chart, viz_type among them."""
    kinds: dict[str, Callable[[Dashboard, Chart], dict[str, Any]]] = {
        "bars": _bars,
        "lines": _lines,
        "scatter": _scatter,
        "heatmap": _heatmap,
        "table": _table,
    }
    return {"adhoc_filters": [], "row_limit": 10000, **kinds[chart.shows](dashboard, chart)}


def _metric(dashboard: Dashboard, column: str) -> dict[str, Any]:
    """The mean of a column: a filtered panel has one row for each mark, so that it is the value itself."""
    return {
        "expressionType": "SQL",
        "sqlExpression": f'AVG("{column}")',
        "label": dashboard.label(column),
        "hasCustomLabel": True,
        "optionName": f"metric_{column}",
    }


def _series(dashboard: Dashboard, chart: Chart) -> dict[str, Any]:
    is_share, is_text = chart.y in dashboard.shares, chart.panel.columns[chart.x] == "text"
    return {
        "x_axis": chart.x,
        "xAxisForceCategorical": True,
        "xAxisLabelRotation": 45 if is_text else 0,
        "xAxisLabelInterval": "0",
        "x_axis_sort_asc": True,
        "metrics": [_metric(dashboard, chart.y)],
        "groupby": [chart.series],
        "truncate_metric": True,
        "show_empty_columns": True,
        "color_scheme": COLOURS,
        "show_legend": True,
        "legendType": "scroll",
        "legendOrientation": "top",
        "x_axis_title": "" if is_text else dashboard.label(chart.x),
        "x_axis_title_margin": 30,
        "y_axis_title": dashboard.label(chart.y),
        "y_axis_title_margin": 40,
        "y_axis_title_position": "Left",
        "y_axis_format": ".1f",
        "truncateYAxis": is_share,
        "y_axis_bounds": [0, 1] if is_share else [None, None],
        "rich_tooltip": True,
    }


def _bars(dashboard: Dashboard, chart: Chart) -> dict[str, Any]:
    return {
        "viz_type": "echarts_timeseries_bar",
        "orientation": "vertical",
        "stack": "Stack" if chart.is_stacked else None,
        **_series(dashboard, chart),
    }


def _lines(dashboard: Dashboard, chart: Chart) -> dict[str, Any]:
    return {"viz_type": "echarts_timeseries_line", "markerEnabled": True, **_series(dashboard, chart)}


def _scatter(dashboard: Dashboard, chart: Chart) -> dict[str, Any]:
    return {
        "viz_type": "bubble_v2",
        "entity": chart.detail,
        "series": chart.series,
        "x": _metric(dashboard, chart.x),
        "y": _metric(dashboard, chart.y),
        "size": "count",
        "max_bubble_size": "25",
        "opacity": 0.9,
        "color_scheme": COLOURS,
        "show_legend": True,
        "legendType": "scroll",
        "legendOrientation": "top",
        "x_axis_label": dashboard.label(chart.x),
        "x_axis_title_margin": 30,
        "xAxisFormat": ".2f",
        "y_axis_label": dashboard.label(chart.y),
        "y_axis_title_margin": 40,
        "y_axis_format": "+.1f",
        "tooltipSizeFormat": "SMART_NUMBER",
        "truncateXAxis": False,
        "order_desc": True,
    }


def _heatmap(dashboard: Dashboard, chart: Chart) -> dict[str, Any]:
    is_text = chart.panel.columns[chart.x] == "text"
    return {
        "viz_type": "heatmap_v2",
        "x_axis": chart.x,
        "groupby": chart.y,
        "metric": _metric(dashboard, chart.value),
        "sort_x_axis": "alpha_asc",
        "sort_y_axis": "alpha_desc",
        "normalize_across": "heatmap",
        "legend_type": "continuous",
        "linear_color_scheme": "superset_seq_1",
        "xscale_interval": 1,
        "yscale_interval": 1,
        "xAxisLabelRotation": 45 if is_text else 0,
        "left_margin": 125,
        "bottom_margin": 100 if is_text else 50,
        "value_bounds": [0, 1] if chart.value in dashboard.shares else [None, None],
        "y_axis_format": ".2f",
        "show_legend": True,
        "show_percentage": False,
        "show_values": True,
    }


def _table(_dashboard: Dashboard, chart: Chart) -> dict[str, Any]:
    formats = {
        column: {"d3NumberFormat": "+.2f" if column == "tail_patch_delta" else ".3f"}
        for column in chart.columns
        if chart.panel.columns[column] == "double precision"
    }
    return {
        "viz_type": "table",
        "query_mode": "raw",
        "all_columns": list(chart.columns),
        "order_by_cols": [json.dumps([column, is_ascending]) for column, is_ascending in chart.sorting],
        "column_config": formats,
        "page_length": TABLE_ROWS,
        "include_search": chart.width == COLUMNS,
        "show_cell_bars": False,
        "color_pn": False,
        "table_timestamp_format": "%Y-%m-%d %H:%M",
    }
