import pytest

from rasa_token_pruning.training.checkpoints import claim
from rasa_token_pruning.training.errors import TrainingError

SETTINGS = {"kind": "adapt", "seed": 0, "layers": (1, 3)}


def checkpoint(folder, step, state="{}"):
    (folder / f"checkpoint-{step}").mkdir()
    (folder / f"checkpoint-{step}" / "model.safetensors").write_bytes(b"weights")
    if state is not None:
        (folder / f"checkpoint-{step}" / "trainer_state.json").write_text(state)


def test_a_new_folder_has_nothing_to_go_on_from(tmp_path):
    assert claim(tmp_path / "new", SETTINGS) is None
    assert claim(tmp_path / "new", SETTINGS) is None


def test_the_last_that_was_written_to_its_end_is_found_and_others_are_removed(tmp_path):
    claim(tmp_path, SETTINGS)
    for step, state in ((90, "{}"), (100, "{}"), (110, None), (120, '{"half": ')):
        checkpoint(tmp_path, step, state)
    assert claim(tmp_path, SETTINGS) == tmp_path / "checkpoint-100"
    assert {file.name for file in tmp_path.glob("checkpoint-*")} == {"checkpoint-90", "checkpoint-100"}


def test_those_of_another_training_are_refused_with_what_differs_and_kept(tmp_path):
    claim(tmp_path, SETTINGS)
    checkpoint(tmp_path, 100)
    with pytest.raises(TrainingError, match=r"another training \(other: seed\)"):
        claim(tmp_path, {**SETTINGS, "seed": 1})
    assert claim(tmp_path, SETTINGS) == tmp_path / "checkpoint-100"


def test_those_of_which_nothing_is_known_are_refused(tmp_path):
    checkpoint(tmp_path, 100)
    with pytest.raises(TrainingError, match="another training"):
        claim(tmp_path, SETTINGS)
