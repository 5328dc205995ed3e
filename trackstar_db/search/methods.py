"""Methods: settings of one pipeline, each a row of the database. A user adds one as a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import TupleRow, dict_row

from trackstar_db.database.engine import Database
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding
from trackstar_db.errors import AlreadyExists, InputError, InUse, NotFound
from trackstar_db.loaders.destinations import check_name, check_run_name

DEFAULT_METHOD = "trackstar_train"
"""TrackStar with R from the corpus alone: it needs no task and serves queries of any kind."""

ALL = "all"
"""In place of a method: every method that what was given suffices for."""


@dataclass(frozen=True)
class Method:
    """How proponents are found.

    kind: gradient (stored encodings), curvature (EK-FAC), lexical (BM25), embedding, annotation (gold)
    second_moment: the encodings it is for, `none` without V and `corrected` with it
    autocorrelation: R of the corpus on both sides, of the task, or none
    is_unit_norm: cosine, or inner product
    loss: what the encoding's gradients are of
    The last four are None for methods that use no stored gradient.
    """

    name: str
    kind: Literal["gradient", "curvature", "lexical", "embedding", "annotation"]
    description: str
    reference: str = ""
    second_moment: Literal["none", "corrected"] | None = None
    autocorrelation: Literal["none", "corpus", "task"] | None = None
    is_unit_norm: bool | None = None
    loss: Literal["cross-entropy", "margin"] | None = None
    is_builtin: bool = False

    @property
    def uses_encodings(self) -> bool:
        """Whether it stands on an encoding: on its gradients, or (EK-FAC) on its model and sample."""
        return self.kind in ("gradient", "curvature")

    def fits(self, encoding: Encoding) -> bool:
        """Whether an encoding's gradients are the ones that the method is for."""
        if self.kind == "curvature":
            return encoding.settings.loss == "cross-entropy"
        has_moment = encoding.settings.second_moment != "none"
        return encoding.settings.loss == self.loss and has_moment == (self.second_moment == "corrected")

    @property
    def encoding_wanted(self) -> str:
        """The options of `trackstar encoding create` that make an encoding for it."""
        moment = "--second-moment none" if self.second_moment == "none" else "--second-moment rank1"
        return f"{moment} --loss margin" if self.loss == "margin" else moment


def list_methods(database: Database) -> list[dict[str, Any]]:
    """Every method, a mapping each: the built-in ones in their usual order, then a user's."""
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("method_list")).fetchall()


def add_method(database: Database, method: Method) -> None:
    """Nothing; the method is there for `trackstar attribute`.

    Raises AlreadyExists for a taken name, InputError for a gradient method without all four settings.
    """
    check_run_name(check_name("method", method.name))  # it will end the names of runs
    if method.name == ALL:
        raise InputError(f"a method cannot be named {ALL!r}: that stands for every method. Choose another name.")
    if not method.description.strip():
        raise InputError(f"method {method.name!r} has no description; expected a sentence. Say what it compares.")
    settings = (method.second_moment, method.autocorrelation, method.is_unit_norm, method.loss)
    if method.kind != "gradient" or None in settings:
        raise InputError(
            f"method {method.name!r} is of kind {method.kind!r} with settings {settings}; a new method is of kind "
            f"'gradient' and says second_moment, autocorrelation, is_unit_norm and loss."
        )
    try:
        with database.connect() as connection:
            connection.execute(query("method_insert"), asdict(method))
    except UniqueViolation as error:
        raise AlreadyExists(f"a method named {method.name!r} is there already. See: trackstar methods") from error


def drop_method(database: Database, name: str) -> None:
    """Nothing; a user's method is gone. Runs made by it stay. Raises NotFound, InUse for a built-in one."""
    with database.connect() as connection:
        (method,) = load_methods(connection, [name])
        if method.is_builtin:
            raise InUse(f"method {name!r} is built in and stays. Only methods that were added can be dropped.")
        connection.execute(query("method_drop"), {"name": name})


def load_methods(connection: Connection[TupleRow], names: Sequence[str]) -> list[Method]:
    """The methods of these names, in their order; `all` stands for every one. Raises NotFound."""
    with connection.cursor(row_factory=dict_row) as cursor:
        there = {row["name"]: Method(**row) for row in cursor.execute(query("methods"))}
    if ALL in names:
        return list(there.values())
    for name in names:
        if name not in there:
            raise NotFound(f"no method named {name!r}; there are: {', '.join(there)}. See: trackstar methods")
    return [there[name] for name in dict.fromkeys(names)]
