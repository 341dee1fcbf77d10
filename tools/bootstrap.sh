#!/usr/bin/env bash
# Makes the virtual environment with the locked packages. Needs Python 3.11 and nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3} VENV=${VENV:-.venv}

"$PYTHON" - <<'PY' || exit 1
import sys
if sys.version_info[:2] != (3, 11):
    sys.exit(f"waysight needs Python 3.11, this is {sys.version.split()[0]}; set PYTHON=/path/to/python3.11")
PY

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    mapfile -t wanted < <(sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' infra/local/system-packages.txt)
    missing=()
    for p in "${wanted[@]}"; do dpkg -s "$p" >/dev/null 2>&1 || missing+=("$p"); done
    if [ ${#missing[@]} -gt 0 ]; then
        say "system packages: ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        # Installing must not start a Prometheus or RTSP service of the system's own.
        [ -e /usr/sbin/policy-rc.d ] || { printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; }
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/tmp/waysight-apt.log 2>&1 \
            || say "some system packages could not be installed (see /tmp/waysight-apt.log); waysight doctor names what misses them"
    fi
fi

if [ ! -x "$VENV/bin/python" ]; then
    say "virtual environment $VENV"
    "$PYTHON" -m venv "$VENV" || { echo "python3-venv is missing: apt-get install python3-venv" >&2; exit 1; }
fi
"$VENV/bin/python" -m pip --version >/dev/null 2>&1 || "$VENV/bin/python" -m ensurepip >/dev/null
"$VENV/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r tools/uv-requirements.txt
say "packages (about 1.7 GB unpacked)"
"$VENV/bin/uv" pip sync -q --python "$VENV/bin/python" --require-hashes requirements.txt tools/uv-requirements.txt
"$VENV/bin/uv" pip install -q --python "$VENV/bin/python" --no-deps --no-build-isolation -e .
