"""A pruned encoder as a module of sentence-transformers: it runs with its policies while it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers.base.modules import Module
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from rasa_token_pruning.encoder.adapter_files import adapter_where_cut
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.options import NONE
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pooling import read_out
from rasa_token_pruning.encoder.protection import protected_ids
from rasa_token_pruning.encoder.transformer import Transformer, among
from rasa_token_pruning.encoder.weights import EncoderWeights


class PrunedModule(Module):
    """Texts to embeddings of length 1, with the layers from one on free to change.

    :param model: As ``PrunedEncoder`` takes it.
    :param policies: Where and how much it cuts. In training one of them is drawn for each pass, else the first counts.
    :param first: The first layer that is trained; it lies below no cut. The number of layers, if none is.
    :param adapter: As ``PrunedEncoder`` takes it.
    """

    def __init__(self, model: str, policies: Sequence[PruningPolicy], first: int, adapter: str = NONE) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.model, self.policies, self.first, self.adapter = model, tuple(policies), first, adapter
        self.learning = False
        self._source = shared_model(model, adapter_where_cut(model, adapter))
        self._tokenizer = self._source.tokenizer(None)
        self._protected = {policy: protected_ids(policy.protect, self._tokenizer) for policy in self.policies}
        copied = {name: array.copy() for name, array in self._source.weights.arrays.items()}
        self.transformer = Transformer.from_weights(EncoderWeights(self._source.weights.config, copied))
        self.transformer.layers[first:].requires_grad_(True)

    def train(self, mode: bool = True) -> PrunedModule:
        """There is no dropout: what the embeddings are to be is known exactly."""
        super().train(False)
        self.learning = mode
        return self

    def preprocess(self, inputs: list[str], **_: Any) -> dict[str, Tensor]:
        """Token ids, ``(texts, longest)``, and which of them are no padding."""
        ids = [torch.tensor(pieces.ids) for pieces in self._tokenizer.tokenize(inputs, report=False)]
        mask = [torch.ones(len(text), dtype=torch.int64) for text in ids]
        return {
            "input_ids": pad_sequence(ids, batch_first=True),
            "attention_mask": pad_sequence(mask, batch_first=True),
        }

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add ``sentence_embedding``, ``(texts, dimension)``. There is no padding: each length is a pass of its own."""
        ids, lengths, policy = features["input_ids"], features["attention_mask"].sum(dim=1), self._drawn()
        rows, order = [], []
        for length in lengths.unique():
            of_it = (lengths == length).nonzero()[:, 0]
            below = self.transformer.run_until(self.first, ids[of_it, : int(length)]).clone()
            protected = among(ids[of_it, : int(length)], self._protected[policy])
            run = self.transformer.run_from(self.first, below, policy, protected=protected)
            rows.append(functional.normalize(read_out(run, self._source.head), dim=-1))
            order.append(of_it)
        features["sentence_embedding"] = torch.cat(rows)[torch.cat(order).argsort()]
        return features

    def _drawn(self) -> PruningPolicy:
        """The policy of a pass; of torch's chance, which checkpoints keep."""
        return self.policies[int(torch.randint(len(self.policies), ())) if self.learning else 0]

    def weights(self) -> EncoderWeights:
        """All weights as they are now."""
        arrays = {name: np.array(tensor.cpu()) for name, tensor in self.transformer.state_dict().items()}
        return EncoderWeights(self._source.weights.config, arrays)

    @property
    def source(self) -> Path:
        """The folder of the model as it was."""
        return self._source.folder

    def get_config_dict(self) -> dict[str, Any]:
        """What makes the module again, without what it has learnt."""
        policies = [asdict(policy) for policy in self.policies]
        return {"model": self.model, "policies": policies, "first": self.first, "adapter": self.adapter}

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **kwargs: Any) -> None:
        """See ``Module``."""
        self.save_config(output_path)
        self.save_torch_weights(output_path, safe_serialization=safe_serialization)

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", **_: Any) -> PrunedModule:  # type: ignore[override]
        """See ``Module``; the checkpoint is always a folder here."""
        config = cls.load_config(model_name_or_path, subfolder=subfolder)
        policies = [PruningPolicy(**policy) for policy in config["policies"]]
        module = cls(config["model"], policies, config["first"], config["adapter"])
        cls.load_torch_weights(model_name_or_path, subfolder=subfolder, model=module)
        return module
