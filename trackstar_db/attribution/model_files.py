"""The files of a model: where they are, whether all are there, and the digest over them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download

from trackstar_db.attribution.quiet import quiet
from trackstar_db.errors import ModelUnreadable

_WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "tokenizer.model",
    "spiece.model",
)
# What says nothing about the numbers: the same model saved by another version keeps its digest.
_IRRELEVANT_SETTINGS = {"transformers_version", "_name_or_path", "dtype", "torch_dtype", "use_cache"}
_HUB_PATTERNS = ["*.json", "*.safetensors", "*.txt", "*.model"]


def model_digest(directory: Path) -> bytes:
    """SHA-256 over what a model's numbers come from: configuration, weight files and tokenizer.

    Raises ModelUnreadable where one of them is missing.
    """
    digest = hashlib.sha256()
    settings = {k: v for k, v in read_configuration(directory).items() if k not in _IRRELEVANT_SETTINGS}
    digest.update(json.dumps(settings, sort_keys=True).encode())
    for path in sorted(_weight_files(directory)) + sorted(_tokenizer_files(directory)):
        digest.update(b"\0" + path.name.encode() + b"\0")
        try:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            raise ModelUnreadable(f"{path} cannot be read: {error.strerror}. Check the file.") from error
    return digest.digest()


def find_model(name_or_directory: str | Path, revision: str | None = None) -> tuple[Path, str | None]:
    """The model's folder and revision; a hub id is downloaded into the hub's cache first."""
    directory = Path(name_or_directory).expanduser()
    if directory.is_dir():
        return directory, revision
    name = str(name_or_directory)
    if directory.exists() or directory.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise ModelUnreadable(f"{name} is not a folder. Give a folder with config.json, weights and a tokenizer.")
    with quiet():
        try:
            found = snapshot_download(name, revision=revision, allow_patterns=_HUB_PATTERNS)
            if not _first_weight_file(Path(found)):
                found = snapshot_download(name, revision=revision, allow_patterns=[*_HUB_PATTERNS, "*.bin"])
        except (OSError, ValueError) as error:  # all that the hub raises derives from one of the two
            raise ModelUnreadable(
                f"{name} is no folder here, and the Hugging Face hub did not give it "
                f"({type(error).__name__}). Check the name, the revision and the network, or give a folder."
            ) from error
    return Path(found), Path(found).name


def read_configuration(directory: Path) -> dict[str, Any]:
    path = directory / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelUnreadable(f"{directory} has no config.json. Give the folder that save_pretrained wrote.") from error
    except (OSError, ValueError) as error:
        raise ModelUnreadable(f"{path} is not readable JSON: {error}. Save the model again.") from error
    if not isinstance(config, dict) or "model_type" not in config:
        raise ModelUnreadable(f"{path} names no model_type. Give a Hugging Face transformers model.")
    return config


def _first_weight_file(directory: Path) -> Path | None:
    return next((directory / name for name in _WEIGHT_FILES if (directory / name).is_file()), None)


def _weight_files(directory: Path) -> list[Path]:
    """The files that hold the weights, in the order of preference that transformers has."""
    first = _first_weight_file(directory)
    if first is None:
        raise ModelUnreadable(
            f"{directory} has no weights (expected {_WEIGHT_FILES[0]}). Give the folder that save_pretrained wrote."
        )
    if first.suffix != ".json":
        return [first]
    try:
        shards = sorted(set(json.loads(first.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ModelUnreadable(f"{first} is not an index of weight files. Save the model again.") from error
    missing = [shard for shard in shards if not (directory / shard).is_file()]
    if missing:
        raise ModelUnreadable(
            f"{directory} lacks {len(missing)} of {len(shards)} weight files, first {missing[0]}. "
            "Copy or download the rest."
        )
    return [directory / shard for shard in shards]


def _tokenizer_files(directory: Path) -> list[Path]:
    found = [directory / name for name in _TOKENIZER_FILES if (directory / name).is_file()]
    if not found:
        raise ModelUnreadable(
            f"{directory} has no tokenizer (expected tokenizer.json). Save it beside the model with "
            "tokenizer.save_pretrained."
        )
    # tokenizer.json says everything that the older files beside it say.
    return found[:1] if found[0].name == "tokenizer.json" else found
