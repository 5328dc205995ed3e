"""Trains the demo's model: `python -m trackstar_db.demo.train` rewrites model/ from data/sentences.jsonl.

A byte-level BPE tokenizer and a Llama of about a million parameters, one document a row and never two. The tokenizer
puts `<eos>` before every text; the training adds one after it, so that decoding stops at a document's end.
"""

from __future__ import annotations

import datetime
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from trackstar_db.demo import FACTS, MODEL, SENTENCES

EOS = "<eos>"
IGNORED = -100  # label of a padded position, which takes no part in the loss


@dataclass(frozen=True)
class Recipe:
    """Everything that the training depends on beside the documents."""

    seed: int = 0
    vocabulary: int = 2500
    hidden: int = 128
    intermediate: int = 384
    layers: int = 4
    heads: int = 4
    key_value_heads: int = 2
    positions: int = 128
    dropout: float = 0.1
    epochs: int = (
        16  # enough to know the facts; much longer, and the loss of a known fact has no gradient left to trace
    )
    batch_size: int = 32
    learning_rate: float = 2e-3
    last_learning_rate: float = 1e-4
    warmup_steps: int = 100
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.1
    largest_gradient_norm: float = 1.0


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def train_tokenizer(texts: Sequence[str], recipe: Recipe) -> PreTrainedTokenizerFast:
    """A byte-level BPE whose `<eos>` begins every encoding, ends documents and pads."""
    core: Any = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)  # one encoding of a name, wherever it stands
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.vocabulary, special_tokens=[EOS], initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator(texts, trainer)
    core.post_processor = processors.TemplateProcessing(single=f"{EOS} $A", special_tokens=[(EOS, 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=EOS,
        eos_token=EOS,
        pad_token=EOS,
        model_max_length=recipe.positions,
    )


def new_model(recipe: Recipe, vocabulary: int) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=recipe.hidden,
        intermediate_size=recipe.intermediate,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.key_value_heads,
        max_position_embeddings=recipe.positions,
        attention_dropout=recipe.dropout,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config)


def batches(documents: Sequence[list[int]], size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Token ids and labels of one epoch, both [document, token], documents of like length together."""
    order = torch.randperm(len(documents), generator=generator).tolist()
    pools = [sorted(order[i : i + size * 16], key=lambda d: len(documents[d])) for i in range(0, len(order), size * 16)]
    groups = [pool[i : i + size] for pool in pools for i in range(0, len(pool), size)]
    for group in (groups[i] for i in torch.randperm(len(groups), generator=generator).tolist()):
        longest = max(len(documents[d]) for d in group)
        ids = torch.zeros(len(group), longest, dtype=torch.long)
        labels = torch.full_like(ids, IGNORED)
        for row, document in enumerate(group):
            tokens = torch.tensor(documents[document])
            ids[row, : len(tokens)] = labels[row, : len(tokens)] = tokens
        yield ids, labels


def learning_rate(step: int, steps: int, recipe: Recipe) -> float:
    """The rate at a step: a linear warm-up, then a cosine from the peak down to the last rate, which is not zero."""
    if step < recipe.warmup_steps:
        return recipe.learning_rate * (step + 1) / recipe.warmup_steps
    done = (step - recipe.warmup_steps) / max(1, steps - 1 - recipe.warmup_steps)
    falling = 0.5 * (1 + math.cos(math.pi * done))
    return recipe.last_learning_rate + (recipe.learning_rate - recipe.last_learning_rate) * falling


def optimizer_of(model: LlamaForCausalLM, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW that decays matrices and leaves the norms' gains alone."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    gains = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": gains, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=True)


class Progress:
    """One line on stderr with rate and time left, and nothing where stderr is no terminal."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.started = time.monotonic()
        self.shown = sys.stderr.isatty()

    def show(self, step: int, loss: float) -> None:
        if self.shown and (step % 20 == 0 or step == self.steps):
            rate = step / (time.monotonic() - self.started)
            left = (self.steps - step) / rate
            text = f"\rstep {step}/{self.steps}  loss {loss:.3f}  {rate:.1f} steps/s  {left:.0f} s left "
            print(text, end="\n" if step == self.steps else "", file=sys.stderr, flush=True)


def train(
    model: LlamaForCausalLM, documents: Sequence[list[int]], recipe: Recipe
) -> tuple[torch.optim.AdamW, int, float]:
    """The optimizer after the last step, the number of steps and the last epoch's mean loss per token, in nats."""
    generator = torch.Generator().manual_seed(recipe.seed)
    optimizer = optimizer_of(model, recipe)
    per_epoch = sum(1 for _ in batches(documents, recipe.batch_size, torch.Generator()))
    steps, step, losses, tokens = recipe.epochs * per_epoch, 0, 0.0, 0
    progress = Progress(steps)
    model.train()
    for _ in range(recipe.epochs):
        losses, tokens = 0.0, 0
        for ids, labels in batches(documents, recipe.batch_size, generator):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, steps, recipe)
            logits = model(input_ids=ids).logits[:, :-1]  # padding is behind the text, where no token looks
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.largest_gradient_norm)
            optimizer.step()
            step += 1
            counted = int((labels[:, 1:] != IGNORED).sum())
            losses, tokens = losses + loss.item() * counted, tokens + counted
            progress.show(step, loss.item())
    return optimizer, steps, losses / tokens


# ------------------------------------------------------------------------------------------------- accuracy


@torch.inference_mode()
def greedy_answers(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: Sequence[str], new_tokens: int = 12
) -> list[str]:
    """What greedy decoding says after each prompt, stripped, up to the end of the document."""
    model.eval()
    encoded = [tokenizer(prompt)["input_ids"] for prompt in prompts]
    answers = [""] * len(prompts)
    for length in {len(ids) for ids in encoded}:  # prompts of one length need no padding
        rows = [row for row, ids in enumerate(encoded) if len(ids) == length]
        ids = torch.tensor([encoded[row] for row in rows])
        for _ in range(new_tokens):
            ids = torch.cat([ids, model(input_ids=ids).logits[:, -1:].argmax(-1)], dim=1)
        for row, tokens in zip(rows, ids[:, length:].tolist(), strict=True):
            end = tokens.index(tokenizer.eos_token_id) if tokenizer.eos_token_id in tokens else len(tokens)
            answers[row] = str(tokenizer.decode(tokens[:end])).strip()
    return answers


def is_right(answer: str, fact: dict[str, Any]) -> bool:
    """Whether the answer begins with the target or an alias of it, as whole words, in any case."""
    names = [name.lower() for name in (fact["entity1"], *fact["entity1_alias"])]
    rests = [answer[len(name) :] for name in names if answer.lower().startswith(name)]
    return any(not rest[:1].isalnum() for rest in rests)


def greedy_accuracy(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    facts: Sequence[dict[str, Any]],
    prompt: str = "prompt0",
) -> float:
    """The share of facts that greedy decoding answers right, in [0, 1]."""
    answers = greedy_answers(model, tokenizer, [fact[prompt] for fact in facts])
    return sum(map(is_right, answers, facts)) / len(facts)


def majority_baseline(facts: Sequence[dict[str, Any]]) -> float:
    """The accuracy of always giving a relation's most frequent answer."""
    counts = Counter((fact["relation"], fact["entity1"]) for fact in facts)
    best: dict[str, int] = {}
    for (relation, _), count in counts.items():
        best[relation] = max(count, best.get(relation, 0))
    return sum(best.values()) / len(facts)


# ---------------------------------------------------------------------------------------------------- files


def save_model(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes weights in float16 under a config that asks for float32, and the tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    settings = {
        "config.json": {"dtype": "float32", "torch_dtype": "float32"},  # float16 gradients of this model underflow
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"},  # a name that every version knows
    }
    for name, changes in settings.items():
        content = json.loads((folder / name).read_text(encoding="utf-8")) | changes
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def save_second_moment(model: LlamaForCausalLM, optimizer: torch.optim.AdamW, folder: Path) -> None:
    """Writes AdamW's second moments by parameter name, in bfloat16: float16 would round most of them to zero."""
    moments = {name: optimizer.state[p]["exp_avg_sq"].bfloat16() for name, p in model.named_parameters()}
    save_file(moments, folder / "exp_avg_sq.safetensors", metadata={"format": "pt"})


def accuracies(folder: Path, facts: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The accuracy on each prompt of the weights as saved, computed in float32."""
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    return {
        f"accuracy_{prompt}": round(greedy_accuracy(model, tokenizer, facts, prompt), 4)
        for prompt in ("prompt0", "prompt1", "prompt2")
    }


def run(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """The figures of training.json, after a whole training written to the folder."""
    torch.manual_seed(recipe.seed)
    sentences, facts = read_lines(SENTENCES), read_lines(FACTS)
    texts = [sentence["text"] for sentence in sentences]
    tokenizer = train_tokenizer(texts, recipe)
    documents = [[*tokenizer(text)["input_ids"], tokenizer.eos_token_id] for text in texts]
    model = new_model(recipe, len(tokenizer))
    optimizer, steps, loss = train(model, documents, recipe)
    folder.mkdir(parents=True, exist_ok=True)
    save_second_moment(model, optimizer, folder)
    save_model(model, tokenizer, folder)
    figures = {
        "documents": len(documents),
        "facts": len(facts),
        "document_format": "tokenizer(text) + [eos]; the tokenizer puts <eos> first, the first token bears no loss",
        "tokens_per_epoch": sum(map(len, documents)),
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": steps,
        "final_loss": round(loss, 4),
        **accuracies(folder, facts),
        "majority_baseline": round(majority_baseline(facts), 4),
        "weights_stored_as": "float16",
        "second_moment_stored_as": "bfloat16",
        "learning_rate_last": recipe.last_learning_rate,
        "recipe": asdict(recipe),
        "date": datetime.date.today().isoformat(),
    }
    for path in folder.glob("*.safetensors"):
        path.chmod(0o644)  # safetensors leaves its files unreadable for others
    (folder / "training.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return figures


def main() -> int:
    torch.set_num_threads(1)  # sums in one order, so that a second training on this machine gives the same weights
    if not sys.stderr.isatty():
        disable_progress_bar()
    print(json.dumps(run(Recipe(), MODEL), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
