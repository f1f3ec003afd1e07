#!/bin/bash
# A recorded run with NAT lifetimes in it: replayed it gives the same advice byte for byte, the JSON
# report is valid and holds nothing that the schema does not describe, the text fits 80 columns, and
# one from before there was any advice is still read.
. "$(dirname "$0")/lib.sh"

# The recorded clean run, with the profile as it is now (or then) and these series:
# state lower upper (0: none), separated by commas; "tcp" is a state.
recording() { # PROFILE|then SERIES
	python3 - "$1" "$2" <<'END'
import json, sys
lines = [json.loads(line) for line in open("tests/runs/clean.ndjson")]
kept = [line for line in lines if line["type"] in ("run_start", "observation")]
if sys.argv[1] != "then":
    kept[0]["profile"] = {"name": sys.argv[1], "text": open(f"diag/profiles/{sys.argv[1]}.ini").read()}
n, t = len(kept), kept[-1]["t"]
for series in filter(None, sys.argv[2].split(",")):
    state, lower, upper = series.split()
    one = {"type": "observation", "n": n, "t": t, "check": "nat.tcp" if state == "tcp" else "nat.udp",
           "target": "reflector.example", "attempt": 1, "outcome": "answered",
           "proto": "tcp" if state == "tcp" else "udp", "port": 5683 if state == "tcp" else 5684}
    if state != "tcp":
        one["state"] = state
    one["lower_s"] = float(lower)
    if float(upper):
        one.update(upper_s=float(upper), confirmed=True)
    one.update(trials=10, method="poke", loss=0.002, jitter_ms=8.5)
    kept.append(one)
    n += 1
end = dict(lines[-1])
kept.append(end)
for line in kept:
    print(json.dumps(line, separators=(",", ":")))
END
}

scenarios() { # name | profile | series | exit | a word of the advice
	cat <<'END'
short|particle-wifi|replied 19.5 20.5,established 19.5 20.5|1|keepAlive(15s);
linux|particle-wifi|new 29.6 30.4,replied 29.6 30.4,burst 29.6 30.4,established 119 121|0|leave the devices as they are
young|particle-wifi|replied 19.5 20.5,established 119 121|1|short-when-new
boron|particle-cellular|established 119 121|1|"kind":"boron","interface":"ethernet"
cut|particle-wifi|established 61 0|0|at least 61 s
hours|particle-wifi|established 7200 0,replied 7200 0|0|leave the devices as they are
tiny|particle-wifi|established 2 3|1|get a longer timer
tcp|particle-tcp|tcp 9 10|1|which is fixed
nothing|particle-wifi||0|was not measured
then|then|established 59 61|0|"bytes_per_month":14722560
END
}

wide() { # FILE: its lines over 80 columns
	awk 'length($0) > 80' "$1" | head -n 1
}

while IFS='|' read -r name profile series want word; do
	recording "$profile" "$series" >"$tmp/$name.in"
	timeout 20 "$S" replay -o ndjson "$tmp/$name.in" >"$tmp/$name.a" 2>/dev/null </dev/null
	run replay -o ndjson "$tmp/$name.a"
	check "keepalive-$name-exit" "$want" "$code"
	if cmp -s "$tmp/out" "$tmp/$name.a" && [ ! -s "$tmp/err" ]; then
		ok "keepalive-$name-replays"
	else
		bad "keepalive-$name-replays" "$(head -c 300 "$tmp/err"; diff "$tmp/out" "$tmp/$name.a" | head -n 3 | cut -c 1-200)"
	fi
	run replay -o json "$tmp/$name.a"
	mv "$tmp/out" "$tmp/$name.json"
	if grep -qF -- "$word" "$tmp/$name.json"; then ok "keepalive-$name-says"; else bad "keepalive-$name-says" "no '$word'"; fi
	run replay -o text "$tmp/$name.a"
	check "keepalive-$name-width" "" "$(wide "$tmp/out")"
done < <(scenarios)

if ! python3 -c 'import jsonschema' 2>/dev/null; then
	echo "skip keepalive-schema: no python3-jsonschema"
	exit $status
fi
python3 -W ignore - docs/report.schema.json "$tmp" <<'END' || status=1
import glob, json, os, sys
import jsonschema

schema = json.load(open(sys.argv[1]))
validator = jsonschema.Draft7Validator(schema)
failed = 0


def undescribed(value, node, path, out):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in node.get("properties", {}):
                undescribed(inner, node["properties"][key], f"{path}.{key}", out)
            else:
                out.add(f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            undescribed(inner, node.get("items", {}), f"{path}[]", out)


for path in sorted(glob.glob(os.path.join(sys.argv[2], "*.json"))):
    name = os.path.basename(path)[:-5]
    doc = json.load(open(path))
    why = next((f"{'.'.join(map(str, e.path))}: {e.message[:200]}" for e in validator.iter_errors(doc)), "")
    unknown = set()
    undescribed(doc["nat"], schema["properties"]["nat"], "nat", unknown)
    undescribed(doc["keepalive"], schema["properties"]["keepalive"], "keepalive", unknown)
    why = why or (f"not in the schema: {sorted(unknown)}" if unknown else "")
    print(f"not ok keepalive-{name}-schema: {why}" if why else f"ok keepalive-{name}-schema")
    failed |= bool(why)
damaged = json.load(open(os.path.join(sys.argv[2], "linux.json")))
damaged["nat"]["udp"]["replied"].pop("upper_s")
damaged["keepalive"]["settings"][0]["name"] = "no such word"
seen = len(list(validator.iter_errors(damaged)))
print("ok keepalive-damage-schema" if seen == 2 else f"not ok keepalive-damage-schema: {seen} errors, not 2")
sys.exit(failed or seen != 2)
END
exit $status
