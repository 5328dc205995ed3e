"""Which class of an NLI model says entailment."""

from __future__ import annotations

import pytest

from trackstar_db.errors import ModelUnsupported
from trackstar_db.judges.labelers import Claim
from trackstar_db.judges.nli import entailment_class


@pytest.mark.parametrize(
    ("labels", "index"),
    [
        (["contradiction", "entailment", "neutral"], 1),
        (["ENTAILMENT", "NEUTRAL", "CONTRADICTION"], 0),
        (["entailment", "not_entailment"], 0),
        (["NotEntailment", "Entails"], 1),
        (["non-entailment", "no entailment", "entailed"], 2),
        (["does not entail", "doesn't entail", "does entail"], 2),
    ],
)
def test_the_entailment_class_is_found_by_its_label(labels: list[str], index: int) -> None:
    assert entailment_class(dict(enumerate(labels)), "folder") == index


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        (["LABEL_0", "LABEL_1", "LABEL_2"], "'LABEL_0', 'LABEL_1', 'LABEL_2'"),
        (["not_entailment", "neutral"], "'not_entailment', 'neutral'"),
        (["weak entailment", "strong entailment"], "'weak entailment', 'strong entailment'"),
        (["entailment"], "'entailment'"),
    ],
)
def test_a_model_without_one_such_label_is_refused_and_its_labels_named(labels: list[str], named: str) -> None:
    with pytest.raises(ModelUnsupported, match=f"folder has the labels {named}; expected"):
        entailment_class(dict(enumerate(labels)), "folder")


@pytest.mark.parametrize(
    ("prompt", "target", "statement"),
    [
        ("The capital of France is", "Paris", "The capital of France is Paris."),
        (" The capital\n of France  is ", " Paris ", "The capital of France is Paris."),
        ("It was made in the", "U.S.", "It was made in the U.S."),
        ("", "Paris", "Paris."),
    ],
)
def test_a_claim_is_said_as_a_sentence(prompt: str, target: str, statement: str) -> None:
    assert Claim(None, 1, prompt, target).statement == statement
