"""A user's text through tokenizer, encoder, classifier, examples and tagger."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris
import numpy as np

from fuzz.choices import Choices
from fuzz.harness import finite, main
from fuzz.tiny import LAYERS, WIDTH, write_model

with atheris.instrument_imports(include=["rasa_token_pruning"]):
    from rasa_token_pruning.encoder.alignment import token_rows
    from rasa_token_pruning.encoder.policy import PruningPolicy
    from rasa_token_pruning.encoder.pruned import EncodedText, PrunedEncoder
    from rasa_token_pruning.fewshot.bilou import Label, Span
    from rasa_token_pruning.fewshot.classifier import FewShotClassifier
    from rasa_token_pruning.fewshot.neighbours import Neighbours
    from rasa_token_pruning.fewshot.tagger import EntityTagger, TokenFeatures

EXAMPLES = {
    "reset": ("i forgot my password", "please reset my password", "new password please", "my password expired"),
    "room": ("i need a room for monday", "book a room for four", "is there a free room", "a room at noon please"),
    "greet": ("hello", "good morning", "hi there", "good evening to you"),
    "other": ("what is the meaning of life", "sing me a song", "who won the game", "tell me a joke"),
}
SEEDS = (
    "", " ", "hello", "please reset my password", "i need a room for monday, thanks!", "\x00", "a\x00b",
    "\u200b\u200d", "😀👩‍👩‍👧‍👦🏳️‍🌈", "重置我的密码", "أريد إعادة تعيين", "naïve café ﬁnd", "[SEP] [CLS] [PAD]",
    "e\u0301" * 9, "\ud800", "İi\u0307",
)  # fmt: skip
POLICIES = (
    PruningPolicy((1,), 0.5, 3),
    PruningPolicy((0, 1, 2), 0.6, 2, reduction="merge", score="attention_value"),
)
TOKEN = re.compile(r"\S+")


class Served:
    """An encoder, and what has learnt from the examples through it."""

    def __init__(self, folder: Path, policy: PruningPolicy) -> None:
        self.encoder = PrunedEncoder(str(folder), policy, "final+cut", precision="int8", num_threads=1, cache_mib=1)
        texts = [text for of_intent in EXAMPLES.values() for text in of_intent]
        intents = [intent for intent, of_intent in EXAMPLES.items() for _ in of_intent]
        rows = self.encoder.encode(texts)
        self.classifier = FewShotClassifier.fit(rows, intents, out_of_scope="other")
        self.neighbours = Neighbours.of(list(rows), texts, intents)
        features = list(map(self.features, self.encoder.encode_tokens(texts), texts))
        spans = [[Span(0, 0, Label("first"))] if place % 2 else [] for place in range(len(texts))]
        self.tagger = EntityTagger.learn([one for one in features if one], spans)

    def features(self, encoded: EncodedText, text: str) -> TokenFeatures | None:
        """Those of a text's words; none if it has none."""
        words = list(TOKEN.finditer(text))
        if not words:
            return None
        rows = token_rows(encoded.states, encoded.offsets, np.array([word.span() for word in words]))
        return TokenFeatures(rows, [word[0] for word in words], [[] for _ in words])


with TemporaryDirectory() as place:
    SERVED = [Served(write_model(Path(place) / str(number), True), policy) for number, policy in enumerate(POLICIES)]


def check(content: bytes) -> None:
    """Ask for one text, and for it beside another."""
    choices = Choices(content)
    served, times = choices.of(SERVED), choices.of((1, 1, 1, 2, 5, 50, 2000))
    text = choices.text() * times
    [encoded] = served.encoder.encode_tokens([text])
    embedding = served.encoder.encode([text, "hello"])[:1]
    _check_encoded(encoded, text, embedding[0])
    _check_predictions(served.classifier, embedding)
    for neighbour in served.neighbours.nearest(encoded.embedding):
        assert -1 <= neighbour.similarity <= 1
    if features := served.features(encoded, text[:3000]):
        tagging = served.tagger.tag(features)
        finite(features.rows, tagging.probabilities)
        assert len(tagging.tags) == len(features.words)
        assert ((tagging.probabilities >= 0) & (tagging.probabilities <= 1 + 1e-9)).all()


def _check_encoded(encoded: EncodedText, text: str, embedding: np.ndarray) -> None:
    finite(encoded.embedding, encoded.states)
    assert np.array_equal(embedding, encoded.embedding), "a text is encoded otherwise beside another"
    count = len(encoded.pieces.ids)
    assert encoded.embedding.shape == (2 * WIDTH,) and encoded.states.shape == (count, WIDTH)
    assert len(encoded.pieces.texts) == len(encoded.kept) == count >= 2
    assert encoded.offsets.shape == (count, 2) and (0 <= encoded.offsets).all() and (encoded.offsets <= len(text)).all()
    assert (encoded.offsets[:, 0] <= encoded.offsets[:, 1]).all()


def _check_predictions(classifier: FewShotClassifier, embedding: np.ndarray) -> None:
    said = classifier.predict(embedding)
    finite(said.probabilities, said.confidences, said.familiarity)
    assert np.allclose(said.probabilities.sum(axis=1), 1) and (said.confidences >= 0).all()
    assert said.confidences.sum() <= 1 + 1e-9 and 0 < said.familiarity[0] <= 1
    assert classifier.predict_sets(embedding, 0.9)[0, said.probabilities.argmax()]


if __name__ == "__main__":
    assert LAYERS > max(layer for policy in POLICIES for layer in policy.layers)
    kinds = [bytes([served, times]) for served in range(2) for times in (0, 3, 5, 6)]
    main("message", check, (), [kind + seed.encode("utf-8", "surrogatepass") for kind in kinds for seed in SEEDS])
