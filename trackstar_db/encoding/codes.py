"""Gradients in one or two bits a number: what is stored of each is the nearest of two or four levels.

For a gradient of unit norm whose d numbers have standard deviation 1/sqrt(d):

    1 bit    ±1                      its sign
    2 bits   ±0.4528, ±1.510         the four levels of least squared error for a normal distribution (Max 1960)

in units of 1/sqrt(d). What is read is the levels times one number a gradient that makes it a unit vector again. That
is an approximation of the document's side alone: queries keep all their digits.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

LEVELS = {1: (-1.0, 1.0), 2: (-1.510, -0.4528, 0.4528, 1.510)}
"""By bits a number, ascending: a number's code is the place of its level. trackstar.code_levels has the same."""


def encode(gradients: NDArray[np.float16], bits: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Codes and scales: the codes of a gradient behind each other, the highest bit first, zeros at the end.

    gradients: [row, d], unit norm
    returns [row, ceil(d x bits / 8)] and [row], what makes the levels a unit vector
    """
    levels = np.array(LEVELS[bits])
    rows, dimension = gradients.shape
    numbers = gradients.astype(np.float32)
    width = code_bytes(dimension, bits) * 8 // bits
    places = np.zeros((rows, width), dtype=np.uint8)
    for between in (levels[1:] + levels[:-1]) / 2:
        places[:, :dimension] += numbers >= np.float32(between / np.sqrt(dimension))
    codes = np.zeros((rows, code_bytes(dimension, bits)), dtype=np.uint8)
    for first, shift in enumerate(_shifts(bits)):
        codes |= places[:, first :: 8 // bits] << shift
    squares = (levels**2)[_places_of_bytes(bits)].sum(axis=1).take(codes).sum(axis=1)
    squares -= (width - dimension) * levels[0] ** 2  # of the zeros at the end
    return codes, (1 / np.sqrt(squares)).astype(np.float32)


def decode(codes: NDArray[np.uint8], scales: NDArray[np.float32], dimension: int, bits: int) -> NDArray[np.float16]:
    """The gradients that the codes stand for: [row, d], unit norm, half precision.

    codes: [row, ceil(d x bits / 8)]; scales: [row]
    """
    levels = np.array(LEVELS[bits], dtype=np.float16)
    word = np.dtype("u8" if bits == 2 else "c16")  # a byte of codes is so many bytes of half precision, copied as one
    of_byte = levels[_places_of_bytes(bits)].view(word)[:, 0]
    gradients = torch.from_numpy(of_byte.take(codes).view(np.float16))
    gradients.mul_(torch.from_numpy(scales.astype(np.float16))[:, None])  # numpy takes several times as long
    return gradients.numpy()[:, :dimension]


def code_bytes(dimension: int, bits: int) -> int:
    """Bytes of one gradient's codes."""
    return -(-dimension * bits // 8)


def _places_of_bytes(bits: int) -> NDArray[np.intp]:
    """The codes in each of the 256 bytes, [byte, number]."""
    places: NDArray[np.intp] = np.arange(256)[:, None] >> _shifts(bits) & 2**bits - 1
    return places


def _shifts(bits: int) -> NDArray[np.uint8]:
    """How far each number of a byte stands from its lowest bit, the first number first."""
    return np.arange(8 - bits, -1, -bits, dtype=np.uint8)
