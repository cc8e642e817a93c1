#!/usr/bin/env bash
# Fuzzes the decoders of foreign bytes with libFuzzer, one target after the other.
# Usage: tools/fuzz.sh [--seconds N] [--keep] [TARGET…]    default: 60 seconds each of every target of fuzz/
# What is found on the way stays in <build folder>/corpus and is begun with next time; what falls over is left in
# <build folder>/findings, and the exit status is 1. --keep adds to fuzz/corpus the smallest inputs that reach what the
# corpus there does not, up to KEPT_BYTES for each target. TARN_FUZZ_BUILD names another build folder than build-fuzz.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
KEPT_BYTES=6000
seconds=60 keep=no targets=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds) seconds="$2"; shift 2 ;;
    --keep) keep=yes; shift ;;
    -*) echo "fuzz: not understood: $1" >&2; exit 2 ;;
    *) targets+=("$1"); shift ;;
  esac
done
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls fuzz/corpus)
build="${TARN_FUZZ_BUILD:-build-fuzz}"

cmake --preset fuzz -B "$build" >/dev/null
cmake --build "$build" --target "${targets[@]/#/fuzz_}"

export ASAN_OPTIONS=allocator_may_return_null=0
limits=(-max_len=65536 -timeout=10 -rss_limit_mb=3072 -malloc_limit_mb=2100)
status=0
for target in "${targets[@]}"; do
  found="$build/corpus/$target"
  mkdir -p "$found" "$build/findings"
  printf '== %s: ' "$target"
  if ! "$build/bin/fuzz_$target" "${limits[@]}" -max_total_time="$seconds" -print_final_stats=1 -close_fd_mask=1 \
    -artifact_prefix="$build/findings/$target-" "$found" "fuzz/corpus/$target" >"$build/findings/$target.log" 2>&1; then
    status=1
    echo "FELL OVER: $build/findings/$target.log"
    grep -m 3 -E '^fuzz: |ERROR: |runtime error|SUMMARY' "$build/findings/$target.log" || true
    continue
  fi
  awk '/number_of_executed_units/ { runs = $2 } / cov: / { for (i = 1; i < NF; ++i) if ($i == "cov:") reached = $(i + 1) }
    END { printf "%d inputs, %d places reached\n", runs, reached }' "$build/findings/$target.log"
  if [ $keep = yes ]; then
    more="$(mktemp -d)"
    cp "fuzz/corpus/$target"/* "$more"
    "$build/bin/fuzz_$target" "${limits[@]}" -set_cover_merge=1 "$more" "$found" >/dev/null 2>&1 || true
    bytes=0
    while read -r size name; do
      [ ! -e "fuzz/corpus/$target/$name" ] || continue
      bytes=$((bytes + size))
      [ $bytes -le $KEPT_BYTES ] || break
      cp "$more/$name" "fuzz/corpus/$target/"
    done < <(find "$more" -type f -printf '%s %f\n' | sort -n)
    rm -rf "$more"
  fi
done
exit $status
