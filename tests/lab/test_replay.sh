#!/bin/bash
# A recorded run says the same again, whoever tampered with what was concluded from it, and needs
# nothing but itself: not the profile's file, not the settings of that time. So does a run that was
# cut short, and a file from another version says what has changed.
cd "$(dirname "$0")/../.." || exit 1
S=$(realpath "${SALLYPORT:-build/release/bin/sallyport}")
[ "$(id -u)" = 0 ] || { echo "skip lab-replay: not root (network namespaces)"; exit 0; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
mkdir "$out/recorded" "$out/again" "$out/empty"
status=0
check() { # NAME WHY-NOT: passed when the second is empty
	if [ -z "$2" ]; then
		echo "ok lab-replay-$1"
	else
		echo "not ok lab-replay-$1: $(echo "$2" | tr '\n' ' ')"
		status=1
	fi
}
is() { # EXPECTED GOT
	[ "$1" = "$2" ] || echo "expected '$1', got '$2'"
}
same() { # FILE FILE
	cmp -s "$1" "$2" || diff "$1" "$2" | head -n 4 | cut -c 1-200
}

# ---- a run with a profile of its own, and one that SIGINT cuts short ----
sed 's/^name = particle-wifi$/name = a-cloud-of-ours/' diag/profiles/particle-wifi.ini >"$out/p.ini"
timeout 60 "$S" lab udp-rejected,port-drop -- sallyport check --profile "$out/p.ini" -o ndjson \
	--kind argon,photon --device 02:00:00:00:00:01,192.168.77.20,pump \
	>"$out/recorded/run" 2>"$out/live.err" </dev/null &
# shellcheck disable=SC2016
cut_short='sallyport check -o ndjson >"$0" & p=$!
for i in $(seq 500); do grep -q "\"outcome\":\"silent\"" "$0" && break; sleep 0.02; done
kill -INT $p; wait $p'
timeout 60 "$S" lab everything-dropped -- bash -mc "$cut_short" "$out/recorded/cut" 2>"$out/cut.err" </dev/null
cut=$?
wait $!
live=$?
rm "$out/p.ini"
check live-code "$(is 2 $live)"
check cut-code "$(is 3 $cut)"
check cut-ends "$(tail -n 1 "$out/recorded/cut" | grep -q '"type":"run_end".*"reason":"interrupted"' ||
	tail -n 1 "$out/recorded/cut")"

# ---- what somebody else would rather have concluded ----
python3 - "$out/recorded" <<'END'
import json, sys
where = sys.argv[1]
lines = [json.loads(line) for line in open(where + "/run")]
forged = []
for line in lines:
    kind = line["type"]
    if kind == "check":
        line.update(state="pass", because="nothing", answered=99, evidence=[1])
    elif kind == "verdict" and (line["preliminary"] or line["fault"] == "port-drop"):
        continue  # never said
    elif kind == "verdict":
        line.update(state="pass", confidence="undetermined", summary="all is well", evidence=[])
    elif kind == "recommendation":
        line["keepalive"]["recommended_s"] = 86400
        line["needs"] = [{"from": "0.0.0.0/0", "to": "evil.example", "proto": "tcp", "port": 1}]
    elif kind == "run_end":
        forged.append({"type": "verdict", "fault": "own-firewall", "subject": "UDP 1",
                       "state": "fail", "confidence": "proven", "preliminary": False})
        line.update(exit=0, kinds=[])
    forged.append(line)

def write(name, lines):
    with open(where + "/" + name, "w") as f:
        f.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)

write("forged", forged)
lines = [json.loads(line) for line in open(where + "/run")]
lines[0]["version"] = "0.0.9"
write("older", lines)
for line in lines:
    if line["type"] == "verdict" and line["fault"] == "udp-rejected":
        line["confidence"] = "likely"
write("older-differs", lines)
END

# ---- the same again, in other surroundings ----
for run in run cut forged older older-differs; do
	for format in text ask json ndjson; do
		(cd "$out/empty" && env -i PATH=/bin SALLYPORT_CONTROLS=yes timeout 20 "$S" replay \
			"$out/recorded/$run" -o $format >"$out/again/$run.$format" 2>"$out/again/$run.err"
		echo $? >"$out/again/$run.$format-code")
	done
done
for format in text ask json ndjson; do
	check "without-the-profile-$format" "$(is 2 "$(cat "$out/again/run.$format-code")")"
	check "forged-$format" "$(same "$out/again/run.$format" "$out/again/forged.$format")"
	check "forged-$format-code" "$(same "$out/again/run.$format-code" "$out/again/forged.$format-code")"
	check "cut-$format-code" "$(is 3 "$(cat "$out/again/cut.$format-code")")"
done
check same-bytes "$(same "$out/recorded/run" "$out/again/run.ndjson")"
check cut-same-bytes "$(same "$out/recorded/cut" "$out/again/cut.ndjson")"
check nothing-to-say "$(cat "$out/again/run.err" "$out/again/cut.err")"

# ---- what differs is said, one line each ----
err=$out/again/forged.err
check forged-said "$(is 4 "$(grep -cE '(recorded pass, undetermined; now fail, proven|not recorded; now|now absent|exit code: recorded 0; now 2)' "$err")")"
check forged-only-that "$(is 4 "$(wc -l <"$err")")"
version=$("$S" --version | cut -d" " -f2)
check older-said "$(is "sallyport: recorded by version 0.0.9, judged by $version" "$(cat "$out/again/older.err")")"
check older-differs-said "$(grep -q 'udp-rejected (UDP 5684): recorded fail, likely; now fail, proven' "$out/again/older-differs.err" ||
	cat "$out/again/older-differs.err")"
check older-is-the-same "$(same "$out/again/run.text" <(sed "s/^sallyport 0.0.9/sallyport $version/" "$out/again/older.text"))"
exit $status
