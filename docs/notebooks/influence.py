import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="From a query to a chart")

with app.setup:
    import marimo as mo
    import matplotlib.pyplot as plt
    import polars as pl

    from trackstar_db import Store

    STATES, SILENT = "#1b6ca8", "#c9ccd1"
    LINES = (("#1b6ca8", "o"), ("#d1661b", "s"), ("#3b8a4e", "^"), ("#8a4fa3", "D"))
    plt.rcParams.update({"svg.fonttype": "none", "axes.spines.top": False, "axes.spines.right": False})


@app.cell(hide_code=True)
def _():
    mo.md("""
    # From a query to a chart

    Which documents made the model say so, and do they state it? Make the demo's database with `trackstar demo`, then
    `marimo edit docs/notebooks/influence.py`. Every table here is Arrow that came out of PostgreSQL; polars takes it
    without a copy, as pandas and DuckDB do.
    """)
    return


@app.cell
def _():
    # The database of TRACKSTAR_DATABASE_URL, else the embedded one, by a login that can only read.
    store = Store.open().as_reader()
    return (store,)


@app.cell
def _(store):
    queries = pl.from_arrow(
        store.select(
            "SELECT DISTINCT query_id, prompt, target FROM tda.proponent WHERE run = $1 ORDER BY prompt", "demo"
        )
    )
    choice = mo.ui.dropdown(
        options=queries["prompt"].to_list(), value="The city that France has as its capital is", label="Query"
    )
    choice
    return choice, queries


@app.cell
def _(choice, queries, store):
    (query,) = queries.filter(pl.col("prompt") == choice.value).to_dicts()
    proponents = (
        pl.from_arrow(store.table("proponent", {"run": "demo", "query_id": query["query_id"]}))
        .sort("influence", descending=True)
        .select("direction", "rank", "influence", "is_annotated", "text")
    )
    proponents
    return proponents, query


@app.cell
def _(proponents, query):
    strongest = proponents.filter((pl.col("direction") == "proponent") & (pl.col("rank") <= 10)).sort("rank")
    documents, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    bars = range(len(strongest))
    axes.barh(bars, strongest["influence"], color=[STATES if is_so else SILENT for is_so in strongest["is_annotated"]])
    texts = [text if len(text) < 70 else f"{text[:69]}…" for text in strongest["text"]]
    axes.set_yticks(bars, texts, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel("influence")
    documents.suptitle(f"{query['prompt']} → {query['target']} (blue: states it)", fontsize=10, parse_math=False)
    documents
    return (documents,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## All queries at once

    How often does the document at each rank state the fact that was asked for? Words find statements almost always;
    influence is another question. One line for each run over the demo's queries.
    """)
    return


@app.cell
def _(store):
    by_rank = pl.from_arrow(
        store.select(
            """
            SELECT run, method, rank, count(*) AS queries, avg(is_annotated::integer) AS stated
            FROM tda.proponent
            WHERE query_set = $1 AND direction = 'proponent' AND rank <= 10
            GROUP BY run, method, rank
            ORDER BY run, rank
            """,
            "demo",
        )
    )
    by_rank
    return (by_rank,)


@app.cell
def _(by_rank):
    chart, lines = plt.subplots(figsize=(7, 4), layout="constrained")
    for ((run,), found), (colour, marker) in zip(by_rank.group_by("run", maintain_order=True), LINES, strict=False):
        lines.plot(found["rank"], found["stated"], marker, ls="-", color=colour, label=f"{run} ({found['method'][0]})")
    lines.set_xticks(range(1, 11))
    lines.set_ylim(0, 1.03)
    lines.set_xlabel("rank")
    lines.set_ylabel("documents that state the fact (share)")
    lines.legend(frameon=False)
    chart
    return (chart,)


@app.cell
def _(by_rank, chart, documents):
    # As a script: python docs/notebooks/influence.py --output FOLDER
    if mo.app_meta().mode == "script":
        print(by_rank.write_csv(), end="")
        if folder := mo.cli_args().get("output"):
            documents.savefig(f"{folder}/documents.svg")
            chart.savefig(f"{folder}/stated_by_rank.svg")
    return


if __name__ == "__main__":
    app.run()
