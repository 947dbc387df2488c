"""Techniques as a whole and what they do inside the layers: random models of two families, and the real MiniLM."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from rasa_token_pruning.encoder.adapter_files import adapter_where_cut
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.evaluation.layer_loop import Pass, Tokens
from rasa_token_pruning.evaluation.layer_techniques import (
    EarlyExit,
    Merging,
    Pruning,
    RandomCuts,
    Threshold,
    merge_pairs,
)
from rasa_token_pruning.evaluation.techniques import Reference, Technique, pruning, techniques, unpruned
from rasa_token_pruning.evaluation.text_techniques import beginning, without_frequent
from tests.encoder.conftest import WORDS, write_architecture

MINILM = "all-MiniLM-L6-v2"
CUT = PruningPolicy((1, 2), 0.5, 4)
# What each does at rising strength; the first leaves everything as it is. Random models have four layers.
STRENGTHS = {
    "early_exit": [EarlyExit(count) for count in (4, 3, 2, 1)],
    "random": [RandomCuts(PruningPolicy((1, 2), quantile, 4)) for quantile in (0.0, 0.3, 0.6, 0.9)],
    "threshold": [Threshold(threshold) for threshold in (0.0, 0.02, 0.05, 0.1)],
    "tome": [Merging(share) for share in (0.0, 0.05, 0.1, 0.2, 1.0)],
    "pruning": [Pruning(PruningPolicy((1, 2), quantile, 4)) for quantile in (0.0, 0.3, 0.6, 0.9)],
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=["bert", "mpnet"])
def folder(request, tmp_path_factory):
    return str(write_architecture(tmp_path_factory.mktemp(request.param), request.param))


@pytest.fixture(scope="module")
def reference(folder):
    return Reference.of(folder)


@pytest.fixture(scope="module")
def texts():
    """Of many lengths in letters, several of each; nothing first."""
    chance = np.random.default_rng(0)
    return ["", *(" ".join(chance.choice(WORDS, number)) for number in (1, 1, 2, 2, 3, 4, 5, 5, 8, 8, 13, 20))]


@pytest.fixture(params=STRENGTHS)
def strengths(request, reference):
    return [Technique(request.param, 0.0, reference, through=through) for through in STRENGTHS[request.param]]


def passed(reference, through, texts):
    """All texts as one batch, cut to one length, behind the last layer."""
    pieces = [found.ids for found in reference.tokenizer.tokenize(texts)]
    length = min(map(len, pieces))
    ids = torch.from_numpy(np.stack([np.append(ids[: length - 1], ids[-1]) for ids in pieces]))
    with torch.inference_mode():
        return length, through.run(reference.transformer, ids)


def test_without_strength_all_give_the_models_own_embedding(folder, strengths, texts):
    expected = PrunedEncoder(folder, pruning="off", engine="torch").encode(texts)
    np.testing.assert_allclose(strengths[0].encode(texts), expected, atol=1e-5)
    np.testing.assert_allclose(unpruned(Reference.of(folder)).encode(texts), expected, atol=1e-5)
    assert strengths[0].work(texts) == pytest.approx(1) == unpruned(Reference.of(folder)).work(texts)


def test_work_decreases_with_strength(strengths, texts):
    work = [technique.work(texts) for technique in strengths]
    assert all(less < more for more, less in pairwise(work)) and 0 < work[-1]


def test_an_embedding_does_not_depend_on_the_batch(strengths, texts):
    technique = strengths[2]
    together = technique.encode(texts)
    np.testing.assert_allclose(technique.encode(texts[::-1])[::-1], together, atol=1e-5)
    for text, row in zip(texts, together, strict=True):
        np.testing.assert_allclose(technique.encode([text])[0], row, atol=1e-5)
    assert together.dtype == np.float32 and np.isfinite(together).all()


def test_special_tokens_stay_and_every_text_is_there_once(reference, strengths, texts):
    for technique in strengths:
        length, after = passed(reference, technique.through, texts[5:])
        for part in after.parts:
            assert (part.kept[:, 0] == 0).all() and (part.kept[:, -1] == length - 1).all()
            assert (part.kept.diff(dim=1) > 0).all() and len(part.texts) == len(part.kept)
            assert part.run.final.shape[:2] == part.kept.shape
        assert sorted(number for part in after.parts for number in part.texts.tolist()) == list(range(8))


def test_ours_is_the_encoder_itself(folder, reference, texts):
    encoder = PrunedEncoder(folder, pruning=CUT, readout="final+cut", engine="torch")
    ours = pruning("ours", reference, CUT, "final+cut")
    np.testing.assert_allclose(ours.encode(texts), encoder.encode(texts), atol=1e-5)


def test_random_tokens_are_as_many_as_ours_but_others(reference, texts):
    random, ours = (Technique("", 0.5, reference, through=through) for through in (RandomCuts(CUT), Pruning(CUT)))
    assert random.work(texts) == pytest.approx(ours.work(texts))
    kept = [passed(reference, through, texts[-2:])[1].parts[0].kept for through in (RandomCuts(CUT), Pruning(CUT))]
    assert kept[0].shape == kept[1].shape and (kept[0] != kept[1]).any()
    assert (kept[0][0] != kept[0][1]).any()  # of two texts of one length not the same
    other = Technique("", 0.5, reference, through=RandomCuts(CUT, seed=1))
    assert not np.allclose(random.encode(texts[-1:]), other.encode(texts[-1:]), atol=1e-3)


def test_a_threshold_takes_what_is_below_it(reference, texts):
    """A batch falls apart, and its groups meet again; at the highest threshold only special tokens are left."""
    _, some = passed(reference, Threshold(0.05), texts[5:])
    lengths = [part.kept.shape[1] for part in some.parts]
    assert len(set(lengths)) == len(lengths) > 1
    length, all_gone = passed(reference, Threshold(1.1 * 4), texts[5:])
    assert [part.kept.shape[1] for part in all_gone.parts] == [2]
    assert all_gone.work == pytest.approx(8 * (length + (length + 2) / 2 + 2 + 2))


def test_sizes_of_merged_tokens_sum_to_the_length(reference, texts):
    for share, left in ((0.05, 11), (0.15, 6), (1.0, 3)):  # of the last, half of what is between the special ones
        length, after = passed(reference, Merging(share), texts[5:])
        (only,) = after.parts
        run = only.run
        torch.testing.assert_close(run.sizes.sum(dim=1), torch.full((8,), float(length)))
        assert (run.sizes[:, [0, -1]] == 1).all() and (run.sizes >= 1).all()
        assert (length, run.final.shape[1]) == (13, left)


def test_the_most_similar_pairs_are_merged():
    """Places 1 and 3 are targets, 2 and 4 can go; 4 is most like 1."""
    keys = torch.tensor([[[9.0, 9], [1, 0], [1, 1], [0, 1], [5, 0.1], [1, 0]]])
    hidden = torch.arange(12.0).view(1, 6, 2)
    positions = torch.tensor([[0, 2, 3, 5, 8, 9]])
    sizes = torch.tensor([[1.0, 2, 1, 1, 1, 1]])
    tokens = Tokens(torch.tensor([0]), positions, positions, hidden, None, sizes)
    merged = merge_pairs(tokens, keys, 5)
    assert merged.positions.tolist() == [[0, 2, 3, 5, 9]] and merged.sizes.tolist() == [[1, 3, 1, 1, 1]]
    torch.testing.assert_close(merged.hidden[0, 1], (2 * hidden[0, 1] + hidden[0, 4]) / 3)
    torch.testing.assert_close(merged.hidden[0, [0, 2, 3, 4]], hidden[0, [0, 2, 3, 5]])


def test_equal_tokens_can_be_merged_without_a_trace():
    """Sizes count in attention and in the mean: states that are equal in every layer give the same embedding."""
    reference = Reference.of(MINILM)
    with torch.inference_mode():
        hidden = reference.transformer.embeddings(torch.tensor([[101, 7592, 2088, 102]]))[:, [0, 1, 1, 2, 2, 3]]
        whole, merged = hidden, Tokens(torch.tensor([0]), torch.zeros(1, 6), torch.arange(6)[None], hidden, None)
        for number, layer in enumerate(reference.transformer.layers):
            whole = layer.feed_forward(layer.attend(whole))
            (merged,) = Pass()._attend(layer, merged, number, 1.0)
            if number == 0:
                merged = merge_pairs(merged, merged.hidden, 5)
            merged = replace(merged, hidden=layer.feed_forward(merged.hidden))
    torch.testing.assert_close(merged.hidden[:, 1], whole[:, 1], atol=1e-5, rtol=0)


@pytest.fixture(scope="module")
def of_minilm():
    corpus = ["how do i reset the password of my account", "where is the order that i placed", "the card is lost"]
    return techniques(Reference.of(MINILM), corpus)


def test_all_techniques_on_the_real_model(of_minilm):
    """The least strength stays near the model's own embedding, and the names with settings are unique."""
    texts = ["please could you help me reset the password of my account because i cannot log in", "card lost", ""]
    own = unpruned(Reference.of(MINILM)).encode(texts)
    names = {technique.name.split()[0] for technique in of_minilm}
    assert names == {
        *("random", "stop_words", "lowest_idf", "truncation", "tome", "threshold", "early_exit", "pruning"),
    }
    assert len({(technique.name, technique.setting) for technique in of_minilm}) == len(of_minilm)
    for technique in of_minilm:
        found = technique.encode(texts)
        assert found.shape == (3, 768 if "final+cut" in technique.name else 384)
        if technique.name not in ("early_exit", "stop_words") and technique.work(texts[:1]) > 0.9:
            assert found[0, :384] @ own[0] > 0.9, technique
        if technique.name != "early_exit":  # two special tokens, of which none can go
            np.testing.assert_allclose(found[2, :384], own[2], atol=1e-5)


def test_with_an_adapter_all_have_the_changed_encoder_and_ours_its_scores(of_minilm):
    adapter = adapter_where_cut(MINILM, "auto")
    reference = Reference.of(MINILM, adapter)
    text = "please could you help me reset the password of my account because i cannot log in"
    own = PrunedEncoder(MINILM, "off", engine="torch", adapter=str(adapter)).encode([text])
    np.testing.assert_allclose(unpruned(reference).encode([text]), own, atol=1e-5)
    with_it = {(one.name, one.setting): one for one in techniques(reference, [text])}
    ours = with_it["learnt in layers 1 and 3 above 8, final+cut", 0.6]
    policy = PruningPolicy((1, 3), 0.6, 8, score="learnt")
    expected = PrunedEncoder(MINILM, policy, "final+cut", engine="torch", adapter=str(adapter)).encode([text])
    np.testing.assert_allclose(ours.encode([text]), expected, atol=1e-5)
    without = {(one.name, one.setting) for one in of_minilm}
    assert {name.split()[0] for name, _ in with_it.keys() - without} == {"learnt"} and without < with_it.keys()


@pytest.mark.parametrize("words", [10, 40, 120])
def test_the_work_left_ranges_widely(of_minilm, words):
    text = " ".join((WORDS * 4)[:words])
    work: dict[str, list[float]] = {}
    for technique in (technique for technique in of_minilm if technique.name != "stop_words"):
        work.setdefault(technique.name.split()[0], []).append(technique.work([text]))
    assert all(min(shares) < 0.65 for shares in work.values()), work
    assert all(max(shares) > 0.82 for shares in work.values()), work


def test_what_is_read_counts_as_work(reference, texts):
    """Half of the pieces, half of the work; batches are made of the texts as they are read."""
    lengths = [len(found.ids) for found in reference.tokenizer.tokenize(texts)]
    policy = PruningPolicy((), 0.5, 2)
    expected = sum(map(policy.tokens_kept, lengths)) / sum(lengths)
    frequencies = np.arange(reference.tokenizer.vocabulary_size)
    for select in (beginning(0.5, 2), without_frequent(0.5, 2, frequencies)):
        technique = Technique("", 0.5, reference, select)
        assert technique.work(texts) == pytest.approx(expected)
        together = technique.encode(texts)
        for text, row in zip(texts, together, strict=True):
            np.testing.assert_allclose(technique.encode([text])[0], row, atol=1e-5)
