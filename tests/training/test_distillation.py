import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.training.distillation import encoded, shallower, targets
from rasa_token_pruning.training.errors import TrainingError
from tests.encoder.conftest import FAMILIES, write_architecture, write_tiny_model

TEXTS = [f"{verb} {thing} {when}" for verb in ("book", "reset", "find", "lose") for thing in ("a room", "my password")
         for when in ("now", "please", "today", "for me")]  # fmt: skip


@pytest.fixture
def student(tiny):
    return SentenceTransformer(str(tiny))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_shallower_model_has_the_layers_that_were_named_and_can_be_saved(family, tmp_path):
    folder = write_architecture(tmp_path / "model", family)
    deep = PrunedEncoder(str(folder), "off", engine="torch")._runtime.engine._transformer
    shallower(SentenceTransformer(str(folder)), [0, 2]).save_pretrained(str(tmp_path / "shallow"))
    shallow = PrunedEncoder(str(tmp_path / "shallow"), "off", engine="torch")._runtime.engine._transformer
    assert len(shallow.layers) == 2
    for mine, theirs in zip(shallow.layers, (deep.layers[0], deep.layers[2]), strict=True):
        np.testing.assert_array_equal(mine.query_key_value.weight, theirs.query_key_value.weight)


@pytest.mark.parametrize("layers", [[], [1, 0], [0, 0], [0, 99]])
def test_layers_that_there_are_not_are_refused(student, layers):
    with pytest.raises(TrainingError, match=r"layers is .*give numbers from 0 to"):
        shallower(student, layers)


def test_a_student_is_its_own_teacher(student):
    rows = encoded(student, TEXTS)
    np.testing.assert_allclose(targets([rows], rows), rows, atol=1e-6)


def test_of_several_teachers_inner_products_are_the_mean(student, tmp_path):
    other = SentenceTransformer(str(write_tiny_model(tmp_path / "other", seed=5)))
    teachers = [encoded(teacher, TEXTS[:20]) for teacher in (student, other)]
    wanted = targets(teachers, teachers[0])
    mean = np.mean([rows @ rows.T for rows in teachers], axis=0)
    np.testing.assert_allclose(wanted @ wanted.T, mean, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(wanted, axis=1), 1)
