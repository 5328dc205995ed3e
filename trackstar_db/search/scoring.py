"""How a gradient method scores: one inner product on one stored encoding.

A document is stored as its base encoding b = R^(-1/2) P (gradient / sqrt(V)), R damped, in unit norm and with its
length. Each gradient method is a matrix A between such encodings (Chang et al. 2025; method.md §1):

    corpus   A = I                                    R once on either side
    none     A = R                                    the whitening undone: plain projected gradients
    task     A = (lambda S + (1 - lambda) I)^(-1)     R mixed with the queries' own, S = mean(q q^T)

    score(q, b) = b^T A q / (|A^(1/2) b| |A^(1/2) q|) in unit norm, |b| b^T A q without.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trackstar_db.attribution.autocorrelation import by_block


def query_side(queries: Tensor, root: Tensor | None, is_unit_norm: bool) -> Tensor:
    """A q, over |A^(1/2) q| in unit norm: what a stored gradient is multiplied with.

    queries: [query, d] base encodings, any norm; root: A^(1/2), [block, k^2, k^2], None for the identity
    """
    rooted = queries if root is None else by_block(root, queries)
    if is_unit_norm:
        rooted = torch.nn.functional.normalize(rooted, dim=1)
    return rooted if root is None else by_block(root, rooted)
