#!/bin/sh
# Replays every fuzz target's corpus and its past crashes: replay.sh BUILD_FOLDER
for bin in "$1"/tests/fuzz/replay_*; do
	name=${bin##*/replay_}
	case $name in *.o | *.d | main*) continue ;; esac
	dirs=""
	for d in tests/fuzz/corpus/"$name" tests/fuzz/repro/"$name"; do [ -d "$d" ] && dirs="$dirs $d"; done
	# shellcheck disable=SC2086
	if out=$("$bin" $dirs 2>&1); then
		echo "ok fuzz-$name: $out"
	else
		echo "not ok fuzz-$name: $out"
	fi
done
