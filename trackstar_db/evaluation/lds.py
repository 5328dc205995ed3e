"""Linear datamodeling scores: do summed scores predict what a model trained on other documents says?

For random subsets S of a corpus, a model is trained from the start on S alone. The LDS of a method (Park et al. 2023)
is Spearman's correlation, over the subsets, of the summed scores of S's documents with the retrained model's
log-probability of the target; its mean over queries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow, dict_row
from psycopg.types.json import Jsonb

from trackstar_db.attribution.model import LoadedModel, load_model
from trackstar_db.attribution.tokens import Piece, query_piece, tokenize_documents
from trackstar_db.database.engine import Database
from trackstar_db.database.locks import locked
from trackstar_db.database.names import corpus_id, query_set_id
from trackstar_db.database.queries import query
from trackstar_db.encoding.models import store_model
from trackstar_db.errors import EncodingIncomplete, InputError, NotFound
from trackstar_db.evaluation.evaluate import Bootstrap, bootstrap_interval
from trackstar_db.evaluation.retraining import TrainingRecipe, make_empty, read_recipe, save_trained, step_count, train
from trackstar_db.loaders.destinations import check_name
from trackstar_db.prediction import log_probabilities
from trackstar_db.progress import progress_bar
from trackstar_db.search.runs import find_runs

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Retraining:
    """What is retrained: the model of a folder that `trackstar retrain` made, on parts of a corpus.

    subsets: how many; more can be asked for later
    fraction: of the corpus's documents in each
    """

    name: str
    model: str
    corpus: str
    query_set: str
    subsets: int = 40
    fraction: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        check_name("retraining", self.name)
        if self.subsets < 2:
            raise InputError(f"subsets is {self.subsets}; a correlation needs 2 or more.")
        if not 0 < self.fraction < 1:
            raise InputError(f"fraction is {self.fraction}; expected a number between 0 and 1.")


@dataclass(frozen=True)
class _Corpus:
    """The documents of a corpus in the order of their numbers, and what retraining asks of them."""

    document_ids: NDArray[np.int64]
    pieces: list[tuple[Piece, ...]]
    digest: str


def evaluate_lds(
    database: Database, asked: Retraining, runs: Sequence[str], bootstrap: Bootstrap | None = None
) -> list[dict[str, Any]]:
    """The rows of tda.lds for these runs, after as many subsets were retrained as are asked for.

    Each subset is stored when its model was trained: an interrupted call goes on from there, and a later one with
    other runs retrains nothing. Raises InputError where a run did not keep a score of every document, where the
    corpus or the settings are not those of the subsets that are there, and for a model that does not tell its recipe.
    """
    with database.connect() as connection:
        chosen = find_runs(connection, runs)
        set_id, corpus_number = query_set_id(connection, asked.query_set), corpus_id(connection, asked.corpus)
        for run_id in chosen:
            _require_every_score(connection, run_id, asked, corpus_number)
    recipe = read_recipe(asked.model)
    loaded = load_model(asked.model)
    corpus = _read_corpus(database, corpus_number, loaded)
    with database.session() as session, locked(session, f"retraining {asked.name}"):
        retraining_id = _open(database, asked, loaded, recipe, corpus, set_id)
        _retrain(database, retraining_id, asked, loaded, recipe, corpus)
        with database.connect() as connection:
            for run_id, run in chosen.items():
                key = {"retraining_id": retraining_id, "run_id": run_id, "subsets": asked.subsets}
                _score(connection, key, run, bootstrap or Bootstrap())
            with connection.cursor(row_factory=dict_row) as cursor:
                parameters = {"retraining": asked.name, "runs": list(chosen.values())}
                return cursor.execute(query("lds_list"), parameters).fetchall()


def retrain(database: Database, folder: Path, model: str, corpus: str, recipe: TrainingRecipe) -> dict[str, Any]:
    """What the new model in the folder is: trained from the start on every document of a corpus.

    Raises NotFound, ModelUnreadable, and InputError where the folder has something in it or cannot be made.
    """
    with database.connect() as connection:
        corpus_number = corpus_id(connection, corpus)
    loaded = load_model(model)
    make_empty(folder)  # before the work, and not after it
    read = _read_corpus(database, corpus_number, loaded)
    pieces = [piece for document in read.pieces for piece in document]
    with progress_bar(step_count(len(pieces), recipe), "retrain", "step") as bar:
        trained = train(loaded, pieces, recipe, bar.update)
    save_trained(trained, loaded, recipe, folder)
    return {"model": str(folder), "documents": len(read.document_ids), "steps": trained.steps}


def list_retrainings(database: Database) -> list[dict[str, Any]]:
    """Every retraining, a mapping each, by name."""
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("lds_retrainings")).fetchall()


def drop_retraining(database: Database, name: str) -> None:
    """Nothing; the retraining is gone with all that stands on it. Raises NotFound."""
    with database.connect() as connection:
        if connection.execute(query("lds_drop"), {"name": name}).fetchone() is None:
            raise NotFound(f"no retraining named {name!r}. See: trackstar retraining list")


def linear_datamodeling_scores(scores: Matrix, members: NDArray[np.bool_], answers: Matrix) -> Matrix:
    """Spearman's correlation over subsets, for each query; 0 where a query's answers or sums are all the same.

    scores: [query, document]; members: [subset, document]; answers: [query, subset]
    returns [query]
    """
    predicted = scores @ members.T.astype(np.float64)
    ranks = [_ranks(side) - (len(members) + 1) / 2 for side in (predicted, answers)]
    covariance = (ranks[0] * ranks[1]).sum(axis=1)
    lengths = np.sqrt((ranks[0] ** 2).sum(axis=1) * (ranks[1] ** 2).sum(axis=1))
    correlations: Matrix = np.divide(covariance, lengths, out=np.zeros_like(covariance), where=lengths > 0)
    return correlations


def _ranks(values: Matrix) -> Matrix:
    """Ranks from 1 within each row, equal values sharing the mean of theirs."""
    below = (values[:, None, :] < values[:, :, None]).sum(axis=2)
    equal = (values[:, None, :] == values[:, :, None]).sum(axis=2)
    ranks: Matrix = below + (equal + 1) / 2
    return ranks


def _require_every_score(connection: Connection[TupleRow], run_id: int, asked: Retraining, corpus_number: int) -> None:
    parameters = {"run_id": run_id, "corpus_id": corpus_number}
    name, query_set, least, documents = connection.execute(query("lds_run"), parameters).fetchone() or ("", "", 0, 0)
    if query_set != asked.query_set:
        raise InputError(f"run {name!r} is of query set {query_set!r}, not {asked.query_set!r}. Name another run.")
    if least < documents:
        raise InputError(
            f"run {name!r} kept scores of {least:,} documents for some query; corpus {asked.corpus!r} has "
            f"{documents:,}, and their sums need all. Make a run with: trackstar attribute … --top-k {documents}"
        )


def _read_corpus(database: Database, corpus_number: int, loaded: LoadedModel) -> _Corpus:
    with database.connect() as connection:
        rows = connection.execute(query("lds_documents"), {"corpus_id": corpus_number}).fetchall()
    digest = hashlib.sha256()
    for number, content, _ in rows:
        digest.update(f"{number}:".encode() + content)
    tokens = tokenize_documents(loaded.tokenizer, [text for _, _, text in rows], loaded.context_length)
    document_ids = np.array([number for number, _, _ in rows], dtype=np.int64)
    return _Corpus(document_ids, [document.pieces for document in tokens], digest.hexdigest())


def _open(
    database: Database, asked: Retraining, loaded: LoadedModel, recipe: TrainingRecipe, corpus: _Corpus, set_id: int
) -> int:
    """The number of the retraining, made where it is new; raises InputError where it is there with other settings."""
    settings = {
        "fraction": asked.fraction,
        "seed": asked.seed,
        "recipe": asdict(recipe),
        "model": loaded.digest.hex(),
        "query_set": asked.query_set,
        "corpus": asked.corpus,
        "documents": corpus.digest,
    }
    with database.connect() as connection:
        parameters = {
            "name": asked.name,
            "model_id": store_model(connection, loaded),
            "corpus_id": corpus_id(connection, asked.corpus),
            "query_set_id": set_id,
            "settings": Jsonb(settings),
        }
        retraining_id, stored = connection.execute(query("lds_open"), parameters).fetchone() or (0, {})
    for name, value in settings.items():
        if stored.get(name) != value:
            raise InputError(
                f"retraining {asked.name!r} was made with {name} {stored.get(name)!r}; now it is {value!r}. Give a new "
                f"name, or the settings that it was made with."
            )
    return int(retraining_id)


def _retrain(
    database: Database,
    retraining_id: int,
    asked: Retraining,
    loaded: LoadedModel,
    recipe: TrainingRecipe,
    corpus: _Corpus,
) -> None:
    """Nothing; every subset that was not there is trained on and its model's answers are stored."""
    with database.connect() as connection:
        done = {number for (number,) in connection.execute(query("lds_subsets"), {"retraining_id": retraining_id})}
        set_id = query_set_id(connection, asked.query_set)
        queries = connection.execute(query("query_texts"), {"query_set_id": set_id}).fetchall()
    pieces = [query_piece(loaded.tokenizer, prompt, target, loaded.context_length) for _, prompt, target, _ in queries]
    left = [subset for subset in range(asked.subsets) if subset not in done]
    chosen = {subset: _members(corpus, asked, subset) for subset in left}
    texts = {subset: [p for index in members for p in corpus.pieces[index]] for subset, members in chosen.items()}
    with progress_bar(sum(step_count(len(part), recipe) for part in texts.values()), "retrain", "step") as bar:
        for subset in left:
            own = replace(recipe, seed=recipe.seed + subset + 1)  # another start each, as another training has
            trained = train(loaded, texts[subset], own, bar.update)
            answers = log_probabilities(replace(loaded, model=trained.model), pieces)
            key = {"retraining_id": retraining_id, "subset": subset}
            rows = {"query_ids": [number for number, *_ in queries], "answers": answers}
            documents = {"document_ids": corpus.document_ids[chosen[subset]].tolist()}
            with database.connect() as connection:
                connection.execute(query("lds_subset_insert"), {**key, **documents})
                connection.execute(query("lds_answers_insert"), {**key, **rows})


def _members(corpus: _Corpus, asked: Retraining, subset: int) -> NDArray[np.int64]:
    """Places of a subset's documents, ascending: the same for the same seed and number."""
    random = np.random.default_rng([asked.seed, subset])
    size = max(1, round(asked.fraction * len(corpus.document_ids)))
    return np.sort(random.choice(len(corpus.document_ids), size=size, replace=False))


def _score(connection: Connection[TupleRow], key: dict[str, int], run: str, bootstrap: Bootstrap) -> None:
    """Nothing; the run's LDS over the first subsets is stored.

    key: retraining_id, run_id, and how many subsets
    """
    parts = connection.execute(query("lds_members"), key).fetchall()
    document_ids = np.unique(np.concatenate([np.array(members) for (members,) in parts]))
    members = np.stack([np.isin(document_ids, np.array(part)) for (part,) in parts])
    answers: dict[int, list[float]] = dict(connection.execute(query("lds_answers"), key).fetchall())
    query_ids = np.array(sorted(answers), dtype=np.int64)
    scores = np.zeros((len(query_ids), len(document_ids)))
    found = np.array(connection.execute(query("lds_scores"), key).fetchall(), dtype=np.float64).reshape(-1, 3)
    is_known = np.isin(found[:, 0], query_ids) & np.isin(found[:, 1], document_ids)
    found = found[is_known]
    if not len(found):
        raise EncodingIncomplete(
            f"run {run!r} has no score of a document that a model was retrained on and a query that it answered. Name "
            "another run."
        )
    rows, columns = np.searchsorted(query_ids, found[:, 0]), np.searchsorted(document_ids, found[:, 1])
    scores[rows, columns] = found[:, 2]
    by_query = linear_datamodeling_scores(scores, members, np.array([answers[int(number)] for number in query_ids]))
    low, high = bootstrap_interval(by_query[:, None], bootstrap)
    value = {"queries": len(by_query), "value": float(by_query.mean()), "low": float(low[0]), "high": float(high[0])}
    connection.execute(query("lds_insert"), {**key, **value})
