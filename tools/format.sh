#!/usr/bin/env bash
# clang-format over our C++ files: in place, or with --check only saying which differ.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v clang-format-14 >/dev/null || { echo "format: no clang-format-14: run tools/setup.sh test" >&2; exit 1; }
options=(-i)
[ "${1:-}" != --check ] || options=(--dry-run --Werror)
folders=()
for folder in src tests bench fuzz cmake; do
  [ ! -d "$folder" ] || folders+=("$folder")
done
find "${folders[@]}" -type d \( -name testdata -o -name node_modules \) -prune -o \
  -type f \( -name '*.h' -o -name '*.cc' \) -print0 |
  xargs -0 -r -n 40 -P "$(nproc)" clang-format-14 --style=file "${options[@]}"
