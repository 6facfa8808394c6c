"""From a question to queries, the likeliest first: retrieve examples, fill their templates, see which agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from math import exp
from typing import Final

import numpy as np

from ehrxqa.dataset.records import Record
from ehrxqa.models.template.comparisons import Comparer
from ehrxqa.models.template.declared import all_declared_examples
from ehrxqa.models.template.examples import Example, examples_of, frames, official_examples
from ehrxqa.models.template.filling import fill
from ehrxqa.models.template.mentions import find_mentions
from ehrxqa.models.template.words import framed, masked, with_pairs, words_of_text
from ehrxqa.models.value_search import ValueIndex
from ehrxqa.models.word_index import WordIndex
from ehrxqa.questions import programs
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.question import Question

__all__ = ["Candidate", "Reader", "render_query"]

#: Examples that are filled for a question.
_TRIED: Final = 60
#: Of one template.
_PER_TEMPLATE: Final = 4
#: What a mention without use costs, of a likeness of 1.
_UNUSED: Final = 0.25
#: What an official sentence costs, against a train question: nobody writes like that.
_OFFICIAL: Final = 0.05
#: How sharply the likeness of candidates decides between them.
_SHARPNESS: Final = 14.0


@dataclass(frozen=True)
class Candidate:
    """A query that a question may mean.

    Attributes:
        query: NeuralSQL.
        template: Official sentence of its template.
        likeness: Of the question to the nearest example that leads to the query, 1 for the same words.
        confidence: Share of all candidates that agree on the query, weighted by their likeness, times that likeness.
    """

    query: str
    template: str
    likeness: float
    confidence: float


class Reader:
    """Knows the examples, and reads questions about one database.

    Args:
        records: Train questions.
        train_values: Values of the database that they are about.
        values: Values of the database that is asked.

    Attributes:
        learnt: Train questions among the examples; the official sentences follow them.
        examples: All examples.
    """

    def __init__(self, records: Iterable[Record], train_values: ValueIndex, values: ValueIndex) -> None:
        templates = {template.q_tag: template for template in catalogue().values()}
        learnt = list(examples_of(records, templates, train_values))
        learnt += all_declared_examples(train_values)
        self.learnt = len(learnt)
        self.examples: list[Example] = [
            *learnt,
            *chain.from_iterable(map(official_examples, templates.values())),
        ]
        self._values = values
        self._comparer = Comparer(self.examples)
        frame = frames()
        groups = [frame.get(example.template.q_tag, example.template.q_tag) for example in self.examples]
        self._index = WordIndex([example.tokens for example in self.examples], groups)
        self._framed = np.array([example.template.q_tag in frame for example in self.examples])  # (examples,)

    def read(self, text: str) -> list[Candidate]:
        """The candidates for a question, the likeliest first; none where nothing fits."""
        text = " ".join(text.lower().split())
        mentions = find_mentions(text, self._values)
        plain = masked(text, mentions)
        comparison = self._comparer.tell(words_of_text(plain))
        found: dict[str, tuple[Question, float]] = {}
        for place, likeness in self._nearest(plain):
            filled = fill(self.examples[place], mentions, comparison)
            if filled is None:
                continue
            likeness = max(0.0, likeness - _UNUSED * filled.unused)
            try:
                query = render_query(filled.question)
            except KeyError:  # a name that the template's SQL has no meaning for
                continue
            if query not in found or found[query][1] < likeness:
                found[query] = (filled.question, likeness)
        weights = {query: exp(_SHARPNESS * likeness) for query, (_, likeness) in found.items()}
        total = sum(weights.values())
        return [
            Candidate(query, question.template.q_tag, likeness, likeness * weights[query] / total)
            for query, (question, likeness) in sorted(found.items(), key=lambda each: -each[1][1])
        ]

    def _nearest(self, plain: str) -> Iterator[tuple[int, float]]:
        """Places of the nearest examples with their likeness to a masked sentence, the nearest first."""
        one, other = (self._index.likeness(with_pairs(words_of_text(text))) for text in (plain, framed(plain)))
        likeness = np.where(self._framed, other, one)  # (examples,)
        likeness[self.learnt :] -= _OFFICIAL
        tried = 0
        seen: Counter[str] = Counter()
        for place in np.argsort(-likeness, kind="stable").tolist():
            template = self.examples[place].template.q_tag
            seen[template] += 1
            if seen[template] <= _PER_TEMPLATE:
                tried += 1
                yield place, float(likeness[place])
            if tried == _TRIED or likeness[place] <= 0:
                return


def render_query(question: Question) -> str:
    """The NeuralSQL of a question, as question files have it."""
    return programs.query(question).lower()
