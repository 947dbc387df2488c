"""Rasa's archives are read as Rasa wrote them, and hostile ones do no harm."""

import gzip
import json
import os
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rasa_token_pruning.evaluation import archive as module
from rasa_token_pruning.evaluation.archive import ArchiveError, find, opened
from tests.evaluation.conftest import CLASSIFIER, FEATURIZER, write_tar

METADATA = json.dumps(
    {"predict_schema": {"nodes": {"run_x": {"uses": "a.X", "config": {}, "resource": {"name": "train_x"}}}}}
).encode()


def info(name, **attributes):
    made = tarfile.TarInfo(name)
    for attribute, value in attributes.items():
        setattr(made, attribute, value)
    return made


def take_out(file, folder, resource="train_x"):
    with opened(file) as archive:
        archive.take_out(resource, folder)


def files_under(folder):
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir() or file.is_symlink()}


def test_an_archive_of_rasa(archive, contents, tmp_path):
    with opened(archive) as found:
        ours = [node for node in found.nodes if node.component in ("TokenPruningFeaturizer", "FewShotIntentClassifier")]
        assert [node.options for node in ours] == [{"num_threads": 1}, {}]
        assert "WhitespaceTokenizer" in {node.component for node in found.nodes if not node.resource}
        for node in ours:
            found.take_out(node.resource, tmp_path / node.component)
    for folder, start in (("TokenPruningFeaturizer", FEATURIZER), ("FewShotIntentClassifier", CLASSIFIER)):
        expected = {name.removeprefix(start): content for name, content in contents.items() if name.startswith(start)}
        written = {name: (tmp_path / folder / name).read_bytes() for name in files_under(tmp_path / folder)}
        assert written == expected and expected


def test_the_newest_archive_is_meant(tmp_path):
    models = tmp_path / "models"
    (models / "folder.tar.gz").mkdir(parents=True)
    for age, name in enumerate(["b.tar.gz", "c.tar.gz", "a.tar.gz"]):
        (models / name).write_bytes(b"")
        os.utime(models / name, (1e9 - age, 1e9 - age))
    (tmp_path / "beside.tar.gz").write_bytes(b"")
    assert find(tmp_path) == find(models) == find(models / "b.tar.gz") == models / "b.tar.gz"


def test_there_is_no_archive(tmp_path):
    with pytest.raises(ArchiveError, match="rasa train"):
        find(tmp_path)
    with pytest.raises(ArchiveError, match="no archive and no folder"):
        find(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "..", "./evil", "/evil", "a//evil", "a\\..\\evil", "c:evil", "...", "a/"],
)
def test_a_file_of_ours_lands_nowhere_else(tmp_path, name):
    file = tmp_path / "x.tar.gz"
    write_tar(
        file, ("components/train_x/good", b"1"), (f"components/train_x/{name}", b"2"), ("metadata.json", METADATA)
    )
    with pytest.raises(ArchiveError, match="does not write: do not trust it"):
        take_out(file, tmp_path / "out")
    assert files_under(tmp_path) == {"x.tar.gz"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
@pytest.mark.parametrize("name", ["components/train_x/link", "metadata.json"])
def test_only_regular_files_are_read(tmp_path, kind, name):
    (tmp_path / "secret").write_text("{}")
    file = tmp_path / "x.tar.gz"
    write_tar(file, ("metadata.json", METADATA), info(name, type=kind, linkname=str(tmp_path / "secret")))
    with pytest.raises(ArchiveError, match="do not trust it"):
        take_out(file, tmp_path / "out")
    assert not files_under(tmp_path) - {"x.tar.gz", "secret"}


def test_what_is_not_ours_is_not_taken_out(tmp_path):
    file = tmp_path / "x.tar.gz"
    theirs = [("../evil", b"1"), (f"{tmp_path}/evil", b"1"), ("components/train_xy/evil", b"1")]
    link = info("components/train_x", type=tarfile.SYMTYPE, linkname=str(tmp_path / "elsewhere"))
    write_tar(file, *theirs, link, ("metadata.json", METADATA), ("components/train_x/sub/good", b"2"))
    take_out(file, tmp_path / "out")
    assert files_under(tmp_path) == {"x.tar.gz", "out/sub/good"}


@pytest.mark.parametrize("size", [1 << 20, 1 << 40, 1 << 62, -512])
@pytest.mark.parametrize("name", ["components/train_x/a", "metadata.json", "elsewhere"])
def test_a_declared_size_is_not_believed(tmp_path, name, size):
    member = info(name, size=size).tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(member + bytes(10240)))
    with pytest.raises(ArchiveError):
        take_out(tmp_path / "x.tar.gz", tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_cannot_ask_for_much_memory(tmp_path, kind):
    header = info("x", type=kind, size=(64 << 20) + 512).tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(header + bytes(10240)))
    with pytest.raises(ArchiveError, match="impossible size"):
        take_out(tmp_path / "x.tar.gz", tmp_path / "out")


@pytest.mark.parametrize(
    ("limit", "value", "said"),
    [
        ("_MOST_BYTES", 3, "has 4 bytes for 'train_x'; at most 3"),
        ("_MOST_BYTES_AT_ONCE", 999, "do not trust it"),
        ("_MOST_MEMBERS", 2, "too many files"),
    ],
)
def test_limits(tmp_path, monkeypatch, limit, value, said):
    file = tmp_path / "x.tar.gz"
    members = [(f"components/train_x/{name}", b"12") for name in "ab"]
    write_tar(file, ("metadata.json", METADATA + b" " * 1000), *members)
    take_out(file, tmp_path / "out")
    monkeypatch.setattr(module, limit, value)
    with pytest.raises(ArchiveError, match=said):
        take_out(file, tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    "metadata",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"predict_schema": null}',
        b'{"predict_schema": {"nodes": []}}',
        b'{"predict_schema": {"nodes": {"a": 1}}}',
        b'{"predict_schema": {"nodes": {"a": {"uses": 1, "config": {}, "resource": null}}}}',
        b'{"predict_schema": {"nodes": {"a": {"uses": "X", "config": 1, "resource": null}}}}',
        b"[" * 100_000,
        METADATA.replace(b"train_x", b".."),
        METADATA.replace(b"train_x", b"../x"),
        METADATA.replace(b"train_x", b"/etc"),
        METADATA.replace(b'"train_x"', b"1"),
    ],
    ids=lambda metadata: metadata[:70].decode("latin-1"),
)
def test_damaged_metadata(tmp_path, metadata):
    write_tar(tmp_path / "x.tar.gz", ("metadata.json", metadata))
    with pytest.raises(ArchiveError, match="not what Rasa 3 writes"):
        take_out(tmp_path / "x.tar.gz", tmp_path / "out")


def test_an_archive_of_something_else(tmp_path):
    write_tar(tmp_path / "x.tar.gz", ("fingerprint.json", b"{}"))
    with pytest.raises(ArchiveError, match="no archive of Rasa 3"):
        take_out(tmp_path / "x.tar.gz", tmp_path / "out")


def test_a_component_without_files(tmp_path):
    write_tar(tmp_path / "x.tar.gz", ("metadata.json", METADATA))
    with pytest.raises(ArchiveError, match="rasa train skipped it"):
        take_out(tmp_path / "x.tar.gz", tmp_path / "out")


def test_no_archive_at_all(tmp_path, archive):
    whole = archive.read_bytes()
    cases = (b"", b"hello", whole[:100], whole[: len(whole) // 2], whole[:-8], gzip.decompress(whole), bytes(5000))
    for content in (*cases, gzip.compress(b"hello"), whole[:3000] + bytes(50) + whole[3050:]):
        (tmp_path / "x.tar.gz").write_bytes(content)
        with pytest.raises(ArchiveError, match=r"x\.tar\.gz"):
            take_out(tmp_path / "x.tar.gz", tmp_path / "out")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 4095), st.integers(0, 255)), min_size=1, max_size=8))
def test_any_damage_is_an_error_of_ours_or_harmless(tmp_path, changes):
    file = tmp_path / "x.tar.gz"
    write_tar(file, ("metadata.json", METADATA), ("components/train_x/a", b"1"), ("components/train_x/b/c", b"2"))
    content = bytearray(gzip.decompress(file.read_bytes()))
    for place, value in changes:
        content[place % len(content)] = value
    file.write_bytes(gzip.compress(bytes(content), 1))
    out = tmp_path / "out"
    try:
        take_out(file, out)
    except ArchiveError:
        pass
    for left in sorted(out.rglob("*"), reverse=True):
        left.rmdir() if left.is_dir() else left.unlink()
    if out.exists():
        out.rmdir()
    assert files_under(tmp_path) == {"x.tar.gz"}
