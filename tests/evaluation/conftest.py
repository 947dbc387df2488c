"""A small assistant, trained by Rasa's own command, and archives made of its archive."""

import io
import json
import subprocess
import sys
import tarfile

import pytest
import yaml

EXAMPLES = {
    "reset_password": [
        "i forgot my password",
        "please reset my password",
        "my password expired, what now",
        "new password please",
        "the password does not work",
    ],
    "book_room": [
        "i need a meeting room",
        "book a room for four people at noon",
        "is there a free room tomorrow",
        "a room for the whole team please",
        "can we get the big room on monday",
    ],
    "greet": ["hello", "good morning", "hi there", "hey", "good evening"],
    "faq/opening_hours": [
        "when are you open",
        "opening hours please",
        "are you open on sundays",
        "when do you close",
        "until when can i come",
    ],
    "faq/parking": [
        "where can i park",
        "is there a car park",
        "do i have to pay for parking",
        "a place for my car",
        "parking for guests",
    ],
}
PIPELINE = [
    {"name": "WhitespaceTokenizer"},
    {"name": "rasa_token_pruning.TokenPruningFeaturizer", "num_threads": 1},
    {"name": "rasa_token_pruning.FewShotIntentClassifier"},
]
FEATURIZER = "components/train_rasa_token_pruning.TokenPruningFeaturizer1/"
CLASSIFIER = "components/train_rasa_token_pruning.FewShotIntentClassifier2/"


@pytest.fixture(scope="session")
def bot(tmp_path_factory):
    """The folder of a bot that was trained."""
    folder = tmp_path_factory.mktemp("explained")
    config = {"recipe": "default.v1", "assistant_id": "small", "language": "en", "pipeline": PIPELINE}
    nlu = [
        {"intent": intent, "examples": "".join(f"- {text}\n" for text in texts)} for intent, texts in EXAMPLES.items()
    ]
    (folder / "config.yml").write_text(yaml.safe_dump(config))
    (folder / "nlu.yml").write_text(yaml.safe_dump({"version": "3.1", "nlu": nlu}))
    command = [sys.executable, "-m", "rasa", "train", "nlu", "--nlu", "nlu.yml", "--fixed-model-name", "small"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder


@pytest.fixture(scope="session")
def archive(bot):
    return bot / "models" / "small.tar.gz"


@pytest.fixture(scope="session")
def contents(archive):
    """The content of each file of the archive."""
    with tarfile.open(archive) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}


@pytest.fixture
def packed(contents, tmp_path):
    """Writes an archive with other files, and with other nodes for answering; what is ``None`` is left out."""

    def write(files=None, change=lambda nodes: None):
        metadata = json.loads(contents["metadata.json"])
        change(metadata["predict_schema"]["nodes"])
        changed = {**contents, "metadata.json": json.dumps(metadata).encode(), **(files or {})}
        file = tmp_path / "changed.tar.gz"
        write_tar(file, *((name, content) for name, content in changed.items() if content is not None))
        return file

    return write


def write_tar(file, *members):
    """Write an archive of names with contents, and of whatever else a TarInfo can say."""
    with tarfile.open(file, "w:gz", compresslevel=1) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))


def node(nodes, component):
    """The node of a component, by the beginning of its class's name."""
    return next(node for node in nodes.values() if node["uses"].rpartition(".")[2].startswith(component))
