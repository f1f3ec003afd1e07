#!/bin/bash
# Where the report goes when there is no room for it, and what a signal leaves: one line, 74, and what
# was measured is not lost; FILE is as it was or whole; a stream always ends with run_end.
set -u
cd "$(dirname "$0")/../.." || exit 1
S=$(realpath "${SALLYPORT:-build/release/bin/sallyport}")
[ "$(id -u)" = 0 ] || { echo "skip lab-output: not root (network namespaces)"; exit 0; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export tmp
status=0
ok() { echo "ok $1"; }
bad() {
	echo "not ok $1: $2"
	status=1
}
# NAME CODE STDERR STDOUT LINE: the shell line runs in the lab; STDERR is what its one line there holds,
# STDOUT what its output holds, '' where there must be none.
expect() {
	local why="" n
	timeout 60 "$S" lab "${fault:-clean}" -- bash -c "$5" >"$tmp/out" 2>"$tmp/err" </dev/null
	local code=$?
	n=$(wc -l <"$tmp/err")
	[ $code = "$2" ] || why="exit code $code, not $2;"
	if [ -n "$3" ]; then
		[ "$n" = 1 ] && grep -qF -- "$3" "$tmp/err" || why="$why stderr is not one line with '$3': $(head -c 300 "$tmp/err");"
	else
		[ "$n" = 0 ] || why="$why stderr: $(head -c 300 "$tmp/err");"
	fi
	if [ -n "$4" ]; then
		grep -qF -- "$4" "$tmp/out" || why="$why stdout lacks '$4': $(head -c 200 "$tmp/out");"
	else
		[ ! -s "$tmp/out" ] || why="$why stdout: $(head -c 200 "$tmp/out");"
	fi
	ls "$tmp"/*part* "$tmp"/*/*part* >/dev/null 2>&1 && why="$why a part is left;"
	if [ -z "$why" ]; then ok "$1"; else bad "$1" "$why"; fi
}

# ---- no place for standard output ----
expect stdout-closed 74 "standard output is closed: nothing was done" "" 'sallyport check >&-'
expect all-closed 74 "" "" 'sallyport check <&- >&- 2>&-'
expect stdin-and-stderr-closed 0 "" "can reach their cloud" 'sallyport check <&- 2>&-'
expect stdout-full 74 "No space left on device (the exit code would have been 0)" "" 'sallyport check >/dev/full'
expect json-stdout-full 74 "No space left on device (the exit code would have been 0)" "" 'sallyport check -o json >/dev/full'
expect stream-full 74 "No space left on device (the exit code would have been 0)" "" 'sallyport check -o ndjson >/dev/full'
expect list-full 74 "No space left" "" 'sallyport list >/dev/full'
expect help-closed 74 "could not be written" "" 'sallyport check --help >&-'
expect dry-run-closed 74 "standard output is closed" "" 'sallyport check --dry-run >&-'
expect replay-full 74 "(the exit code would have been 0)" "" \
	'sallyport check -o ndjson >$tmp/r; sallyport replay $tmp/r >/dev/full'
fault=everything-dropped expect reader-gone 0 "Broken pipe" '74 0' \
	'sallyport check -o ndjson | head -n 1 >/dev/null; echo "${PIPESTATUS[@]}"'
[ "$(ls -l /dev/full | cut -c1)" = c ] && ok devices-stay || bad devices-stay "$(ls -l /dev/full)"

# ---- no place for --output ----
expect output-directory-missing 74 "--output: /none/x: No such file" "" 'sallyport check --output /none/x'
expect output-is-a-directory 74 "Is a directory" "" 'sallyport check --output $tmp'
expect output-variable 74 "SALLYPORT_OUTPUT: /none/x: No such file" "" 'SALLYPORT_OUTPUT=/none/x sallyport check'
expect output-device-full 74 "; written to standard output instead" "can reach their cloud" \
	'sallyport check --output /dev/full'
for format in text json ndjson ask; do
	expect "output-disk-full-$format" 74 "No space left on device; written to standard output instead" \
		"$(case $format in text) echo "can reach their cloud" ;; json) echo sallyport.report/1 ;; ndjson) echo run_end ;; *) echo "Nothing to ask for" ;; esac)" \
		'mount -t tmpfs -o size=4k none /mnt; head -c 4096 /dev/zero >/mnt/filler; sallyport check -o '$format' --output /mnt/r; code=$?
		ls /mnt | grep -v filler; exit $code'
done
expect output-read-only 74 "Read-only file system" "" \
	'mount -t tmpfs -o ro none /mnt; sallyport check --output /mnt/r'
expect output-both-full 74 "; written to standard output instead" "" \
	'sallyport check --output /dev/full >/dev/full'

# ---- --output that works ----
expect output-whole 0 "" "can reach" 'sallyport check --output $tmp/a && cat $tmp/a'
expect output-stream 0 "" '"type":"run_end"' 'sallyport check -o ndjson --output $tmp/a && tail -n 1 $tmp/a'
expect output-replaces 0 "" "640 link" 'echo old >$tmp/b; chmod 640 $tmp/b; ln -s b $tmp/link
	sallyport check --output $tmp/link; [ -L $tmp/link ] && grep -q reach $tmp/b && echo "$(stat -c %a $tmp/b) link"'
expect output-keeps-the-old 74 "Not a directory" "old" \
	'echo old >$tmp/b; sallyport check --output $tmp/b/c; code=$?; cat $tmp/b; exit $code'
expect output-into-a-pipe 0 "" "can reach" 'sallyport check --output >(cat >$tmp/p; touch $tmp/done) &&
	until [ -e $tmp/done ]; do sleep 0.02; done; cat $tmp/p'
expect output-dash 0 "" "can reach" 'sallyport check --output -'

# ---- signals: in the middle of a run on a network that drops everything ----
# LINE leaves the program's number in $p; it is known to be in the middle when a try was silent.
cat >"$tmp/middle" <<'END'
until grep -q '"outcome":"silent"' $tmp/run.part-* 2>/dev/null; do sleep 0.02; done
END
for signal in INT TERM HUP; do
	fault=everything-dropped expect "signal-$signal" 3 "" '"reason":"interrupted"' \
		"sallyport check -o ndjson --output \$tmp/run & p=\$!; . \$tmp/middle; kill -$signal \$p; wait \$p
		code=\$?; tail -n 1 \$tmp/run; exit \$code"
	"$S" replay "$tmp/run" >"$tmp/out" 2>"$tmp/err"
	[ $? = 3 ] && [ ! -s "$tmp/err" ] && grep -q '^Interrupted' "$tmp/out" && ok "signal-$signal-replays" ||
		bad "signal-$signal-replays" "$(head -n 2 "$tmp/out" "$tmp/err")"
done
fault=udp-rejected,tls-hang expect signal-proven 2 "" '"reason":"interrupted"' \
	'sallyport check -o ndjson --output $tmp/run & p=$!
	until grep -q "\"fault\":\"udp-rejected\".*\"confidence\":\"proven\"" $tmp/run.part-* 2>/dev/null; do sleep 0.02; done
	kill -INT $p; wait $p; code=$?; tail -n 1 $tmp/run; exit $code'
fault=everything-dropped expect signal-text 3 "" "Interrupted: what follows rests on what was seen" \
	'sallyport check >$tmp/text & p=$!; sleep 0.5; kill -INT $p; wait $p; code=$?; cat $tmp/text; exit $code'
fault=everything-dropped expect signal-twice 3 "" "" \
	'sallyport check -q >/dev/null & p=$!; sleep 0.5; kill -INT $p; kill -INT $p; wait $p'
# The first signal ends the run, the second the program, which hangs in its last write (to
# descriptor 1, as /proc shows) because nobody reads.
fault=everything-dropped expect second-signal-ends 130 "" "" 'mkfifo $tmp/f; exec 3<>$tmp/f; head -c 65536 /dev/zero >&3
	sallyport check >$tmp/f & p=$!; sleep 0.5; kill -INT $p
	until grep -q "^[0-9]* 0x1 " /proc/$p/syscall; do sleep 0.02; done; kill -INT $p; wait $p'
fault=everything-dropped expect signal-PIPE 0 "" alive \
	'sallyport check -q >/dev/null & p=$!; sleep 0.5; kill -PIPE $p; sleep 0.2; kill -0 $p && echo alive; kill -INT $p; wait $p; exit 0'
fault=everything-dropped expect nohup 0 "" alive \
	'trap "" HUP; sallyport check -q >/dev/null & p=$!; sleep 0.5; kill -HUP $p; sleep 0.2; kill -0 $p && echo alive; kill -INT $p; wait $p; exit 0'
fault=everything-dropped expect killed-leaves-a-part 0 "" "run.part-" \
	'sallyport check -o ndjson --output $tmp/run2 & p=$!
	until ls $tmp/run2.part-* >/dev/null 2>&1; do sleep 0.02; done; kill -KILL $p; wait $p 2>/dev/null
	[ ! -e $tmp/run2 ] && ls $tmp | grep run2.part | sed s/run2/run/; rm -f $tmp/run2.part-*' 2>/dev/null
exit $status
