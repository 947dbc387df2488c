import dataclasses
import shutil

import numpy as np

from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.publishing import publish


def test_what_is_published_unchanged_is_read_as_it_was(architecture_folder, tmp_path):
    model = shared_model(str(architecture_folder))
    publish(architecture_folder, model.weights, tmp_path / "copy")
    again = shared_model(str(tmp_path / "copy"))
    assert again.weights.arrays.keys() == model.weights.arrays.keys()
    for name, array in model.weights.arrays.items():
        np.testing.assert_array_equal(again.weights.arrays[name], array)


def test_the_old_weights_of_other_runtimes_are_not_published(architecture_folder, tmp_path):
    source = shutil.copytree(architecture_folder, tmp_path / "source")
    (source / "onnx").mkdir()
    for name in ("pytorch_model.bin", "onnx/model.onnx", "tf_model.h5"):
        (source / name).write_bytes(b"old")
    publish(source, shared_model(str(architecture_folder)).weights, tmp_path / "new")
    names = {file.relative_to(tmp_path / "new") for file in (tmp_path / "new").rglob("*") if file.is_file()}
    assert names == {file.relative_to(architecture_folder) for file in architecture_folder.rglob("*") if file.is_file()}


def test_every_weight_of_the_layers_is_published(architecture_folder, tmp_path):
    model = shared_model(str(architecture_folder))
    chance = np.random.default_rng(0)
    arrays = {
        name: chance.normal(size=array.shape).astype(np.float32) if name.startswith("layers.") else array
        for name, array in model.weights.arrays.items()
    }
    publish(architecture_folder, dataclasses.replace(model.weights, arrays=arrays), tmp_path / "new")
    found = shared_model(str(tmp_path / "new")).weights.arrays
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
