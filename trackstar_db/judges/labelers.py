"""Who says whether a document states a fact: names in its text, or an NLI classifier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.judges.mentions import Mentions

if TYPE_CHECKING:  # torch and transformers take seconds to import: names do without
    from trackstar_db.judges.nli import NliModel

ALIAS_MATCH = "alias_match"


@dataclass(frozen=True)
class Claim:
    """What a document may state: a fact, or the prompt and target of a query that is none.

    subject, object: numbers of the fact's entities
    """

    fact_id: str | None
    query_id: int | None
    prompt: str
    target: str
    subject: int | None = None
    object: int | None = None

    @property
    def statement(self) -> str:
        """The claim as a sentence."""
        said = " ".join(f"{self.prompt} {self.target}".split())
        return said if said.endswith((".", "!", "?")) else f"{said}."


@dataclass(frozen=True)
class Labels:
    """What became of some pairs, by their indices.

    scores: one for each index, from 0 to 1
    truncated: how many of them were judged by the beginning of their document
    impossible: how many other pairs the labeler cannot label
    """

    indices: Sequence[int] = ()
    scores: Sequence[float] = ()
    truncated: int = 0
    impossible: int = 0


class Labeler(Protocol):
    """Scores pairs (text, claim)."""

    @property
    def name(self) -> str:
        """What the labels are stored under."""

    @property
    def limit(self) -> str:
        """Why a pair may have no label."""

    def label(self, pairs: Sequence[tuple[str, Claim]], wanted: AbstractSet[int]) -> Iterator[Labels]:
        """The labels of the wanted pairs, a batch at a time.

        Batches are planned over all pairs, so that the scores of what is left are those of an undisturbed call.
        """


class AliasMatch:
    """1 where a document holds a name of the fact's subject and one of its object, else 0."""

    name = ALIAS_MATCH
    limit = "alias_match knows names of facts alone, and their queries are no facts"

    def __init__(self, connection: Connection[TupleRow], claims: Sequence[Claim]) -> None:
        entities = {entity for claim in claims for entity in (claim.subject, claim.object) if entity is not None}
        names = connection.execute(query("entailment_names"), {"entity_ids": list(entities)}).fetchall()
        self._mentions = Mentions(names)

    def label(self, pairs: Sequence[tuple[str, Claim]], wanted: AbstractSet[int]) -> Iterator[Labels]:
        """As Labeler says: all wanted pairs in one batch."""
        indices = sorted(index for index in wanted if pairs[index][1].fact_id is not None)
        asked = [pairs[index] for index in indices]
        named = {text: self._mentions.find(text) for text in {text for text, _ in asked}}
        scores = [float({claim.subject, claim.object} <= named[text]) for text, claim in asked]
        yield Labels(indices, scores, impossible=len(wanted) - len(indices))


class NliLabeler:
    """The probability of entailment by a classifier: premise = the document, hypothesis = the claim as a sentence."""

    limit = "prompt and target alone are longer than the model reads"

    def __init__(self, nli: NliModel, name: str | None, token_budget: int) -> None:
        self.name = name or f"{nli.name}@{nli.digest.hex()[:8]}"
        self._nli = nli
        self._token_budget = token_budget

    def label(self, pairs: Sequence[tuple[str, Claim]], wanted: AbstractSet[int]) -> Iterator[Labels]:
        """As Labeler says."""
        tokens = self._nli.tokenized([text for text, _ in pairs], [claim.statement for _, claim in pairs])
        yield Labels(impossible=len(wanted - tokens.encoded.keys()))
        for batch in self._nli.batches(tokens, self._token_budget):
            left = [index for index in batch if index in wanted]
            if left:
                yield Labels(left, self._nli.probabilities(tokens, left), truncated=len(tokens.truncated & set(left)))
