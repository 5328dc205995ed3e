"""The model that a judge asks."""

from __future__ import annotations

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.attribution.model import LoadedModel, load_model
from trackstar_db.encoding.encodings import load_encoding
from trackstar_db.errors import EncodingMismatch, InputError


def open_model(connection: Connection[TupleRow], model: str | None, encoding: str | None) -> LoadedModel:
    """A model in float32, whatever its encoding computes in: judges compare probabilities.

    model: its folder, or its name on the hub; with an encoding, where that one's model lies on this machine
    encoding: the one whose model is meant
    Raises InputError where neither is named, NotFound, ModelUnreadable, and EncodingMismatch where the folder
    holds another model than the encoding's.
    """
    if encoding is None:
        if model is None:
            raise InputError("no model is named. Give --model DIR, or --encoding NAME for the model of an encoding.")
        return load_model(model)
    found = load_encoding(connection, encoding)
    loaded = load_model(model or found.model, found.recipe["model"]["revision"] if model is None else None)
    if loaded.digest != found.model_digest:
        raise other_model(loaded, f"encoding {encoding!r} was made from", found.model, found.model_digest)
    return loaded


def other_model(loaded: LoadedModel, what: str, name: str, digest: bytes) -> EncodingMismatch:
    """The error for a model that is not the one that something was made from.

    what: "encoding 'olmo' was made from"
    """
    return EncodingMismatch(
        f"{what} model {name!r} (digest {digest.hex()[:12]}), but {loaded.name!r} has digest "
        f"{loaded.digest.hex()[:12]}. Name the folder of that model with --model."
    )
