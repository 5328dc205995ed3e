"""`trackstar load`: documents, sentences, facts, queries, labels and results from files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trackstar_db.cli.base import Context, TrackstarGroup, format_option
from trackstar_db.cli.output import emit_record, tell

if TYPE_CHECKING:
    from trackstar_db.loaders import LoadOptions, LoadSummary

READERS = ("auto", "jsonl", "parquet", "csv", "text", "c4", "hf")
Function = TypeVar("Function", bound=Callable[..., Any])


def _shared_options(command: Function) -> Function:
    """The paths and the options that every load has, those of LoadOptions gathered as keywords."""
    for option in (
        format_option,
        click.option(
            "--rejects",
            type=click.Path(dir_okay=False, path_type=Path),
            help="File for the records that are rejected, each with line and reason (JSON Lines).",
        ),
        click.option("--limit", type=click.IntRange(min=1), help="Read only so many records, over all paths."),
        click.option("--dry-run", is_flag=True, help="Do everything, the database's checks too, and store nothing."),
        click.option(
            "--on-conflict",
            type=click.Choice(["skip", "update", "error"]),
            default="skip",
            show_default=True,
            help="For an id that is stored with other content: keep what is stored, replace it, or stop. "
            "An id made of file and line stops under skip too: it says nothing about the record.",
        ),
        click.option(
            "--reader",
            type=click.Choice(READERS),
            default="auto",
            show_default=True,
            help="Format of the files; auto goes by their names, and takes standard input for JSON Lines.",
        ),
        click.argument("paths", nargs=-1, required=True, metavar="PATH..."),
    ):
        command = option(command)
    return command


@click.group(cls=TrackstarGroup)
def load() -> None:
    """Load documents, facts, queries, labels and results. A load that was stopped continues when it is started again.

    PATH is a file (.gz and .zst too), a folder, or - for standard input.

    \b
    Example:
      trackstar load sentences trex_sentences.jsonl --corpus trex
    """


@load.command()
@click.option("--corpus", required=True, help="Corpus to load into; made if it is new.")
@click.option(
    "--id-field",
    help="Field with the id.  [default: id, sentence_id or document_id, else FILE:LINE, or the path of a text file]",
)
@click.option("--text-field", default="text", show_default=True, help="Field with the text.")
@click.option(
    "--split",
    type=click.Choice(["file", "paragraph", "line"]),
    default="file",
    show_default=True,
    help="What of a text file is one document.",
)
@_shared_options
@click.pass_obj
def documents(
    context: Context, /, corpus: str, id_field: str | None, text_field: str, split: Any, **shared: Any
) -> None:
    """Load documents into a corpus: JSON Lines, Parquet, CSV, text, C4 shards, Hugging Face datasets.

    \b
    Examples:
      trackstar load documents c4/en/ --corpus c4 --limit 100000
      zcat pile.jsonl.gz | trackstar load documents - --corpus pile --id-field uid
    """
    from trackstar_db.loaders import DocumentFields

    fields = DocumentFields(id_field, text_field, split)
    paths, reader, options = _taken(shared)
    _emit(context.store.load_documents(paths, corpus, reader, fields, options), shared)


@load.command()
@click.option("--corpus", required=True, help="Corpus to load into; made if it is new.")
@_shared_options
@click.pass_obj
def sentences(context: Context, /, corpus: str, **shared: Any) -> None:
    """Load trex_sentences: documents, each with the facts that it states (fact_triples).

    \b
    Example:
      trackstar load sentences trex_sentences.jsonl --corpus trex
    """
    paths, reader, options = _taken(shared)
    _emit(context.store.load_sentences(paths, corpus, reader, options), shared)


@load.command()
@click.option("--query-set", help="Also make a query of each fact, in this query set.")
@click.option(
    "--prompt",
    type=click.Choice(["prompt0", "prompt1", "prompt2"]),
    default="prompt0",
    show_default=True,
    help="Which of the fact's prompts the query is made of.",
)
@_shared_options
@click.pass_obj
def facts(context: Context, /, query_set: str | None, prompt: str, **shared: Any) -> None:
    """Load trex_facts: subject, relation, object, their aliases and prompts.

    \b
    Example:
      trackstar load facts trex_facts.jsonl --query-set trex --prompt prompt0
    """
    paths, reader, options = _taken(shared)
    _emit(context.store.load_facts(paths, query_set, prompt, reader, options), shared)


@load.command()
@click.option("--query-set", required=True, help="Query set to load into; made if it is new.")
@_shared_options
@click.pass_obj
def queries(context: Context, /, query_set: str, **shared: Any) -> None:
    """Load queries: prompt and target, with an optional id, fact_id and metadata.

    \b
    Example:
      trackstar load queries questions.jsonl --query-set questions
    """
    paths, reader, options = _taken(shared)
    _emit(context.store.load_queries(paths, query_set, reader, options), shared)


@load.command()
@click.option("--corpus", help="Corpus of the documents, where labels name none.")
@click.option("--query-set", help="Query set of the queries, where labels name none.")
@click.option("--labeler", help="Who or what labeled, where labels do not say.")
@_shared_options
@click.pass_obj
def labels(context: Context, /, corpus: str | None, query_set: str | None, labeler: str | None, **shared: Any) -> None:
    """Load entailment labels: document_id, fact_id or query_id, score from 0 to 1 or is_entailed, labeler.

    \b
    Example:
      trackstar load labels ais.csv --corpus trex --labeler nli-large
    """
    from trackstar_db.loaders import LabelDefaults

    paths, reader, options = _taken(shared)
    defaults = LabelDefaults(corpus, query_set, labeler)
    _emit(context.store.load_labels(paths, defaults, reader, options), shared)


@load.command()
@click.option("--run", required=True, help="Run to load into; made if it is new, and added to if it was imported.")
@click.option("--method", help="The run's method.  [default: what the first record says, else imported]")
@click.option("--corpus", help="Corpus of the documents; made if it is new.  [default: the run's name]")
@click.option(
    "--query-set", help="Query set of the queries; made if it is new.  [default: the records', else the run's name]"
)
@click.option("--model-name", help="The model that fields beginning with 8b_ speak of.")
@click.option("--labeler", help="Name for who gave the entailment (AIS) scores.  [default: results:RUN]")
@_shared_options
@click.pass_obj
def results(context: Context, /, run: str, **shared: Any) -> None:
    """Load retrieval results of the public data release: queries with proponents, opponents and scores.

    \b
    Example:
      trackstar load results trackstar_results.jsonl.gz --run published --method trackstar --corpus c4
    """
    from trackstar_db.loaders import ResultDefaults

    names = ("method", "corpus", "query_set", "model_name", "labeler")
    defaults = ResultDefaults(**{name: shared[name] for name in names})
    paths, reader, options = _taken(shared)
    _emit(context.store.load_results(paths, run, defaults, reader, options), shared)


def _taken(shared: dict[str, Any]) -> tuple[tuple[str, ...], Any, LoadOptions]:
    from trackstar_db.loaders import LoadOptions

    options = LoadOptions(shared["on_conflict"], shared["dry_run"], shared["limit"], shared["rejects"])
    return shared["paths"], shared["reader"], options


def _emit(summary: LoadSummary, shared: dict[str, Any]) -> None:
    """Print the summary, and the notices beside it; raises InvalidRecord where nothing was fit to load."""
    for notice in summary.notices:
        tell(notice)
    counts = {name: getattr(summary, name) for name in ("read", "inserted", "updated", "skipped", "rejected")}
    if shared["output_format"] == "json":
        last = {"seconds": round(summary.seconds, 3), "dry_run": summary.is_dry_run}
        emit_record({"kind": summary.kind, **counts, **last}, "json")
    else:
        told = " · ".join(f"{name} {count:,}" for name, count in counts.items())
        dry = " · dry run: nothing was stored" if summary.is_dry_run else ""
        click.echo(f"{summary.kind}: {told} · {summary.seconds:.1f} s{dry}")
    summary.require_some()
