"""A small model trained from the start on the documents of a corpus, or on some of them, by a recipe that is kept.

For models and corpora that train in a minute: what a model would have said without some documents is then a fact and
not an estimate. The recipe stands in the model's folder, so that the same training can be done on other documents.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AutoModelForCausalLM, PreTrainedModel

from trackstar_db.attribution.model import LoadedModel
from trackstar_db.attribution.quiet import quiet
from trackstar_db.attribution.tokens import Piece
from trackstar_db.errors import InputError

RECIPE_FILE = "training.json"
"""Left beside a model by whoever trained it; its learning_rate_last is the last step's."""

_IGNORED = -100  # label of a padded position, which takes no part in the loss
_WARMUP_SHARE = 0.05
_LAST_SHARE = 0.05  # of the peak: where the learning rate ends


@dataclass(frozen=True)
class TrainingRecipe:
    """AdamW on batches of documents of like length; the learning rate rises, then falls by a cosine to 5 %.

    epochs: passes over the documents
    batch_size: documents (or stretches of longer ones) of a step
    learning_rate: its peak
    seed: of the first weights and the order of the documents
    """

    epochs: int = 16
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("weight_decay", 0)):
            if not least <= getattr(self, name) < math.inf:
                raise InputError(f"{name} is {getattr(self, name)}; expected a number of {least} or more.")
        if not abs(self.seed) < 2**62:  # each subset's training adds its number
            raise InputError(f"seed is {self.seed}; expected a whole number of at most 62 bits.")
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"learning_rate is {self.learning_rate}; expected a number above 0.")


@dataclass(frozen=True)
class Trained:
    """A model after its training, with the optimizer that it was trained by."""

    model: PreTrainedModel
    optimizer: torch.optim.AdamW
    steps: int
    last_learning_rate: float


def train(
    like: LoadedModel, pieces: Sequence[Piece], recipe: TrainingRecipe, on_step: Callable[[], object] | None = None
) -> Trained:
    """A model of the shape of another, trained from the start on these pieces of text.

    The mean cross-entropy over all tokens of a batch is what falls. The same on one machine whenever it is done
    with as many threads. Raises InputError without pieces, and where the weights do not stay finite.
    """
    if not pieces:
        raise InputError("there is nothing to train on: no document has two tokens. Load longer documents.")
    device = like.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(recipe.seed)
        with quiet():
            model = cast(PreTrainedModel, AutoModelForCausalLM.from_config(like.model.config, dtype=torch.float32))
        torch.nn.Module.to(model, device).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        steps = step_count(len(pieces), recipe)
        rate = 0.0
        for step, (token_ids, labels) in enumerate(_batches(pieces, recipe)):
            rate = recipe.learning_rate * _schedule(step, steps)
            for group in optimizer.param_groups:
                group["lr"] = rate
            logits = model(input_ids=token_ids.to(device), use_cache=False).logits[:, :-1]
            loss = functional.cross_entropy(logits.flatten(0, 1).float(), labels[:, 1:].flatten().to(device))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            if on_step is not None:
                on_step()
    if not all(bool(torch.isfinite(weights).all()) for weights in model.parameters()):
        raise InputError(
            f"the training left weights that are not finite. Train with a learning rate below {recipe.learning_rate:g}."
        )
    return Trained(model.eval().requires_grad_(False), optimizer, steps, rate)


def step_count(pieces: int, recipe: TrainingRecipe) -> int:
    """Steps of a training."""
    return recipe.epochs * math.ceil(pieces / recipe.batch_size)


def save_trained(trained: Trained, like: LoadedModel, recipe: TrainingRecipe, folder: Path) -> None:
    """Nothing; the folder holds model, tokenizer, optimizer state and, last, recipe. Raises as `make_empty`."""
    make_empty(folder)
    with quiet():
        trained.model.save_pretrained(folder)
        like.tokenizer.save_pretrained(folder)
    torch.save(trained.optimizer.state_dict(), folder / "optimizer.pt")
    record = {"steps": trained.steps, "learning_rate_last": trained.last_learning_rate, "recipe": asdict(recipe)}
    (folder / RECIPE_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def make_empty(folder: Path) -> None:
    """Nothing; the folder is there and empty. Raises InputError where it has something in it or cannot be made."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise InputError(f"{folder} is there already, and not an empty folder. Give the name of a new folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the folder {folder}: {error.strerror or error}. Name one that can be made."
        ) from error


def read_recipe(folder: str | Path) -> TrainingRecipe:
    """The recipe that a folder's model was trained by; raises InputError where it does not tell."""
    try:
        record: Any = json.loads((Path(folder) / RECIPE_FILE).read_text(encoding="utf-8"))
        known = {field.name for field in fields(TrainingRecipe)}
        if set(record["recipe"]) == known:
            return TrainingRecipe(**record["recipe"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise InputError(
        f"{folder} does not tell how its model was trained ({RECIPE_FILE} of trackstar retrain), so the training "
        f"cannot be done again. Make a model with: trackstar retrain NEW_DIR --model {folder} --corpus NAME"
    )


def _schedule(step: int, steps: int) -> float:
    """The learning rate of a step as a share of the peak."""
    warmup = max(1, round(_WARMUP_SHARE * steps))
    if step < warmup:
        return (step + 1) / warmup
    falling = 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - 1 - warmup)))
    return _LAST_SHARE + (1 - _LAST_SHARE) * falling


def _batches(pieces: Sequence[Piece], recipe: TrainingRecipe) -> Iterator[tuple[Tensor, Tensor]]:
    """Token ids and labels of every step, both [piece, token]: each epoch in an order of its own."""
    generator = torch.Generator().manual_seed(recipe.seed)
    size, pool = recipe.batch_size, recipe.batch_size * 16
    for _ in range(recipe.epochs):
        order = torch.randperm(len(pieces), generator=generator).tolist()
        # Pieces of like length stand together, so that little is padded; the pools are drawn anew each epoch.
        pools = [
            sorted(order[i : i + pool], key=lambda n: len(pieces[n].token_ids)) for i in range(0, len(order), pool)
        ]
        groups = [part[i : i + size] for part in pools for i in range(0, len(part), size)]
        for number in torch.randperm(len(groups), generator=generator).tolist():
            yield _padded([pieces[index] for index in groups[number]])


def _padded(pieces: Sequence[Piece]) -> tuple[Tensor, Tensor]:
    longest = max(len(piece.token_ids) for piece in pieces)
    token_ids = torch.zeros(len(pieces), longest, dtype=torch.long)
    labels = torch.full_like(token_ids, _IGNORED)
    for row, piece in enumerate(pieces):
        tokens = torch.tensor(piece.token_ids)
        token_ids[row, : len(tokens)] = tokens
        labels[row, piece.loss_start : len(tokens)] = tokens[piece.loss_start :]
    return token_ids, labels
