#!/usr/bin/env bash
# Install the servers that tests start as private copies: RabbitMQ, MariaDB, PostgreSQL (Debian, Ubuntu).
# Only what is missing is installed, and none of it is left running or enabled: the tests start their
# own on free ports, with everything they write in temporary folders. Repeating it changes nothing.
set -euo pipefail

# package  what proves that it is there  the services the package would start
servers="
rabbitmq-server /usr/lib/rabbitmq/bin/rabbitmq-server rabbitmq-server
mariadb-server  /usr/sbin/mariadbd                    mariadb
postgresql      /usr/lib/postgresql/*/bin/postgres    postgresql
"

missing=() services=()
while read -r package proof service; do
    [ -n "$package" ] || continue
    if ! compgen -G "$proof" >/dev/null; then
        missing+=("$package")
        services+=("$service")
    fi
done <<<"$servers"

if [ ${#missing[@]} = 0 ]; then
    echo "RabbitMQ, MariaDB and PostgreSQL are installed; nothing to do." >&2
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "Missing: ${missing[*]}. This script knows apt-get only; install them with the system's own tool." >&2
    exit 2
fi
as_root=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Missing: ${missing[*]}. Run this as root, or install sudo." >&2
        exit 2
    fi
    as_root=(sudo)
fi

echo "Installing ${missing[*]} with apt-get; about a minute." >&2
# Debian asks this script before it starts a service: 101 means no.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod 755 $policy
    # shellcheck disable=SC2064  # expanded now: the arrays are gone when it runs
    trap "${as_root[*]} rm -f $policy" EXIT
fi
"${as_root[@]}" apt-get update -qq </dev/null
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null

# Installing enables them for the next boot.
for service in "${services[@]}"; do
    if [ -d /run/systemd/system ]; then
        "${as_root[@]}" systemctl disable --now --quiet "$service" 2>/dev/null || true
    else
        "${as_root[@]}" update-rc.d "$service" disable 2>/dev/null || true
    fi
done
echo "Installed ${missing[*]}; not running, not enabled." >&2
