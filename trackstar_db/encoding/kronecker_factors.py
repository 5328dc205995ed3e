"""The Kronecker factors of an encoding's model: fitted when EK-FAC first needs them, and kept.

An encoding gives the model, how documents are cut into pieces, and the seeded sample of a corpus: the one that
R_train was fitted on. Its projection, V and R take no part.
"""

from __future__ import annotations

from collections.abc import Mapping

from psycopg.errors import ForeignKeyViolation
from torch import Tensor

from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET, Encoder
from trackstar_db.attribution.kronecker import Covariances, Eigenbasis, Eigenvalues, KroneckerFactor
from trackstar_db.database.engine import Database
from trackstar_db.database.locks import locked
from trackstar_db.database.tensors import load_tensors, store_tensor
from trackstar_db.encoding.encodings import Encoding
from trackstar_db.encoding.samples import CorpusSample
from trackstar_db.errors import EncodingIncomplete, NotFound

OUTPUT, INPUT, EIGENVALUES = "output_vectors/", "input_vectors/", "eigenvalues/"


def kronecker_factors(
    database: Database, encoding: Encoding, encoder: Encoder, token_budget: int = DEFAULT_TOKEN_BUDGET
) -> dict[str, KroneckerFactor]:
    """The curvature by weight name, from the database as far as it is there.

    Each of the two passes over the sample is stored in a transaction of its own when it ends, and an interrupted
    call goes on from there. Raises EncodingIncomplete where the sample gives no finite gradient, and NotFound where
    the encoding, or the corpus of its sample, was dropped.
    """
    of_sample = encoding.recipe["autocorrelation"]
    sample = CorpusSample(
        database,
        of_sample["corpus"],
        of_sample["sample"],
        encoding.settings.seed,
        encoder.loaded.tokenizer,
        encoding.settings,
    )
    with database.session() as session, locked(session, f"kronecker factors {encoding.encoding_id}"):
        stored = load_tensors(session, "kronecker_tensors", {"encoding_id": encoding.encoding_id})
        names = [weight.name for weight in encoder.weights]
        if OUTPUT + names[0] in stored:
            bases = {name: Eigenbasis(stored[OUTPUT + name], stored[INPUT + name]) for name in names}
        else:
            bases = _fit_bases(sample, encoder, token_budget)
            vectors = {OUTPUT + name: basis.output_vectors for name, basis in bases.items()}
            vectors |= {INPUT + name: basis.input_vectors for name, basis in bases.items()}
            _store(database, encoding, vectors)
        if EIGENVALUES + names[0] in stored:
            return {name: KroneckerFactor(bases[name], stored[EIGENVALUES + name]) for name in names}
        eigenvalues = Eigenvalues(encoder.loaded, bases)
        sample.feed(eigenvalues.add_pieces, "fit EK-FAC 2/2", token_budget)
        factors = eigenvalues.factors()
        _store(database, encoding, {EIGENVALUES + name: factor.eigenvalues for name, factor in factors.items()})
        return factors


def _fit_bases(sample: CorpusSample, encoder: Encoder, token_budget: int) -> dict[str, Eigenbasis]:
    covariances = Covariances(encoder.loaded)
    sample.feed(covariances.add_pieces, "fit EK-FAC 1/2", token_budget)
    if not covariances.is_finite():
        raise EncodingIncomplete(
            f"Kronecker factors cannot be fitted on {covariances.tokens:,} tokens of corpus {sample.corpus!r}: there "
            f"are none to predict, or some of their gradients are not finite. Load documents of at least two tokens "
            f"into it, or check the model."
        )
    return covariances.eigenbases()


def _store(database: Database, encoding: Encoding, tensors: Mapping[str, Tensor]) -> None:
    try:
        with database.connect() as connection:
            for name, tensor in tensors.items():
                store_tensor(connection, "kronecker_tensor_insert", {"encoding_id": encoding.encoding_id}, name, tensor)
    except ForeignKeyViolation as error:
        raise NotFound(
            f"encoding {encoding.name!r} was dropped while its Kronecker factors were fitted. Nothing of them is kept."
        ) from error
