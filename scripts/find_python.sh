#!/bin/sh
# Print the path of a working Python 3.10, or say how to get one and fail.
# A name on PATH is no proof: pyenv's python3.10 is a shim that fails until a version is chosen, and Debian ships a
# Python without venv. So every candidate is asked to run.

works() {
    [ -n "$1" ] && "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 10))' >/dev/null 2>&1
}

candidates() {
    command -v python3.10
    for root in "${PYENV_ROOT:-}" "$(pyenv root 2>/dev/null)" "$HOME/.pyenv"; do
        [ -n "$root" ] && ls -d "$root"/versions/3.10*/bin/python3.10 2>/dev/null
    done
    uv python find 3.10 2>/dev/null
    ls /usr/bin/python3.10 /usr/local/bin/python3.10 /opt/homebrew/bin/python3.10 2>/dev/null
    ls /Library/Frameworks/Python.framework/Versions/3.10/bin/python3.10 2>/dev/null
    command -v python3
    command -v python
}

if [ -n "${PYTHON:-}" ]; then
    works "$PYTHON" && "$PYTHON" -c 'import sys; print(sys.executable)' && exit 0
    echo "PYTHON=$PYTHON is not a working Python 3.10 with the modules venv and ensurepip." >&2
    exit 1
fi

found=$(candidates | while read -r candidate; do works "$candidate" && echo "$candidate" && break; done)
if [ -n "$found" ]; then
    "$found" -c 'import sys; print(sys.executable)'
    exit 0
fi

cat >&2 <<'ADVICE'
No working Python 3.10 was found. Rasa Open Source 3.6 runs on no newer one. Get it in one of these ways:
  pyenv:          pyenv install 3.10
  uv:             uv python install 3.10
  conda:          conda create -n rasa python=3.10 && conda activate rasa
  Debian, Ubuntu: sudo apt install python3.10 python3.10-venv
  macOS:          brew install python@3.10
Then run make again, or name it yourself: make demo PYTHON=/path/to/python3.10
ADVICE
exit 1
