"""`rasa-token-pruning train-encoder merge`."""

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.cli import main
from rasa_token_pruning.encoder.adapter_files import shipped_adapter
from rasa_token_pruning.encoder.location import DEFAULT_MODEL, WEIGHTS_FILE, locate, sha256

TEXTS = ["my card was stolen", "", "is there any way to see the grades of my daughter online?"]


def call(*arguments):
    return main(["train-encoder", "merge", *map(str, arguments)])


@pytest.fixture(scope="module")
def merged(tmp_path_factory):
    """The encoder in use with the package's adapter, as a folder."""
    folder = tmp_path_factory.mktemp("merged") / "new" / "encoder"
    assert call("--output", folder) == 0
    return folder


def test_a_folder_holds_what_the_adapter_makes_of_the_encoder(merged):
    file = shipped_adapter(sha256(locate(DEFAULT_MODEL) / WEIGHTS_FILE))
    adapted = PrunedEncoder(pruning="off", engine="torch", adapter=str(file)).encode(TEXTS)
    np.testing.assert_allclose(PrunedEncoder(str(merged), "off", engine="torch").encode(TEXTS), adapted, atol=1e-6)
    np.testing.assert_allclose(SentenceTransformer(str(merged)).encode(TEXTS), adapted, atol=1e-5)
    assert np.abs(PrunedEncoder(pruning="off", engine="torch").encode(TEXTS) - adapted).max() > 0.01


def test_the_folder_says_how_it_came_about(merged):
    assert "adapter: auto" in (merged / "README.md").read_text(encoding="utf-8")


def test_without_an_adapter_nothing_is_written(tiny, tmp_path, capsys):
    for given, said in (
        (["--adapter", "none"], "none comes with this package"),
        (["--model", tiny], "none comes with this package"),
        (["--adapter", tmp_path / "mine.safetensors"], "no such file"),
        (["--model", tiny, "--adapter", shipped_adapter(sha256(locate(DEFAULT_MODEL) / WEIGHTS_FILE))], "belongs"),
    ):
        assert call(*given, "--output", tmp_path / "new") == 2
        assert said in capsys.readouterr().err
        assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(merged, capsys):
    assert call("--output", merged) == 2
    assert "exists" in capsys.readouterr().err
