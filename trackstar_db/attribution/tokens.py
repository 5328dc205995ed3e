"""From text to the tokens that a model reads, and which of them carry loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trackstar_db.errors import InputError

LongDocuments = Literal["split", "truncate"]


@dataclass(frozen=True)
class Piece:
    """Tokens that the model reads at once. Those from `loss_start` on carry loss, given all before them."""

    token_ids: tuple[int, ...]
    loss_start: int = 1  # never 0: nothing predicts the first token


@dataclass(frozen=True)
class TokenizedDocument:
    """A document as the model reads it; without pieces it is too short to have a loss."""

    pieces: tuple[Piece, ...]
    token_count: int  # of the whole text, with the tokenizer's own special tokens
    is_truncated: bool


def tokenize_documents(
    tokenizer: Any, texts: Sequence[str], max_tokens: int, long_documents: LongDocuments = "split"
) -> list[TokenizedDocument]:
    """The documents in pieces of at most `max_tokens` tokens (at least 2).

    `split`: a piece begins with the last token of the one before, so that every token after the first carries
    loss exactly once and the document's gradient is the sum of its pieces'. `truncate`: the first piece only.
    """
    if not texts:
        return []
    encoded = tokenizer(list(texts), return_attention_mask=False, return_token_type_ids=False, verbose=False)
    return [_document(token_ids, max_tokens, long_documents) for token_ids in encoded["input_ids"]]


def query_piece(tokenizer: Any, prompt: str, target: str, max_tokens: int) -> Piece:
    """Prompt and target as one piece, with loss on the target's tokens only.

    A space joins the two unless the prompt is empty or one of them already has white space there. A token
    belongs to the target when it ends after the prompt does. A prompt too long for the model loses its
    beginning. Raises InputError where no token of the target has anything before it to be predicted from,
    and where the target alone is too long.
    """
    if not target:
        raise InputError("The target is empty. Give the text whose prediction is to be traced.")
    needs_space = prompt and not prompt[-1].isspace() and not target[:1].isspace()
    text = f"{prompt} {target}" if needs_space else prompt + target
    encoded = tokenizer(text, return_offsets_mapping=True, verbose=False)
    ends = [end for _, end in encoded["offset_mapping"]]  # special tokens: 0
    of_target = [index for index, end in enumerate(ends) if end > len(prompt)]
    if not of_target:
        raise InputError(f"The target {target!r} becomes no token of its own. Give another target.")
    token_ids, loss_start = encoded["input_ids"][: of_target[-1] + 1], max(of_target[0], 1)
    if loss_start == len(token_ids):
        raise InputError(
            f"Nothing stands before the only token of the target {target!r} (the prompt is empty and the "
            "tokenizer adds no token at the start), so it has no loss. Give a prompt."
        )
    return _last_tokens(token_ids, loss_start, max_tokens)


def _document(token_ids: list[int], max_tokens: int, long_documents: LongDocuments) -> TokenizedDocument:
    # Windows overlap by one token; a last one of a single token would carry no loss.
    starts = range(0, len(token_ids) - 1, max_tokens - 1)
    windows = [Piece(tuple(token_ids[start : start + max_tokens])) for start in starts]
    kept = windows if long_documents == "split" else windows[:1]
    return TokenizedDocument(tuple(kept), len(token_ids), is_truncated=len(kept) < len(windows))


def _last_tokens(token_ids: list[int], loss_start: int, max_tokens: int) -> Piece:
    target_tokens = len(token_ids) - loss_start
    if target_tokens >= max_tokens:
        raise InputError(
            f"The target has {target_tokens} tokens; the model reads {max_tokens} at once, one of them "
            "before the target. Give a shorter target."
        )
    dropped = max(0, len(token_ids) - max_tokens)
    return Piece(tuple(token_ids[dropped:]), loss_start - dropped)
