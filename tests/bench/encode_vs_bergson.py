"""What does encoding take next to Bergson's `build`, whole process against whole process?

Ours is `trackstar encode documents`, with rank-one V, R^(-1/2), unit norm, and every row in PostgreSQL; the corpus is
loaded and the encoding created before. Bergson's is `bergson build`, without V, R or unit norm, into files: the least
it can do. `encode_vs_bergson_with_r` counts what fits R on the whole corpus too: `trackstar encoding create` and
`bergson hessian --method autocorrelation`.

Bergson's settings are those that are fastest for it on a CPU: float32; projections of 11 x 11 for each of 28 weight
matrices, 3,388 numbers a document (ours: 8 blocks of 22 x 22, 3,872); batches of 2,048 padded tokens as ours. It
refuses batches longer than a model's context, so it is shown a copy of the model that names a context of 2,048, which
changes nothing else for documents this short.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copytree

from tests.bench.corpus import BenchCorpus
from tests.bench.measure import Measurement, Missing, alternate, nothing
from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET
from trackstar_db.store import Store

PROJECTION = 11
CORPUS, ENCODING = "sentences", "bench"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Commands:
    """Both programs, set to work on the same files.

    folder: where Bergson writes
    url: the database that ours writes to
    stored: what each of our encodings has stored, in documents
    """

    store: Store
    corpus: BenchCorpus
    folder: Path
    url: str
    stored: list[int] = field(default_factory=list)

    @property
    def sentences(self) -> Path:
        return self.corpus.model / "sentences.jsonl"

    def create(self) -> None:
        """`trackstar encoding create`."""
        model = str(self.corpus.model)
        self._ours("encoding", "create", ENCODING, "--model", model, "--corpus", CORPUS)

    def encode(self) -> None:
        """`trackstar encode documents`."""
        printed = self._ours("encode", "documents", "--encoding", ENCODING, "--corpus", CORPUS, "--format", "json")
        self.stored.append(json.loads(printed)["stored"])

    def hessian(self) -> None:
        """`bergson hessian`."""
        self._bergson("hessian", "--method", "autocorrelation")

    def build(self) -> None:
        """`bergson build`."""
        self._bergson("build")

    def empty(self) -> None:
        """Nothing is encoded, and nobody has counted tokens."""
        with self.store.database.connect() as connection:
            connection.execute("TRUNCATE trackstar.encoded_document CASCADE")
            connection.execute("UPDATE trackstar.document SET token_count = NULL WHERE token_count IS NOT NULL")

    def _ours(self, *arguments: str) -> str:
        environment = {**os.environ, "TRACKSTAR_DATABASE_URL": self.url}
        return _run([sys.executable, "-m", "trackstar_db.cli", *arguments], environment)

    def _bergson(self, command: str, *options: str) -> None:
        settings = {
            "--model": self.folder / "model",
            "--dataset": self.sentences,
            "--prompt_column": "text",
            "--precision": "fp32",
            "--projection_dim": PROJECTION,
            "--token_batch_size": DEFAULT_TOKEN_BUDGET,
        }
        pairs = [str(part) for pair in settings.items() for part in pair]
        # A cache of its own: tokens of the round before are not to be found again.
        with tempfile.TemporaryDirectory(dir=self.folder) as cache:
            environment = {**os.environ, "HF_DATASETS_CACHE": cache}
            _run([str(_program()), command, str(self.folder / command), "--overwrite", *pairs, *options], environment)


def encode_vs_bergson(store: Store, corpus: BenchCorpus) -> Measurement:
    """Encoding alone against building an index alone."""
    with _commands(store, corpus) as commands:
        commands.create()
        measurement = alternate(
            "encode_vs_bergson",
            "bergson build 2.5.1",
            commands.encode,
            commands.build,
            before=commands.empty,
            warm_up=nothing,
        )
        return _described(measurement, commands)


def encode_vs_bergson_with_r(store: Store, corpus: BenchCorpus) -> Measurement:
    """Fitting R and encoding against fitting it and building an index."""
    with _commands(store, corpus) as commands:
        commands.create()  # before drops it

        def before() -> None:
            store.drop_encoding(ENCODING)
            commands.empty()

        def ours() -> None:
            commands.create()
            commands.encode()

        def theirs() -> None:
            commands.hessian()
            commands.build()

        name, reference = "encode_vs_bergson_with_r", "bergson hessian, then build, 2.5.1"
        return _described(alternate(name, reference, ours, theirs, before=before, warm_up=nothing), commands)


def _described(measurement: Measurement, commands: Commands) -> Measurement:
    """The measurement with what was stored on either side, by the encoding that stored least."""
    index = json.loads((commands.folder / "build" / "info.json").read_text(encoding="utf-8"))
    extra = {"model": commands.corpus.name, "documents": min(commands.stored), "bergson_documents": index["num_grads"]}
    return replace(measurement, extra=extra)


@contextmanager
def _commands(store: Store, corpus: BenchCorpus) -> Iterator[Commands]:
    """The corpus loaded whole, and a folder for Bergson."""
    _program()
    with tempfile.TemporaryDirectory(prefix="bergson-") as name:
        folder = Path(name)
        copytree(corpus.model, folder / "model", copy_function=os.symlink)
        _raise_limit(folder / "model" / "config.json", "max_position_embeddings")
        _raise_limit(folder / "model" / "tokenizer_config.json", "model_max_length")
        url = store.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        commands = Commands(store, corpus, folder, url)
        store.load_sentences([commands.sentences], corpus=CORPUS)
        yield commands


def _raise_limit(path: Path, name: str) -> None:
    """A file of settings of its own in which a limit is at least a batch."""
    settings = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    settings[name] = max(settings.get(name, 0), DEFAULT_TOKEN_BUDGET)
    path.write_text(json.dumps(settings), encoding="utf-8")


def _program() -> Path:
    """Bergson's own command, in the environment that the Makefile makes for it."""
    peers = Path(os.environ.get("PEERS", ROOT / ".venv-peers"))
    program = peers / "bin" / "bergson"
    if not program.is_file():
        raise Missing(f"Bergson, at {program}. Make its environment with: make {peers.name}/.installed")
    return program


def _run(command: list[str], environment: dict[str, str]) -> str:
    """What the program printed; raises CalledProcessError with what it complained of."""
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if finished.returncode:
        sys.stderr.write(finished.stderr)
        finished.check_returncode()
    return finished.stdout


BENCHMARKS = (encode_vs_bergson,)
FULL = (encode_vs_bergson_with_r,)
