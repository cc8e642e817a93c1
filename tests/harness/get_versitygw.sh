#!/usr/bin/env bash
# Prints the path of the S3 server that tests run against, after fetching it where it is missing (about a minute, once).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec python3 -c 'import sys
from harness import fetch
try:
    print(fetch.versitygw())
except fetch.Missing as e:
    sys.exit(f"tests: {e}")'
