"""Encodings in the database: frozen recipes, with all the numbers that a worker needs to go on with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import torch
from psycopg import Connection, sql
from psycopg.errors import UniqueViolation
from psycopg.rows import TupleRow, dict_row
from psycopg.types.json import Jsonb
from torch import Tensor

from trackstar_db.attribution.second_moment import RankOne, SecondMoment, SecondMoments
from trackstar_db.database.engine import Database
from trackstar_db.database.queries import query
from trackstar_db.database.tensors import little_endian, load_tensors, store_tensor
from trackstar_db.encoding.models import store_model
from trackstar_db.errors import AlreadyExists, EncodingMismatch, InUse, NotFound

if TYPE_CHECKING:  # transformers takes seconds to import, and listing encodings does without
    from trackstar_db.attribution.encoder import Encoder, EncodingSettings
    from trackstar_db.attribution.model import LoadedModel


@dataclass(frozen=True)
class Encoding:
    """A frozen recipe as it stands in the database.

    recipe: every setting and source, as JSON
    digest: SHA-256 over the recipe and its tensors
    """

    encoding_id: int
    name: str
    model: str
    model_digest: bytes
    architecture: str
    dimension: int
    recipe: dict[str, Any]
    digest: bytes
    created_at: datetime

    @property
    def settings(self) -> EncodingSettings:
        """What defines the numbers of one gradient."""
        from trackstar_db.attribution.encoder import EncodingSettings

        return EncodingSettings(**self.recipe["settings"])


@dataclass(frozen=True)
class FittedEncoding:
    """All that an encoding is made of, before it is stored.

    second_moments: V by weight matrix, empty for none
    inverse_roots: R_train^(-1/2), [block, k², k²]
    eigenvalues: of R_train before damping, [block, k²]
    sources: where V and R came from, for the recipe
    """

    settings: EncodingSettings
    second_moments: SecondMoments
    inverse_roots: Tensor
    eigenvalues: Tensor
    sources: dict[str, Any]


def store_encoding(database: Database, name: str, loaded: LoadedModel, fitted: FittedEncoding) -> Encoding:
    """The encoding, stored whole in one transaction; raises AlreadyExists for a taken name."""
    tensors = _named_tensors(fitted)
    settings = fitted.settings
    recipe = {
        "model": {"name": loaded.name, "revision": loaded.revision, "digest": loaded.digest.hex()},
        "settings": asdict(settings),
        "loss": f"{settings.loss}, summed over the tokens that carry loss",
        **fitted.sources,
    }
    try:
        with database.connect() as connection:
            model_id = store_model(connection, loaded)
            row = connection.execute(
                query("encoding_insert"),
                {
                    "name": name,
                    "model_id": model_id,
                    "blocks": settings.blocks,
                    "block_rank": settings.block_rank,
                    "dimension": settings.dimension,
                    "second_moment": settings.second_moment,
                    "recipe": Jsonb(recipe),
                    "digest": _digest(recipe, tensors),
                },
            ).fetchone()
            encoding_id = int(row[0]) if row else 0
            for part_name, part in _stored_parts(tensors):
                store_tensor(connection, "encoding_tensor_insert", {"encoding_id": encoding_id}, part_name, part)
            connection.execute(
                query("encoding_partition_create").format(
                    partition=gradient_partition_name(encoding_id),
                    dimension=sql.Literal(settings.dimension),
                    encoding_id=sql.Literal(encoding_id),
                )
            )
            return load_encoding(connection, name)
    except UniqueViolation as error:
        raise name_taken(name) from error


def load_encoding(connection: Connection[TupleRow], name: str) -> Encoding:
    """One encoding; raises NotFound naming the encodings that are there."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(query("encoding_by_name"), {"name": name}).fetchone()
    if row is None:
        names = [found["encoding"] for found in list_encodings(connection)]
        known = f"the database has: {', '.join(names)}" if names else "the database has none yet"
        raise NotFound(
            f"no encoding named {name!r}; {known}. Make it with: "
            f"trackstar encoding create {name} --model DIR --corpus NAME"
        )
    return Encoding(**row)


def list_encodings(connection: Connection[TupleRow]) -> list[dict[str, Any]]:
    """Every encoding, a mapping each, by name."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("encoding_list")).fetchall()


def drop_encoding(database: Database, name: str) -> None:
    """Nothing; the encoding is gone with all its gradients.

    Raises NotFound, and InUse while runs stand on it: an answer must stay explainable.
    """
    with database.connect() as connection:
        encoding = load_encoding(connection, name)
        parameters = {"encoding_id": encoding.encoding_id}
        runs = [run for (run,) in connection.execute(query("encoding_runs"), parameters)]
        if runs:
            raise InUse(
                f"encoding {name!r} is what these runs stand on: {', '.join(runs)}. Drop them first, with: "
                f"trackstar run drop NAME"
            )
        partition = gradient_partition_name(encoding.encoding_id)
        connection.execute(query("encoding_partition_drop").format(partition=partition))
        connection.execute(query("encoding_drop"), parameters)


def load_encoder(connection: Connection[TupleRow], name: str, model: str | None = None) -> tuple[Encoding, Encoder]:
    """An encoding and its encoder, with its model loaded.

    model: where the encoding's model lies on this machine, if not where it was
    Raises NotFound, ModelUnreadable, and EncodingMismatch when the model's weights are others than those that
    the encoding was made from.
    """
    from trackstar_db.attribution.encoder import Encoder
    from trackstar_db.attribution.model import load_model

    encoding = load_encoding(connection, name)
    revision = encoding.recipe["model"]["revision"] if model is None else None
    loaded = load_model(model or encoding.model, revision, encoding.settings.dtype)
    if loaded.digest != encoding.model_digest:
        raise EncodingMismatch(
            f"encoding {encoding.name!r} was made from model {encoding.model!r} (digest "
            f"{encoding.model_digest.hex()[:12]}), but {loaded.name!r} has digest {loaded.digest.hex()[:12]}. "
            f"Name the folder of the encoding's own model with --model, or create another encoding."
        )
    tensors = _load_tensors(connection, encoding)
    if _digest(encoding.recipe, tensors) != encoding.digest:
        raise EncodingMismatch(
            f"encoding {encoding.name!r} is not what was stored: its recipe and tensors do not have its digest. "
            f"Restore the database from a backup, or create the encoding again under another name."
        )
    encoder = Encoder(loaded, encoding.settings, _second_moments(tensors), tensors["autocorrelation/inverse_root"])
    return encoding, encoder


def gradient_partition_name(encoding_id: int) -> sql.Identifier:
    """The table that holds an encoding's gradients, in schema trackstar."""
    return sql.Identifier(f"gradient_{encoding_id}")


def name_taken(name: str) -> AlreadyExists:
    """The error for an encoding's name that is there already."""
    return AlreadyExists(
        f"an encoding named {name!r} is there already. Choose another name, or run: trackstar encoding drop {name}"
    )


def _named_tensors(fitted: FittedEncoding) -> dict[str, Tensor]:
    """Every tensor of an encoding by the name it is stored under."""
    tensors = {
        "autocorrelation/inverse_root": fitted.inverse_roots,
        "autocorrelation/eigenvalues": fitted.eigenvalues,
    }
    for name, moment in fitted.second_moments.items():
        if isinstance(moment, RankOne):
            tensors[f"second_moment/rows/{name}"] = moment.rows
            tensors[f"second_moment/columns/{name}"] = moment.columns
        else:
            tensors[f"second_moment/full/{name}"] = moment
    return tensors


def _second_moments(tensors: dict[str, Tensor]) -> dict[str, SecondMoment]:
    """V by weight matrix, from an encoding's stored tensors."""
    moments: dict[str, SecondMoment] = {}
    for stored_name, tensor in tensors.items():
        match stored_name.split("/", 2):
            case ["second_moment", "rows", name]:
                moments[name] = RankOne(tensor, tensors[f"second_moment/columns/{name}"])
            case ["second_moment", "full", name]:
                moments[name] = tensor
    return moments


def _stored_parts(tensors: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Tensors as they are stored: each block of R is a row of its own, since a field of PostgreSQL ends at 1 GB."""
    for name, tensor in tensors.items():
        if name.startswith("autocorrelation/"):
            yield from ((f"{name}/{block}", part) for block, part in enumerate(tensor))
        else:
            yield name, tensor


def _load_tensors(connection: Connection[TupleRow], encoding: Encoding) -> dict[str, Tensor]:
    """Every tensor of an encoding by name."""
    return _stacked(encoding, load_tensors(connection, "encoding_tensors", {"encoding_id": encoding.encoding_id}))


def load_autocorrelation(connection: Connection[TupleRow], encoding: Encoding) -> tuple[Tensor, Tensor]:
    """R_train^(-1/2), damped, [block, k², k²], and the eigenvalues of R_train before damping, [block, k²]."""
    key = {"encoding_id": encoding.encoding_id}
    tensors = _stacked(encoding, load_tensors(connection, "encoding_autocorrelation", key))
    return tensors["autocorrelation/inverse_root"], tensors["autocorrelation/eigenvalues"]


def _stacked(encoding: Encoding, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with the blocks of R put together again."""
    for name in ("autocorrelation/inverse_root", "autocorrelation/eigenvalues"):
        blocks = range(encoding.settings.blocks)
        tensors[name] = torch.stack([tensors.pop(f"{name}/{block}") for block in blocks])
    return tensors


def _digest(recipe: dict[str, Any], tensors: dict[str, Tensor]) -> bytes:
    """SHA-256 over the recipe as canonical JSON and every tensor."""
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True, ensure_ascii=False).encode())
    for name in sorted(tensors):
        array = tensors[name].detach().cpu().contiguous().numpy()
        digest.update(f"\0{name}\0{array.dtype.name}\0{array.shape}\0".encode())
        digest.update(little_endian(tensors[name]))
    return digest.digest()
