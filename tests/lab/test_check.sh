#!/bin/bash
# `check` inside the lab, by tests/lab/scenarios: the exit code, exactly the verdicts that are owed
# and no other, and a recorded run that replays to the same bytes and code. SALLYPORT names the
# program, arguments choose scenarios; LAB_JOBS of them stand side by side.
cd "$(dirname "$0")/../.." || exit 1
S=$(realpath "${SALLYPORT:-build/release/bin/sallyport}")
[ "$(id -u)" = 0 ] || { echo "skip lab-check: needs root (network namespaces)"; exit 0; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
grep -v -e '^#' -e '^$' tests/lab/scenarios >"$out/scenarios"
[ $# -gt 0 ] && printf '%s\n' "$@" >"$out/chosen" && awk -F'|' 'NR == FNR {want[$1]; next} $1 in want' \
	"$out/chosen" "$out/scenarios" >"$out/some" && mv "$out/some" "$out/scenarios"

shown() { # the verdicts of a JSON report that are not hidden under another
	python3 -c 'import json, sys
for v in json.load(open(sys.argv[1]))["verdicts"]:
	v["hidden"] or print(v["fault"] + ":" + v["confidence"], end=" ")' "$1"
}

# In the order of the report; "a:proven/likely" is either, and what ends in "?" may be missing.
owed() { # SHOWN OWED
	local pattern
	pattern=$(sed -E 's/([^ :]+):([^ ?]+)(\??)( |$)/(\1:(\2) )\3/g; s,/,|,g' <<<"$2")
	[[ $1 =~ ^$pattern$ ]]
}

one() { # FAULTS EXIT VERDICTS WORDS
	local f=$out/${1//\//_} faults=$1 profile=particle-wifi code why="" found
	case $1 in *:*) profile=${1%%:*} faults=${1#*:} ;; esac
	timeout 90 "$S" lab --profile "$profile" "$faults" -- sallyport check --profile "$profile" -o ndjson \
		>"$f.ndjson" 2>"$f.err" </dev/null
	code=$?
	[ $code = "$2" ] || why="exit code $code, not $2;"
	for format in ndjson json text; do
		"$S" replay "$f.ndjson" -o $format >"$f.$format.again" 2>>"$f.err" </dev/null
		[ $? = $code ] || why="$why replay ends with another code;"
	done
	cmp -s "$f.ndjson" "$f.ndjson.again" || why="$why the replayed stream differs;"
	found=$(shown "$f.json.again" 2>>"$f.err")
	owed "$found" "$3" || why="$why verdicts not '$3';"
	tr -s ' \n' ' ' <"$f.text.again" | grep -qF -- "$4" || why="$why lacks '$4';" # the report wraps its lines
	[ -s "$f.err" ] && why="$why stderr: $(head -n 3 "$f.err" | tr '\n' ' ')"
	if [ -z "$why" ]; then echo "ok lab-check-$1"; else echo "not ok lab-check-$1: $why found: $found"; fi
}

while IFS='|' read -r faults code verdicts words; do
	while [ "$(jobs -rp | wc -l)" -ge "${LAB_JOBS:-16}" ]; do wait -n; done
	one "$faults" "$code" "$verdicts" "$words" &
done <"$out/scenarios" >"$out/results"
wait
sort "$out/results"

[ $# -gt 0 ] || "$S" lab list -q | while IFS=$'\t' read -r name verdict code _; do
	grep -q "^$name|$code|.*${verdict#-}" "$out/scenarios" || echo "not ok lab-scenario-$name: none that agrees"
done | tee -a "$out/results"
! grep -q '^not ok' "$out/results"
