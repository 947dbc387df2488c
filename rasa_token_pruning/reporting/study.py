"""One assistant under study: its messages, its settings, and what its answers come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.names import OUT_OF_SCOPE, base_intent, names_of, outside_scope
from rasa_token_pruning.reporting.facts import IntentRow
from rasa_token_pruning.reporting.fallback import Crowd
from rasa_token_pruning.reporting.judging import Judged, examples_of, judge
from rasa_token_pruning.reporting.outsiders import Outsiders, understood
from rasa_token_pruning.reporting.reliability import Bin, bins_of
from rasa_token_pruning.reporting.settings import Settings


@dataclass(frozen=True, eq=False)
class Study:
    """What is judged.

    :param data: The messages.
    :param settings: What the config says.
    :param scope: The intents of messages that belong to no other.
    :param seed: What draws the parts that are held out.
    """

    data: Labelled
    settings: Settings
    scope: frozenset[str]
    seed: int

    @property
    def out_of_scope(self) -> str | None:
        """The intent that FewShotIntentClassifier takes for that of messages that belong to no other."""
        usual = OUT_OF_SCOPE if outside_scope(sorted(self.scope), OUT_OF_SCOPE).any() else None
        return self.settings.out_of_scope or usual

    @cached_property
    def declining(self) -> np.ndarray:
        """Which intents' answer is that a message belongs to none, ``(intents,)``, bool."""
        return np.array([intent in self.scope for intent in self.data.known])

    def judge(self, encoder: PrunedEncoder) -> Judged:
        """Cross-validate with an encoder."""
        return judge(self._examples(encoder), self.settings, self.out_of_scope)

    def understood(self, encoder: PrunedEncoder, texts: list[str]) -> Outsiders:
        """What the assistant, with all that it has learnt, makes of other messages."""
        examples = self._examples(encoder)
        classifier = FewShotClassifier.fit(
            examples.rows[~examples.is_name],
            [examples.intents[label] for label in examples.labels[~examples.is_name]],
            self._names(encoder),
            self.settings.strength,
            self.out_of_scope,
        )
        return understood(classifier, encoder.encode(texts), self.settings)

    def _examples(self, encoder: PrunedEncoder) -> Examples:
        return examples_of(self.data, encoder.encode(self.data.texts), self._names(encoder), self.seed)

    def _names(self, encoder: PrunedEncoder) -> dict[str, np.ndarray]:
        names = names_of(self.data.known) if self.settings.use_intent_names else {}
        return dict(zip(names, encoder.encode(list(names.values())), strict=True))

    def inside(self, judged: Judged) -> np.ndarray:
        """Which of the judged examples belong to an intent, ``(judged,)``, bool."""
        found: np.ndarray = ~self.declining[judged.given]
        return found

    def crowd(self, judged: Judged, which: np.ndarray) -> Crowd:
        """The confidences of some of the judged examples; of those that belong to no intent no answer is right.

        :param which: ``(judged,)``, bool.
        """
        answers = judged.answers.chosen(which)
        right = (judged.right & self.inside(judged))[which]
        return Crowd.of(answers, right, self.declining[answers.topics], self.settings)

    def answered(self, judged: Judged) -> np.ndarray:
        """Which of the judged examples the assistant answers, ``(judged,)``, bool."""
        answers = judged.answers
        sure = (answers.confidences >= self.settings.threshold) & (answers.leads >= self.settings.ambiguity)
        found: np.ndarray = sure & ~self.declining[answers.topics]
        return found

    def unsure(self, judged: Judged) -> list[int]:
        """The numbers of examples that are understood, but not surely enough to be answered."""
        found = judged.right & self.inside(judged) & ~self.answered(judged)
        numbers: list[int] = judged.numbers[found].tolist()
        return numbers

    def bins(self, judged: Judged) -> tuple[Bin, ...]:
        """Whether confidences mean what they say: they are about intents, not about sub-intents."""
        _, base = np.unique([base_intent(intent) for intent in self.data.known], return_inverse=True)
        inside = self.inside(judged)
        right = base[judged.answers.topics] == base[judged.given]
        return bins_of(judged.answers.confidences[inside].clip(0, 1), right[inside])

    def rows(self, judged: Judged) -> Iterator[IntentRow]:
        """What becomes of the examples of each intent."""
        known, sizes, answered = self.data.known, Counter(self.data.intents), self.answered(judged)
        for number, intent in enumerate(known):
            here = judged.given == number
            others = Counter(known[topic] for topic in judged.answers.topics[here & ~judged.right])
            right = here & (~answered if self.declining[number] else answered & judged.right)
            wrong = here & answered & ~right
            yield IntentRow(
                name=intent,
                examples=sizes[intent],
                right=int(right.sum()),
                wrong=int(wrong.sum()),
                again=int((here & ~right & ~wrong).sum()),
                taken_for=min(others, key=lambda other: (-others[other], other)) if others else None,
            )
