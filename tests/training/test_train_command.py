"""`rasa-token-pruning train-encoder`, in processes of its own."""

import json
import os
import random
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.cli import main
from rasa_token_pruning.encoder.adapter_files import read_adapter
from tests.children import child
from tests.ways_in.processes import free_port

TEXTS = ["reset my password", "where is my order", "hello"]
FEW = ("--steps", "4", "--interval", "2", "--batch", "4")


def embeddings(folder):
    return PrunedEncoder(str(folder), "off", engine="torch").encode(TEXTS)


def train_encoder(*arguments):
    sys.exit(main(["train-encoder", *arguments]))


@contextmanager
def command(*arguments, **kwargs):
    """The command in a process of its own."""
    with TemporaryDirectory() as folder, child(Path(folder), train_encoder, *map(str, arguments), **kwargs) as process:
        yield process


def trained(*arguments):
    with command(*arguments) as process:
        assert process.wait() == 0, process.printed[-3000:]
        return process.printed


def killed(until, *arguments):
    """The command, killed as soon as there is a file."""
    with command(*arguments) as process:
        process.until(until.exists)


CUTS = "contrastive, through cuts"
LEVELS = ("--pruning", "balanced", "aggressive", "off")


@pytest.mark.parametrize("kind", ["contrastive", CUTS, "distill", "adapt"])
def test_each_kind_writes_a_model_that_the_featurizer_takes(kind, tiny, tasks, tmp_path):
    special = {
        "contrastive": [f"desk={tasks['desk']}", "--texts", tasks["shop"], "--learning-rate", "0.01"],
        CUTS: [f"desk={tasks['desk']}", *LEVELS, "--learning-rate", "0.01"],
        "distill": [tasks["desk"], tasks["shop"], "--layers", "0", "3", "--learning-rate", "0.01"],
        "adapt": [tasks["desk"], "--layers", "1", "--quantile", "0.5", "--min-tokens", "3", "--learning-rate", "0.01"],
    }[kind]
    output = tmp_path / "new"
    said = trained(
        kind.split(",")[0], *special, "--model", tiny, "--output", output, *FEW, "--held-out", f"shop={tasks['shop']}"
    )
    assert "new is trained. Of the held-out messages it understands" in said
    assert not np.allclose(embeddings(output), embeddings(tiny), atol=1e-4)
    record = json.loads((output / "training.json").read_text())
    assert record["settings"]["kind"] == kind.split(",")[0] and set(record["judged"]) == {"0", "2", "4"}
    assert "How this encoder was trained" in (output / "README.md").read_text()
    assert {file.name for file in tmp_path.iterdir()} == {"new"}


def test_of_a_training_that_ends_before_its_first_interval_the_last_step_is_judged(tiny, tasks, tmp_path):
    few = ("--steps", "3", "--batch", "4", "--held-out", f"shop={tasks['shop']}")
    said = trained("contrastive", f"desk={tasks['desk']}", "--model", tiny, "--output", tmp_path / "new", *few)
    judged = json.loads((tmp_path / "new" / "training.json").read_text())["judged"]
    assert set(judged) == {"0", "3"} and f"{judged['0']:.4f} before, {judged['3']:.4f} now" in said


def test_intents_with_one_message_are_reported(tiny, tmp_path):
    file = tmp_path / "few.csv"
    file.write_text("text,intent\na b,one\nb c,one\nc d,two\n")
    with command("contrastive", file, "--model", tiny, "--output", tmp_path / "new", *FEW) as process:
        process.wait()
        printed = process.printed
    assert "few: 1 of 2 intents have only one message, and are left out: 'two'" in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["contrastive"], "nothing to learn from"),
        (["contrastive", "missing.csv"], "missing.csv cannot be read"),
        (["adapt", "{desk}", "--layers", "1", "--train-from", "2"], "train from the first cut or below"),
        (["adapt", "{desk}", "--layers", "99"], "this encoder has"),
        (["distill", "{desk}", "--layers", "0", "99"], "ascending"),
        (["distill", "{desk}", "--epochs", "0"], "--epochs is 0.0: give a number greater than 0"),
        (["distill", "{desk}", "--learning-rate", "nan"], "--learning-rate is nan"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_advice(arguments, said, tiny, tasks, tmp_path, capsys):
    arguments = [argument.format(desk=tasks["desk"]) for argument in arguments]
    output = tmp_path / "new"
    assert main(["train-encoder", *arguments, "--model", str(tiny), "--output", str(output)]) == 2
    assert said in capsys.readouterr().err
    assert not output.exists()


def test_a_folder_that_exists_is_not_overwritten(tiny, tasks, tmp_path, capsys):
    arguments = ["train-encoder", "distill", str(tasks["desk"]), "--model", str(tiny), "--output", str(tmp_path)]
    assert main(arguments) == 2
    assert "exists: name another folder" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["contrastive", CUTS, "distill", "adapt"])
def test_killed_at_any_step_and_started_again_it_ends_as_if_nothing_had_been(kind, tiny, tasks, tmp_path):
    special = {
        "contrastive": [f"desk={tasks['desk']}", f"shop={tasks['shop']}"],
        CUTS: [f"desk={tasks['desk']}", f"shop={tasks['shop']}", *LEVELS, "--stories", "0.5"],
        "distill": [tasks["desk"], tasks["shop"], "--teacher", tiny, "--layers", "0", "1"],
        "adapt": [tasks["desk"], tasks["shop"], "--layers", "1", "--quantile", "0.5", "--min-tokens", "3"],
    }[kind]
    common = [*special, "--model", tiny, "--seed", "3", "--steps", "60", "--interval", "5", "--batch", "4"]
    trained(kind.split(",")[0], *common, "--output", tmp_path / "whole")
    output = tmp_path / "killed"
    again = [kind.split(",")[0], *common, "--output", output]
    wanted = random.Random(kind).randrange(10, 50)
    killed(tmp_path / "killed.checkpoints" / f"checkpoint-{wanted // 5 * 5}", *again)
    assert not output.exists()
    trained(*again)
    np.testing.assert_allclose(embeddings(output), embeddings(tmp_path / "whole"), atol=1e-6)


def test_killed_between_two_layers_scores_go_on_with_the_next(tasks, tiny, tmp_path):
    common = [tasks["desk"], tasks["shop"], "--model", tiny, "--adapter", "none", "--varied", "20"]
    trained("score", *common, "--output", tmp_path / "whole")
    output, kept = tmp_path / "killed", tmp_path / "killed.checkpoints"
    killed(kept / "layer-0.npz", "score", *common, "--output", output)
    assert not output.exists()
    written = (kept / "layer-0.npz").stat().st_mtime_ns
    assert main(["train-encoder", "score", *map(str, common), "--seed", "9", "--output", str(output)]) == 2
    assert (kept / "layer-0.npz").stat().st_mtime_ns == written
    trained("score", *common, "--output", output)
    resumed, whole = read_adapter(output), read_adapter(tmp_path / "whole")
    assert resumed.provenance == whole.provenance and resumed.adapter.arrays.keys() == whole.adapter.arrays.keys()
    for name, array in resumed.adapter.arrays.items():
        np.testing.assert_array_equal(array, whole.adapter.arrays[name])
    assert not kept.exists()


def test_without_space_for_a_checkpoint_it_fails_and_goes_on_when_there_is_some(tiny, tasks, tmp_path):
    less_than_its_optimizer_keeps = (tiny / "model.safetensors").stat().st_size * 4 // 5
    common = [tasks["desk"], "--layers", "0", "1", "--model", tiny, "--steps", "6", "--interval", "2", "--batch", "4"]
    output = tmp_path / "new"
    with command("distill", *common, "--output", output, largest_file=less_than_its_optimizer_keeps) as process:
        assert process.wait() != 0
    assert not output.exists()
    trained("distill", *common, "--output", output)
    trained("distill", *common, "--output", tmp_path / "whole")
    np.testing.assert_allclose(embeddings(output), embeddings(tmp_path / "whole"), atol=1e-6)


def together(*arguments):
    """Two processes on this machine's CPU."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", str(free_port())]
    command = [*launch, "-m", "rasa_token_pruning.cli", "train-encoder", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def test_two_processes_train_together(tiny, tasks, tmp_path):
    common = [f"desk={tasks['desk']}", "--model", tiny, "--output", tmp_path / "new", "--steps", "4", "--batch", "2"]
    done = together("contrastive", *common, "--learning-rate", "0.01")
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("is trained") == 1
    assert not np.allclose(embeddings(tmp_path / "new"), embeddings(tiny), atol=1e-4)


def test_several_processes_refuse_a_task_with_too_few_intents_for_a_batch(tiny, tasks, tmp_path):
    done = together("contrastive", f"desk={tasks['desk']}", "--model", tiny, "--output", tmp_path / "new", *FEW)
    assert "desk has 3 intents, too few for batches of 4" in done.stderr
    assert not (tmp_path / "new").exists()
