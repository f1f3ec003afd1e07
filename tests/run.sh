#!/bin/bash
# Runs tests and counts them. A cmocka program counts each of its tests; a script counts each line
# "ok NAME", "not ok NAME: why" or "skip NAME: why" that it prints, and one failure if it prints
# none or ends with an error. The last line is the sum.
#   tests/run.sh PROGRAM...   these       --all      everything of make check
#   --asan  all rings, sanitized build    --matrix   every lab fault, plain and sanitized
set -u
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C.UTF-8
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

count() { grep -E "$1" "$log" | sort -u | wc -l; }

run() {
	local start=$SECONDS rc p f s
	"$@" >"$log" 2>&1
	rc=$?
	p=$(count '^(\[       OK \]|ok )') f=$(count '^(\[  FAILED  \] [a-z0-9_]+$|not ok )')
	s=$(count '^(\[  SKIPPED \] [a-z0-9_]+$|skip )')
	if [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
		echo "exit code $rc" >>"$log"
	elif [ $((p + f + s)) -eq 0 ]; then
		f=1
		echo "ran no test" >>"$log"
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%-44s %4d passed %3d failed %3d skipped  %3d s\n' "${1##*/} ${*:2}" "$p" "$f" "$s" \
		$((SECONDS - start)) | sed 's/  *\( [0-9]* passed\)/ \1/'
	[ "$f" -gt 0 ] && { grep -v -E '^(\[ RUN|\[       OK|ok )' "$log" | tail -n 60; }
	grep '^skip ' "$log"
	return 0
}

programs() { # BUILD
	local t
	for t in build/"$1"/tests/unit/test_* build/"$1"/tests/virtual/test_*; do
		[ -x "$t" ] && [ "${t%.*}" = "$t" ] && run "$t"
	done
	ls tests/fuzz/fuzz_*.c >/dev/null 2>&1 && run sh tests/fuzz/replay.sh "build/$1"
}

scripts() {
	local t
	for t in "$@"; do [ -f "$t" ] && run bash "$t"; done
}

case "${1:-}" in
--all)
	export SALLYPORT=$PWD/build/release/bin/sallyport
	run bash tests/tools/lint.sh
	programs release
	programs asan
	scripts tests/cli/test_*.sh tests/lab/test_*.sh
	;;
--asan)
	export SALLYPORT=$PWD/build/asan/bin/sallyport
	programs asan
	scripts tests/cli/test_*.sh tests/lab/test_*.sh
	;;
--matrix)
	for b in release asan; do
		export SALLYPORT=$PWD/build/$b/bin/sallyport
		run bash tests/lab/test_check.sh
	done
	;;
*)
	for t in "$@"; do run "$t"; done
	;;
esac
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
