"""The wheel: complete, and with one global name."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def tracked_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.splitlines() if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    for name in tracked_files():  # a clean copy: no build folder of an earlier installation
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "source" / name)
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        folder,
        folder / "source",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.mark.slow
def test_a_wheel_leaves_one_global_name(wheel: zipfile.ZipFile) -> None:
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"trackstar_db"}


@pytest.mark.slow
def test_a_wheel_holds_every_file_of_the_project(wheel: zipfile.ZipFile) -> None:
    expected = set()
    for name in tracked_files():
        folder = name.split("/")[0]
        if folder == "trackstar_db":
            expected.add(name)
        elif folder in ("loaders", "migrations", "sql"):
            expected.add(f"trackstar_db/{name}")
    assert expected <= set(wheel.namelist()), expected - set(wheel.namelist())
