"""A published model as sentence-transformers opens it, once it is known that opening runs none of its own code."""

from __future__ import annotations

from sentence_transformers import SentenceTransformer

from rasa_token_pruning.encoder.location import locate
from rasa_token_pruning.encoder.model_files import read_facts


def opened(name: str) -> SentenceTransformer:
    """The model of a name, a folder or a hub name.

    sentence-transformers imports what ``modules.json`` names, and some architectures of transformers bring code of
    their own: only modules and architectures that the encoder supports get there. A chat template, of which an encoder
    has no use, is not carried along: the names in it become names of files.

    :raises EncoderError: If it is not there, or its modules or its architecture are not supported.
    """
    folder = locate(name)
    read_facts(folder)
    model: SentenceTransformer = SentenceTransformer(str(folder))
    model.tokenizer.chat_template = None
    return model
