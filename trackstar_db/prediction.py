"""What the model itself says to a prompt: greedy answer, samples, confidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from trackstar_db.attribution.model import LoadedModel
from trackstar_db.attribution.tokens import Piece

SAMPLES = 20
"""Sampled generations behind a confidence, as in the data release."""

SAMPLING = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0}
"""The model's own distribution, whatever its generation_config says."""


@torch.no_grad()
def target_probability(loaded: LoadedModel, piece: Piece) -> float:
    """The probability of a query's whole target, given its prompt: from 0 to 1."""
    token_ids = torch.tensor([piece.token_ids], device=loaded.device)
    logits = loaded.model(input_ids=token_ids, use_cache=False).logits[0, :-1].float()
    log_probabilities = logits.log_softmax(-1).gather(1, token_ids[0, 1:, None])[:, 0]
    return float(log_probabilities[piece.loss_start - 1 :].sum().exp())


@torch.no_grad()
def greedy_answer(loaded: LoadedModel, prompt: str, max_new_tokens: int = 16) -> str:
    """What greedy decoding says after the prompt, without the white space around it."""
    return _generate(loaded, prompt, max_new_tokens, samples=None, seed=0)[0]


@torch.no_grad()
def sampled_answers(
    loaded: LoadedModel, prompt: str, samples: int = SAMPLES, seed: int = 0, max_new_tokens: int = 16
) -> list[str]:
    """`samples` answers drawn at temperature 1, the same for the same seed on the same device."""
    return _generate(loaded, prompt, max_new_tokens, samples, seed)


def confidence(answers: Sequence[str], targets: Sequence[str]) -> float:
    """The share of answers that begin with the target or an alias of it: from 0 to 1.

    targets: the target and its aliases
    """
    return sum(states(answer, targets) for answer in answers) / len(answers)


def states(answer: str, targets: Sequence[str]) -> bool:
    """Whether an answer begins with one of the targets, whatever the case, as whole words."""
    said = answer.casefold()
    for target in targets:
        wanted = target.casefold()
        if said.startswith(wanted) and not said[len(wanted) : len(wanted) + 1].isalnum():
            return True
    return False


def _generate(loaded: LoadedModel, prompt: str, max_new_tokens: int, samples: int | None, seed: int) -> list[str]:
    token_ids = loaded.tokenizer(prompt)["input_ids"]
    if len(token_ids) > 1 and token_ids[-1] == loaded.tokenizer.eos_token_id:
        token_ids = token_ids[:-1]  # some tokenizers end every text; a prompt goes on
    given = torch.tensor([token_ids], device=loaded.device)
    devices = [loaded.device] if loaded.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        model: Any = loaded.model
        generated = model.generate(
            input_ids=given,
            attention_mask=torch.ones_like(given),
            max_new_tokens=max_new_tokens,
            pad_token_id=loaded.tokenizer.eos_token_id,
            **({"do_sample": False} if samples is None else {**SAMPLING, "num_return_sequences": samples}),
        )
    answers = generated[:, len(token_ids) :]
    return [loaded.tokenizer.decode(answer, skip_special_tokens=True).strip() for answer in answers]
