"""What a load is asked to do, and what it tells afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trackstar_db.errors import InvalidRecord
from trackstar_db.loaders.readers import Split

OnConflict = Literal["skip", "update", "error"]


@dataclass(frozen=True)
class LoadOptions:
    """Settings that every load has.

    on_conflict: for a record whose id is stored with other content: skip keeps what is stored and tells so
        (it stops the load where the id was generated), update replaces it, error stops the load
    limit: read only so many records, over all paths
    rejects: a file for rejected records as JSON Lines: source, line, reason, record (1,000 characters)
    """

    on_conflict: OnConflict = "skip"
    dry_run: bool = False
    limit: int | None = None
    rejects: Path | None = None


@dataclass(frozen=True)
class DocumentFields:
    """Where documents have their id and text, and how text files are split into documents.

    id_field: None takes id, sentence_id or document_id, the first that is there, else file name and line
    """

    id_field: str | None = None
    text_field: str = "text"
    split: Split = "file"


@dataclass(frozen=True)
class LabelDefaults:
    """What labels mean that do not say it themselves."""

    corpus: str | None = None
    query_set: str | None = None
    labeler: str | None = None


@dataclass(frozen=True)
class ResultDefaults:
    """Where retrieval results go, and what they mean that do not say it themselves.

    method: of the run; None takes the first record's, else `imported`
    corpus: of the documents; None takes the run's name
    query_set: of the queries; None goes by the records, and by the run's name for those that do not say
    model_name: the model that fields beginning with `8b_` speak of
    labeler: of the entailment (AIS) scores; None is `results:` and the run's name
    """

    method: str | None = None
    corpus: str | None = None
    query_set: str | None = None
    model_name: str | None = None
    labeler: str | None = None


@dataclass(frozen=True)
class LoadSummary:
    """What became of every record that was read; read = inserted + updated + skipped + rejected.

    differing: of those skipped, that differ from what is stored under their id; the first of them
    notices: all that is to be told, in words of the command `trackstar load`; remarks: those of them that are no advice
    """

    kind: str
    read: int
    inserted: int
    updated: int
    skipped: int
    rejected: int
    seconds: float
    is_dry_run: bool = False
    first_rejection: str | None = None
    differing: int = 0
    first_differing: str = ""
    remarks: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def require_some(self) -> None:
        """Raise InvalidRecord where there were records and every one was rejected."""
        if self.read and self.rejected == self.read:
            raise InvalidRecord(
                f"nothing was loaded: all {self.read:,} records were rejected. "
                f"The first, {self.first_rejection}. Use --rejects FILE to see each reason."
            )
