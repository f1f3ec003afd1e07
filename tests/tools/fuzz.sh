#!/bin/sh
# Fuzzes each target for some seconds, starting from its seeds: fuzz.sh FOLDER SECONDS
status=0
for bin in "$1"/fuzz_*; do
	name=${bin##*/fuzz_}
	case $name in *.o | *.d) continue ;; esac
	work=build/fuzz/corpus/$name
	mkdir -p "$work" build/fuzz/crashes
	if "$bin" -max_total_time="$2" -max_len=4096 -timeout=10 -artifact_prefix=build/fuzz/crashes/"$name"- \
		"$work" tests/fuzz/corpus/"$name" >build/fuzz/"$name".log 2>&1; then
		echo "ok fuzz-$name: $(grep -E '^Done|stat::number_of_executed' build/fuzz/"$name".log | tail -n 1)"
	else
		echo "not ok fuzz-$name: see build/fuzz/$name.log"
		status=1
	fi
done
exit $status
