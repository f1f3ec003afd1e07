#!/bin/bash
# Every row of `lab list`, eight side by side: `check` must end with the row's exit code and name
# the row's verdict; a row without one must not have a proven block. SALLYPORT names the program,
# arguments choose rows.
cd "$(dirname "$0")/../.." || exit 1
S=$(realpath "${SALLYPORT:-build/release/bin/sallyport}")
[ "$(id -u)" = 0 ] || { echo "skip matrix: needs root (network namespaces)"; exit 0; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$S" lab list -q >"$out/rows"
[ $# -gt 0 ] && printf '%s\n' "$@" >"$out/chosen" && awk -F'\t' 'NR == FNR {want[$1]; next} $1 in want' \
	"$out/chosen" "$out/rows" >"$out/some" && mv "$out/some" "$out/rows"

one() { # NAME EXPECT EXIT
	local json=$out/$1.json code why="" found
	timeout 90 "$S" lab "$1" -- sallyport check -o json >"$json" 2>"$out/$1.err" </dev/null
	code=$?
	found=$(python3 - "$json" <<'END'
import json, sys
run = json.load(open(sys.argv[1]))
print(" ".join(f"{v['fault']}:{v['confidence']}" for v in run["verdicts"]))
END
	)
	[ $code = "$3" ] || why="exit code $code, not $3;"
	case " $found" in
	*" $2:"*) ;;
	*) [ "$2" = - ] || why="$why no verdict $2;" ;;
	esac
	[ "$2" = - ] && case "$found" in *:proven*) why="$why a proven verdict;" ;; esac
	[ -s "$out/$1.err" ] && why="$why stderr: $(head -n 3 "$out/$1.err" | tr '\n' ' ')"
	if [ -z "$why" ]; then echo "ok matrix-$1 ($found)"; else echo "not ok matrix-$1: $why found: $found"; fi
}

while IFS=$'\t' read -r name expect code _; do
	while [ "$(jobs -rp | wc -l)" -ge 8 ]; do wait -n; done
	one "$name" "$expect" "$code" &
done <"$out/rows" >"$out/results"
wait
sort "$out/results"
! grep -q '^not ok' "$out/results"
