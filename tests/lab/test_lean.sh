#!/bin/bash
# The binary for small gateways (make FEATURES=check): which libraries it loads, and that it does its
# work with a read-only file system, 64 MiB of memory and a clock that is years off. The lab comes
# from the full build.
cd "$(dirname "$0")/../.." || exit 1
S=${SALLYPORT:-$PWD/build/release/bin/sallyport}
lean=$PWD/build/release-check/bin/sallyport
[ "$(id -u)" = 0 ] || { echo "skip lean: not root (network namespaces)"; exit 0; }
case $S in *asan*) echo "skip lean: a sanitizer needs more than 64 MiB of address space"; exit 0 ;; esac
make --no-print-directory -j2 FEATURES=check >/dev/null || { echo "not ok lean-builds: make FEATURES=check"; exit 1; }
status=0
tell() { # NAME WHY-NOT
	if [ -z "$2" ]; then echo "ok lean-$1"; else echo "not ok lean-$1: $2"; status=1; fi
}
tell libraries "$(ldd "$lean" | grep -E 'ncurses|tinfo|pcap|sqlite|libpq')"
tell no-lab "$("$lean" --help | grep -E '^  lab')"

# Mounts are private to the lab; a file system that cannot be made read-only there stays as it is.
readonly_root='mount -o remount,bind,ro / 2>/dev/null || mount -o remount,ro / 2>/dev/null; touch /etc/.lean 2>/dev/null && rm /etc/.lean && exit 99;'
one() { # NAME LAB CODE WORDS
	local out code
	out=$("$S" lab "$2" -- sh -c "${5:-} exec prlimit --as=67108864 $lean check" 2>&1)
	code=$?
	tell "$1" "$([ $code = "$3" ] || echo "exit $code, not $3: $(echo "$out" | tail -n 2 | tr '\n' ' ')"
		echo "$out" | tr -s ' \n' ' ' | grep -qF "$4" || echo "lacks '$4'")"
}
one clean clean 0 "can reach their cloud from here"
one blocked udp-port-blocked 2 "U2 udp-port-blocked, proven"
one clock-years-off clock-made 0 "S5"
one read-only clean 0 "can reach their cloud from here" "$readonly_root"
exit $status
