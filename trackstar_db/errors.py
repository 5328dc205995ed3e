"""Everything that trackstar_db raises on purpose.

    TrackstarError                    a handled error                          exit code 1
    ├── DatabaseError
    │   ├── DatabaseUnavailable       no server answers, or it went away
    │   ├── DatabaseUnsuitable        a version, an extension or a right is missing
    │   ├── EmbeddedServerError       the embedded server cannot be made, started or stopped
    │   └── SchemaOutOfDate           tables are not at the code's revision    exit code 3
    ├── InputError
    │   ├── UnreadableSource          a file or folder cannot be read
    │   ├── InvalidRecord             one record of a source is wrong (loaders reject it and go on)
    │   ├── ConflictingRecord         a record contradicts a stored row under --on-conflict error
    │   └── StatementRefused          the database does not run a text of SQL, or stopped it
    ├── NotFound                      a name that is not in the database
    ├── AlreadyExists                 a name that is taken
    ├── InUse                         something that others stand on cannot be dropped
    ├── ModelError
    │   ├── ModelUnreadable           weights, configuration or tokenizer cannot be loaded
    │   └── ModelUnsupported          the model has nothing to capture, or too little for the settings
    ├── SecondMomentError             an optimizer state that does not fit the model
    ├── EncodingMismatch              two things made by different encodings or models
    ├── EncodingIncomplete            work that must be done before this step
    ├── DiskFull                      the disk of the database cannot hold what is to be written
    └── ExtraMissing                  an optional library is not installed

A message says what was found, what was expected and what to do next.
"""

from __future__ import annotations


class TrackstarError(Exception):
    """Base of every error that trackstar_db raises on purpose."""

    exit_code = 1


class DatabaseError(TrackstarError):
    """The database cannot be used."""


class DatabaseUnavailable(DatabaseError):
    """No server answers at the address, or the connection broke."""


class DatabaseUnsuitable(DatabaseError):
    """The server lacks a version, an extension or a right."""


class EmbeddedServerError(DatabaseError):
    """The embedded PostgreSQL server cannot be made, started or stopped."""


class SchemaOutOfDate(DatabaseError):
    """The tables are not at the revision that this code expects."""

    exit_code = 3


class InputError(TrackstarError):
    """Something given to trackstar_db is wrong."""


class UnreadableSource(InputError):
    """A file or folder cannot be read."""


class InvalidRecord(InputError):
    """One record of a source is wrong; loaders reject it with this message and go on."""


class ConflictingRecord(InputError):
    """A record contradicts a stored row and --on-conflict is error."""


class StatementRefused(InputError):
    """The database does not run a text of SQL, or stopped it."""


class NotFound(TrackstarError):
    """A name that is not in the database."""


class AlreadyExists(TrackstarError):
    """A name that is already taken."""


class InUse(TrackstarError):
    """Something that other rows stand on and that is therefore not dropped."""


class ModelError(TrackstarError):
    """A model cannot be used."""


class ModelUnreadable(ModelError):
    """Weights, configuration or tokenizer cannot be loaded."""


class ModelUnsupported(ModelError):
    """The model has no weight matrices to capture, or too few for the settings."""


class SecondMomentError(TrackstarError):
    """An optimizer state that cannot be read or does not fit the model."""


class EncodingMismatch(TrackstarError):
    """Two things were made by different encodings or different models."""


class EncodingIncomplete(TrackstarError):
    """Work that must be done before this step can give a right answer."""


class DiskFull(TrackstarError):
    """The disk of the database cannot hold what is to be written."""


class ExtraMissing(TrackstarError):
    """A library that only some people need is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs a library that is not installed. Run: pip install 'trackstar-db[{extra}]'")
