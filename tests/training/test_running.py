"""What the Trainer is told: how long it goes on without a gain, killed or not."""

import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator

from rasa_token_pruning.training.checkpoints import claim
from rasa_token_pruning.training.contrastive import lesson_of_pairs
from rasa_token_pruning.training.material import pairs_of_views
from rasa_token_pruning.training.plan import Plan
from rasa_token_pruning.training.running import train

PLAN = Plan(steps=40, batch=2, interval=2, patience=3)


class Worse(SentenceEvaluator):
    """Less each time; ends the process at one of them."""

    figure = primary_metric = "accuracy"

    def __init__(self, ends_at=None):
        super().__init__()
        self.asked, self.ends_at = 0, ends_at

    def __call__(self, model, output_path=None, epoch=-1, steps=-1):
        self.asked += 1
        if self.asked == self.ends_at:
            raise KeyboardInterrupt
        return {self.figure: 1 / (steps + 2)}


def steps_of(history):
    return [entry["step"] for entry in history if "eval_accuracy" in entry]


def test_started_again_it_knows_how_long_there_was_no_gain(tiny, tmp_path):
    def run(name, judge):
        model = SentenceTransformer(str(tiny), device="cpu")
        lesson = lesson_of_pairs(model, {"views": pairs_of_views([f"text number {number}" for number in range(40)])})
        return train(model, lesson, PLAN, tmp_path / name, claim(tmp_path / name, {}), judge)

    whole = steps_of(run("whole", Worse()))
    with pytest.raises(KeyboardInterrupt):
        run("killed", Worse(ends_at=4))
    assert whole == steps_of(run("killed", Worse())) == [0, 2, 4, 6, 8]
