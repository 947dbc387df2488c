"""TokenPruningFeaturizer's option adapter."""

import numpy as np
import pytest
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning import PrunedEncoder, TokenPruningFeaturizer
from rasa_token_pruning.encoder import adapter_files
from rasa_token_pruning.encoder.adapter import Adapter
from rasa_token_pruning.encoder.adapter_files import write_adapter
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import sha256
from tests.encoder.test_adapter import changed

TEXT = "please reset the password of my laptop, i cannot log in to the vpn from home anymore"


@pytest.fixture
def file(tiny_model, tmp_path):
    """An adapter to the tiny model."""
    weights = shared_model(str(tiny_model)).weights
    written = tmp_path / "adapter.safetensors"
    adapter = Adapter.between(weights, changed(weights, 2), 2)
    write_adapter(written, adapter, sha256(tiny_model / "model.safetensors"), {})
    return written


def sentence(bench, config):
    return bench.process(bench.create(TokenPruningFeaturizer, config), TEXT)[0][1][0]


def test_its_features_are_those_of_the_encoder_with_the_adapter(bench, tiny_model, file):
    config = {"model": str(tiny_model), "adapter": str(file)}
    own = PrunedEncoder(str(tiny_model), "balanced", precision="int8", adapter=str(file))
    np.testing.assert_array_equal(sentence(bench, config), own.encode(TEXT))


def test_auto_is_the_package_s_adapter_with_pruning_and_none_without(bench, tiny_model, file, monkeypatch):
    monkeypatch.setattr(adapter_files, "_FOLDER", file.parent)
    for pruning, stands_for in (("balanced", str(file)), ("off", "none"), (False, "none")):
        config = {"model": str(tiny_model), "pruning": pruning}
        auto, explicit = sentence(bench, config), sentence(bench, {**config, "adapter": stands_for})
        np.testing.assert_array_equal(auto, explicit)


def test_the_fingerprint_follows_the_adapter(tiny_model, file, monkeypatch):
    config = {"model": str(tiny_model)}
    options = ("auto", "none", str(file))
    before = {option: TokenPruningFeaturizer.fingerprint_addon({**config, "adapter": option}) for option in options}
    weights = shared_model(str(tiny_model)).weights
    write_adapter(file, Adapter.between(weights, changed(weights, 1), 1), "0" * 64, {})
    monkeypatch.setattr(adapter_files, "_FOLDER", file.parent)  # another version of the package, with this adapter
    after = {option: TokenPruningFeaturizer.fingerprint_addon({**config, "adapter": option}) for option in options}
    assert [option for option in options if before[option] == after[option]] == ["none"]
    with pytest.raises(InvalidConfigException, match="no such file"):
        TokenPruningFeaturizer.fingerprint_addon({**config, "adapter": "no/such/adapter"})


def test_an_archive_answers_with_the_adapter_of_its_training(bench, tiny_model, file):
    config = {"model": str(tiny_model), "adapter": str(file)}
    bench.create(TokenPruningFeaturizer, config).train(TrainingData())
    wanted = sentence(bench, config)
    file.unlink()  # the archive has the encoder
    loaded = bench.load(TokenPruningFeaturizer, config)
    np.testing.assert_array_equal(bench.process(loaded, TEXT)[0][1][0], wanted)


def test_without_a_bundle_another_adapter_than_that_of_the_training_is_refused(bench, tiny_model, file):
    config = {"model": str(tiny_model), "adapter": str(file), "bundle_encoder": False}
    bench.create(TokenPruningFeaturizer, config).train(TrainingData())
    assert bench.load(TokenPruningFeaturizer, config)
    with pytest.raises(InvalidConfigException, match="trained with another encoder"):
        bench.load(TokenPruningFeaturizer, {**config, "adapter": "none"})
