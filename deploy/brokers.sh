#!/usr/bin/env bash
# Bring other releases of RabbitMQ beside the installed one, without Docker: `deploy/brokers.sh trixie forky`
# (names of Debian releases; these two by default). Each becomes a folder with a small Debian in it,
# rabbitmq-4.0 say, from which tests start brokers: BUS_TEST_BROKERS=installed,4.0,4.3 or =all.
# About 40 s and 400 MB for each; one that is there already is left as it is.
set -euo pipefail

[ $# -gt 0 ] || set -- trixie forky
cache=${XDG_CACHE_HOME:-$HOME/.cache}/business-event-bus
mkdir -p "$cache"

as_root=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Making a Debian folder takes root: run this as root, or install sudo." >&2
        exit 2
    fi
    as_root=(sudo)
fi
if ! command -v apt-get >/dev/null; then
    echo "This script knows Debian only; elsewhere use containers of RabbitMQ (BUS_TEST_RABBITMQ_IMAGE)." >&2
    exit 2
fi
if ! command -v debootstrap >/dev/null; then
    echo "Installing debootstrap with apt-get." >&2
    "${as_root[@]}" apt-get update -qq </dev/null
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends debootstrap </dev/null >/dev/null
fi
# The mirror this machine itself is set up to use.
read -r mirror < <(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' 'Component: main') || true
if [ -z "${mirror:-}" ]; then
    echo "apt has no mirror of Debian: run apt-get update, or use containers of RabbitMQ (BUS_TEST_RABBITMQ_IMAGE)." >&2
    exit 2
fi

for suite in "$@"; do
    if there=$(grep -lxs "$suite" "$cache"/rabbitmq-*/etc/debian_suite); then
        echo "$suite is there: ${there%/etc/debian_suite}" >&2
        continue
    fi
    started=$SECONDS
    partial=$cache/partial-$suite
    script=/usr/share/debootstrap/scripts/$suite
    [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid # newer than debootstrap itself
    echo "Making a Debian $suite with RabbitMQ from $mirror; about a minute." >&2
    "${as_root[@]}" rm -rf --one-file-system "$partial"
    if ! "${as_root[@]}" debootstrap --variant=minbase --include=rabbitmq-server,ca-certificates \
        "$suite" "$partial" "$mirror" "$script" >"$cache/$suite.log" 2>&1; then
        tail -n 5 "$cache/$suite.log" >&2
        echo "debootstrap failed; all it said is in $cache/$suite.log." >&2
        exit 1
    fi
    version=$("${as_root[@]}" chroot "$partial" dpkg-query --show --showformat='${source:Upstream-Version}' rabbitmq-server)
    "${as_root[@]}" sh -c 'echo "127.0.0.1 localhost" >"$1/etc/hosts"; echo "$2" >"$1/etc/debian_suite"' - "$partial" "$suite"
    tree=$cache/rabbitmq-$(cut -d. -f1-2 <<<"$version")
    "${as_root[@]}" rm -rf --one-file-system "$tree"
    "${as_root[@]}" mv "$partial" "$tree"
    echo "RabbitMQ $version is in $tree ($((SECONDS - started)) s)." >&2
done
