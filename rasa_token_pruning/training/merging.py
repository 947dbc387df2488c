"""An encoder with an adapter's change in its weights, as a folder that every library reads."""

from __future__ import annotations

from pathlib import Path

from rasa_token_pruning.encoder.adapter_files import adapter_where_cut
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.publishing import publish
from rasa_token_pruning.training.errors import TrainingError
from rasa_token_pruning.training.output import check_free, write


def merge(model: str, adapter: str, output: Path) -> str:
    """Write the changed encoder, and say so. What makes its tokens important is not among what such folders hold.

    :param model: As in the featurizer.
    :param adapter: As in the featurizer.
    :param output: The folder to write.
    :raises TrainingError: If the output exists, or the options name no adapter.
    :raises EncoderError: If the model or the adapter is missing, damaged or does not belong to it.
    """
    check_free(output)
    file = adapter_where_cut(model, adapter)
    if file is None:
        raise TrainingError(f"adapter is {adapter!r}, and none comes with this package for {model}: give one's file.")
    changed = shared_model(model, file)
    output.parent.mkdir(parents=True, exist_ok=True)
    settings = {"kind": "merge", "model": model, "adapter": adapter}
    write(output, lambda folder: publish(changed.folder, changed.weights, folder), {"settings": settings, "judged": {}})
    return f"{output} is {model} with what {file.name} changes."
