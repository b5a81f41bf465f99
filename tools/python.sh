# shellcheck shell=sh
# SPDX-License-Identifier: BSL-1.0
# Sourced by the commands beside it: finds Python, installs it where there is none, and starts a module of axhal_tools.

start() {
  module=$1
  shift
  tools=$(dirname "$(readlink -f "$0")")
  if ! command -v python3 >/dev/null 2>&1; then
    echo "==> installing python3" >&2
    if ! command -v apt-get >/dev/null 2>&1; then
      echo "python3 is missing and there is no apt-get: please install Python 3.11 or later" >&2
      exit 2
    fi
    if [ "$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi
    if ! { $as_root apt-get -q update && $as_root apt-get -q install -y --no-install-recommends python3; }; then
      echo "python3 could not be installed; please install it by hand" >&2
      exit 2
    fi
  fi
  python=python3
  if [ -x /usr/bin/python3 ]; then python=/usr/bin/python3; fi
  PYTHONPATH=$tools${PYTHONPATH:+:$PYTHONPATH} PYTHONDONTWRITEBYTECODE=1 exec "$python" -m "axhal_tools.$module" "$@"
}
