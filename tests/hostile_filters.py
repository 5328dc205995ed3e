"""Texts that are given as filters: some are ones, most are nearly, and some would do harm if they were run."""

from __future__ import annotations

import random
from collections.abc import Iterator

from trackstar_db.viewer.filters import FIELDS

PARTS = [
    *(field.name for field in FIELDS), "and", "or", "not", "in", "is", "empty", "contains", "(", ")", ",", "=", "!=",
    "<", "<=", ">", ">=", "0", "1", "-3", "0.5", "1e3", "yes", "no", '"Paris"', "'it is'", '"a\\"b"', '"%"', '"100%s"',
]  # fmt: skip
HARMFUL = [
    "'; DROP TABLE trackstar.run; --", '" OR "1"="1', "1; SELECT pg_sleep(9)", "$(id)", "`id`", "{{7*7}}", "{% raw %}",
    "<script>alert(1)</script>", "\x1b[2J", "%s", "%(run_id)s", "{condition}", "__import__('os')", "../../etc/passwd",
    "\\", "\x00", "\ud800", "\u202e", "é", "名", "😀", "\n", "pg_read_file('x')", "E'\\x27'", "$$", "/*", "*/",
    "--", "::", "$1", "nan", "inf", "9" * 400, "1e999", "true", "NULL", "o.run_id", "(" * 500, "not " * 300,
]  # fmt: skip
VALID = [
    "correct and confidence > 0.5", 'relation = "capital" and (bucket >= 1 or frequency is empty)', "not annotated",
    'prompt contains "city"', "mrr = 1 or ais >= 0.9", 'id in ("capital-france", "x")', "bucket in (1, 2, 3)",
    "tail_patch is not empty", "position < 20 and recall = 0", 'target != "Paris"', "query > 5", "proponents >= 0.5",
]  # fmt: skip


def hostile_filters(chance: random.Random, count: int) -> Iterator[str]:
    """So many texts, the same for the same chance."""
    makers = (_shuffled, _mutated, _joined, _random, _harmful)
    for number in range(count):
        yield makers[number % len(makers)](chance)


def _shuffled(chance: random.Random) -> str:
    return " ".join(chance.choices(PARTS, k=chance.randint(1, 12)))


def _mutated(chance: random.Random) -> str:
    text = list(chance.choice(VALID))
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(text))
        text[place : place + chance.randint(0, 2)] = chance.choice([*PARTS, *HARMFUL, " ", ""])
    return "".join(text)


def _joined(chance: random.Random) -> str:
    texts = [f"{chance.choice(['', 'not '])}({chance.choice(VALID)})" for _ in range(chance.randint(1, 6))]
    return chance.choice([" and ", " or ", "\nAND\t"]).join(texts)


def _random(chance: random.Random) -> str:
    return "".join(chr(chance.randrange(0x20, 0x2FFF)) for _ in range(chance.randint(0, 40)))


def _harmful(chance: random.Random) -> str:
    harm = chance.choice(HARMFUL)
    quoted = harm.replace("\\", "\\\\").replace('"', '\\"')
    return chance.choice([harm, f'prompt = "{quoted}"', f"id contains '{harm}'", f"{chance.choice(VALID)} {harm}"])
