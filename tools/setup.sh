#!/usr/bin/env bash
# Makes this machine ready to build: installs missing Debian packages and fetches the pinned libraries.
# Usage: tools/setup.sh [GROUP…]   groups of tools/packages.txt, default: build
# Idempotent; a machine that has everything is done in well under a second.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
groups=("$@")
[ ${#groups[@]} -gt 0 ] || groups=(build)

wanted=()
for group in "${groups[@]}"; do
  mapfile -t of_group < <(awk -v g="$group" '$1 == g { print $2 }' "$here/packages.txt")
  if [ ${#of_group[@]} -eq 0 ]; then
    echo "setup: no group $group in tools/packages.txt" >&2
    exit 2
  fi
  wanted+=("${of_group[@]}")
done

missing_packages() {
  # dpkg-query fails when it knows none of a name; what it does know is still printed.
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null |
      awk '$1 == "installed" { print $2 }' | sort -u)
}

install_packages() {
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as_root=(sudo -n)
    else
      {
        echo "setup: these packages are missing, and installing them needs root:"
        echo "  apt-get install --no-install-recommends $*"
      } >&2
      exit 1
    fi
  fi
  echo "setup: installing $*" >&2
  # postgresql-15 would create and start a cluster of its own; tests and the demo start theirs.
  if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    "${as_root[@]}" mkdir -p /etc/postgresql-common
    echo "create_main_cluster = false" |
      "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  local log status=0
  log="$(mktemp)"
  # Lock::Timeout: wait for another apt instead of failing beside it.
  # force-confold: keep the file above when the package brings its own.
  {
    "${as_root[@]}" apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update &&
      "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold install "$@"
  } >"$log" 2>&1 </dev/null || status=$?
  if [ $status -ne 0 ]; then
    tail -n 40 "$log" >&2
    rm -f "$log"
    echo "setup: apt-get failed" >&2
    exit 1
  fi
  rm -f "$log"
}

if command -v dpkg-query >/dev/null; then
  mapfile -t missing < <(missing_packages)
  if [ ${#missing[@]} -gt 0 ]; then
    install_packages "${missing[@]}"
  fi
else
  echo "setup: not a Debian system; what must be there is listed in tools/packages.txt" >&2
fi
python3 "$here/fetch_deps.py"
