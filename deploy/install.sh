#!/usr/bin/env bash
# Install the bus into .venv, from this checkout: `deploy/install.sh` to run it, `deploy/install.sh dev` to work on it.
# Repeating it brings .venv up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

extra=${1:-}
started=$SECONDS

# A name on PATH proves nothing: version switchers leave names that only complain. So each is asked.
python=""
for name in python3.13 python3.12 python3.11 python3; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$name
        break
    fi
done
if [ -z "$python" ]; then
    echo "No Python 3.11 or newer found (looked for python3.13, python3.12, python3.11, python3): install one and run this again." >&2
    exit 2
fi

if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    # Debian and Ubuntu keep a part of venv in a package of its own.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        package=$("$python" -c 'import sys; print(f"python3.{sys.version_info.minor}-venv")')
        if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
            echo "$python cannot make virtual environments: install $package (as root: apt-get install $package) and run this again." >&2
            exit 2
        fi
        echo "Installing $package, which $python needs to make virtual environments." >&2
        { apt-get update && apt-get install -y "$package"; } >/dev/null </dev/null
    fi
    "$python" -m venv --clear .venv
fi

echo "Installing the bus${extra:+ and its $extra tools} into .venv with $python; about half a minute." >&2
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
    --constraint constraints.txt --editable ".${extra:+[$extra]}"
touch ".venv/${extra:-run}.stamp"
echo "Installed in $((SECONDS - started)) s." >&2
