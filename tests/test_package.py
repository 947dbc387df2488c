import ast
import subprocess
import sys
from importlib.metadata import version

import pytest
import tomli

import rasa_token_pruning

# Which layer may import which: each only what stands below it (see docs/architecture.md).
BELOW = {
    "components": {"adaptation", "encoder", "fewshot"},
    "tuning": {"evaluation", "encoder", "fewshot"},
    "training": {"evaluation", "encoder", "fewshot"},
    "reporting": {"evaluation", "encoder", "fewshot"},
    "evaluation": {"encoder", "fewshot"},
    "adaptation": {"encoder", "fewshot"},
    "migration": set(),
    "encoder": set(),
    "fewshot": set(),
}
NEVER = {
    "tuning": {"rasa", "tensorflow"},
    "training": {"rasa", "tensorflow"},
    "reporting": {"rasa", "tensorflow", "torch"},
    "evaluation": {"rasa", "tensorflow"},
    "adaptation": {"rasa", "tensorflow"},
    "migration": {"rasa", "tensorflow", "torch", "transformers"},
    "encoder": {"rasa", "tensorflow"},
    "fewshot": {"rasa", "tensorflow", "torch", "transformers"},
}


def imports(file):
    """Every module that a file imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield node.module


@pytest.mark.parametrize("layer", BELOW)
def test_layers_import_only_what_stands_below(root, layer):
    for file in (root / "rasa_token_pruning" / layer).rglob("*.py"):
        for module in imports(file):
            parts = module.split(".")
            assert parts[0] not in NEVER.get(layer, ()), f"{file} imports {module}"
            if parts[0] == "rasa_token_pruning" and len(parts) > 2:
                assert parts[1] in {layer, *BELOW[layer]}, f"{file} imports {module}"


def loaded_after(code):
    """The top-level modules that a fresh interpreter has loaded after running the code."""
    program = f"import sys\n{code}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    )


def test_importing_the_package_loads_neither_rasa_nor_torch():
    assert not loaded_after("import rasa_token_pruning") & {"rasa", "torch", "tensorflow", "sklearn", "numpy"}


def test_the_encoder_loads_no_rasa_and_no_torch_nor_transformers():
    for precision in ("fp32", "int8"):
        made = f"PrunedEncoder(engine='onnx', precision='{precision}')"
        loaded = loaded_after(f"from rasa_token_pruning import PrunedEncoder; {made}.encode('hello')")
        assert "onnxruntime" in loaded
        assert not loaded & {"rasa", "tensorflow", "torch", "transformers", "sentence_transformers", "sklearn"}


def test_the_torch_engine_loads_no_rasa_and_no_transformers():
    loaded = loaded_after("from rasa_token_pruning import PrunedEncoder; PrunedEncoder(engine='torch').encode('hello')")
    assert "torch" in loaded
    assert not loaded & {"rasa", "tensorflow", "transformers", "sentence_transformers", "sklearn"}


def test_the_components_load_no_torch_before_they_are_used():
    components = "TokenPruningFeaturizer, FewShotIntentClassifier, FewShotResponseSelector, FewShotEntityExtractor"
    loaded = loaded_after(f"from rasa_token_pruning import {components}")
    assert "rasa" in loaded
    assert not loaded & {"torch", "onnx", "transformers"}


def test_public_names_are_there_and_others_are_not():
    for name in rasa_token_pruning.__all__:
        assert getattr(rasa_token_pruning, name) is not None
    assert dir(rasa_token_pruning) == sorted(rasa_token_pruning.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = rasa_token_pruning.Nothing


def test_the_version_is_the_distribution_s():
    assert version("rasa-token-pruning") == rasa_token_pruning.__version__


def test_the_changelog_knows_the_version(root):
    assert f"## {rasa_token_pruning.__version__}" in (root / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_typing_marker_is_shipped(root):
    assert (root / "rasa_token_pruning" / "py.typed").is_file()


def test_every_file_of_the_package_that_is_no_program_is_shipped(root):
    package = root / "rasa_token_pruning"
    settings = tomli.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    patterns = settings["package-data"]["rasa_token_pruning"]
    shipped = {file for pattern in patterns for file in package.glob(pattern)}
    there = {file for file in package.rglob("*") if file.is_file() and "__pycache__" not in file.parts}
    assert {file for file in there if file.suffix != ".py"} == shipped
