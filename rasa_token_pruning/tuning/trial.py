"""One policy on one task: what its embeddings are worth, and the work that is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rasa_token_pruning.encoder.adapter_files import adapter_where_cut, fixed_adapter
from rasa_token_pruning.encoder.options import NONE
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.readout import FINAL, FINAL_AND_CUT
from rasa_token_pruning.evaluation.few_shot import Learner, draw
from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.evaluation.long_messages import LONG, LONGEST, SHORT, lengthened, longest
from rasa_token_pruning.evaluation.remembered import Remembered
from rasa_token_pruning.evaluation.tasks import Task
from rasa_token_pruning.evaluation.work import piece_counts, work_left

READOUTS = (FINAL, FINAL_AND_CUT)
UNCUT = (0.0, 2)  # quantile and floor of the unpruned encoder; its layer is the one that the read-out needs


@dataclass(frozen=True)
class Setting:
    """How every policy is tried.

    :param model: As in the featurizer.
    :param precision: ``fp32`` or ``int8``, on the onnx engine.
    :param shots: How many examples of each intent are learnt from, each at least 1.
    :param seeds: How many draws of examples, at least 2.
    :param held_out: How many messages each draw is judged by at most, at least 1.
    :param long: How many of these are lengthened and judged by once more, see ``evaluation.long_messages``; at least 0.
    :param adapter: As in the featurizer, but ``auto`` changes the unpruned encoder too: the loss is that of pruning.
    :param longest: By how many of a task's longest messages, but those learnt from, each draw is judged as well; at
        least 0.
    :param readouts: Which of ``READOUTS`` are tried, ``final`` among them.
    """

    model: str
    precision: str
    shots: tuple[int, ...]
    seeds: int
    held_out: int
    long: int
    adapter: str = NONE
    longest: int = 0
    readouts: tuple[str, ...] = READOUTS

    @property
    def adapter_file(self) -> Path | None:
        """The adapter's file, if there is one.

        :raises EncoderError: If it, or the model, is missing or damaged.
        """
        return adapter_where_cut(self.model, self.adapter)

    def encoder(self, policy: PruningPolicy, num_threads: int | None = None) -> PrunedEncoder:
        """The encoder that a policy is tried with.

        :raises EncoderError: If the policy or the model does not fit.
        """
        return PrunedEncoder(
            self.model,
            policy,
            FINAL_AND_CUT,
            engine="onnx",
            precision=self.precision,
            num_threads=num_threads,
            adapter=fixed_adapter(self.model, self.adapter),
        )


@dataclass(frozen=True)
class Trial:
    """What one policy gave on one task.

    :param policy: The policy.
    :param task: The task's name.
    :param accuracies: By read-out and kind of message (``as written``, ``long``, ``longest``) the accuracy of each
        draw, in ``[0, 1]``: shots by shots, in each by seed. Draws are the same for every policy.
    :param work: By kind of message the share of the encoder's work that is left, in ``(0, 1]``.
    :param time: By kind of message the share of the encoder's time that is left, if it was measured.
    """

    policy: PruningPolicy
    task: str
    accuracies: dict[str, dict[str, list[float]]]
    work: dict[str, float]
    time: dict[str, float] | None = None


def tried(policy: PruningPolicy, task: Task, setting: Setting) -> Trial:
    """Learn from every draw and judge.

    :raises EncoderError: If the policy or the model does not fit.
    :raises LabelledError: If the task is too small.
    """
    encoder = _encoder(setting, policy)
    judged: dict[str, list[Labelled]] = {}
    accuracies: dict[str, dict[str, list[float]]] = {readout: {} for readout in setting.readouts}
    remembered = Remembered(encoder)
    for shots in setting.shots:
        for seed in range(setting.seeds):
            examples, messages = draw(task.pool, shots, setting.held_out, seed)
            kinds = {
                SHORT: messages,
                LONG: lengthened(messages.chosen(range(min(setting.long, len(messages))))),
                LONGEST: longest(task.pool, setting.longest, without=examples),
            }
            for readout in setting.readouts:
                embed = remembered.with_readout(readout)
                learner = Learner.of(embed, examples)
                for kind, sets in kinds.items():
                    if len(sets):
                        accuracies[readout].setdefault(kind, []).append(learner.accuracy(embed, sets))
                        judged.setdefault(kind, []).append(sets)
    return Trial(policy, task.name, accuracies, {kind: _work(encoder, sets, setting) for kind, sets in judged.items()})


@lru_cache(maxsize=1)  # the tasks of one policy follow each other
def _encoder(setting: Setting, policy: PruningPolicy) -> PrunedEncoder:
    return setting.encoder(policy, num_threads=1)


def _work(encoder: PrunedEncoder, sets: Sequence[Labelled], setting: Setting) -> float:
    texts = list(dict.fromkeys(text for messages in sets for text in messages.texts))
    return work_left(encoder.policy, encoder.layers, piece_counts(setting.model, texts))
