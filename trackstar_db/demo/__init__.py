"""The demo: a corpus of real facts in sentences of our own making, and a small Llama really trained on it.

`FACTS` holds the queries (prompt, target), `SENTENCES` the training documents, `MODEL` the weights, tokenizer and
figures, `SECOND_MOMENT` the optimizer's second moments by parameter name. `trackstar_db.demo.corpus` and
`trackstar_db.demo.train` rebuild them.
"""

from pathlib import Path

DATA = Path(__file__).parent / "data"
FACTS = DATA / "facts.jsonl"
SENTENCES = DATA / "sentences.jsonl"
MODEL = Path(__file__).parent / "model"
SECOND_MOMENT = MODEL / "exp_avg_sq.safetensors"

__all__ = ["DATA", "FACTS", "MODEL", "SECOND_MOMENT", "SENTENCES"]
