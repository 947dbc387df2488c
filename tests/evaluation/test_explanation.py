"""An explanation says what Rasa's components say, and how it came to that."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.evaluation.assistant import Assistant, load
from rasa_token_pruning.evaluation.explanation import explain
from rasa_token_pruning.evaluation.texts import TextsError
from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from tests.evaluation.conftest import EXAMPLES

LONG = "good morning, since the update yesterday i can not find the car park on the second floor any more"
TEXTS = ("i forgot my password", "may i park here on sundays", "how do i bake bread?", "😀", LONG)


@pytest.fixture(scope="module")
def assistant(archive):
    return load(archive)


@pytest.fixture(scope="module")
def answers(archive, tmp_path_factory):
    """What Rasa's components say about the texts."""
    from rasa.engine.graph import ExecutionContext, GraphSchema
    from rasa.engine.storage.local_model_storage import LocalModelStorage
    from rasa.shared.nlu.training_data.message import Message

    storage, metadata = LocalModelStorage.from_model_archive(tmp_path_factory.mktemp("storage"), archive)
    messages = [Message({"text": text}) for text in TEXTS]
    for name in ("WhitespaceTokenizer", "TokenPruningFeaturizer", "FewShotIntentClassifier"):
        node = next(node for node in metadata.predict_schema.nodes.values() if node.uses.__name__ == name)
        context = ExecutionContext(GraphSchema({}), "model", True, node_name=name)
        config = {**node.uses.get_default_config(), **node.config}
        messages = node.uses.load(config, storage, node.resource, context).process(messages)
    return dict(zip(TEXTS, messages, strict=True))


@pytest.mark.parametrize("text", TEXTS)
def test_it_agrees_with_rasa(assistant, answers, text):
    found, message = explain(text, assistant), answers[text]
    assert found.text == text
    assert {"name": found.intent, "confidence": found.confidence} == message.get("intent")
    diagnosis = message.get("diagnostic_data")
    assert found.familiarity == diagnosis["FewShotIntentClassifier"]["familiarity"]
    assert found.margin == pytest.approx(diagnosis["FewShotIntentClassifier"]["margin"], abs=1e-12)
    nearest = [dataclasses.asdict(neighbour) for neighbour in found.nearest_examples]
    assert nearest == diagnosis["FewShotIntentClassifier"]["nearest_examples"]
    record = dataclasses.asdict(found)
    assert {key: record[key] for key in ("pieces", "cuts", "truncated")} == diagnosis["TokenPruningFeaturizer"]


def test_a_long_message_loses_pieces(assistant):
    found = explain(LONG, assistant)
    inner = found.pieces[1:-1]
    assert 0 < sum(piece.kept for piece in inner) < len(inner)
    assert [LONG[piece.start : piece.end] for piece in inner] == [piece.piece for piece in inner]
    assert found.truncated == 0
    assert [cut.layer for cut in found.cuts] == list(assistant.encoder.policy.layers)


def test_a_message_beyond_the_limit(assistant):
    found = explain("word " * 400, assistant)
    assert found.truncated + len(found.pieces) - 2 == 400 and found.truncated > 0


def test_sub_intents_are_ranked_as_learnt_and_count_together(assistant):
    found = explain("are you open, and where can i park", assistant)
    assert {ranked.intent for ranked in found.ranking[:2]} == {"faq/opening_hours", "faq/parking"}
    assert found.intent == "faq"
    assert found.confidence == pytest.approx(found.ranking[0].confidence + found.ranking[1].confidence)
    assert found.margin > found.ranking[0].probability - found.ranking[1].probability


def test_an_unfamiliar_message(assistant):
    found = explain("asdf qwer zxcv", assistant)
    assert not found.familiar and found.lowered
    assert all(ranked.confidence < ranked.probability for ranked in found.ranking)
    trusting = explain("asdf qwer zxcv", dataclasses.replace(assistant, doubting=False))
    assert not trusting.familiar and not trusting.lowered
    assert all(ranked.confidence == ranked.probability for ranked in trusting.ranking)
    assert trusting.familiarity == found.familiarity and trusting.margin == found.margin


def test_candidates_grow_with_coverage(assistant):
    few, many = (
        explain("a room please", dataclasses.replace(assistant, coverage=coverage)) for coverage in (0.3, 0.99)
    )
    assert few.candidates == many.candidates[: len(few.candidates)]
    assert 1 <= len(few.candidates) < len(many.candidates) == len(EXAMPLES)
    assert (few.coverage, many.coverage) == (0.3, 0.99)


def test_an_assistant_without_examples(assistant):
    assert explain("hello", dataclasses.replace(assistant, neighbours=None)).nearest_examples is None


@pytest.mark.parametrize("intents", [["a", "b"], ["faq/a", "faq/b"]])
def test_two_intents_and_pieces_of_a_prompt(intents):
    encoder = PrunedEncoder(prompt="query: ", precision="fp32", engine="onnx")
    texts = ["hello there", "good morning", "a password", "my password"]
    classifier = FewShotClassifier.fit(encoder.encode(texts), [intents[0]] * 2 + [intents[1]] * 2)
    found = explain("hello there, and a good morning to you all", Assistant(encoder, classifier))
    assert [piece.piece for piece in found.pieces[:4]] == ["[CLS]", "query", ":", "hello"]
    assert [(piece.start, piece.end) for piece in found.pieces[2:4]] == [(0, 0), (0, 5)]
    assert len(found.ranking) == 2
    assert found.intent == intents[0].partition("/")[0]
    assert found.margin == pytest.approx(1 if "/" in intents[0] else np.ptp([r.probability for r in found.ranking]))


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("doubting", [True, False])
def test_with_pruning_off_it_says_what_the_same_assistant_would(assistant, text, doubting):
    assistant = dataclasses.replace(assistant, doubting=doubting)
    found = explain(text, assistant)
    whole = explain(text, dataclasses.replace(assistant, encoder=assistant.encoder.without_cuts()))
    said = found.unpruned
    assert (said.intent, said.confidence, said.familiarity) == (whole.intent, whole.confidence, whole.familiarity)
    assert said.changed == (whole.intent != found.intent)
    confidences = {ranked.intent: ranked.confidence for ranked in whole.ranking}
    assert {ranked.intent: ranked.unpruned for ranked in found.ranking} == confidences
    pieces = len(found.pieces)
    cuttable = assistant.encoder.policy.tokens_kept(pieces) < pieces
    assert bool(found.cuts) == cuttable and (cuttable or found.cosine > 0.999)
    assert text != LONG or found.cosine < 0.999


def test_what_pruning_decides():
    """An encoder that drops nearly everything, and a classifier that hears only the word that goes."""
    pruned = PrunedEncoder(pruning=PruningPolicy((0,), 0.99, 2), precision="int8", num_threads=1)
    texts = [f"{LONG} and {word}" for word in ("bread", "parking")]
    whole = pruned.without_cuts().encode(texts)
    near = whole + 0.01 * np.random.default_rng(0).normal(size=(3, *whole.shape))
    classifier = FewShotClassifier.fit(near.reshape(-1, whole.shape[1]).astype(np.float32), ["bread", "parking"] * 3)
    found = [explain(text, Assistant(pruned, classifier, doubting=False)) for text in texts]
    assert [one.unpruned.intent for one in found] == ["bread", "parking"]
    assert sorted(one.unpruned.changed for one in found) == [False, True]
    assert all(one.cosine < 0.95 for one in found)


def test_an_intent_that_only_the_whole_message_has_is_ranked_too():
    names = [f"topic{number}" for number in range(8)]
    pruned = PrunedEncoder(pruning=PruningPolicy((0,), 0.99, 2), precision="int8", num_threads=1)
    rows = np.stack([pruned.encode(LONG)] * 7 + [pruned.without_cuts().encode(LONG)])
    rows = (rows + 0.05 * np.random.default_rng(0).normal(size=(3, *rows.shape))).reshape(-1, rows.shape[1])
    classifier = FewShotClassifier.fit(rows.astype(np.float32), names * 3)
    found = explain(LONG, Assistant(pruned, classifier, doubting=False))
    assert len(found.ranking) > 5 and found.ranking[-1].intent == found.unpruned.intent == "topic7"
    assert found.ranking[-1].unpruned == found.unpruned.confidence > found.ranking[-1].confidence
    confidences = [ranked.confidence for ranked in found.ranking]
    assert confidences == sorted(confidences, reverse=True) and found.unpruned.changed


@settings(max_examples=50)
@given(text=st.text(st.characters(), max_size=60))
def test_any_text(assistant, text):
    try:
        found = explain(text, assistant)
    except TextsError:
        assert not assistant.encoder.encode_tokens([text])[0].offsets.any()
        return
    assert all(0 <= piece.start <= piece.end <= len(text) for piece in found.pieces)
    assert 0 < found.familiarity <= 1 and 0 <= found.margin <= 1 and 0 <= found.confidence <= 1
    confidences = [ranked.confidence for ranked in found.ranking]
    assert len(confidences) == 5 and confidences == sorted(confidences, reverse=True)
    assert -1 <= found.cosine <= 1 and 0 < found.unpruned.familiarity <= 1
    if not found.cuts:
        assert found.cosine == pytest.approx(1) and not found.unpruned.changed
        assert all(ranked.unpruned == ranked.confidence for ranked in found.ranking)
    assert found.candidates and len(found.nearest_examples) == 3


@pytest.mark.parametrize("text", ["\x00", "\u200b \x01"])
def test_a_message_of_which_the_encoder_reads_nothing(assistant, text):
    with pytest.raises(TextsError, match="the encoder reads nothing; the assistant says that it has no intent"):
        explain(text, assistant)
