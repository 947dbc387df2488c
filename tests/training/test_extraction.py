"""`rasa-token-pruning train-encoder adapter`."""

import numpy as np
import pytest

from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.cli import main
from rasa_token_pruning.encoder.adapter_files import read_adapter
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import sha256
from tests.training.test_train_command import FEW, TEXTS, embeddings, trained


@pytest.fixture(scope="module")
def learnt(tiny, tasks, tmp_path_factory):
    """An encoder that has learnt a lot from a little."""
    output = tmp_path_factory.mktemp("learnt") / "new"
    trained(
        "contrastive", f"desk={tasks['desk']}", "--model", tiny, "--output", output, *FEW, "--learning-rate", "0.01"
    )
    return output


def extracted(learnt, tiny, file, rank):
    assert (
        main(["train-encoder", "adapter", str(learnt), "--model", str(tiny), "--rank", rank, "--output", str(file)])
        == 0
    )


def test_it_gives_what_was_learnt_the_more_the_higher_its_rank(tiny, learnt, tmp_path, capsys):
    wanted, before = embeddings(learnt), embeddings(tiny)
    away = []
    for rank in ("1", "32"):
        extracted(learnt, tiny, tmp_path / f"{rank}.safetensors", rank)
        assert "of the change" in capsys.readouterr().out
        own = PrunedEncoder(str(tiny), "off", engine="torch", adapter=str(tmp_path / f"{rank}.safetensors"))
        away.append(np.abs(own.encode(TEXTS) - wanted).max())
    assert away[1] < away[0] < np.abs(before - wanted).max()


def test_it_says_how_it_came_about_and_whose_it_is(tiny, learnt, tmp_path):
    extracted(learnt, tiny, tmp_path / "new" / "mine.safetensors", "2")
    file = read_adapter(tmp_path / "new" / "mine.safetensors")
    assert file.base == sha256(tiny / "model.safetensors")
    assert file.provenance["rank"] == 2 and file.provenance["training"]["settings"]["kind"] == "contrastive"


def test_of_several_it_is_the_mean(tiny, learnt, tmp_path):
    one, mean = tmp_path / "one.safetensors", tmp_path / "mean.safetensors"
    extracted(learnt, tiny, one, "32")
    both = ["train-encoder", "adapter", str(learnt), str(tiny), str(one), "--model", str(tiny), "--rank", "32"]
    assert main([*both, "--output", str(mean)]) == 0
    before = shared_model(str(tiny)).weights.arrays
    changed, halfway = (
        read_adapter(file).adapter.applied(shared_model(str(tiny)).weights).arrays for file in (one, mean)
    )
    for name, array in before.items():
        np.testing.assert_allclose(halfway[name] - array, (changed[name] - array) * 2 / 3, atol=2e-3)
    first, second, third = read_adapter(mean).provenance["training"]
    assert first == third == read_adapter(one).provenance["training"] and second is None


def test_scores_that_were_learnt_before_go_along(tiny, learnt, tasks, tmp_path, capsys):
    scores, both = tmp_path / "scores.safetensors", tmp_path / "both.safetensors"
    score = ["train-encoder", "score", str(tasks["desk"]), "--model", str(tiny), "--layers", "1", "--adapter", "none"]
    assert main([*score, "--output", str(scores)]) == 0
    extract = ["train-encoder", "adapter", str(learnt), "--model", str(tiny), "--output", str(both), "--scores"]
    extracted(learnt, tiny, tmp_path / "plain.safetensors", "16")
    assert main([*extract, str(scores)]) == 0
    arrays, plain, known = (read_adapter(tmp_path / f"{name}.safetensors") for name in ("both", "plain", "scores"))
    assert set(arrays.adapter.arrays) == set(plain.adapter.arrays) | set(known.adapter.arrays)
    for name, array in {**plain.adapter.arrays, **known.adapter.arrays}.items():
        assert np.array_equal(arrays.adapter.arrays[name], array)
    assert arrays.provenance == {**plain.provenance, "scores": known.provenance["scores"]}
    both.unlink()
    for wrong in (tmp_path / "plain.safetensors", "auto"):
        assert main([*extract, str(wrong)]) == 2
        assert "knows no scores" in capsys.readouterr().err
        assert not both.exists()


def test_what_is_no_change_of_weights_is_refused(tiny, learnt, tasks, tmp_path, capsys):
    trained("distill", tasks["desk"], "--layers", "0", "--model", tiny, "--output", tmp_path / "small", *FEW)
    for encoder, said in ((tmp_path / "small", "fewer layers"), (tiny, "nothing to write"), ("missing", "missing")):
        output = tmp_path / "mine.safetensors"
        assert main(["train-encoder", "adapter", str(encoder), "--model", str(tiny), "--output", str(output)]) == 2
        assert said in capsys.readouterr().err
        assert not output.exists()
    (tmp_path / "there").write_text("")
    assert (
        main(["train-encoder", "adapter", str(learnt), "--model", str(tiny), "--output", str(tmp_path / "there")]) == 2
    )
    assert "exists" in capsys.readouterr().err
