"""Retrieval results of the data release: what one record must be, and what of it becomes rows.

A record is one query of a run: prompt, target, and lists that go beside each other. Everything that the tables
hold exactly is taken out of the record; the rest is kept, so that an export gives the record back as it came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from trackstar_db.errors import InvalidRecord
from trackstar_db.loaders.decide import LoadRow
from trackstar_db.loaders.readers import RawRecord, Source
from trackstar_db.loaders.readers.base import Row
from trackstar_db.loaders.records import Record, check_identifier, check_string, content_digest, wrong_type

ID_FIELDS = ("example_id", "trex_id")
PROMPT, TARGET, QUERY_SET, FACT, METHOD = "inputs_plaintext", "targets_plaintext", "query_set", "fact_id", "method"
AIS = "proponent_ais_scores"
DIRECTIONS = ("proponent", "opponent")

# Lists with an entry for each proponent.
_BESIDE = ("proponent_correct", AIS, "proponent_ranks", "proponent_ais_best_windows")
_GENERATED_ID_CHARACTERS = 32


class Retrieved(NamedTuple):
    """A document of a list.

    text: None where the record gives only its id
    ais_score: None where it was not labelled
    """

    document: str
    text: str | None
    score: float
    ais_score: float | None


@dataclass(frozen=True)
class ResultRow(LoadRow):
    """A record; its key is the query's id, its content the digest of all that it says.

    fields: names in the record's order; kept: those that the tables do not hold exactly
    retrieved: documents by direction, strongest first
    """

    key: str
    query_set: str
    prompt: str
    target: str
    fact_id: str | None
    retrieved: Mapping[str, list[Retrieved]]
    fields: list[str]
    kept: Mapping[str, object]
    method: str | None
    source: str

    @property
    def entries(self) -> list[Retrieved]:
        """The documents of both directions."""
        return [entry for direction in DIRECTIONS for entry in self.retrieved[direction]]


def parse_result(raw: RawRecord, source: Source, run: str, query_set: str | None) -> ResultRow:
    """The row of one record; raises InvalidRecord.

    query_set: where its query goes; None goes by the record, and for one that does not say by the run's name
    """
    said = raw.fields()
    record = Record(Row(raw.line, said), source.name)
    external_id = record.required_identifier(*ID_FIELDS)
    prompt, target = record.string(PROMPT), record.text(TARGET)
    own_set, fact_id = record.identifier(QUERY_SET), record.identifier(FACT)
    destination = query_set or own_set or run
    _check_kinds(said)
    retrieved = {direction: _retrieved(record, said, direction) for direction in DIRECTIONS}
    rebuilt = {PROMPT, TARGET, *_held_exactly(said)}
    if said.get(QUERY_SET) == destination:
        rebuilt.add(QUERY_SET)
    method = said.get(METHOD)
    return ResultRow(
        raw.line,
        record.place,
        external_id,
        content_digest(said),
        query_set=destination,
        prompt=prompt,
        target=target,
        fact_id=fact_id,
        retrieved=retrieved,
        fields=list(said),
        kept={name: value for name, value in said.items() if name not in rebuilt},
        method=method if isinstance(method, str) and method.strip() else None,
        source=source.key,
    )


def _held_exactly(said: Mapping[str, object]) -> set[str]:
    """The id, and the fields of the lists, as far as the tables hold them as they are: 1 is not '1', nor 1.0.

    They hold no empty list: that a record has one, and not none, is kept with it.
    """
    exact: dict[str, type] = {next(name for name in ID_FIELDS if said.get(name) is not None): str}
    for direction in DIRECTIONS:
        exact |= {f"{direction}s": str, f"{direction}_ids": str, f"{direction}_scores": float}
    return {name for name, kind in exact.items() if name in said and said[name] != [] and _is_all(said[name], kind)}


def _is_all(value: object, kind: type) -> bool:
    return all(type(entry) is kind for entry in value) if isinstance(value, list) else type(value) is kind


# The lists ----------------------------------------------------------------------------------------


def _retrieved(record: Record, said: Mapping[str, object], direction: str) -> list[Retrieved]:
    """The documents of one direction; raises InvalidRecord."""
    texts_name, ids_name, scores_name = f"{direction}s", f"{direction}_ids", f"{direction}_scores"
    names = [texts_name, ids_name, scores_name, *(_BESIDE if direction == "proponent" else ())]
    arrays = {name: found for name in names if (found := _array(said, name)) is not None}
    if texts_name not in arrays and ids_name not in arrays:
        if arrays or direction == "proponent":
            raise record.missing((texts_name, ids_name))
        return []
    if any(arrays.values()) and scores_name not in arrays:
        raise record.missing((scores_name,))
    _check_lengths(arrays)
    scores = [_number(f"{scores_name}[{n}]", score) for n, score in enumerate(arrays.get(scores_name, []))]
    texts: list[str] | list[None] = [None] * len(scores)
    if texts_name in arrays:
        texts = [_text(f"{texts_name}[{n}]", text) for n, text in enumerate(arrays[texts_name])]
    if ids_name in arrays:
        ids = [check_identifier(f"{ids_name}[{n}]", entry) for n, entry in enumerate(arrays[ids_name])]
    else:
        ids = [_generated_id(str(text)) for text in texts]
    _check_distinct(ids_name if ids_name in arrays else texts_name, ids)
    ais_scores = _ais_scores(arrays[AIS]) if AIS in arrays else [None] * len(scores)
    return [Retrieved(*entry) for entry in zip(ids, texts, scores, ais_scores, strict=True)]


def _array(said: Mapping[str, object], name: str) -> list[object] | None:
    value = said.get(name)
    if value is not None and not isinstance(value, list):
        raise wrong_type(name, value, "an array")
    return value


def _check_lengths(arrays: Mapping[str, list[object]]) -> None:
    (first, array), *others = arrays.items()
    for name, other in others:
        if len(other) != len(array):
            raise InvalidRecord(
                f"field {name!r} has {len(other):,} entries and {first!r} has {len(array):,}; "
                "expected an entry of each for every document"
            )


def _check_distinct(name: str, ids: list[str]) -> None:
    ranks: dict[str, int] = {}
    for rank, document in enumerate(ids, start=1):
        if document in ranks:
            raise InvalidRecord(
                f"field {name!r} has one document at ranks {ranks[document]} and {rank} ({document!r}); "
                "expected each document once"
            )
        ranks[document] = rank


def _generated_id(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()[:_GENERATED_ID_CHARACTERS]


def _text(name: str, value: object) -> str:
    found = check_string(name, value)
    if not found or found.isspace():
        raise InvalidRecord(f"field {name!r} is empty; expected text")
    return found


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type(name, value, "a number")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise InvalidRecord(f"field {name!r} is no finite number; expected one that float64 can hold")
    return number


def _ais_scores(values: list[object]) -> list[float | None]:
    """Entailment scores from 0 to 1 beside the proponents, None for pairs that were not labelled."""
    scores = [None if value is None else _number(f"{AIS}[{n}]", value) for n, value in enumerate(values)]
    for n, score in enumerate(scores):
        if score is not None and not 0 <= score <= 1:
            raise InvalidRecord(f"field '{AIS}[{n}]' is {score}; expected a number from 0 to 1, or null")
    return scores


# The fields that are kept as they are ---------------------------------------------------------------


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def _is_string(value: object) -> bool:
    return isinstance(value, str)


def _is_strings(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_string, value))


def _is_booleans(value: object) -> bool:
    return isinstance(value, list) and all(entry is None or isinstance(entry, bool) for entry in value)


_Check = tuple[Callable[[object], bool], str]
_STRINGS: _Check = (_is_strings, "an array of strings")
_NUMBER: _Check = (_is_number, "a number")
_BOOLEAN: _Check = (_is_boolean, "a boolean")
_KINDS: dict[str, _Check] = {
    "relation": (_is_string, "a string"),
    "8b_generations": _STRINGS,
    "temperature_samples": _STRINGS,
    "8b_confidence": _NUMBER,
    "model_confidence": _NUMBER,
    "c4_frequency": _NUMBER,
    "fact_frequency": _NUMBER,
    "c4_frequency_bucket": _NUMBER,
    "frequency_bucket": _NUMBER,
    "has_trex_sentence": _BOOLEAN,
    "is_8b_correct": _BOOLEAN,
    "proponent_correct": (_is_booleans, "an array of booleans"),
}


def _check_kinds(said: Mapping[str, object]) -> None:
    """Nothing; raises InvalidRecord for a known field that is something else than the format says, null excepted."""
    for name, (is_right, expected) in _KINDS.items():
        value = said.get(name)
        if value is not None and not is_right(value):
            raise wrong_type(name, value, expected)
