"""A component's options, checked before any work is done."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import rasa.shared.utils.io
from rasa.shared.exceptions import InvalidConfigException

# Rasa itself adds these to a component's options.
_FROM_RASA = frozenset({"name", "epochs", "finetuning_epoch_fraction"})

# What a pasted block of DIETClassifier or ResponseSelector may hold. It means nothing here, and it does no harm.
DIET_ONLY = frozenset(
    """
    BILOU_flag batch_size batch_strategy checkpoint_model concat_dimension connection_density constrain_similarities
    dense_dimension drop_rate drop_rate_attention drop_small_last_batch embedding_dimension encoding_dimension
    entity_recognition epochs evaluate_every_number_of_epochs evaluate_on_number_of_examples hidden_layers_sizes
    intent_classification learning_rate loss_type max_relative_position maximum_negative_similarity
    maximum_positive_similarity model_confidence negative_margin_scale number_of_attention_heads
    number_of_negative_examples number_of_transformer_layers random_seed regularization_constant run_eagerly scale_loss
    share_hidden_layers similarity_type split_entities_by_comma tensorboard_log_directory tensorboard_log_level
    transformer_size unidirectional_encoder use_dense_input_dropout use_gpu use_key_relative_attention
    use_masked_language_model use_maximum_negative_similarity use_sparse_input_dropout use_value_relative_attention
    """.split()
)


def check_keys(
    component: str, config: Mapping[str, Any], known: Collection[str], ignored: Collection[str] = ()
) -> None:
    """Refuse options that do not exist, and warn once of those that are accepted without effect.

    :param component: The name of the component, for the message.
    :param config: The options as Rasa hands them over.
    :param known: The options that the component has.
    :param ignored: Options of another component that users paste; they get one warning.
    :raises InvalidConfigException: If an option is in neither list. The message names the nearest one.
    """
    for key in config.keys() - set(known) - set(ignored) - _FROM_RASA:
        near = get_close_matches(str(key), known, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Its options are {', '.join(sorted(known))}."
        raise InvalidConfigException(f"{component} has no option '{key}'. {hint}")
    without_effect = sorted(config.keys() & set(ignored) - set(known))
    if without_effect:
        rasa.shared.utils.io.raise_warning(
            f"{component} ignores {', '.join(without_effect)}: options of Rasa's own component that it does not need. "
            "Remove them from the config to silence this warning.",
            category=UserWarning,
        )


def check_flag(component: str, config: Mapping[str, Any], key: str) -> None:
    """:raises InvalidConfigException: If the option is not true or false."""
    if not isinstance(config[key], bool):
        raise InvalidConfigException(f"{component}: {key} is {config[key]!r}; give true or false.")


def check_number(
    component: str, config: Mapping[str, Any], key: str, allowed: str, is_allowed: Callable[[float], bool]
) -> None:
    """:raises InvalidConfigException: If the option is no number, or not one that is ``allowed``."""
    value = config[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not is_allowed(value):
        raise InvalidConfigException(f"{component}: {key} is {value!r}; give a number {allowed}.")


def check_ranking_length(component: str, config: Mapping[str, Any]) -> None:
    """:raises InvalidConfigException: If ``ranking_length`` is no whole number of at least 0."""
    length = config["ranking_length"]
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        raise InvalidConfigException(f"{component}: ranking_length is {length!r}; give a whole number, 0 for all.")


def check_featurizers(component: str, config: Mapping[str, Any]) -> None:
    """:raises InvalidConfigException: If ``featurizers`` is no list of texts."""
    aliases = config["featurizers"]
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        raise InvalidConfigException(f"{component}: featurizers is {aliases!r}; give a list of aliases.")


@contextmanager
def as_config_error(component: str, error: type[Exception]) -> Iterator[None]:
    """Raise an error of ours as an InvalidConfigException: Rasa shows that as its message, others as a traceback."""
    try:
        yield
    except error as raised:
        raise InvalidConfigException(f"{component}: {raised}") from raised
