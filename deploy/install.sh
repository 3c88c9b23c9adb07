#!/usr/bin/env bash
# Install the bus into .venv, from this checkout: `deploy/install.sh` to run it, `deploy/install.sh dev` to work on it.
# Repeating it brings .venv up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

extra=${1:-}
started=$SECONDS

# Debian and Ubuntu keep a part of venv in a package of its own.
can_make_venvs() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    package=$("$1" -c 'import sys; print(f"python3.{sys.version_info.minor}-venv")')
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "$1 cannot make virtual environments without the package $package: looking for another Python." >&2
        return 1
    fi
    echo "Installing $package, which $1 needs to make virtual environments." >&2
    { apt-get update && apt-get install -y "$package"; } >/dev/null </dev/null
}

if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    # The system's own first: distributions build it with profiles, which version switchers do not, and it runs a
    # sixth faster. A name on PATH proves nothing either: switchers leave names that only complain. So each is asked.
    python=""
    for name in {/usr/bin/,}{python3.13,python3.12,python3.11,python3}; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && can_make_venvs "$name"; then
            python=$name
            break
        fi
    done
    if [ -z "$python" ]; then
        echo "No Python 3.11 or newer found that can make virtual environments (looked for python3.13, python3.12, python3.11, python3): install one, with its venv package, and run this again." >&2
        exit 2
    fi
    "$python" -m venv --clear .venv
fi

can_compile() {
    .venv/bin/python - <<'END'
import pathlib, shutil, sys, sysconfig
compiler = shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0])
sys.exit(not compiler or not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())
END
}

# To work on the bus takes what compiles a part of it; to run it does not.
if [ "$extra" = dev ] && ! can_compile && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    header=$(.venv/bin/python -c 'import sys; print(f"libpython3.{sys.version_info.minor}-dev")')
    echo "Installing gcc and $header, which compile what is written in Cython." >&2
    { apt-get update && apt-get install -y gcc "$header"; } >/dev/null </dev/null ||
        echo "apt-get could not install them: the tests of what is compiled will fail." >&2
fi

echo "Installing the bus${extra:+ and its $extra tools} into .venv with $(.venv/bin/python -V); about half a minute." >&2
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
    --constraint constraints.txt --editable ".${extra:+[$extra]}"
compiled='bus.event_compiled, bus.mapping.forms_compiled, bus.runtime.rabbitmq.frames_compiled, bus.validate_compiled'
if ! .venv/bin/python -c "import $compiled" 2>/dev/null; then
    echo "Not compiled, for want of a C compiler or of Python's headers: on RabbitMQ a router takes almost twice as much of the processor." >&2
fi
touch ".venv/${extra:-run}.stamp"
echo "Installed in $((SECONDS - started)) s." >&2
