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
    from trackstar_db.errors import TrackstarError
    from trackstar_db.fitting import NewEncoding
    from trackstar_db.loaders import DocumentFields, LabelDefaults, LoadOptions, LoadSummary, ResultDefaults
    from trackstar_db.store import Store

# Where each public name is found: imported at first use, so that `trackstar --help` does not wait for torch.
_HOMES = {
    "DocumentFields": "trackstar_db.loaders",
    "LabelDefaults": "trackstar_db.loaders",
    "LoadOptions": "trackstar_db.loaders",
    "LoadSummary": "trackstar_db.loaders",
    "NewEncoding": "trackstar_db.fitting",
    "ResultDefaults": "trackstar_db.loaders",
    "Store": "trackstar_db.store",
    "TrackstarError": "trackstar_db.errors",
}

__all__ = [
    "DocumentFields",
    "LabelDefaults",
    "LoadOptions",
    "LoadSummary",
    "NewEncoding",
    "ResultDefaults",
    "Store",
    "TrackstarError",
]


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'trackstar_db' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
