"""What the model itself says to a prompt: greedy answer, samples, confidence; and how likely a target is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trackstar_db.attribution.batching import token_budget_batches
from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET
from trackstar_db.attribution.likelihood import target_log_probabilities
from trackstar_db.attribution.model import LoadedModel
from trackstar_db.attribution.tokens import Piece
from trackstar_db.errors import InputError

SAMPLES = 20
"""Sampled generations behind a confidence, as in the data release."""

MAX_NEW_TOKENS = 16
"""Tokens of one answer."""

GROUP_ROWS = 256
"""Answers generated side by side."""

GROUP_TOKENS = 16_384
"""Tokens of prompts and answers that are kept side by side."""


@dataclass(frozen=True)
class Sampling:
    """How a model is asked. Temperature 1: the model's own distribution, whatever its generation_config says."""

    samples: int = SAMPLES
    seed: int = 0
    max_new_tokens: int = MAX_NEW_TOKENS

    def __post_init__(self) -> None:
        if not -(2**63) <= self.seed < 2**63:
            raise InputError(f"seed is {self.seed}; expected a whole number of 64 bits.")


@dataclass(frozen=True)
class Answers:
    """What a model says to one prompt, without the white space around it."""

    greedy: str
    samples: list[str]


def target_probability(loaded: LoadedModel, piece: Piece) -> float:
    """The probability of a query's whole target, given its prompt: from 0 to 1."""
    return float(np.exp(log_probabilities(loaded, [piece])[0]))


@torch.no_grad()
def log_probabilities(
    loaded: LoadedModel, pieces: Sequence[Piece], token_budget: int = DEFAULT_TOKEN_BUDGET
) -> list[float]:
    """The log-probability of each query's whole target, given its prompt."""
    found = [0.0] * len(pieces)
    for batch in token_budget_batches([len(piece.token_ids) for piece in pieces], token_budget):
        values = target_log_probabilities(loaded.model, [pieces[index] for index in batch])
        for index, value in zip(batch, values.tolist(), strict=True):
            found[index] = min(value, 0.0)
    return found


def greedy_answer(loaded: LoadedModel, prompt: str, max_new_tokens: int = MAX_NEW_TOKENS) -> str:
    """What greedy decoding says after the prompt."""
    return generate(loaded, [prompt], Sampling(0, max_new_tokens=max_new_tokens))[0].greedy


def sampled_answers(
    loaded: LoadedModel, prompt: str, samples: int = SAMPLES, seed: int = 0, max_new_tokens: int = MAX_NEW_TOKENS
) -> list[str]:
    """`samples` answers drawn at temperature 1."""
    return generate(loaded, [prompt], Sampling(samples, seed, max_new_tokens))[0].samples


def confidence(answers: Sequence[str], targets: Sequence[str]) -> float:
    """The share of answers that begin with the target or an alias of it: from 0 to 1.

    targets: the target and its aliases
    """
    return sum(states(answer, targets) for answer in answers) / len(answers)


def states(answer: str, targets: Sequence[str]) -> bool:
    """Whether an answer begins with one of the targets, whatever the case, as whole words and whole numbers."""
    said = answer.casefold()
    for target in targets:
        wanted = target.casefold().strip()
        goes_on = r"\w|[.,]\d" if wanted[-1:].isdigit() else r"\w"
        if wanted and re.match(f"{re.escape(wanted)}(?!{goes_on})", said):
            return True
    return False


def generate(loaded: LoadedModel, prompts: Sequence[str], sampling: Sampling) -> list[Answers]:
    """The answers to each prompt, in their own order.

    Prompts of as many tokens are answered side by side, so that nothing is padded. The random numbers of a
    prompt depend on the seed and the prompt alone: its samples are the same in any company, on any device,
    but for draws that rounding decides.
    Raises InputError for a prompt that becomes no token.
    """
    tokens = [prompt_tokens(loaded, prompt, sampling.max_new_tokens) for prompt in prompts]
    answers: dict[int, Answers] = {}
    for group in generation_groups([len(ids) for ids in tokens], sampling):
        texts = _group_answers(loaded, [prompts[i] for i in group], [tokens[i] for i in group], sampling)
        answers.update(zip(group, texts, strict=True))
    return [answers[index] for index in range(len(prompts))]


def prompt_tokens(loaded: LoadedModel, prompt: str, max_new_tokens: int) -> list[int]:
    """A prompt's tokens; one too long for the model and its answer loses its beginning."""
    token_ids: list[int] = loaded.tokenizer(prompt, verbose=False)["input_ids"]
    if len(token_ids) > 1 and token_ids[-1] == loaded.tokenizer.eos_token_id:
        token_ids = token_ids[:-1]  # some tokenizers end every text; a prompt goes on
    if not token_ids:
        raise InputError("The prompt is empty and the tokenizer adds no token at the start. Give a prompt.")
    return token_ids[-max(1, loaded.context_length - max_new_tokens) :]


def generation_groups(lengths: Sequence[int], sampling: Sampling) -> list[list[int]]:
    """Indices of prompts that are answered side by side: of one length, shortest first, in their given order.

    lengths: tokens of each prompt
    """
    groups: list[list[int]] = []
    rows = 1 + sampling.samples
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        most = min(GROUP_ROWS, GROUP_TOKENS // (lengths[index] + sampling.max_new_tokens))
        if groups and lengths[groups[-1][0]] == lengths[index] and (len(groups[-1]) + 1) * rows <= most:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def _group_answers(
    loaded: LoadedModel, prompts: Sequence[str], token_ids: Sequence[Sequence[int]], sampling: Sampling
) -> Iterator[Answers]:
    """The answers to prompts of one length."""
    uniform = torch.stack([_uniform_numbers(prompt, sampling) for prompt in prompts])
    stops = _stop_tokens(loaded)
    ending = torch.tensor(sorted(stops), dtype=torch.int64, device=loaded.device)
    for rows in _decode(loaded, torch.tensor(token_ids), uniform, ending):
        said = [_text(loaded, row.tolist(), stops) for row in rows]
        yield Answers(said[0], said[1:])


@torch.no_grad()
def _decode(loaded: LoadedModel, token_ids: Tensor, uniform: Tensor, ending: Tensor) -> Tensor:
    """The tokens of every answer, the greedy one first; after a stop token comes what nobody reads.

    token_ids: [prompt, token]; uniform: [prompt, sample, new token]; ending: [stop token]
    returns [prompt, 1 + sample, new token]
    """
    model: Any = loaded.model
    prompts, samples, length = uniform.shape
    only_last = {"logits_to_keep": 1} if model._supports_logits_to_keep() else {}
    output = model(input_ids=token_ids.to(loaded.device), use_cache=True, **only_last)
    cache = output.past_key_values
    cache.batch_repeat_interleave(1 + samples)
    logits = output.logits[:, -1].repeat_interleave(1 + samples, dim=0)
    chosen: list[Tensor] = []
    for step in range(length):
        chosen.append(_next_tokens(logits.view(prompts, 1 + samples, -1), uniform[:, :, step]))
        said = torch.stack(chosen, dim=-1)
        if step == length - 1 or bool(torch.isin(said, ending).any(-1).all()):
            break
        output = model(input_ids=chosen[-1].view(-1, 1), past_key_values=cache, use_cache=True)
        logits = output.logits[:, -1]
    return said


def _next_tokens(logits: Tensor, uniform: Tensor) -> Tensor:
    """The likeliest token of each prompt's first row, and for the others the token that a uniform number falls on.

    logits: [prompt, 1 + sample, vocabulary]; uniform: [prompt, sample] from 0 to 1
    returns [prompt, 1 + sample]
    """
    exact = torch.float32 if logits.device.type == "mps" else torch.float64  # MPS has no float64
    greedy = logits[:, :1].argmax(-1)
    cumulative = logits[:, 1:].float().softmax(-1).cumsum(-1, dtype=exact)
    fallen = uniform.to(logits.device, exact) * cumulative[..., -1]
    drawn = torch.searchsorted(cumulative, fallen[..., None], right=True)[..., 0]
    return torch.cat([greedy, drawn.clamp(max=logits.shape[-1] - 1)], dim=1)


def _uniform_numbers(prompt: str, sampling: Sampling) -> Tensor:
    """From 0 to 1, [sample, new token]; a counter generator keyed by a digest of seed and prompt."""
    digest = hashlib.sha256(f"{sampling.seed}\0{prompt}".encode()).digest()
    generator = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64))
    words = generator.random_raw(sampling.samples * sampling.max_new_tokens) >> np.uint64(11)
    return torch.from_numpy(words.astype(np.float64) * 2.0**-53).view(sampling.samples, sampling.max_new_tokens)


def _stop_tokens(loaded: LoadedModel) -> set[int]:
    """The tokens that end an answer."""
    configured = getattr(loaded.model.generation_config, "eos_token_id", None)
    stops = configured if isinstance(configured, list) else [configured]
    return {stop for stop in [*stops, loaded.tokenizer.eos_token_id] if stop is not None}


def _text(loaded: LoadedModel, token_ids: list[int], stops: set[int]) -> str:
    end = next((place for place, token in enumerate(token_ids) if token in stops), len(token_ids))
    said = str(loaded.tokenizer.decode(token_ids[:end], skip_special_tokens=True))
    return said.replace("\0", "\N{REPLACEMENT CHARACTER}").strip()  # PostgreSQL has no NUL in text
