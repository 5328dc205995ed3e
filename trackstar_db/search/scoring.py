"""How a gradient method scores: one inner product on one stored encoding.

A document is stored as its base encoding b = R^(-1/2) P (gradient / sqrt(V)), R damped, in unit norm and with its
length. Each gradient method is a matrix A between such encodings (Chang et al. 2025; method.md §1):

    corpus   A = I                                    R once on either side
    none     A = R                                    the whitening undone: plain projected gradients
    task     A = (lambda S + (1 - lambda) I)^(-1)     R mixed with the queries' own, S = mean(q q^T)

    score(q, b) = b^T A q / (|A^(1/2) b| |A^(1/2) q|) in unit norm, |b| b^T A q without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trackstar_db.attribution.autocorrelation import by_block
from trackstar_db.attribution.task import lengths_under
from trackstar_db.encoding.gradient_reader import GradientBlock, GradientReader


def query_side(queries: Tensor, root: Tensor | None, is_unit_norm: bool) -> Tensor:
    """A q, over |A^(1/2) q| in unit norm: what a stored gradient is multiplied with.

    queries: [query, d] base encodings, any norm; root: A^(1/2), [block, k^2, k^2], None for the identity
    """
    rooted = queries if root is None else by_block(root, queries)
    if is_unit_norm:
        rooted = torch.nn.functional.normalize(rooted, dim=1)
    return rooted if root is None else by_block(root, rooted)


class Workspace:
    """Memory that is used again, block after block: fresh memory costs more than what is done in it."""

    def __init__(self) -> None:
        self._kept: dict[str, Tensor] = {}

    def tensor(self, name: str, *shape: int) -> Tensor:
        """A tensor of float32 on the CPU that holds anything; the next one of this name overwrites it."""
        kept = self._kept.get(name)
        if kept is None or kept.numel() < prod(shape):
            kept = self._kept[name] = torch.empty(prod(shape))
        return kept[: prod(shape)].view(shape)


@dataclass(frozen=True)
class GradientScorer:
    """Scores of one encoding's documents.

    query_ids: of the rows of side; side: [query, d], what a stored gradient is multiplied with
    root: gives A^(1/2), [block, k^2, k^2]; None for the identity
    on_norms: told ids, norms as they were stored and |M^(1/2) b| of documents that had none under the task
    """

    reader: GradientReader
    is_unit_norm: bool
    query_ids: list[int]
    side: Tensor
    root: Callable[[], Tensor] | None
    on_norms: Callable[[NDArray[np.int64], NDArray[np.float64], NDArray[np.float32]], None] | None = None
    workspace: Workspace = field(default_factory=Workspace, compare=False)

    def scores(self, block: GradientBlock) -> Tensor:
        """[query, row] float32 on the CPU, valid until the next call; the block has its norms (`complete`)."""
        gradients = self._gradients(block)
        scale = self._scale(block, gradients)
        if self.side.device.type == "cpu":
            scores = torch.mm(
                self.side, gradients.T, out=self.workspace.tensor("scores", len(self.side), len(gradients))
            )
        else:
            scores = self.side @ gradients.T
        return (scores if scale is None else scores.mul_(scale.to(scores))).cpu()

    def complete(self, block: GradientBlock) -> GradientBlock:
        """The block with the norms under the task that were not stored; `on_norms` is told of them."""
        is_new = np.isnan(block.task_norms)
        if self.reader.task_id is None or self.root is None or not is_new.any():
            return block
        new = block if is_new.all() else block.rows(is_new)
        found = lengths_under(self.root(), self._gradients(new)).cpu().numpy()
        if self.on_norms is not None:
            self.on_norms(new.document_ids, new.norms, found)
        task_norms = block.task_norms.copy()
        task_norms[is_new] = found
        return replace(block, task_norms=task_norms)

    def _gradients(self, block: GradientBlock) -> Tensor:
        """[row, d] float32, on the device of the side."""
        if self.side.device.type == "cpu":
            return self.workspace.tensor("gradients", *block.gradients.shape).copy_(torch.from_numpy(block.gradients))
        return torch.from_numpy(np.ascontiguousarray(block.gradients)).to(self.side.device).float()

    def _scale(self, block: GradientBlock, gradients: Tensor) -> Tensor | None:
        """What a document's inner products are multiplied by, [row]."""
        if not self.is_unit_norm:
            return torch.from_numpy(block.norms)
        if self.reader.task_id is not None:
            return 1 / torch.from_numpy(block.task_norms)
        if self.root is not None:
            return 1 / lengths_under(self.root(), gradients)
        return None
