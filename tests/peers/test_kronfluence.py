"""Inner products and EK-FAC against kronfluence, damping and empirical Fisher matrix as ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from examples import (
    DOCUMENTS,
    QUERIES,
    Examples,
    check_agreement,
    least_rank_correlation,
    losses,
    our_dot_products,
    our_ekfac,
    peer_model,
)
from kronfluence.analyzer import Analyzer, prepare_model
from kronfluence.arguments import FactorArguments, ScoreArguments
from kronfluence.task import Task
from torch import Tensor, nn

from trackstar_db.attribution.layers import captured_weights

DAMPING = 0.1  # of the mean eigenvalue: what kronfluence takes where it is given None


class LanguageModelling(Task):
    """The summed cross-entropy, of documents and of queries, over the weights that we capture."""

    def __init__(self, modules: list[str]) -> None:
        self._modules = modules

    def compute_train_loss(self, batch: dict[str, Tensor], model: nn.Module, sample: bool = False) -> Tensor:
        assert not sample  # the empirical Fisher matrix: the documents' own tokens
        return losses(model(input_ids=batch["input_ids"], use_cache=False).logits, batch["labels"]).sum()

    def compute_measurement(self, batch: dict[str, Tensor], model: nn.Module) -> Tensor:
        return self.compute_train_loss(batch, model)

    def get_influence_tracked_modules(self) -> list[str]:
        return self._modules

    def get_attention_mask(self, batch: dict[str, Tensor]) -> Tensor:
        return batch["predicts"]  # whose activations count in the covariance


def kronfluence_scores(strategy: str, directory: Path, rank: int | None = None) -> Tensor:
    """[document, query]"""
    model = peer_model()
    task = LanguageModelling([weight.name for weight in captured_weights(model)])
    analyzer = Analyzer(
        "small", prepare_model(model, task), task, cpu=True, disable_tqdm=True, output_dir=str(directory)
    )
    documents = Examples(DOCUMENTS)
    analyzer.fit_all_factors(
        "factors",
        documents,
        per_device_batch_size=20,
        factor_args=FactorArguments(strategy=strategy, use_empirical_fisher=True),
    )
    analyzer.compute_pairwise_scores(
        "scores",
        "factors",
        query_dataset=Examples(QUERIES),
        train_dataset=documents,
        per_device_query_batch_size=4,
        per_device_train_batch_size=20,
        score_args=ScoreArguments(damping_factor=None, query_gradient_low_rank=rank, use_full_svd=True),
    )
    return analyzer.load_pairwise_scores("scores")["all_modules"].T


def test_inner_products_of_gradients_are_kronfluences_identity_strategy(tmp_path, record_property):
    expected = kronfluence_scores("identity", tmp_path)
    found = our_dot_products()
    check_agreement(found, expected, record_property, correlation=0.9999, difference=1e-4)


@pytest.mark.parametrize("rank", [None, 4])
def test_influence_through_the_curvature_is_kronfluences_ekfac(tmp_path, record_property, rank):
    expected = kronfluence_scores("ekfac", tmp_path, rank)
    found = our_ekfac(DAMPING, rank)
    check_agreement(found, expected, record_property, correlation=0.99, difference=1e-4)
    # The curvature and the rank change the order: who agrees with them agrees with nothing simpler.
    assert least_rank_correlation(our_dot_products(), expected) < 0.95
    assert rank is None or least_rank_correlation(our_ekfac(DAMPING), expected) < 0.9999
