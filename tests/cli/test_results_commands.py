"""`trackstar load results` and `trackstar export results` as programs: into a run and out of it."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RunTrackstar = Callable[..., "subprocess.CompletedProcess[str]"]

RECORDS = [
    {
        "example_id": f"e{n}", "inputs_plaintext": "Où est", "targets_plaintext": "t", "proponents": ["é", "two"],
        "proponent_ids": ["1", "2"], "proponent_scores": [2.5, n], "is_8b_correct": None,
    }
    for n in range(3)
]  # fmt: skip
LINES = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS)


@pytest.mark.usefixtures("database_url")
def test_results_go_in_and_out_of_pipes_and_files(run_trackstar: RunTrackstar, tmp_path: Path) -> None:
    loaded = run_trackstar("load", "results", "-", "--run", "r", "--method", "trak", stdin=LINES)
    assert (loaded.returncode, loaded.stderr) == (0, "")
    assert loaded.stdout.startswith("results: read 3 · inserted 3 · updated 0 · skipped 0 · rejected 0 · ")
    printed = run_trackstar("export", "results", "--run", "r")
    assert (printed.returncode, printed.stdout) == (0, LINES)
    assert printed.stderr.startswith("r: 3 records, 6 proponents, 0 opponents · ")
    written = run_trackstar("export", "results", "--run", "r", "--output", tmp_path / "r.jsonl.gz")
    assert (written.returncode, written.stdout) == (0, "")
    assert gzip.decompress((tmp_path / "r.jsonl.gz").read_bytes()).decode() == LINES
    runs = json.loads(run_trackstar("run", "list", "--format", "json").stdout)
    assert [(run["run"], run["method"], run["query_count"]) for run in runs] == [("r", "trak", 3)]


@pytest.mark.usefixtures("database_url")
def test_what_cannot_be_exported_or_loaded_is_told_in_one_line(run_trackstar: RunTrackstar, tmp_path: Path) -> None:
    unknown = run_trackstar("export", "results", "--run", "r", "--output", tmp_path / "out.jsonl")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr == "Error: no run named 'r'. See: trackstar run list\n"
    assert list(tmp_path.iterdir()) == []
    wrong = run_trackstar("load", "results", "-", "--run", "r", stdin='{"example_id": "e"}\n')
    assert wrong.returncode == 1
    assert "Error: nothing was loaded: all 1 records were rejected. The first, line 1 of" in wrong.stderr
    nameless = run_trackstar("load", "results", "-", stdin=LINES)
    assert (nameless.returncode, nameless.stdout) == (2, "")
    assert "Missing option '--run'" in nameless.stderr


def test_a_reader_who_leaves_is_no_error_to_speak_of(database_url: str, run_trackstar: RunTrackstar) -> None:
    records = (json.dumps({**RECORDS[0], "example_id": f"e{n}", "task": "x" * 500}) + "\n" for n in range(400))
    assert run_trackstar("load", "results", "-", "--run", "r", stdin="".join(records)).returncode == 0
    command = [sys.executable, "-m", "trackstar_db.cli", "export", "results", "--run", "r"]
    environment = {**os.environ, "TRACKSTAR_DATABASE_URL": database_url}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b'{"example_id": "e0"')
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 1
