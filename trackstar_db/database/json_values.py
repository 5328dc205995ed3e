"""Values of PostgreSQL as JSON has them."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

NAMES_OF_NO_NUMBER = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}


class JsonText(str):
    """A value of type json or jsonb, as PostgreSQL prints it: Python's own would lose digits, or be too deep."""

    __slots__ = ()


def plain(value: Any) -> Any:
    """A value for programs without exact decimals: they become int or float, or a text beyond what a float holds.

    NaN, Infinity and -Infinity, which JSON has not, become texts too.
    """
    if isinstance(value, Decimal) and value.is_finite():
        if math.isinf(float(value)):
            return f"{value:f}"
        value = int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (float, Decimal)) and not math.isfinite(value):
        return NAMES_OF_NO_NUMBER[str(float(value))]
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def json_text(value: Any) -> str:
    """A value as JSON on one line, with every digit of a number."""
    if isinstance(value, JsonText):
        return one_line(value)
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"
    if isinstance(value, list):
        return f"[{', '.join(map(json_text, value))}]"
    return _ENCODER.encode(plain(value))


def one_line(text: str) -> str:
    """JSON without line breaks, which stand between its parts only: within a text they are escaped."""
    return text.replace("\r", " ").replace("\n", " ")


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
