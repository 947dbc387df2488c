"""A scripted conversation with the trained example bot: what was understood, what was pruned, what the bot answers."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rasa.core.agent import Agent
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.utils.common import configure_logging_and_warnings
from rasa.utils.log_utils import configure_structlog

from rasa_token_pruning.components.featurizer import TokenPruningFeaturizer
from rasa_token_pruning.encoder.pruned import EncodedText, PrunedEncoder

SCRIPT = (
    "hi there",
    "i cant get into my account any more, it says too many attempts",
    "good morning, hope you had a nice weekend. mine was fine until i opened the laptop at home today, because the vpn "
    "says connecting for a minute and then gives up, and i have a call with a customer at ten. could you have a look?",
    "thanks, that helped",
    "when are you open?",
    "i want to report a problem",
    "my laptop",
    "the lid does not close properly since it fell off the table",
    "it is quite urgent",
    "what happened to my ticket INC0012345?",
    "how do i bake a sourdough bread?",
    "bye",
)


def encoder_of(archive: Path) -> PrunedEncoder:
    """The encoder in an archive."""
    with TemporaryDirectory() as folder:
        storage, metadata = LocalModelStorage.from_model_archive(Path(folder), archive)
        nodes = metadata.predict_schema.nodes.values()
        resource = next(node.resource for node in nodes if node.uses is TokenPruningFeaturizer)
        with storage.read_from(resource) as files:
            return PrunedEncoder.load(files / "encoder")


def pieces(text: EncodedText, kept: bool) -> str:
    """The word pieces that stayed or went, special tokens left out."""
    chosen = [piece for piece, stayed in zip(text.pieces.texts, text.kept, strict=True) if stayed == kept]
    return " ".join(piece for piece in chosen if piece not in (text.pieces.texts[0], text.pieces.texts[-1]))


async def talk(archive: Path) -> None:
    """Hold the conversation and print it."""
    encoder = encoder_of(archive)
    agent = Agent.load(archive)
    for message in SCRIPT:
        parsed: dict[str, Any] = await agent.parse_message(message)
        answers = await agent.handle_text(message, sender_id="demo") or []
        encoded = encoder.encode_tokens([message])[0]
        intent = parsed["intent"]
        name = intent.get("full_retrieval_intent_name") or intent["name"]
        print(f"\nUser:    {message}")
        print(f"Intent:  {name} (confidence {intent['confidence']:.2f})")
        print(f"Kept:    {pieces(encoded, kept=True)}")
        print(f"Dropped: {pieces(encoded, kept=False) or '(nothing)'}")
        for answer in answers:
            print(f"Bot:     {answer.get('text', '')}")


if __name__ == "__main__":
    configure_structlog(logging.ERROR)
    configure_logging_and_warnings(logging.ERROR)
    asyncio.run(talk(Path(sys.argv[1])))
