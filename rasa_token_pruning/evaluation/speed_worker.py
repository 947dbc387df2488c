"""One system in a process of its own, which answers requests for timings: JSON lines in, JSON lines out.

Runs with any Python that has the system's packages, so it imports nothing of this package unless that is the system.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

Encode = Callable[[Sequence[str], int], Any]


def ours(options: dict[str, Any]) -> Encode:
    """PrunedEncoder: ``pruning`` holds the fields of a policy, or ``load`` names the folder of a saved encoder."""
    from rasa_token_pruning.encoder.policy import PruningPolicy
    from rasa_token_pruning.encoder.pruned import PrunedEncoder

    if "pruning" in options:
        options["pruning"] = PruningPolicy(**options["pruning"])
    folder = options.pop("load", None)
    encoder = PrunedEncoder(**options) if folder is None else PrunedEncoder.load(folder, **options)
    return lambda texts, batch_size: encoder.encode(texts)


def sentence_transformers(options: dict[str, Any]) -> Encode:
    """SentenceTransformer.encode, with any of its backends."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(options.pop("model"), device="cpu", **options)
    return lambda texts, batch_size: model.encode(list(texts), batch_size=batch_size, show_progress_bar=False)


def fastembed(options: dict[str, Any]) -> Encode:
    """FastEmbed on a local folder with ``model.onnx``: no network."""
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    TextEmbedding.add_custom_model(
        model="local",
        pooling=PoolingType.MEAN,
        normalization=True,
        sources=ModelSource(hf="local/model"),
        dim=384,
        model_file="model.onnx",
    )
    model = TextEmbedding("local", specific_model_path=options["folder"])
    return lambda texts, batch_size: list(model.embed(list(texts), batch_size=batch_size))


def model2vec(options: dict[str, Any]) -> Encode:
    """A static model: the mean of word vectors."""
    from model2vec import StaticModel

    model = StaticModel.from_pretrained(options["folder"])
    return lambda texts, batch_size: model.encode(list(texts))


SYSTEMS = {f.__name__: f for f in (ours, sentence_transformers, fastembed, model2vec)}


def single(encode: Encode, texts: Sequence[str]) -> list[float]:
    """The time of each text alone, in ms, after a short warm-up."""
    for text in texts[:5]:
        encode([text], 1)
    times = []
    for text in texts:
        start = time.perf_counter()
        encode([text], 1)
        times.append((time.perf_counter() - start) * 1e3)
    return times


def batched(encode: Encode, texts: Sequence[str], batch_size: int) -> float:
    """Texts per second."""
    start = time.perf_counter()
    encode(texts, batch_size)
    return len(texts) / (time.perf_counter() - start)


def resident_mib() -> float:
    """The memory that this process occupies now, in MiB; its peak where Linux does not tell, nan on Windows."""
    try:
        with open("/proc/self/statm", encoding="ascii") as stream:
            return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return math.nan
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, KiB elsewhere


def main() -> None:
    """Load the system that the arguments name, then answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not get between the answers

    def answer(**fields: Any) -> None:
        answers.write(json.dumps(fields) + "\n")
        answers.flush()

    start = time.perf_counter()
    encode = SYSTEMS[sys.argv[1]](json.loads(sys.argv[2]))
    encode(["is anybody there?"], 1)
    answer(load_s=time.perf_counter() - start, resident_mib=resident_mib())
    for line in sys.stdin:
        request = json.loads(line)
        if "batch_size" in request:
            answer(per_second=batched(encode, request["texts"], request["batch_size"]), resident_mib=resident_mib())
        else:
            answer(ms=single(encode, request["texts"]), resident_mib=resident_mib())


if __name__ == "__main__":
    main()
