"""Whether a text entails a statement, by a natural language inference (NLI) classifier of Hugging Face."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from trackstar_db.attribution.batching import token_budget_batches
from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET
from trackstar_db.attribution.model import (
    chosen_device,
    find_context_length,
    read_config,
    read_tokenizer,
    read_weights,
)
from trackstar_db.attribution.model_files import find_model, model_digest
from trackstar_db.attribution.quiet import quiet
from trackstar_db.errors import ModelUnsupported

_NEGATED = re.compile(r"(not?|non|n't|un)[\W_]*entail", re.IGNORECASE)


_MAX_CHARACTERS_PER_TOKEN = 32
"""Of a long document no more is tokenized than this times what the model reads; a token of English has 4 or 5."""


@dataclass(frozen=True)
class TokenPairs:
    """Pairs of premise and hypothesis as tokens.

    encoded: what the model takes, by the pair's index; without the pairs whose hypothesis alone is too long for it
    truncated: the pairs whose premise was cut
    """

    encoded: dict[int, dict[str, list[int]]]
    truncated: frozenset[int]

    def length(self, index: int) -> int:
        """Tokens of a pair."""
        return len(self.encoded[index]["input_ids"])


@dataclass(frozen=True)
class NliModel:
    """A classifier of pairs (premise, hypothesis) in evaluation mode.

    entailment: the index of its class "the premise entails the hypothesis"
    max_tokens: of premise and hypothesis together, special tokens too
    """

    model: PreTrainedModel = field(repr=False)
    tokenizer: Any = field(repr=False)
    name: str
    digest: bytes
    entailment: int
    max_tokens: int

    def tokenized(self, premises: Sequence[str], hypotheses: Sequence[str]) -> TokenPairs:
        """Pairs as tokens: a pair that is too long loses the end of its premise, never of its hypothesis."""
        with quiet():  # it would say that the longest are too long for the model
            alone = self.tokenizer([""] * len(hypotheses), list(hypotheses))["input_ids"]
        fits = [index for index, token_ids in enumerate(alone) if len(token_ids) < self.max_tokens]
        if not fits:
            return TokenPairs({}, frozenset())
        rows = self.tokenizer(
            [premises[index][: self.max_tokens * _MAX_CHARACTERS_PER_TOKEN] for index in fits],
            [hypotheses[index] for index in fits],
            truncation="only_first",
            max_length=self.max_tokens,
        )
        encoded = {index: {name: values[row] for name, values in rows.items()} for row, index in enumerate(fits)}
        cut = frozenset(index for index, row in zip(fits, rows.encodings, strict=True) if row.overflowing)
        return TokenPairs(encoded, cut)

    def batches(self, pairs: TokenPairs, token_budget: int = DEFAULT_TOKEN_BUDGET) -> Iterator[list[int]]:
        """Indices of the pairs that fit the model, by length, a padded batch at a time."""
        fits = sorted(pairs.encoded)
        for batch in token_budget_batches([pairs.length(index) for index in fits], token_budget):
            yield [fits[place] for place in batch]

    @torch.no_grad()
    def probabilities(self, pairs: TokenPairs, batch: Sequence[int]) -> list[float]:
        """The probability of entailment of each pair of one batch, from 0 to 1.

        softmax over all classes, in float64; raises ModelUnsupported where it is not a number.
        """
        padded = self.tokenizer.pad([pairs.encoded[index] for index in batch], return_tensors="pt")
        logits = self.model(**{name: values.to(self.model.device) for name, values in padded.items()}).logits
        probabilities = logits.cpu().double().softmax(-1)[:, self.entailment]
        if not probabilities.isfinite().all():
            raise ModelUnsupported(f"{self.name} gives probabilities that are not numbers. Check its weights.")
        return [float(probability) for probability in probabilities]


def load_nli(name_or_directory: str | Path, device: str | None = None) -> NliModel:
    """The classifier from a folder or by its id on the Hugging Face hub.

    device: CUDA, then MPS, then the CPU where none is named
    Raises ModelUnreadable (no such model, weights missing, no trained classifier), ModelUnsupported (its labels
    do not say which is entailment, or its tokenizer cannot pad).
    """
    directory, _ = find_model(name_or_directory)
    digest = model_digest(directory)
    with quiet():
        tokenizer = read_tokenizer(directory)
        config = read_config(directory)
        labels = {int(index): str(label) for index, label in (config.id2label or {}).items()}
        entailment = entailment_class(labels, directory)
        model = read_weights(AutoModelForSequenceClassification, directory, config, torch.float32)
    if tokenizer.pad_token_id is None:
        raise ModelUnsupported(
            f"The tokenizer in {directory} has no padding token. Set one (tokenizer.pad_token) and save it again."
        )
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    model.eval().requires_grad_(False)
    nn.Module.to(model, chosen_device(device))  # the model's own `to` is typed for quantized models only
    positions = find_context_length(model, tokenizer) - _unused_positions(model)
    # A folder's own name, however it was given; a hub id without its owner.
    name = directory.resolve().name if Path(name_or_directory).expanduser().is_dir() else Path(name_or_directory).name
    return NliModel(model, tokenizer, name, digest, entailment, positions)


def entailment_class(labels: Mapping[int, str], directory: str | Path) -> int:
    """The index of the one label that says entailment, such as "entailment" or "ENTAILS"; raises ModelUnsupported.

    labels: a configuration's id2label
    """
    saying = [index for index, label in labels.items() if "entail" in label.lower() and not _NEGATED.search(label)]
    if len(labels) < 2 or len(saying) != 1:
        found = ", ".join(repr(labels[index]) for index in sorted(labels))
        raise ModelUnsupported(
            f"{directory} has the labels {found}; expected two or more of which one is 'entailment'. Use a model "
            "that was trained for natural language inference, with its labels in config.json (id2label)."
        )
    return saying[0]


def _unused_positions(model: PreTrainedModel) -> int:
    """Positions that no token can have: RoBERTa counts from behind its padding token's."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding) and module.padding_idx is not None:
            return module.padding_idx + 1
    return 0
