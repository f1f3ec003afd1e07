#!/bin/bash
# `rules` from a recorded run: the golden file, what is refused, and that nft takes every output,
# loads it twice to the same rules and is back where it was after the undo lines. Nothing is sent.
cd "$(dirname "$0")/../.." || exit 1
S=${SALLYPORT:-$PWD/build/release/bin/sallyport}
run=tests/runs/clean.ndjson
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
ok() { echo "ok rules-$1"; }
bad() { echo "not ok rules-$1: $2"; }
check() { # NAME EXPECTED GOT
	if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "expected '$2', got '$3'"; fi
}
refused() { # NAME CODE WORDS ARGUMENTS...: that exit code, one line on stderr, no output
	local name=$1 want=$2 words=$3 code
	shift 3
	"$S" rules "$@" >"$tmp/out" 2>"$tmp/err"
	code=$?
	if [ $code != "$want" ]; then bad "$name" "exit code $code, not $want"
	elif [ -s "$tmp/out" ]; then bad "$name" "wrote $(head -n 1 "$tmp/out")"
	elif ! grep -qF -- "$words" "$tmp/err"; then bad "$name" "$(head -n 1 "$tmp/err")"
	elif [ "$(grep -vcE '; now |recorded by' "$tmp/err")" != 1 ]; then bad "$name" "more than one line"
	elif LC_ALL=C grep -q '[^ -~]' "$tmp/err"; then bad "$name" "a control character"
	else ok "$name"; fi
}
version=$("$S" --version | cut -d' ' -f2)
nft() { "$S" rules --for nftables -q "$@"; }
golden() { # NAME ARGUMENTS...
	local name=$1
	shift
	nft "$@" "$run" >"$tmp/$name.nft" 2>"$tmp/err" || bad "golden-$name" "$(cat "$tmp/err")"
	sed "1s/sallyport $version/sallyport VERSION/" "$tmp/$name.nft" |
		diff - "tests/rules/$name.nft" >"$tmp/diff" && ok "golden-$name" ||
		bad "golden-$name" "$(head -n 5 "$tmp/diff" | tr '\n' '|')"
}

# ---- what is written ----
cat >"$tmp/devices.csv" <<'END'
# the pumps
02:00:5e:00:53:02,192.168.77.22,pump 2
02:00:5e:00:53:01,,pump 1

192.168.77.30,valve
END
golden devices --devices "$tmp/devices.csv"
golden placeholder
nft --devices "$tmp/devices.csv" - <"$run" | cmp -s - "$tmp/devices.nft" && ok stdin || bad stdin differs
nft --device 192.168.77.30,valve --device '02-00-5E-00-53-01,pump 1' --device 02:00:5e:00:53:02,pump\ 2 \
	"$run" | cmp -s - "$tmp/devices.nft" && ok device-order || bad device-order "not the same bytes"
nft --output "$tmp/file.nft" --devices "$tmp/devices.csv" "$run" >"$tmp/out"
check output-file "" "$(cat "$tmp/out"; cmp "$tmp/file.nft" "$tmp/devices.nft")"
mkfifo "$tmp/pipe"
timeout 10 cat "$tmp/pipe" >"$tmp/piped" &
nft --output "$tmp/pipe" --devices "$tmp/devices.csv" "$run"
wait
check output-pipe "" "$(test -p "$tmp/pipe" || echo replaced; cmp "$tmp/piped" "$tmp/devices.nft")"
"$S" rules --for nftables "$run" 2>"$tmp/err" >/dev/null
check placeholder-is-said 1 "$(grep -c 'no device named' "$tmp/err")"
check in-list 1 "$("$S" list | sed -n '/^dialects:/,$p' | grep -c '^  nftables ')"
check in-the-report 1 "$("$S" replay "$run" | grep -c 'sallyport rules --for nftables')"
"$S" rules --for nftables "$run" -q >/dev/full 2>"$tmp/err"
check full-disk 74 $?

# ---- what is refused ----
refused no-dialect 64 'nftables'
refused unknown-dialect 64 "no dialect 'pf'; there are: nftables" --for pf "$run"
refused hostile-dialect 64 'there are: nftables' --for $'\x1b[31m' "$run"
refused no-run 69 "$tmp/none" --for nftables "$tmp/none"
refused two-runs 64 'takes no operand' --for nftables "$run" "$run"
refused this-host-by-address 64 'this host itself' --for nftables --device 192.168.77.10 "$run"
mac=$(head -n 1 "$run" | grep -o '"mac":"[^"]*"' | tail -n 1 | cut -d'"' -f4)
refused this-host-by-mac 64 'this host itself' --for nftables --device "$mac" "$run"
refused the-lan 64 "'192.168.77.0/24'" --for nftables --device 192.168.77.0/24 "$run"
refused any 64 "'any'" --for nftables --device any "$run"
printf '02:00:5e:00:53:01\n02:00:5e:00:53:02,192.168.077.020,x\n' >"$tmp/bad.csv"
refused located 65 "$tmp/bad.csv:2:19: " --for nftables --devices "$tmp/bad.csv" "$run"
printf '02:00:5e:00:53:01,a";`id`\x1b[31m\n' >"$tmp/bad.csv"
refused hostile-device-name 65 "$tmp/bad.csv:1:19: " --for nftables --devices "$tmp/bad.csv" "$run"

# A recording is input like any other: every field of it that goes into a rule, made hostile.
hostile() { # NAME SED-SCRIPT CODE WORDS
	sed "$2" "$run" >"$tmp/hostile.ndjson"
	cmp -s "$run" "$tmp/hostile.ndjson" && bad "hostile-$1" "the script changes nothing"
	refused "hostile-$1" "$3" "$4" --for nftables "$tmp/hostile.ndjson"
}
hostile run-id '1s/"id":"[^"]*"/"id":"x; flush ruleset"/' 65 'cannot stand in a rule'
hostile name '1s/allow=\*\.udp\.particle\.io/allow=*.udp.par;ticle.io/' 65 'allow is neither'
hostile label '1s/allow=\*\.udp\.particle\.io/allow=*._udp.particle.io/' 65 'cannot stand in a rule'
hostile port '1s/port=5684/port=70000/' 65 "'70000'"
hostile resolver '1s/"resolvers":\["192.168.77.1"\]/"resolvers":["0.0.0.0"]/' 65 'cannot stand in a rule'
hostile answer 's/"answers":"198.51.100.10"/"answers":"198.51.100.10 198.51.100.010"/' 65 '198.51.100.010'
sed 's/"answers":"198.51.100.10"/"answers":"198.51.100.10 10.0.0.1 0.0.0.0 192.168.77.9"/' "$run" >"$tmp/rebind.ndjson"
nft --devices "$tmp/devices.csv" "$tmp/rebind.ndjson" | cmp -s - "$tmp/devices.nft" && ok inside-left-out ||
	bad inside-left-out "an inside address changed the rules"
head -n -1 "$run" >"$tmp/cut.ndjson"
nft "$tmp/cut.ndjson" >"$tmp/cut.nft" 2>/dev/null
check damaged-code 65 $?
grep -q 'did not end in order' "$tmp/cut.nft" && ok damaged-is-said || bad damaged-is-said "not in the file"

# ---- what nft makes of it ----
if ! command -v nft >/dev/null || ! unshare -rn nft list ruleset >/dev/null 2>&1; then
	echo "skip rules-nft: needs nft and network namespaces"
	exit 0
fi
cat >"$tmp/twice.sh" <<'END'
plain() { nft list ruleset | sed 's/ expires [0-9a-z]*//g; s/ packets [0-9]* bytes [0-9]*//'; }
nft 'add table inet filter; add chain inet filter forward { type filter hook forward priority 0; policy drop; }'
plain >before
nft -c -f "$1" && plain | cmp -s - before && echo "ok rules-nft-$2-takes-it" || echo "not ok rules-nft-$2-takes-it: nft -c"
nft -f "$1" && plain >once
nft -f "$1" && plain >again
cmp -s before once && echo "not ok rules-nft-$2-loads: nothing changed"
cmp -s once again && echo "ok rules-nft-$2-loads-twice" || echo "not ok rules-nft-$2-loads-twice: $(diff once again | head -n 3)"
sed -n '/^# Undo/,/^$/s/^#  *\(nft .*\)/\1/p' "$1" >undo
sh -e undo && plain >after
cmp -s before after && echo "ok rules-nft-$2-undo" || echo "not ok rules-nft-$2-undo: $(diff before after | head -n 3)"
END
for f in devices placeholder; do
	(cd "$tmp" && unshare -rn bash twice.sh "$f.nft" "$f" 2>&1)
done
exit 0
