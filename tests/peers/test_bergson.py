"""TrackStar against Bergson's own, with Bergson's projections: one block a weight matrix, R mixed, cosine.

What Bergson's `trackstar` command does, by its own classes: gradients through its collector (normalised by the second
moments, projected, summed over tokens), R as a Gram matrix a module, R of both sets mixed with its rule for lambda,
H^(-1/2) on either side, unit norm over all modules. Its data pipeline alone is left out. Ours is what an encoding and
a task do.

Bergson damps the mixed R, ours the R of the corpus before it is mixed: damping is left out of both here, which is
possible because every block is of full rank, and tested with R of the corpus alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from bergson.collector.collector import CollectorComputer, create_module_projection_matrix
from bergson.collector.in_memory_collector import InMemoryCollector
from bergson.config import InversionConfig
from bergson.config.config import IndexConfig
from bergson.gradients import AdafactorNormalizer, AdamNormalizer, GradientProcessor
from bergson.hessians.preconditioner import DensePreconditioner
from bergson.process_grads import normalize_and_aggregate_grads
from bergson.score.score_writer import InMemorySequenceScoreWriter
from bergson.score.scorer import Scorer
from bergson.utils.math import compute_lambda
from datasets import Dataset
from definitions import random_second_moments
from examples import DOCUMENTS, QUERIES, check_agreement, labels, peer_model
from torch import Tensor
from transformers import PreTrainedModel

from trackstar_db.attribution.autocorrelation import Autocorrelation, by_block, inverse_root, root_of_inverse
from trackstar_db.attribution.backward import backward
from trackstar_db.attribution.layers import CapturedWeight, captured_weights
from trackstar_db.attribution.projected import ProjectedGradients, Projection
from trackstar_db.attribution.second_moment import fold, inverse_square_root, rank_one
from trackstar_db.attribution.task import CROSSING_SHARE, task_matrix
from trackstar_db.attribution.tokens import Piece

BLOCK_RANK = 4
KINDS = ("none", "rank1", "full")


@dataclass(frozen=True)
class Profile:
    """Which second moments, and how much of the mean eigenvalue is added to R."""

    architecture: str
    second_moment: str
    damping: float


def bergson_name(weight: CapturedWeight) -> str:
    """Bergson names modules from the decoder without its head."""
    return weight.name.split(".", 1)[1]


def bergson_collected(model: PreTrainedModel, profile: Profile, pieces: list[Piece], directory) -> InMemoryCollector:
    """Projected gradients by module, [example, k²], and R of each module."""
    weights = captured_weights(model)
    normalizers = {}
    if profile.second_moment != "none":
        normalizers = {
            bergson_name(weight): AdamNormalizer(random_second_moments(weights)[weight.name]) for weight in weights
        }
    if profile.second_moment == "rank1":
        normalizers = {name: normalizer.to_adafactor() for name, normalizer in normalizers.items()}
        assert all(isinstance(normalizer, AdafactorNormalizer) for normalizer in normalizers.values())
    data = Dataset.from_list([{"input_ids": list(p.token_ids), "labels": labels(p)} for p in pieces])
    config = IndexConfig(run_path=str(directory), projection_dim=BLOCK_RANK)
    config.partial_run_path.mkdir()
    collector = InMemoryCollector(
        model=model.base_model,
        data=data,
        cfg=config,
        processor=GradientProcessor(normalizers=normalizers, projection_dim=BLOCK_RANK),
        target_modules={bergson_name(weight) for weight in weights},
        skip_hessians=False,
    )
    batches = [list(range(start, min(start + 7, len(pieces)))) for start in range(0, len(pieces), 7)]
    computer = CollectorComputer(model, data, collector=collector, batches=batches, cfg=config)
    computer.run_with_collector_hooks()
    return collector


def bergson_scores(profile: Profile, is_mixed: bool, directory) -> tuple[Tensor, float]:
    """[document, query], and lambda."""
    model = peer_model(profile.architecture).requires_grad_(True)
    documents = bergson_collected(model, profile, DOCUMENTS, directory / "documents")
    queries = bergson_collected(model, profile, QUERIES, directory / "queries")
    components = round(CROSSING_SHARE * BLOCK_RANK**2 * len(documents.gradients))
    mixing_lambda = compute_lambda(queries.processor.hessians_eigen, documents.processor.hessians_eigen, components)
    mixing_lambda = mixing_lambda if is_mixed else 0.0
    mixed = {
        name: mixing_lambda * queries.processor.hessians[name] + (1 - mixing_lambda) * of_documents
        for name, of_documents in documents.processor.hessians.items()
    }
    preconditioner = DensePreconditioner.from_processor(
        replace(documents.processor, hessians=mixed),
        inversion_cfg=InversionConfig(damping_factor=profile.damping),
        power=-0.5,
    )
    modules = list(documents.gradients)
    device = torch.device("cpu")
    of_queries = normalize_and_aggregate_grads(preconditioner.apply(queries.gradients), modules, True, device)
    writer = InMemorySequenceScoreWriter(len(DOCUMENTS), len(QUERIES))
    scorer = Scorer(
        of_queries,
        modules,
        writer,
        device,
        torch.float32,
        unit_normalize=True,
        index_transform=preconditioner.apply,
    )
    scorer(list(range(len(DOCUMENTS))), documents.gradients)
    return writer.scores, mixing_lambda


def our_projections(model: PreTrainedModel, profile: Profile) -> dict[str, Projection]:
    """Bergson's projection matrices, a block a weight, with the second moments as an encoder applies them."""
    weights = captured_weights(model)
    moments = random_second_moments(weights)
    projections = {}
    for block, weight in enumerate(weights):
        name, device = bergson_name(weight), torch.device("cpu")
        sides = (("left", weight.out_features), ("right", weight.in_features))
        left, right = (
            create_module_projection_matrix(
                name, side, BLOCK_RANK, width, torch.float32, device, "rademacher", "jl", None
            ).T
            for side, width in sides
        )
        scale = None
        if profile.second_moment == "rank1":
            left, right = fold(rank_one(moments[weight.name]), left.double(), right.double())
        elif profile.second_moment == "full":
            scale = inverse_square_root(moments[weight.name])
        projections[weight.name] = Projection(block, left, right, scale).to(model)
    return projections


def our_gradients(model: PreTrainedModel, projections: dict[str, Projection], pieces: list[Piece]) -> Tensor:
    """[example, d]"""
    gradients = torch.zeros(len(pieces), len(projections), BLOCK_RANK, BLOCK_RANK)
    backward(model, captured_weights(model), pieces, ProjectedGradients(projections, gradients))
    return gradients.flatten(1)


def our_scores(profile: Profile, mixing_lambda: float | None) -> tuple[Tensor, float]:
    """[document, query] as an encoding and its task have it, and lambda."""
    model = peer_model(profile.architecture)
    projections = our_projections(model, profile)
    documents, queries = (our_gradients(model, projections, pieces) for pieces in (DOCUMENTS, QUERIES))
    autocorrelation = Autocorrelation(len(projections), BLOCK_RANK**2)
    autocorrelation.add(documents)
    inverse, eigenvalues = inverse_root(autocorrelation.mean(), profile.damping)
    of_documents, of_queries = by_block(inverse, documents), by_block(inverse, queries)
    matrix = task_matrix(of_queries, root_of_inverse(inverse), eigenvalues, mixing_lambda)
    stored = torch.nn.functional.normalize(of_documents, dim=1).half().float()  # what a database holds
    rooted = (torch.nn.functional.normalize(by_block(matrix.root, side), dim=1) for side in (stored, of_queries))
    return next(rooted) @ next(rooted).T, matrix.mixing_lambda


def test_documents_are_of_unequal_length_and_blocks_of_full_rank():
    assert len({len(piece.token_ids) for piece in DOCUMENTS}) > 20
    model = peer_model()
    gradients = our_gradients(model, our_projections(model, Profile("llama", "none", 0.0)), DOCUMENTS)
    ranks = torch.linalg.matrix_rank(gradients.double().view(len(DOCUMENTS), -1, BLOCK_RANK**2).transpose(0, 1))
    assert set(ranks.tolist()) == {BLOCK_RANK**2}


def test_bergson_uses_the_projections_that_are_injected(tmp_path):
    profile = Profile("llama", "none", 0.0)
    theirs = bergson_collected(peer_model().requires_grad_(True), profile, QUERIES, tmp_path / "run").gradients
    model = peer_model()
    projections = our_projections(model, profile)
    ours = our_gradients(model, projections, QUERIES).view(len(QUERIES), len(projections), -1)
    assert len(theirs) == len(projections)
    for weight in captured_weights(model):
        of_weight = ours[:, projections[weight.name].block]
        assert float((theirs[bergson_name(weight)] - of_weight).abs().max() / of_weight.abs().max()) < 1e-5


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gpt_neox"])
@pytest.mark.parametrize("second_moment", KINDS)
def test_the_task_specific_trackstar_is_bergsons(architecture, second_moment, tmp_path, record_property):
    profile = Profile(architecture, second_moment, damping=0.0)
    expected, their_lambda = bergson_scores(profile, True, tmp_path)
    found, our_lambda = our_scores(profile, None)
    assert 0.01 < our_lambda < 0.99
    assert our_lambda == pytest.approx(their_lambda, rel=1e-3)
    check_agreement(found, expected, record_property, correlation=0.9999, difference=2e-3)


@pytest.mark.parametrize("second_moment", KINDS)
def test_trackstar_with_r_of_the_corpus_alone_is_bergsons(second_moment, tmp_path, record_property):
    profile = Profile("llama", second_moment, damping=0.1)
    expected, _ = bergson_scores(profile, False, tmp_path)
    found, _ = our_scores(profile, 0.0)
    check_agreement(found, expected, record_property, correlation=0.9999, difference=2e-3)
