"""What the components themselves say of options."""

from pathlib import Path

import numpy as np

from rasa_token_pruning import (
    FewShotEntityExtractor,
    FewShotIntentClassifier,
    FewShotResponseSelector,
    TokenPruningFeaturizer,
)
from rasa_token_pruning.components.encoders import encoder_from_config
from rasa_token_pruning.components.options import as_config_error
from rasa_token_pruning.encoder.adapter import Adapter
from rasa_token_pruning.encoder.adapter_files import write_adapter
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import sha256
from rasa_token_pruning.encoder.options import check_threads
from rasa_token_pruning.encoder.weights import scorer_shapes

COMPONENTS = (TokenPruningFeaturizer, FewShotIntentClassifier, FewShotResponseSelector, FewShotEntityExtractor)
BY_NAME = {component.__name__: component for component in COMPONENTS}


def use(component, options, model):
    """Check options as ``rasa train`` does, with a small model in the place of any other, and an adapter
    to it in the place of any other file.

    :raises InvalidConfigException: If the component refuses them.
    """
    config = {**component.get_default_config(), **options}
    component.validate_config(config)
    if component is TokenPruningFeaturizer:
        if "model" not in options or isinstance(options["model"], str):
            config["model"] = model
        if str(config["adapter"]).endswith(".safetensors") or config["score"] == "learnt":
            config["adapter"] = adapter_to(model)
        with as_config_error(component.__name__, EncoderError):
            check_threads(config["num_threads"])
        encoder_from_config({**config, "num_threads": 1})  # not a thousand for the sake of a test


def adapter_to(model):
    """The file of an adapter that changes nothing, and takes all tokens for equally important."""
    file = Path(model).parent / "adapter.safetensors"
    config = shared_model(model).weights.config
    shapes = scorer_shapes(range(config.layers), config.width)
    nothing = Adapter({name: np.zeros(size) for name, size in shapes.items()})
    write_adapter(file, nothing, sha256(Path(model) / "model.safetensors"), {})
    return str(file)
