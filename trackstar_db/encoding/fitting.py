"""A new encoding: V from an optimizer's state or estimated, R_train from a seeded sample of a corpus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trackstar_db.attribution.autocorrelation import DEFAULT_DAMPING, Autocorrelation, inverse_root
from trackstar_db.attribution.backward import Loss
from trackstar_db.attribution.encoder import (
    DEFAULT_BLOCK_RANK,
    DEFAULT_TOKEN_BUDGET,
    Encoder,
    EncodingSettings,
    SecondMomentKind,
)
from trackstar_db.attribution.estimate import SecondMomentEstimate
from trackstar_db.attribution.layers import block_names, captured_weights, default_blocks
from trackstar_db.attribution.model import LoadedModel, load_model
from trackstar_db.attribution.model_files import find_model
from trackstar_db.attribution.optimizer_state import read_second_moment
from trackstar_db.attribution.second_moment import SECOND_MOMENT_FLOOR, RankOne, SecondMoments, rank_one
from trackstar_db.attribution.tokens import LongDocuments
from trackstar_db.database.engine import Database
from trackstar_db.database.names import corpus_id
from trackstar_db.database.queries import query
from trackstar_db.encoding.encoding_tensors import FittedEncoding
from trackstar_db.encoding.encodings import Encoding, name_taken, store_encoding
from trackstar_db.encoding.samples import CorpusSample, shown_on
from trackstar_db.errors import EncodingIncomplete, InputError, SecondMomentError
from trackstar_db.estimates.encoding import estimate_fit
from trackstar_db.estimates.estimate import Estimate, OnEstimate
from trackstar_db.loaders.destinations import check_name

MAX_BLOCK_RANK, MAX_BLOCKS = 64, 4096
"""A gradient longer than a page of PostgreSQL is stored by layer block: 64² numbers a row, 4,096 rows."""

STATE_FILES = ("optimizer.pt", "exp_avg_sq.safetensors")
"""Where V is looked for in a model's folder when nobody names a file."""


@dataclass(frozen=True)
class NewEncoding:
    """What a new encoding is made of; all but the first three have defaults.

    model: a folder, or a name on the Hugging Face hub
    corpus: the corpus that R_train is fitted on
    optimizer_state: the file or folder V is read from; None looks for optimizer.pt in the model's folder
    estimate_second_moment: documents of the corpus to estimate V from, instead of reading it
    sample: documents of the corpus that R_train is fitted on; all of them when the corpus has fewer
    blocks: layer blocks; None is 8, or every attention and MLP of a smaller model
    max_tokens: longest stretch the model reads at once; None is the model's context
    loss: what gradients are of, summed over tokens: the cross-entropy, or for TRAK the margin
    bits: of each number of a document's gradient as it is stored: 16 is half precision, 2 and 1 the nearest level
    """

    name: str
    model: str
    corpus: str
    revision: str | None = None
    optimizer_state: Path | None = None
    estimate_second_moment: int | None = None
    sample: int = 10_000
    blocks: int | None = None
    block_rank: int = DEFAULT_BLOCK_RANK
    second_moment: SecondMomentKind = "rank1"
    seed: int = 0
    damping: float = DEFAULT_DAMPING
    max_tokens: int | None = None
    long_documents: LongDocuments = "split"
    dtype: str = "float32"
    loss: Loss = "cross-entropy"
    bits: int = 16

    def __post_init__(self) -> None:
        if self.optimizer_state is not None and self.estimate_second_moment is not None:
            raise InputError(
                "both an optimizer state and a number of documents to estimate V from were given. Give one."
            )
        if self.second_moment == "none" and (self.optimizer_state or self.estimate_second_moment):
            raise InputError('a source for V was given, but second moment is "none". Choose rank1 or full.')
        check_name("encoding", self.name)
        if not 0 <= self.damping < float("inf"):
            raise InputError(f"damping is {self.damping}; expected a number from 0.")
        if not -(2**63) <= self.seed < 2**63:
            raise InputError(f"seed is {self.seed}; expected a whole number of 64 bits.")
        for name, most in (("block_rank", MAX_BLOCK_RANK), ("blocks", MAX_BLOCKS)):
            if (getattr(self, name) or 0) > most:
                raise InputError(
                    f"{name.replace('_', ' ')} is {getattr(self, name):,}; a row of PostgreSQL holds gradients up to "
                    f"block rank {MAX_BLOCK_RANK}, of {MAX_BLOCKS:,} blocks. Give at most that."
                )
        for name in ("sample", "estimate_second_moment"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise InputError(f"{name.replace('_', ' ')} is {number}; expected 1 or more documents.")


def create_encoding(
    database: Database,
    new: NewEncoding,
    token_budget: int = DEFAULT_TOKEN_BUDGET,
    on_estimate: OnEstimate | None = None,
) -> Encoding:
    """The new encoding, stored whole; an interrupted call stores nothing.

    on_estimate: told what it will take before it begins; what that raises stops it
    Raises AlreadyExists, NotFound (the corpus), ModelUnreadable, ModelUnsupported, SecondMomentError, and
    EncodingIncomplete where no document of the sample has a usable gradient.
    """
    with database.connect() as connection:
        if connection.execute(query("encoding_by_name"), {"name": new.name}).fetchone():
            raise name_taken(new.name)
        corpus_id(connection, new.corpus)
    loaded = load_model(new.model, new.revision, new.dtype)
    settings = _settings(new, loaded)
    if on_estimate is not None:
        on_estimate(_estimate(database, new, loaded, settings, token_budget))
    moments, moment_source = _second_moments(database, new, loaded, settings, token_budget)
    encoder = Encoder(loaded, settings, moments, None)
    autocorrelation = _autocorrelation(database, new, encoder, token_budget)
    inverse_roots, eigenvalues = inverse_root(autocorrelation.take_blocks(), settings.damping)
    sources = {
        "second_moment": moment_source,
        "autocorrelation": {
            "corpus": new.corpus,
            "sample": new.sample,
            "documents": autocorrelation.count,
        },
        "blocks": block_names(encoder.weights, settings.blocks),
        "projection": "Rademacher, entries ±k^(-1/2), Philox keyed by seed, module and side",
    }
    return store_encoding(
        database, new.name, loaded, FittedEncoding(settings, moments, inverse_roots, eigenvalues, sources)
    )


def _settings(new: NewEncoding, loaded: LoadedModel) -> EncodingSettings:
    """The settings with the model's own defaults filled in."""
    max_tokens = new.max_tokens or loaded.context_length
    if max_tokens > loaded.context_length:
        raise InputError(
            f"max tokens is {max_tokens}, but the model reads {loaded.context_length} at once. Give at most that."
        )
    return EncodingSettings(
        blocks=new.blocks or default_blocks(captured_weights(loaded.model)),
        max_tokens=max_tokens,
        block_rank=new.block_rank,
        second_moment=new.second_moment,
        seed=new.seed,
        damping=new.damping,
        long_documents=new.long_documents,
        dtype=new.dtype,
        loss=new.loss,
        bits=new.bits,
    )


def _estimate(
    database: Database, new: NewEncoding, loaded: LoadedModel, settings: EncodingSettings, token_budget: int
) -> Estimate:
    """What it will take, by an encoder whose V, if it has one, is one everywhere."""
    ones: SecondMoments | None = None
    if settings.second_moment != "none":
        weights = captured_weights(loaded.model)
        sides = {weight.name: (torch.ones(weight.out_features), torch.ones(weight.in_features)) for weight in weights}
        is_full = settings.second_moment == "full"
        ones = {name: torch.outer(*pair) if is_full else RankOne(*pair) for name, pair in sides.items()}
    encoder = Encoder(loaded, settings, ones, None)
    with database.connect() as connection:
        corpus_number = corpus_id(connection, new.corpus)
        (size,) = connection.execute(query("corpus_size"), {"corpus_id": corpus_number}).fetchone() or (0,)
        documents = min(new.sample, size) + min(new.estimate_second_moment or 0, size)
        return estimate_fit(connection, new.name, encoder, corpus_number, documents, token_budget)


def _second_moments(
    database: Database, new: NewEncoding, loaded: LoadedModel, settings: EncodingSettings, token_budget: int
) -> tuple[SecondMoments, dict[str, Any]]:
    """V by weight name in the form that is stored, and a record of its source."""
    if settings.second_moment == "none":
        return {}, {"source": "none"}
    if new.estimate_second_moment is not None:
        estimate = SecondMomentEstimate(loaded)
        sample = _sample(database, new, new.estimate_second_moment, loaded, settings)
        sample.feed(estimate.add_pieces, "estimate V", token_budget)
        estimated = estimate.mean()
        if not all(moment.isfinite().all() and moment.any() for moment in estimated.values()):
            raise SecondMomentError(
                f"a second moment estimated from {estimate.count:,} pieces of corpus {new.corpus!r} is not finite, or "
                f"zero: some of their gradients are. Check the model, or give --optimizer-state PATH."
            )
        found: SecondMoments = estimated
        source: dict[str, Any] = {"source": "estimated", "corpus": new.corpus, "pieces": estimate.count}
    else:
        read = read_second_moment(_state_path(new), loaded.model, captured_weights(loaded.model))
        found, source = read.second_moments, {"source": read.description}
    if settings.second_moment == "rank1":
        found = {name: rank_one(moment) for name, moment in found.items()}
    return found, {**source, "floor": SECOND_MOMENT_FLOOR}


def _state_path(new: NewEncoding) -> Path:
    """The file that V is read from; raises SecondMomentError where none is named and none is found."""
    if new.optimizer_state is not None:
        return new.optimizer_state
    directory, _ = find_model(new.model, new.revision)
    for name in STATE_FILES:
        if (directory / name).is_file():
            return directory / name
    raise SecondMomentError(
        f"no optimizer state was named and {new.model} has neither {' nor '.join(STATE_FILES)}. Give "
        f"--optimizer-state PATH, or --estimate-second-moment N, or --second-moment none."
    )


def _autocorrelation(database: Database, new: NewEncoding, encoder: Encoder, token_budget: int) -> Autocorrelation:
    """R_train, added up over the sample."""
    settings = encoder.settings
    autocorrelation = Autocorrelation(settings.blocks, settings.block_rank**2)
    sample = _sample(database, new, new.sample, encoder.loaded, settings)
    with sample.bar("fit R") as bar:
        for documents in sample.documents():
            gradients = encoder.document_gradients(documents, token_budget, shown_on(bar, documents))
            is_usable = gradients.isfinite().all(dim=1) & (gradients != 0).any(dim=1)
            autocorrelation.add(gradients if is_usable.all() else gradients[is_usable])
    if not autocorrelation.count:
        raise EncodingIncomplete(
            f"no document of corpus {new.corpus!r} has a gradient that is finite and not zero, so R_train "
            f"cannot be fitted. Load documents of at least two tokens into it, or check the model."
        )
    return autocorrelation


def _sample(
    database: Database, new: NewEncoding, size: int, loaded: LoadedModel, settings: EncodingSettings
) -> CorpusSample:
    return CorpusSample(database, new.corpus, size, new.seed, loaded.tokenizer, settings)
