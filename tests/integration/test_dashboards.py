"""The dashboards: every panel's SQL, as each tool has it, runs as tda_reader on the demo's data."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from dashboards.description import FOLDER, Chart, Panel, read_dashboard
from dashboards.files import kept_files, made_files
from dashboards.grafana_files import filtered
from dashboards.superset.up import write_bundle

DASHBOARD = read_dashboard()
SUPERSET = FOLDER / "superset" / "bundle"
GRAFANA = FOLDER / "grafana"
QUESTIONS = sorted((FOLDER / "metabase" / "questions").glob("*.sql"))
CHOSEN = {"query_set": "demo", "judge": "annotation", "run": "demo", "relation": "capital"}
"""What a person might choose in the filters."""

by_name = pytest.mark.parametrize("name", sorted(DASHBOARD.panels))


@dataclass(frozen=True)
class Reader:
    """What tda_reader gets for a statement."""

    connection: psycopg.Connection[tuple[Any, ...]]

    def types(self, statement: str) -> dict[str, str]:
        """The type of each column; at least one row came back."""
        cursor = self.connection.execute(statement.encode())
        assert cursor.fetchall(), statement
        numbers = [column.type_code for column in cursor.description or ()]
        named = self.connection.execute("SELECT format_type(unnest(%s::oid[]), NULL)", (numbers,)).fetchall()
        return {column.name: name for column, (name,) in zip(cursor.description or (), named, strict=True)}


@pytest.fixture(scope="module")
def reader(demo_database_url: str) -> Iterator[Reader]:
    with psycopg.connect(demo_database_url, user="tda_reader", autocommit=True) as connection:
        yield Reader(connection)


def test_every_tools_files_are_what_the_description_makes() -> None:
    kept, made = kept_files(), made_files(DASHBOARD)
    differing = [str(path) for path in {**kept, **made} if kept.get(path) != made.get(path)]
    assert differing == [], "run: python -m dashboards"


@pytest.mark.slow
@by_name
def test_a_panel_gives_rows_of_the_stated_columns_and_types_in_superset(reader: Reader, name: str) -> None:
    dataset = _yaml(SUPERSET / "datasets" / "trackstar" / f"{name}.yaml")
    assert dataset["sql"] == _panel_sql(name)
    stated = {column["column_name"]: column["type"].lower() for column in dataset["columns"]}
    assert stated == DASHBOARD.panels[name].columns
    found = reader.types(dataset["sql"])
    assert found == stated
    assert list(found) == list(stated)
    reader.types(f"SELECT AVG(1) AS a FROM ({dataset['sql']}) AS virtual_table")  # noqa: S608 -- as Superset wraps it


@by_name
def test_a_panels_sql_is_one_statement_that_fits_into_another(name: str) -> None:
    text = _panel_sql(name)
    assert ";" not in text
    assert text.startswith("-- ")
    assert "\nSELECT" in text


@pytest.mark.slow
@pytest.mark.parametrize("chart", DASHBOARD.charts, ids=lambda chart: chart.name)
def test_a_chart_in_grafana_gives_rows_of_the_columns_that_it_draws(reader: Reader, chart: Chart) -> None:
    (panel,) = [panel for panel in _grafana()["panels"] if panel["title"] == chart.title]
    (target,) = panel["targets"]
    assert chart.panel.sql in target["rawSql"]
    found = reader.types(_with_variables(target["rawSql"]))
    assert found == {column: chart.panel.columns[column] for column in found}
    assert set(chart.used) <= set(found)
    for transformation in panel.get("transformations", []):
        options = transformation["options"]
        fields = options.get("fields") or [options["rowField"], options["columnField"], options["valueField"]]
        assert set(fields) <= set(found)
    assert (_with_variables(target["rawSql"]) == target["rawSql"]) == (DASHBOARD.filters_of(chart.panel) == [])


@pytest.mark.slow
def test_a_variable_in_grafana_offers_values_and_the_one_chosen_at_first(reader: Reader) -> None:
    for variable in _grafana()["templating"]["list"]:
        offered = {value for (value,) in reader.connection.execute(variable["query"].encode())}
        assert CHOSEN[variable["name"]] in offered
        assert variable.get("current", {}).get("value") in (*offered, ["$__all"], None)


@pytest.mark.slow
def test_all_relations_in_grafana_are_the_queries_without_one_too(reader: Reader) -> None:
    """Grafana puts the value for all in as it is, and values that are chosen in quotes."""
    (variable,) = [variable for variable in _grafana()["templating"]["list"] if variable["includeAll"]]
    panel = Panel("any", "", "SELECT unnest(ARRAY['capital', 'currency', NULL]) AS relation", {"relation": "text"})
    text = filtered(DASHBOARD, panel, ["relation"], [])
    for chosen, count in ((variable["allValue"], 3), ("'capital', 'currency'", 2), ("'capital'", 1)):
        found = reader.connection.execute(text.replace("${relation:sqlstring}", chosen).encode())
        assert len(found.fetchall()) == count


def test_grafana_is_given_the_data_source_that_its_panels_name() -> None:
    (source,) = _yaml(GRAFANA / "provisioning" / "datasources" / "trackstar.yaml")["datasources"]
    named = {(panel["datasource"]["type"], panel["datasource"]["uid"])
             for panel in _grafana()["panels"] if panel["type"] != "text"}  # fmt: skip
    assert named == {(source["type"], source["uid"])}
    (provider,) = _yaml(GRAFANA / "provisioning" / "dashboards" / "trackstar.yaml")["providers"]
    assert provider["type"] == "file"


@pytest.mark.slow
@pytest.mark.parametrize("path", QUESTIONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("is_filtered", [False, True])
def test_a_question_in_metabase_gives_rows_with_and_without_its_variables(
    reader: Reader, path: Path, is_filtered: bool
) -> None:
    text = path.read_text(encoding="utf-8")
    (chart,) = [chart for chart in DASHBOARD.charts if text.startswith(f"-- {chart.title}\n")]
    assert chart.panel.sql in text
    found = reader.types(_with_choices(text) if is_filtered else re.sub(r"\[\[.*?\]\]", "", text))
    assert set(chart.used) <= set(found)
    assert found == {column: chart.panel.columns[column] for column in found}


def test_supersets_bundle_holds_together(tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle.zip", "postgresql://somebody@db.example.org/trackstar")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        (root,) = {name.split("/")[0] for name in archive.namelist()}
        files = {name.removeprefix(f"{root}/"): yaml.safe_load(archive.read(name)) for name in archive.namelist()}
    databases, datasets, charts = (_of(files, kind) for kind in ("databases", "datasets", "charts"))
    ((_, database),) = databases.items()
    assert database["sqlalchemy_uri"] == "postgresql://somebody@db.example.org/trackstar"
    assert {dataset["database_uuid"] for dataset in datasets.values()} == {database["uuid"]}
    assert {chart["dataset_uuid"] for chart in charts.values()} == set(datasets)
    ((_, page),) = _of(files, "dashboards").items()
    placed = [
        item["meta"]["uuid"] for item in page["position"].values() if isinstance(item, dict) and item["type"] == "CHART"
    ]
    assert sorted(placed) == sorted(charts)
    for item in page["metadata"]["native_filter_configuration"]:
        (target,) = item["targets"]
        columns = {column["column_name"] for column in datasets[target["datasetUuid"]]["columns"]}
        assert target["column"]["name"] in columns


def test_supersets_connection_comes_from_the_environment_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dashboards.superset.up", "--bundle", str(tmp_path / "bundle.zip")]
    url = "postgresql://somebody:secret@db.example.org/trackstar"
    for given in ([], ["--database-url", url]):
        done = subprocess.run(
            [*command, *given], env={**os.environ, "READER_URL": url}, capture_output=True, check=False,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert (done.returncode == 0) == (not given)
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        (text,) = [archive.read(name) for name in archive.namelist() if name.endswith("databases/trackstar.yaml")]
    assert yaml.safe_load(text)["sqlalchemy_uri"] == url
    made = subprocess.run(
        ["make", "-n", "superset"], env={**os.environ, "READER_URL": url}, capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert "dashboards.superset.up" in made.stdout
    assert "secret" not in made.stdout


# Reading the tools' files -----------------------------------------------------------------------------


def _yaml(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def _grafana() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(next((GRAFANA / "dashboards").glob("*.json")).read_text(encoding="utf-8"))
    return content


def _panel_sql(name: str) -> str:
    return (FOLDER / "panels" / f"{name}.sql").read_text(encoding="utf-8").strip()


def _of(files: dict[str, dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {content["uuid"]: content for name, content in files.items() if name.startswith(f"{kind}/")}


def _with_variables(text: str) -> str:
    """Grafana's variables replaced by the chosen values, quoted as it quotes them."""
    return re.sub(r"\$\{(\w+):sqlstring\}", lambda found: f"'{CHOSEN[found[1]]}'", text)


def _with_choices(text: str) -> str:
    """Metabase's optional clauses with the chosen values in their variables."""
    return re.sub(r"\[\[(.*?)\{\{(\w+)\}\}\]\]", lambda found: f"{found[1]}'{CHOSEN[found[2]]}'", text)
