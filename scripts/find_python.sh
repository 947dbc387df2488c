#!/bin/sh
# Print the path of a working Python of one of the wanted versions, or say how to get one and fail:
#   find_python.sh VARIABLE REASON VERSION...
# VARIABLE is what a user sets to name an interpreter; REASON says why it must be of these versions; the first is the
# most wanted.
# A name on PATH is no proof: pyenv's python3.10 is a shim that fails until a version is chosen, and Debian ships a
# Python without venv. So every candidate is asked to run.
variable=$1
reason=$2
shift 2

works() { # interpreter version
    [ -n "$1" ] || return 1
    "$1" -c 'import ensurepip, sys, venv; sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1])' "$2" >/dev/null 2>&1
}

candidates() { # version
    command -v "python$1"
    for root in "${PYENV_ROOT:-}" "$(pyenv root 2>/dev/null)" "$HOME/.pyenv"; do
        [ -n "$root" ] && ls -d "$root/versions/$1"*"/bin/python$1" 2>/dev/null | sort -rV  # the newest first
    done
    uv python find "$1" 2>/dev/null
    ls "/usr/bin/python$1" "/usr/local/bin/python$1" "/opt/homebrew/bin/python$1" 2>/dev/null
    ls "/Library/Frameworks/Python.framework/Versions/$1/bin/python$1" 2>/dev/null
    command -v python3
    command -v python
}

versions=$1
for version in "$@"; do
    [ "$version" = "$1" ] || versions="$versions or $version"
done

eval "named=\${$variable:-}"
if [ -n "$named" ]; then
    for version in "$@"; do
        works "$named" "$version" && "$named" -c 'import sys; print(sys.executable)' && exit 0
    done
    echo "$variable=$named is not a working Python $versions with the modules venv and ensurepip. $reason" >&2
    exit 1
fi

for version in "$@"; do
    found=$(candidates "$version" | while read -r one; do works "$one" "$version" && echo "$one" && break; done)
    if [ -n "$found" ]; then
        "$found" -c 'import sys; print(sys.executable)'
        exit 0
    fi
done

cat >&2 <<ADVICE
No working Python $versions was found. $reason Get it in one of these ways:
  pyenv:          pyenv install $1
  uv:             uv python install $1
  conda:          conda create -n rasa python=$1 && conda activate rasa
  Debian, Ubuntu: sudo apt install python$1 python$1-venv
  macOS:          brew install python@$1
Then run make again, or name it yourself: add $variable=/path/to/python$1 to the command.
ADVICE
exit 1
