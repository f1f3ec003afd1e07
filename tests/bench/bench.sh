#!/bin/sh
# The figures of docs/PERFORMANCE.md, as Markdown on stdout: `make bench`. Nothing here passes or
# fails. Root, because the networks it measures in are made of namespaces.
#   bench.sh BUILD    such as build/release
set -u
cd "$(dirname "$0")/../.." || exit 1
[ "$(id -u)" = 0 ] || { echo "bench: not root (network namespaces)" >&2; exit 1; }
command -v python3 >/dev/null || { echo "bench: no python3 (make deps)" >&2; exit 1; }
[ -x "$1/bin/sallyport" ] || { echo "bench: no $1/bin/sallyport (make)" >&2; exit 1; }
exec python3 tests/bench/bench.py "$1"
