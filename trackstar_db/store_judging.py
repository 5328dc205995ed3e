"""The part of the store that tells runs apart: judges, evaluation, explanations, retraining."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackstar_db.store_base import OpenStore

if TYPE_CHECKING:  # torch and transformers take seconds to import: methods import them when they are called
    from trackstar_db.database.refresh import Refreshed
    from trackstar_db.evaluation.evaluate import Bootstrap, Evaluation, Judge
    from trackstar_db.evaluation.lds import Retraining
    from trackstar_db.evaluation.retraining import TrainingRecipe
    from trackstar_db.explanation.explain import Direction, Explanation
    from trackstar_db.judges.entailment import EntailmentSummary
    from trackstar_db.judges.frequency import FrequencySummary
    from trackstar_db.judges.predictions import PredictionSummary
    from trackstar_db.judges.tail_patch import TailPatchSummary
    from trackstar_db.judges.tail_patch_step import TailPatchOptions
    from trackstar_db.prediction import Sampling


class Evidence(OpenStore):
    """What is said of queries, documents and proponents, and how runs compare by it."""

    def judge_predictions(
        self,
        query_set: str,
        model: str | None = None,
        encoding: str | None = None,
        sampling: Sampling | None = None,
    ) -> PredictionSummary:
        """What was predicted: every query of the set that the model has not been asked in this way.

        model: its folder or hub id; encoding: the one whose model is meant
        """
        from trackstar_db.judges.predictions import judge_predictions

        return judge_predictions(self._current, query_set, model, encoding, sampling)

    def judge_tail_patch(self, runs: Sequence[str], options: TailPatchOptions | None = None) -> TailPatchSummary:
        """What was tried: one training step on each of the first proponents; the runs are judged by it.

        runs: names, or patterns such as `facts/*`
        """
        from trackstar_db.judges.tail_patch import judge_tail_patch

        return judge_tail_patch(self._current, runs, options)

    def judge_frequency(self, corpus: str) -> FrequencySummary:
        """What was counted: documents of the corpus that hold each fact."""
        from trackstar_db.judges.frequency import judge_frequency

        return judge_frequency(self._current, corpus)

    def judge_entailment(
        self,
        runs: Sequence[str],
        labeler: str | None = None,
        model: str | None = None,
        k: int = 10,
        threshold: float | None = None,
        token_budget: int | None = None,
    ) -> EntailmentSummary:
        """What was labelled: whether the first k proponents of runs state the fact; the runs are judged by it.

        labeler: alias_match, or whose imported labels are taken; with a model, the name of its labels
        model: folder or hub id of an NLI classifier
        threshold: a score above it counts as entailed; 0.5 where None
        """
        from trackstar_db.judges.entailment import EntailmentSettings, judge_entailment

        settings = EntailmentSettings(runs, labeler, model, k, threshold, token_budget)
        return judge_entailment(self._current, settings)

    def evaluate(
        self, runs: Sequence[str], judge: Judge = "annotation", bootstrap: Bootstrap | None = None
    ) -> Evaluation:
        """How runs compare before a judge: means over queries with intervals, which are stored.

        runs: names, or patterns such as `facts/*`
        """
        from trackstar_db.evaluation.evaluate import evaluate

        return evaluate(self._current, runs, judge, bootstrap)

    def refresh(self) -> list[Refreshed]:
        """What was computed anew for dashboards: the views of tda that have `refreshed_at`."""
        from trackstar_db.database.refresh import refresh

        return refresh(self._current)

    def explain(
        self,
        run: str,
        query_id: str,
        ranks: Sequence[int] = (1,),
        direction: Direction = "proponent",
        model: str | None = None,
    ) -> list[Explanation]:
        """Documents that a run found at these ranks of a query, each with its influence divided over its tokens."""
        from trackstar_db.explanation.explain import explain

        return explain(self._current, run, query_id, ranks, direction, model)

    def explain_document(
        self,
        asked: tuple[str, str],
        encoding: str,
        document: str,
        corpus: str | None = None,
        model: str | None = None,
    ) -> Explanation:
        """Any document's influence on any prediction (prompt and target), divided over the document's tokens."""
        from trackstar_db.explanation.explain import explain_document

        return explain_document(self._current, asked, encoding, document, corpus, model)

    def retrain(self, directory: str | Path, model: str, corpus: str, recipe: TrainingRecipe) -> dict[str, Any]:
        """What a new model is, trained from the start on a corpus and written to a folder with its recipe."""
        from trackstar_db.evaluation.lds import retrain

        return retrain(self._current, Path(directory), model, corpus, recipe)

    def evaluate_lds(self, retraining: Retraining, runs: Sequence[str]) -> list[dict[str, Any]]:
        """The linear datamodeling scores of runs, after models were retrained on subsets of a corpus."""
        from trackstar_db.evaluation.lds import evaluate_lds

        return evaluate_lds(self._current, retraining, runs)

    def retrainings(self) -> list[dict[str, Any]]:
        """Every retraining, a mapping each, by name."""
        from trackstar_db.evaluation.lds import list_retrainings

        return list_retrainings(self._current)

    def drop_retraining(self, name: str) -> None:
        """Nothing; the retraining is gone with its models' answers and the scores by them."""
        from trackstar_db.evaluation.lds import drop_retraining

        drop_retraining(self._current, name)
