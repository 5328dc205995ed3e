"""BENCHMARKS.md, written from the results that are kept beside this file.

A section for each module of benchmarks: the first line of its docstring is the heading, the rest stands below as
it is. The template holds the words around the sections and their order.
"""

from __future__ import annotations

import ast
import fcntl
import itertools
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from tabulate import tabulate

from tests.bench import paper_scale

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.jsonl"
TEMPLATE = FOLDER / "BENCHMARKS.template.md"
OUTPUT = FOLDER.parents[1] / "BENCHMARKS.md"

PROVENANCE = ("file", "command", "date", "machine")
COLUMNS = {
    "ratio": "ratio",
    "spread": "spread",
    "ours_seconds": "ours (s)",
    "reference_seconds": "reference (s)",
}

Result: TypeAlias = dict[str, Any]


def read(path: Path = RESULTS) -> list[Result]:
    """The results that are kept, in their order."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def keep(new: Sequence[Result], path: Path = RESULTS) -> None:
    """Nothing; new results stand where older ones of the same benchmark and device stood, or at the end."""
    replaced = {_key(result) for result in new}
    with path.open("a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        added = {_key(result): [n for n in new if _key(n) == _key(result)] for result in new}
        kept: list[Result] = []
        for result in read(path):
            kept += added.pop(_key(result), []) if _key(result) in replaced else [result]
        kept += itertools.chain.from_iterable(added.values())
        path.write_text("".join(json.dumps(result, ensure_ascii=False) + "\n" for result in kept), encoding="utf-8")


def _key(result: Result) -> tuple[str, str]:
    return result["benchmark"], result["machine"]["device"]


def write() -> None:
    """Nothing; BENCHMARKS.md says what the kept results say."""
    OUTPUT.write_text(text(read(), TEMPLATE.read_text(encoding="utf-8")), encoding="utf-8")


def text(results: Sequence[Result], template: str) -> str:
    """The whole page.

    template: `<!-- section NAME -->` stands for a module's section, `<!-- machines -->` for what was measured on,
    `<!-- other sections -->` for the modules that it does not name, `<!-- paper scale -->` for what follows
        from them for a large corpus
    """
    files = list(dict.fromkeys(result["file"] for result in results))
    named = re.findall(r"<!-- section (\w+) -->", template)
    sections = {name: section(name, [r for r in results if r["file"] == name]) for name in files}
    parts = {f"<!-- section {name} -->": sections.get(name, "") for name in named}
    parts["<!-- other sections -->"] = "\n\n".join(sections[name] for name in files if name not in named)
    parts["<!-- machines -->"] = machines(results)
    parts["<!-- paper scale -->"] = paper_scale.text(results)
    for mark, part in parts.items():
        template = template.replace(mark, part)
    return re.sub(r"\n{3,}", "\n\n", template).strip() + "\n"


def section(file: str, results: Sequence[Result]) -> str:
    """A question, and what was found."""
    question, prose = docstring(FOLDER / f"{file}.py")
    parts = [f"## {question.rstrip('.')}", prose]
    groups = itertools.groupby(results, key=lambda result: (tuple(_filled(result)), _machine(result), result["date"]))
    for _, rows in groups:
        parts.append(table(list(rows)))
    return "\n\n".join(part for part in parts if part)


def table(results: Sequence[Result]) -> str:
    """Results with the same columns, and below them the reference, the command, the date and the machine."""
    names = list(dict.fromkeys(result["benchmark"] for result in results))
    references = list(dict.fromkeys(result["reference"] for result in results))
    rows = []
    for result in results:
        row = {"benchmark": f"`{result['benchmark']}`"} if len(names) > 1 or len(results) == 1 else {}
        row |= {COLUMNS.get(name, words(name)): cell(result[name]) for name in _filled(result)}
        if len(references) > 1:
            row["reference"] = result["reference"]
        rows.append(row)
    rounds = {result["rounds"] for result in results}
    facts = [
        *([f"Ratio to: {references[0]}."] if len(references) == 1 else []),
        *([f"Medians of {rounds.pop()} rounds."] if rounds != {1} and len(rounds) == 1 else []),
        f"{results[0]['date']}, {_machine(results[0])}.",
        f"`python -m tests.bench {' '.join(names)}`",
    ]
    shown = tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)
    return f"{shown}\n\n{' '.join(facts)}"


def machines(results: Sequence[Result]) -> str:
    """What was measured on: a line for each machine with its versions."""
    lines = []
    for machine in _unique(result["machine"] for result in results):
        versions = ("python", "torch", "transformers", "postgresql", "pgvector", "trackstar_db")
        cores = f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']} GiB of memory"
        device = "" if machine["device"] == "cpu" else f", {machine['device']}"
        told = ", ".join(f"{name} {machine[name]}" for name in versions)
        lines.append(f"- {cores}{device}; torch on {machine['threads']} threads; {told}")
    return "\n".join(lines)


def docstring(path: Path) -> tuple[str, str]:
    """A module's question and the prose below it, read without running it."""
    found = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or path.stem
    question, _, prose = found.partition("\n")
    return question, prose.strip()


def words(name: str) -> str:
    """A column's name as it stands above a table."""
    return name.replace("_", " ")


def cell(value: object) -> str:
    """A value as it stands in a table."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
        case [low, high]:
            return f"{cell(low)} to {cell(high)}"
        case _:
            return str(value)


def _filled(result: Result) -> list[str]:
    """The names of a result's columns, in order."""
    left_out = {"benchmark", "reference", "rounds", *PROVENANCE}
    return [name for name in result if name not in left_out and not (name in COLUMNS and result[name] is None)]


def _machine(result: Result) -> str:
    machine = result["machine"]
    size = f"{machine['cores']} cores, {machine['memory_gib']} GiB"
    return size if machine["device"] == "cpu" else f"{size}, {machine['device']}"


def _unique(values: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({json.dumps(value, sort_keys=True): value for value in values}.values())


if __name__ == "__main__":
    write()
