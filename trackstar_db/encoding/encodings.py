"""Encodings in the database: frozen recipes, with all the numbers that a worker needs to go on with them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from psycopg import Connection, sql
from psycopg.errors import UniqueViolation
from psycopg.rows import TupleRow, dict_row
from psycopg.types.json import Jsonb
from torch import Tensor

from trackstar_db.database.engine import Database
from trackstar_db.database.queries import query
from trackstar_db.database.tensors import load_tensors, store_tensor
from trackstar_db.encoding.encoding_tensors import (
    FittedEncoding,
    digest_of,
    named_tensors,
    second_moments_of,
    stacked,
    stored_parts,
)
from trackstar_db.encoding.models import store_model
from trackstar_db.errors import AlreadyExists, EncodingIncomplete, EncodingMismatch, InUse, NotFound

if TYPE_CHECKING:  # transformers takes seconds to import, and listing encodings does without
    from trackstar_db.attribution.encoder import Encoder, EncodingSettings
    from trackstar_db.attribution.model import LoadedModel

Storage: TypeAlias = Literal["gradient", "gradient_block", "gradient_code"]
"""The tables that hold gradients of documents: whole, by layer block, or in codes."""

PAGE_BLOCK_NUMBERS = 4054
"""Half-precision numbers that fit on one page of 8 kB with the header of a row that is one layer block."""

PAGE_CODE_BITS = 64_864
"""Bits of codes that fit on one page with the header of their row."""

HALF_BITS = 16
"""Bits of a number in half precision; gradients of fewer bits are codes (`trackstar_db.encoding.codes`)."""


@dataclass(frozen=True)
class Encoding:
    """A frozen recipe as it stands in the database.

    recipe: every setting and source, as JSON
    digest: SHA-256 over the recipe and its tensors
    is_by_block: whether a gradient is stored as a row for each layer block, being too long for one page; where
        documents have codes, a query's gradient alone
    """

    encoding_id: int
    name: str
    model: str
    model_digest: bytes
    architecture: str
    dimension: int
    recipe: dict[str, Any]
    digest: bytes
    is_by_block: bool
    created_at: datetime

    @property
    def row_width(self) -> int:
        """Numbers of one stored row, other than codes: a gradient, or one layer block of it."""
        return self.settings.block_rank**2 if self.is_by_block else self.dimension

    @property
    def rows(self) -> int:
        """Stored rows of one gradient, other than codes."""
        return self.dimension // self.row_width

    @property
    def bits(self) -> int:
        """Of each number of a document's gradient: 16, or 2 or 1 where documents have codes."""
        return int(self.recipe["settings"].get("bits", HALF_BITS))

    @property
    def is_coded(self) -> bool:
        """Whether a document's gradient is stored in codes of one or two bits a number, in one row."""
        return self.bits < HALF_BITS

    @property
    def storage(self) -> Storage:
        """Which table the gradients of documents stand in. Codes come first: they take one row at any length."""
        if self.is_coded:
            return "gradient_code"
        return "gradient_block" if self.is_by_block else "gradient"

    @property
    def partition(self) -> sql.Identifier:
        """That table's part for this encoding, in schema trackstar."""
        return sql.Identifier(f"{self.storage}_{self.encoding_id}")

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should hear of R."""
        documents, width = self.recipe["autocorrelation"]["documents"], self.settings.block_rank**2
        if documents >= width:
            return ()
        return (
            f"R of encoding {self.name!r} was fitted on {documents:,} documents, fewer than the {width:,} directions "
            f"of a block: the others have its damping alone. A sample of more documents (--sample), or a lower block "
            f"rank, would tell more.",
        )

    @property
    def settings(self) -> EncodingSettings:
        """What defines the numbers of one gradient."""
        from trackstar_db.attribution.encoder import EncodingSettings

        return EncodingSettings(**self.recipe["settings"])


def store_encoding(database: Database, name: str, loaded: LoadedModel, fitted: FittedEncoding) -> Encoding:
    """The encoding, stored whole in one transaction; raises AlreadyExists for a taken name."""
    tensors = named_tensors(fitted)
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
                    "digest": digest_of(recipe, tensors),
                },
            ).fetchone()
            encoding_id = int(row[0]) if row else 0
            for part_name, part in stored_parts(tensors):
                store_tensor(connection, "encoding_tensor_insert", {"encoding_id": encoding_id}, part_name, part)
            encoding = load_encoding(connection, name)
            create_partition(connection, encoding)
            return encoding
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
        connection.execute(query("encoding_partition_drop").format(partition=encoding.partition))
        connection.execute(query("index_signs_table_drop").format(signs=signs_table_name(encoding.encoding_id)))
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
    if digest_of(encoding.recipe, tensors) != encoding.digest:
        raise EncodingMismatch(
            f"encoding {encoding.name!r} is not what was stored: its recipe and tensors do not have its digest. "
            f"Restore the database from a backup, or create the encoding again under another name."
        )
    encoder = Encoder(loaded, encoding.settings, second_moments_of(tensors), tensors["autocorrelation/inverse_root"])
    return encoding, encoder


def create_partition(connection: Connection[TupleRow], encoding: Encoding) -> None:
    """Nothing; there is an empty table for the encoding's gradients. A row is a gradient, one layer block, or codes."""
    connection.execute(
        query(f"encoding_partition_create_{encoding.storage}").format(
            partition=encoding.partition,
            dimension=sql.Literal(encoding.row_width),
            blocks=sql.Literal(encoding.rows),
            bits=sql.Literal(encoding.dimension * encoding.bits),
            encoding_id=sql.Literal(encoding.encoding_id),
        )
    )
    if encoding.storage == "gradient_code" and encoding.dimension * encoding.bits > PAGE_CODE_BITS:
        connection.execute(query("encoding_code_external").format(partition=encoding.partition))
    elif encoding.storage == "gradient_block" and encoding.row_width > PAGE_BLOCK_NUMBERS:
        connection.execute(query("encoding_partition_external").format(partition=encoding.partition))


def gradient_partition_name(encoding_id: int) -> sql.Identifier:
    """The table that holds the gradients of an encoding that keeps them whole, in schema trackstar."""
    return sql.Identifier(f"gradient_{encoding_id}")


def signs_table_name(encoding_id: int) -> sql.Identifier:
    """The table that holds the signs of an encoding's gradients, its index `signs`, in schema trackstar."""
    return sql.Identifier(f"gradient_signs_{encoding_id}")


def name_taken(name: str) -> AlreadyExists:
    """The error for an encoding's name that is there already."""
    return AlreadyExists(
        f"an encoding named {name!r} is there already. Choose another name, or run: trackstar encoding drop {name}"
    )


def nothing_encoded(encoding: Encoding, found: str = "no document", corpus: str | None = None) -> EncodingIncomplete:
    """The error where none of the documents that are needed has a gradient.

    found: what is not there, as it stands before "is encoded by"; corpus: to be encoded, where it is known
    """
    return EncodingIncomplete(
        f"{found} is encoded by {encoding.name!r}. "
        f"Run: trackstar encode documents --encoding {encoding.name} --corpus {corpus or 'NAME'}"
    )


def _load_tensors(connection: Connection[TupleRow], encoding: Encoding) -> dict[str, Tensor]:
    """Every tensor of an encoding by name."""
    return stacked(
        encoding.settings.blocks, load_tensors(connection, "encoding_tensors", {"encoding_id": encoding.encoding_id})
    )


def load_autocorrelation(connection: Connection[TupleRow], encoding: Encoding) -> tuple[Tensor, Tensor]:
    """R_train^(-1/2), damped, [block, k², k²], and the eigenvalues of R_train before damping, [block, k²]."""
    key = {"encoding_id": encoding.encoding_id}
    tensors = stacked(encoding.settings.blocks, load_tensors(connection, "encoding_autocorrelation", key))
    return tensors["autocorrelation/inverse_root"], tensors["autocorrelation/eigenvalues"]
