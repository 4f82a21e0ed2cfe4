"""TextFooler and PWWS against slow, literal versions of their algorithms, one query at a time."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest

from rosearch.attacks.attack import Attack
from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.constraints.part_of_speech import PartOfSpeech
from rosearch.attacks.constraints.similarity import SentenceSimilarity
from rosearch.attacks.engine import attacked
from rosearch.attacks.methods import load_attacks
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.search.order import UNKNOWN, by_unknown
from rosearch.attacks.search.saliency import WeightedSaliency
from rosearch.encodings.frame import STOP_WORDS
from rosearch.errors import UserError
from rosearch.tasks.words import Words, segment

WINDOW = 7  # shorter than TextFooler's, so that more of the short sentences are checked


def digest(text: str) -> int:
    return hashlib.sha256(text.encode()).digest()[0]


def toy_cosines(pairs: list[tuple[Words, Words]]) -> np.ndarray:
    """From 0.8 to 1, by the texts alone."""
    return np.array([1 - digest(a.text + b.text) / 1275 for a, b in pairs])


def toy_tagger(items: list[tuple[Words, int]]) -> list[str]:
    """A tag by the word and the length of its context."""
    tags = ("NOUN", "VERB", "ADJ", "ADV")
    return [tags[(digest(text.words[i].lower()) + len(text.words)) % 4] for text, i in items]


class Reference:
    """What the literal algorithms share: a victim asked text by text, and counted."""

    def __init__(self, attack: Attack, victim, text: str, label: int) -> None:
        self.attack, self.victim, self.label = attack, victim, label
        self.gaps = segment(text).gaps
        self.words = list(segment(text).words)
        self.queries = 0
        self.p = self.ask(self.words)
        self.right = int(self.p.argmax()) == label

    def ask(self, words: list[str]) -> np.ndarray:
        self.queries += 1
        return self.victim.probabilities([Words(tuple(words), self.gaps)])[0]

    def synonyms(self, i: int, words: list[str]) -> list[list[str]]:
        """The text with word i replaced by each of its synonyms, in its casing."""
        if self.words[i].lower() in STOP_WORDS:
            return []
        text = Words(tuple(words), self.gaps)
        found = self.attack.source.lexicon(self.words[i])
        return [list(text.replaced(i, word).words) for word in found]

    def part(self, words: list[str], start: int, end: int) -> Words:
        """A stretch of the text; the whole of it keeps the punctuation at its ends."""
        if (start, end) == (0, len(words)):
            return Words(tuple(words), self.gaps)
        return Words(tuple(words[start:end]), ("", *self.gaps[start + 1 : end], ""))

    def text(self, words: list[str]) -> str:
        return Words(tuple(words), self.gaps).text


def textfooler(r: Reference, most_similar: bool = True, original_bar: bool = True):
    """TextFooler as its authors' code does it: all is asked and judged first, then masked.

    Text, queries, and how many words were ranked that have no synonyms.
    """
    if not r.right:
        return r.text(r.words), r.queries, 0
    n, y = len(r.words), r.label
    importance = []
    for i in range(n):
        q = r.ask([*r.words[:i], UNKNOWN, *r.words[i + 1 :]])
        new = int(q.argmax())
        importance.append(round(float(r.p[y] - q[y] + (new != y) * (q[new] - r.p[new])), 6))
    order = sorted(range(n), key=lambda i: -importance[i])
    in_vain = sum(not r.synonyms(i, r.words) for i in range(n))
    tags, similar = r.attack.constraints
    prime, bar = list(r.words), float(r.p[y])
    for i in order:
        if not (options := r.synonyms(i, prime)):
            continue
        probabilities = np.stack([r.ask(option) for option in options])
        cache, half = list(prime), WINDOW // 2
        if n < WINDOW:
            start, end = 0, n
        elif i < half:
            start, end = 0, WINDOW
        elif n - i - 1 < half:
            start, end = n - WINDOW, n
        else:
            start, end = i - half, i + half + 1
        pairs = [(r.part(cache, start, end), r.part(option, start, end)) for option in options]
        sims = np.asarray(similar.cosines(pairs))
        alike = (1 - np.arccos(np.minimum(sims, 1)) / math.pi >= similar.least) | (n < WINDOW)
        tag = tags.tagger([(r.part(r.words, 0, n), i)])[0]
        same = []
        for option in options:
            low, high = (0, n) if n <= 10 else (max(i - 4, 0), min(i + 5, n))
            other = tags.tagger([(r.part(option, low, high), i - low)])[0]
            same.append(other == tag or {other, tag} <= {"NOUN", "VERB"})
        valid = alike & np.array(same)
        far = np.round(probabilities[:, y], 6)
        flips = np.flatnonzero((probabilities.argmax(1) != y) & valid)
        if len(flips):
            ranks = [(-sims[k] if most_similar else 0, far[k], k) for k in flips]
            return r.text(options[min(ranks)[2]]), r.queries, in_vain
        penalised = far + ~valid
        k = int(penalised.argmin())
        if penalised[k] < bar - 1e-6:
            prime = options[k]
            bar = bar if original_bar else float(probabilities[k, y])
    return r.text(prime), r.queries, in_vain


def pwws(r: Reference):
    """PWWS: saliency and best substitution of every word of the original text, then replacement."""
    if not r.right:
        return r.text(r.words), r.queries, 0
    y, n = r.label, len(r.words)
    saliency = np.array(
        [r.p[y] - r.ask([*r.words[:i], UNKNOWN, *r.words[i + 1 :]])[y] for i in range(n)]
    )
    options = [r.synonyms(i, r.words) for i in range(n)]
    weight = np.exp(saliency) / np.exp(saliency).sum()
    chosen = []
    for i in range(n):
        drops = [round(float(r.p[y] - r.ask(option)[y]), 6) for option in options[i]]
        if drops:
            best = int(np.argmax(drops))
            score = round(float(weight[i] / weight[0] * np.exp(saliency[0]) * drops[best]), 6)
            chosen.append((score, i, options[i][best][i]))
    words = list(r.words)
    for _, i, word in sorted(chosen, key=lambda c: -c[0]):
        words[i] = word
        if int(r.ask(words).argmax()) != y:
            break
    return r.text(words), r.queries, sum(not o for o in options)


def same_as(reference, attack: Attack, victim, texts, labels, **how) -> dict[str, int]:
    """Compare an attack with its reference on every text; counts of statuses."""
    counts: dict[str, int] = {}
    for r in attacked(attack, victim, texts, labels):
        slow = reference(Reference(attack, victim, r.original, r.label), **how)
        assert (r.perturbed, r.queries) == (slow[0], slow[1] - slow[2])
        counts[r.status] = counts.get(r.status, 0) + 1
    return counts


@pytest.fixture(scope="module")
def plain_resources(resources_of, mr) -> AttackResources:
    return resources_of("textfooler", (*mr.validation.texts[:60], *mr.test.texts[:20]))


@pytest.fixture(scope="module")
def toy_attack(plain_resources) -> Attack:
    return Attack(
        "toy",
        plain_resources.words("wordnet_inflected"),
        Greedy(by_unknown, best_flip="quality", beats="original"),
        constraints=(
            PartOfSpeech(toy_tagger),
            SentenceSimilarity(toy_cosines, least=1 - math.acos(0.9) / math.pi, window=WINDOW),
        ),
    )


@pytest.mark.parametrize("most_similar", [True, False])
@pytest.mark.parametrize("original_bar", [True, False])
def test_lazy_checks_give_what_eager_ones_give(
    toy_attack, victims, mr, most_similar: bool, original_bar: bool
):
    """Also TextFooler's algorithm itself, with toy judges that refuse most options."""
    method = Greedy(
        by_unknown,
        best_flip="quality" if most_similar else "damage",
        beats="original" if original_bar else "current",
    )
    attack = replace(toy_attack, method=method)
    texts, labels = mr.validation.texts[:40], mr.validation.labels[:40]
    how = {"most_similar": most_similar, "original_bar": original_bar}
    counts = same_as(textfooler, attack, victims[0], texts, labels, **how)
    assert counts["flipped"] > 5 and counts["survived"] > 2


def test_textfooler_is_the_published_algorithm(plain_resources, victims, mr, tiny_encoder):
    """On real texts, with the real tagger and an encoder whose threshold binds."""
    tags, similar = load_attacks("textfooler", plain_resources)[0].constraints
    texts, labels = mr.test.texts[:20], mr.test.labels[:20]
    least = 1 - math.acos(0.995) / math.pi
    attack = replace(
        load_attacks("textfooler", plain_resources)[0],
        constraints=(tags, replace(similar, window=WINDOW, least=least)),
    )
    counts = same_as(textfooler, attack, victims[0], texts, labels)
    assert counts["flipped"] > 1 and counts["survived"] > 1
    loose = replace(attack, constraints=())
    assert attacked(attack, victims[0], texts, labels) != attacked(loose, victims[0], texts, labels)


def test_pwws_is_the_published_algorithm(plain_resources, victims, mr):
    texts, labels = mr.validation.texts[:40], mr.validation.labels[:40]
    attack = Attack("pwws", plain_resources.words("wordnet_inflected"), WeightedSaliency())
    counts = same_as(pwws, attack, victims[1], texts, labels)
    assert counts["flipped"] > 10


def test_pwws_replaces_only_what_is_fair(toy_attack, victims, mr):
    attack = replace(toy_attack, method=WeightedSaliency())
    texts, labels = mr.validation.texts[:40], mr.validation.labels[:40]
    fair = attacked(attack, victims[0], texts, labels)
    free = attacked(replace(attack, constraints=()), victims[0], texts, labels)
    flipped = [sum(r.status == "flipped" for r in results) for results in (fair, free)]
    assert 0 < flipped[0] < flipped[1]


@pytest.mark.parametrize("name", ["textfooler", "pwws"])
@pytest.mark.parametrize(
    "text",
    ["", "?!", "😀 😀", "good 😀film🎬!", "שלום עולם, סרט טוב", "a film " * 5000, "\x00\u200b"],
)
def test_strange_texts_are_handled(name: str, text: str, victims, resources_of):
    (attack,) = load_attacks(name, resources_of(name, [text, "film"]))
    attack = replace(attack, max_queries=30 if len(text) > 1000 else None)
    for label in (0, 1):
        result = attacked(attack, victims[0], [text], [label])[0]
        assert result.original == text
        assert segment(result.perturbed).gaps == segment(text).gaps


def test_the_budget_ends_pwws(toy_attack, victims, mr):
    attack = replace(toy_attack, method=WeightedSaliency(), constraints=())
    for budget in (1, 3, 10, 30):
        for r in attacked(
            replace(attack, max_queries=budget), victims[0], mr.test.texts[:8], mr.test.labels[:8]
        ):
            assert r.queries <= budget
            assert r.exhausted or r.status != "survived" or r.queries < budget


def test_textfooler_takes_a_users_vectors(tmp_path, resources_of, victims):
    file = tmp_path / "v.txt"
    file.write_text("film 1 0.1\nmovie 1 0\nbanana -1 1\nFlick 1 0.3\n")
    name = f"textfooler:{file}"
    (attack,) = load_attacks(name, resources_of(name, ["A film", "a banana"]))
    assert attack.source.lexicon("film") == ("movie", "flick")
    assert attack.source.lexicon("banana") == ()
    with pytest.raises(UserError, match="no such file"):
        resources_of("textfooler:/none.txt", ["x"])
