"""scripts/find_python.sh: what make needs to set up its environments."""

import subprocess
import sys

import pytest

HERE = "{}.{}".format(*sys.version_info)
REASON = "Nothing else will do."


@pytest.fixture
def find(root, tmp_path):
    """Run the script without a home, so that only what is named or on the PATH is found."""

    def run(*versions, **environment):
        return subprocess.run(
            ["sh", str(root / "scripts" / "find_python.sh"), "MY_PYTHON", REASON, *versions],
            env={"HOME": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
        )

    return run


def test_a_python_that_is_named_is_taken_if_it_is_of_one_of_the_versions(find):
    found = find("3.98", HERE, MY_PYTHON=sys.executable)
    assert found.stdout.strip() == sys.executable


@pytest.mark.parametrize("named", [sys.executable, "/no/such/python"])
def test_a_python_that_is_named_and_is_none_of_them_is_refused(find, named):
    found = find("3.98", "3.99", MY_PYTHON=named)
    assert (found.returncode, found.stdout) == (1, "")
    assert f"MY_PYTHON={named} is not a working Python 3.98 or 3.99" in found.stderr and REASON in found.stderr


def test_a_later_version_is_found_where_the_first_is_missing(find, tmp_path):
    (tmp_path / f"python{HERE}").symlink_to(sys.executable)
    assert find("3.99", HERE).stdout.strip() == str(tmp_path / f"python{HERE}")


def test_a_name_on_the_path_that_does_not_work_is_passed_over(find, tmp_path):
    (tmp_path / "python3.99").write_text("#!/bin/sh\necho python3.99 is not chosen >&2\nexit 127\n")
    (tmp_path / "python3.99").chmod(0o755)
    assert find("3.99").returncode == 1


def test_a_version_in_pyenvs_folder_is_found(find, tmp_path):
    folder = tmp_path / ".pyenv" / "versions" / f"{HERE}.0" / "bin"
    folder.mkdir(parents=True)
    (folder / f"python{HERE}").symlink_to(sys.executable)
    found = find(HERE, PATH="/usr/bin:/bin")
    assert subprocess.run([found.stdout.strip(), "-c", f"import sys; assert '{HERE}' in sys.version"]).returncode == 0


def test_where_there_is_none_the_advice_names_the_first_version_and_the_reason(find):
    found = find("3.98", "3.99")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith(f"No working Python 3.98 or 3.99 was found. {REASON} ")
    assert "pyenv install 3.98" in found.stderr and "add MY_PYTHON=/path/to/python3.98 to" in found.stderr
