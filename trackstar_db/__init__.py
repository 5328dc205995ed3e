"""Trace a language model's predictions to the training documents that influenced them, in PostgreSQL.

from trackstar_db import Store

with Store.open() as store:
    print(store.trace("The capital of France is", "Paris", "olmo").proponents)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from trackstar_db.encoding.fitting import NewEncoding
    from trackstar_db.errors import TrackstarError
    from trackstar_db.evaluation.evaluate import Bootstrap
    from trackstar_db.evaluation.lds import Retraining
    from trackstar_db.evaluation.retraining import TrainingRecipe
    from trackstar_db.judges.tail_patch_step import TailPatchOptions
    from trackstar_db.loaders import DocumentFields, LabelDefaults, LoadOptions, LoadSummary, ResultDefaults
    from trackstar_db.prediction import Sampling
    from trackstar_db.query_sets import Selection
    from trackstar_db.search.methods import Method
    from trackstar_db.search.request import SearchOptions
    from trackstar_db.search.trace import TraceOptions
    from trackstar_db.store import Store

# Where each public name is found: imported at first use, so that `trackstar --help` does not wait for torch.
_HOMES = {
    "Bootstrap": "trackstar_db.evaluation.evaluate",
    "DocumentFields": "trackstar_db.loaders",
    "LabelDefaults": "trackstar_db.loaders",
    "LoadOptions": "trackstar_db.loaders",
    "LoadSummary": "trackstar_db.loaders",
    "Method": "trackstar_db.search.methods",
    "NewEncoding": "trackstar_db.encoding.fitting",
    "ResultDefaults": "trackstar_db.loaders",
    "Retraining": "trackstar_db.evaluation.lds",
    "Sampling": "trackstar_db.prediction",
    "SearchOptions": "trackstar_db.search.request",
    "Selection": "trackstar_db.query_sets",
    "Store": "trackstar_db.store",
    "TailPatchOptions": "trackstar_db.judges.tail_patch_step",
    "TraceOptions": "trackstar_db.search.trace",
    "TrackstarError": "trackstar_db.errors",
    "TrainingRecipe": "trackstar_db.evaluation.retraining",
}

__all__ = [
    "Bootstrap",
    "DocumentFields",
    "LabelDefaults",
    "LoadOptions",
    "LoadSummary",
    "Method",
    "NewEncoding",
    "ResultDefaults",
    "Retraining",
    "Sampling",
    "SearchOptions",
    "Selection",
    "Store",
    "TailPatchOptions",
    "TraceOptions",
    "TrackstarError",
    "TrainingRecipe",
]


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'trackstar_db' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
