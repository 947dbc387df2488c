"""Between Rasa's messages and a tagger: tokens with features, annotated entities, and tags as Rasa writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.tokenizers.tokenizer import Token
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_END,
    ENTITY_ATTRIBUTE_GROUP,
    ENTITY_ATTRIBUTE_ROLE,
    ENTITY_ATTRIBUTE_START,
    ENTITY_ATTRIBUTE_TYPE,
    NO_ENTITY_TAG,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message

from rasa_token_pruning.components.attached import attached_tokens
from rasa_token_pruning.fewshot.bilou import Label, Span, parts
from rasa_token_pruning.fewshot.tagger import Tagging, TokenFeatures

_PATTERN = "pattern"  # where RegexFeaturizer notes on a token which patterns match it

# For each attribute of an entity, what two labels must share to agree in it.
_SHARED: dict[str, Callable[[Label], tuple[str | None, ...]]] = {
    ENTITY_ATTRIBUTE_TYPE: lambda label: (label.type,),
    ENTITY_ATTRIBUTE_ROLE: lambda label: (label.type, label.role),
    ENTITY_ATTRIBUTE_GROUP: lambda label: (label.type, label.group),
}


def tokens_of(message: Message) -> list[Token]:
    """The tokens of a message's text; none if no tokenizer has seen it."""
    tokens: list[Token] = message.get(TOKENS_NAMES[TEXT]) or []
    return tokens


def token_features(message: Message, featurizers: list[str]) -> TokenFeatures | None:
    """What a tagger sees of a message; None if it has no tokens, or no dense features of them.

    What stands behind the last token that has other features than zeros is beyond the encoder's limit, and left out.

    :param featurizers: The featurizers whose features count; all if empty.
    """
    tokens = tokens_of(message)
    rows = attached_tokens(message, TEXT, featurizers)
    if rows is None or len(rows) != len(tokens):
        return None
    [seen] = np.nonzero(rows.any(axis=1))
    if not len(seen):
        return None
    tokens = tokens[: seen[-1] + 1]
    matching = [token.get(_PATTERN, {}) for token in tokens]
    return TokenFeatures(
        rows=np.asarray(rows[: len(tokens)], dtype=np.float32),
        words=[token.text for token in tokens],
        patterns=[[name for name, matches in patterns.items() if matches] for patterns in matching],
    )


def spans_of(message: Message, count: int) -> list[Span]:
    """The annotated entities of a message, with all tokens that they touch of the first ``count``."""
    tokens, spans = tokens_of(message)[:count], []
    for entity in message.get(ENTITIES, []):
        start, end = entity[ENTITY_ATTRIBUTE_START], entity[ENTITY_ATTRIBUTE_END]
        touched = [number for number, token in enumerate(tokens) if token.start < end and token.end > start]
        if touched:
            named = (entity.get(attribute) for attribute in (ENTITY_ATTRIBUTE_ROLE, ENTITY_ATTRIBUTE_GROUP))
            role, group = (str(name) if name else None for name in named)  # as Rasa: "" and 0 are none
            spans.append(Span(touched[0], touched[-1], Label(str(entity[ENTITY_ATTRIBUTE_TYPE]), role, group)))
    return spans


def with_confidences(tagging: Tagging, labels: Sequence[Label]) -> tuple[dict[str, list[str]], dict[str, list[float]]]:
    """For type, role and group, the tag of each token such as ``B-city``, and how sure it is.

    The confidence of a role or group is that of the type with it. That of a token without an entity is 0: nobody asks.
    """
    tags = {attribute: [NO_ENTITY_TAG] * len(tagging.tags) for attribute in _SHARED}
    confidences = {attribute: [0.0] * len(tagging.tags) for attribute in _SHARED}
    found = [(place, part) for place, number in enumerate(tagging.tags) if (part := parts(number))]
    for attribute, shared in _SHARED.items():
        kinds = [shared(label) for label in labels]
        for place, (prefix, label) in found:
            if value := kinds[label][-1]:
                alike = [kind == kinds[label] for kind in kinds]
                tags[attribute][place] = f"{prefix}-{value}"
                confidences[attribute][place] = min(1.0, float(tagging.probabilities[place, alike].sum()))
    return tags, confidences
