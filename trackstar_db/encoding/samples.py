"""A seeded random sample of a corpus: what encodings are fitted on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from trackstar_db.attribution.batching import piece_batches
from trackstar_db.attribution.tokens import Piece, TokenizedDocument, tokenize_documents
from trackstar_db.database.engine import Database
from trackstar_db.database.names import corpus_id
from trackstar_db.database.queries import query
from trackstar_db.progress import progress_bar

if TYPE_CHECKING:
    from trackstar_db.attribution.encoder import EncodingSettings

GROUP_DOCUMENTS = 1024
"""Documents read, tokenized and sorted by length together."""


@dataclass(frozen=True)
class CorpusSample:
    """The same `size` documents of a corpus whatever their order or numbers; all of them where it has fewer."""

    database: Database
    corpus: str
    size: int
    seed: int
    tokenizer: Any
    settings: EncodingSettings

    def documents(self) -> Iterator[list[TokenizedDocument]]:
        """The documents, GROUP_DOCUMENTS at a time."""
        with self.database.connect() as connection, connection.cursor(name="sample") as cursor:
            cursor.itersize = GROUP_DOCUMENTS
            parameters = {"corpus_id": corpus_id(connection, self.corpus), "seed": self.seed, "sample": self.size}
            cursor.execute(query("corpus_sample"), parameters)
            rows, settings = iter(cursor), self.settings
            while texts := [text for (text,) in islice(rows, GROUP_DOCUMENTS)]:
                yield tokenize_documents(self.tokenizer, texts, settings.max_tokens, settings.long_documents)

    def feed(self, take: Callable[[Sequence[Piece]], None], label: str, token_budget: int) -> None:
        """Nothing; every piece was given away in padded batches, under a progress bar."""
        with self.bar(label) as bar:
            for documents in self.documents():
                show = shown_on(bar, documents)
                for _, pieces in piece_batches(documents, token_budget):
                    take(pieces)
                    show(len(pieces))

    def bar(self, label: str) -> tqdm[Any]:
        """A progress bar over the documents."""
        with self.database.connect() as connection:
            parameters = {"corpus_id": corpus_id(connection, self.corpus)}
            (documents,) = connection.execute(query("corpus_size"), parameters).fetchone() or (0,)
        return progress_bar(min(self.size, documents), label, "document")


def shown_on(bar: tqdm[Any], documents: Sequence[TokenizedDocument]) -> Callable[[int], None]:
    """Moves the bar by documents when it is told of pieces: a long document is several."""
    share = len(documents) / max(1, sum(len(document.pieces) for document in documents))

    def show(pieces: int) -> None:
        bar.update(pieces * share)

    return show
