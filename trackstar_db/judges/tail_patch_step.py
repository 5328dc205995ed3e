"""Which step a tail-patch takes: of which model, by which optimizer, how far."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row
from psycopg.types.json import Jsonb
from torch import Tensor

from trackstar_db.attribution.adam_state import AdamState, last_learning_rate, read_adam_state
from trackstar_db.attribution.model import LoadedModel
from trackstar_db.attribution.model_files import find_model
from trackstar_db.attribution.tail_patch import DEFAULT_BETA2, DEFAULT_EPSILON, DocumentLoss, Optimizer, Step
from trackstar_db.database.queries import query
from trackstar_db.database.tensors import little_endian
from trackstar_db.encoding.models import store_model
from trackstar_db.errors import InputError, ModelUnreadable, SecondMomentError
from trackstar_db.evaluation.retraining import RECIPE_FILE
from trackstar_db.judges.model import open_model, other_model


@dataclass(frozen=True)
class TailPatchOptions:
    """What a user may say of the step and of what is tried.

    optimizer: adam goes on from the checkpoint's second moments; fresh_adam and sgd need none
    learning_rate: None is the last one of the training run
    beta2: weight of the checkpoint's second moments beside the document's own; 1 takes them alone
    document_loss: mean over the document's tokens, or their sum
    optimizer_state: None looks for optimizer.pt, or exp_avg_sq.safetensors, in the model's folder
    k: proponents of each query; every: try every n-th query of a set only
    model, encoding: the model, where no run tells or where it lies elsewhere
    """

    optimizer: Optimizer = "adam"
    learning_rate: float | None = None
    optimizer_state: Path | None = None
    beta2: float = DEFAULT_BETA2
    document_loss: DocumentLoss = "mean"
    k: int = 10
    every: int = 1
    model: str | None = None
    encoding: str | None = None


def runs_model(connection: Connection[TupleRow], run_ids: list[int], options: TailPatchOptions) -> LoadedModel:
    """The one model of all the runs, in float32; those without an encoding are judged by the others', or the named.

    Raises InputError where none is known or several are, and EncodingMismatch where the named one is not the runs'.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query("tail_patch_runs"), {"run_ids": run_ids}).fetchall()
    digests = {bytes(row["digest"]): row for row in rows}
    if len(digests) > 1:
        told = "; ".join(f"{row['run']} by {row['model']}" for row in digests.values())
        raise InputError(f"the runs stand on {len(digests)} models ({told}). Judge the runs of each by themselves.")
    encoding = options.encoding or (rows[0]["encoding"] if rows else None)
    if encoding is None and options.model is None:
        raise InputError(
            "none of the runs has an encoding that tells its model. Name it with --model DIR or --encoding NAME, or "
            "judge them together with a run that has one."
        )
    loaded = open_model(connection, options.model, encoding)
    for digest, row in digests.items():
        if loaded.digest != digest:
            raise other_model(loaded, f"run {row['run']!r} stands on", row["model"], digest)
    return loaded


def find_step(loaded: LoadedModel, options: TailPatchOptions) -> tuple[Step, dict[str, Any]]:
    """The step to take, and its settings in words for the database.

    Raises SecondMomentError where adam finds no state, and InputError where no learning rate is known.
    """
    if not 0 <= options.beta2 <= 1:
        raise InputError(f"beta2 is {options.beta2}; expected a number from 0 to 1.")
    folder = find_model(loaded.name, loaded.revision)[0]
    facts = _training_facts(folder)
    state = _adam_state(loaded, options, folder)
    last = state.learning_rate if state else last_learning_rate(folder)
    rate = _learning_rate(options.learning_rate, last, facts.get("learning_rate_last"))
    settings: dict[str, Any] = {"document_loss": options.document_loss, "dtype": "float32"}
    settings |= {"max_tokens": loaded.context_length}
    if state is None:
        if options.optimizer == "fresh_adam":
            settings |= {"epsilon": DEFAULT_EPSILON}
        return Step(options.optimizer, rate, loss=options.document_loss), settings
    epsilon = DEFAULT_EPSILON if state.epsilon is None else state.epsilon
    settings |= {"epsilon": epsilon, "beta2": options.beta2, "source": state.file.name}
    settings |= {"second_moments": _digest(state.second_moments)}
    return Step("adam", rate, state.second_moments, options.beta2, epsilon, options.document_loss), settings


def store_step(connection: Connection[TupleRow], loaded: LoadedModel, step: Step, settings: dict[str, Any]) -> int:
    """The number of a step, which is stored where it is new."""
    told = {**settings, "model": loaded.digest.hex(), "optimizer": step.optimizer, "learning_rate": step.learning_rate}
    told.pop("source", None)  # the same numbers from another file are the same step
    row = connection.execute(
        query("tail_patch_step_upsert"),
        {
            "model_id": store_model(connection, loaded),
            "optimizer": step.optimizer,
            "learning_rate": step.learning_rate,
            "settings": Jsonb(settings),
            "digest": hashlib.sha256(json.dumps(told, sort_keys=True).encode()).digest(),
        },
    ).fetchone()
    return int(row[0]) if row else 0


def _adam_state(loaded: LoadedModel, options: TailPatchOptions, folder: Path) -> AdamState | None:
    if options.optimizer == "adam":
        try:
            return read_adam_state(options.optimizer_state or folder, loaded.model)
        except SecondMomentError as error:
            if options.optimizer_state is not None:
                raise
            raise SecondMomentError(
                f"{error} Name the file with --optimizer-state, or take --optimizer fresh_adam or sgd."
            ) from error
    if options.optimizer_state is not None or options.beta2 != DEFAULT_BETA2:
        raise InputError(
            f"{options.optimizer} uses no second moments. Leave out --optimizer-state and --beta2, or take adam."
        )
    return None


def _learning_rate(*found: float | None) -> float:
    """The first that is known."""
    rate = next((float(value) for value in found if value is not None), None)
    if rate is None or not 0 < rate < math.inf:
        raise InputError(
            f"the learning rate is {'not known' if rate is None else rate}; expected a number above 0, given or from "
            f"the optimizer's state or, as learning_rate_last, from {RECIPE_FILE} beside the model. Give the "
            f"training run's last one with --learning-rate."
        )
    return rate


def _training_facts(folder: Path) -> Mapping[str, Any]:
    """What training.json says, nothing where there is none."""
    path = folder / RECIPE_FILE
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelUnreadable(f"{path} is not readable JSON: {error}. Correct it or take it away.") from error
    return facts if isinstance(facts, dict) else {}


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over tensors by name."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"\0{name}\0{tuple(tensors[name].shape)}\0".encode() + little_endian(tensors[name]))
    return digest.hexdigest()
