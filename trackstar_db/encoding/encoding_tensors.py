"""The tensors of an encoding by the names that they are stored under: V by weight matrix, R^(-1/2) by layer block."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from trackstar_db.attribution.second_moment import RankOne, SecondMoment, SecondMoments
from trackstar_db.database.tensors import little_endian, take_stacked

if TYPE_CHECKING:  # transformers takes seconds to import
    from trackstar_db.attribution.encoder import EncodingSettings


@dataclass(frozen=True)
class FittedEncoding:
    """All that an encoding is made of, before it is stored.

    second_moments: V by weight matrix, empty for none
    inverse_roots: R_train^(-1/2), [block, k², k²]
    eigenvalues: of R_train before damping, [block, k²]
    sources: where V and R came from, for the recipe
    """

    settings: EncodingSettings
    second_moments: SecondMoments
    inverse_roots: Tensor
    eigenvalues: Tensor
    sources: dict[str, Any]


def named_tensors(fitted: FittedEncoding) -> dict[str, Tensor]:
    """Every tensor of an encoding by the name it is stored under."""
    tensors = {
        "autocorrelation/inverse_root": fitted.inverse_roots,
        "autocorrelation/eigenvalues": fitted.eigenvalues,
    }
    for name, moment in fitted.second_moments.items():
        if isinstance(moment, RankOne):
            tensors[f"second_moment/rows/{name}"] = moment.rows
            tensors[f"second_moment/columns/{name}"] = moment.columns
        else:
            tensors[f"second_moment/full/{name}"] = moment
    return tensors


def second_moments_of(tensors: dict[str, Tensor]) -> dict[str, SecondMoment]:
    """V by weight matrix, from an encoding's stored tensors."""
    moments: dict[str, SecondMoment] = {}
    for stored_name, tensor in tensors.items():
        match stored_name.split("/", 2):
            case ["second_moment", "rows", name]:
                moments[name] = RankOne(tensor, tensors[f"second_moment/columns/{name}"])
            case ["second_moment", "full", name]:
                moments[name] = tensor
    return moments


def stored_parts(tensors: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Tensors as they are stored: each block of R is a row of its own, since a field of PostgreSQL ends at 1 GB."""
    for name, tensor in tensors.items():
        if _is_by_block(name):
            yield from ((f"{name}/{block}", part) for block, part in enumerate(tensor))
        else:
            yield name, tensor


def _is_by_block(tensor_name: str) -> bool:
    return tensor_name.startswith("autocorrelation/")


def stacked(blocks: int, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with the blocks of R put together again."""
    for name in ("autocorrelation/inverse_root", "autocorrelation/eigenvalues"):
        tensors[name] = take_stacked(tensors, name, blocks)
    return tensors


def digest_of(recipe: dict[str, Any], tensors: dict[str, Tensor]) -> bytes:
    """SHA-256 over the recipe as canonical JSON and every tensor."""
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True, ensure_ascii=False).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\0{name}\0{tensor.numpy(force=True).dtype.name}\0{tuple(tensor.shape)}\0".encode())
        for part in tensor if _is_by_block(name) else (tensor,):  # R is long
            digest.update(little_endian(part))
    return digest.digest()
