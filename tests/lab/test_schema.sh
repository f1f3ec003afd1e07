#!/bin/bash
# The JSON report against its schema, by a real validator: runs of several kinds are valid and hold
# no key that the schema does not describe; a document that is damaged on purpose is refused.
cd "$(dirname "$0")/../.." || exit 1
S=$(realpath "${SALLYPORT:-build/release/bin/sallyport}")
[ "$(id -u)" = 0 ] || { echo "skip lab-schema: not root (network namespaces)"; exit 0; }
python3 -c 'import jsonschema' 2>/dev/null || { echo "skip lab-schema: no python3-jsonschema"; exit 0; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

scenarios() { # name | lab | arguments of check
	cat <<'END'
clean|clean|
blocked|udp-port-blocked|
rejected|udp-rejected,ntp-wrong|--kind argon,photon --device 02:00:00:00:00:01,192.168.77.20,pump
impostors|udp-impostor,tcp-impostor,tls-private-ca|--redact
names|dns-hostile-cname|--controls
only|captive-http|--only udp5684,dns
skip|clean|--skip ntp,path --profile particle-cellular
nothing|no-address|
no-resolver|no-resolver|
END
}
while IFS='|' read -r name lab args; do
	# shellcheck disable=SC2086
	timeout 60 "$S" lab "$lab" -- sallyport check -o json $args >"$out/$name.json" 2>"$out/$name.err" </dev/null &
done < <(scenarios)
# shellcheck disable=SC2016
timeout 60 "$S" lab everything-dropped -- bash -mc 'sallyport check -o json >"$0" & p=$!
	for i in $(seq 500); do [ -d /proc/$p/fd ] && [ "$(ls /proc/$p/fd | wc -l)" -gt 8 ] && break; sleep 0.02; done
	kill -INT $p; wait $p' "$out/interrupted.json" 2>"$out/interrupted.err" </dev/null &
wait

python3 -W ignore - docs/report.schema.json "$out" <<'END'
import copy, glob, json, os, sys
import jsonschema

schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
failed = False


def say(name, why):
    global failed
    failed |= bool(why)
    print(f"not ok lab-schema-{name}: {why}" if why else f"ok lab-schema-{name}")


def undescribed(value, node, path, out):
    """Keys of the document that the schema does not name."""
    if isinstance(value, dict):
        known = node.get("properties", {})
        for key, inner in value.items():
            if key in known:
                undescribed(inner, known[key], f"{path}.{key}", out)
            elif not isinstance(node.get("additionalProperties"), dict):
                out.add(f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            undescribed(inner, node.get("items", {}), f"{path}[]", out)


def leaves(node, path=()):
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, inner in items:
        yield path + (key,)
        if not isinstance(node, list) or key == 0:
            yield from leaves(inner, path + (key,))


docs = {}
for path in sorted(glob.glob(os.path.join(sys.argv[2], "*.json"))):
    name = os.path.basename(path)[:-5]
    try:
        docs[name] = json.load(open(path))
    except ValueError as e:
        say(name, f"{e}: {open(path[:-4] + 'err').read()[:200]}")
        continue
    why = next((f"{'.'.join(map(str, e.path))}: {e.message[:200]}" for e in validator.iter_errors(docs[name])), "")
    unknown = set()
    undescribed(docs[name], schema, "", unknown)
    say(name, why or (f"not in the schema: {sorted(unknown)}" if unknown else ""))

say("ten-runs", "" if len(docs) == 10 else f"only {sorted(docs)}")
say("interrupted-says-so", "" if docs["interrupted"]["run"]["ended"] == "interrupted" else "it ran to its end")
say("runs-differ", "" if docs["blocked"]["verdicts"] and not docs["clean"]["verdicts"] else "the scenarios are alike")

# Damage: no value may become an object, no required key may go, no word may be any other.
whole = docs["rejected"]
survived = []
for path in leaves(whole):
    for damage in ({"no": "such value"}, "no such word"):
        doc = copy.deepcopy(whole)
        node = doc
        for key in path[:-1]:
            node = node[key]
        if isinstance(damage, str) and isinstance(node[path[-1]], (str, type(None))):
            continue  # a text may well be that
        if isinstance(damage, dict) and path in (("nat", "udp"), ("nat", "tcp")):
            continue  # an object where it was measured
        node[path[-1]] = damage
        if validator.is_valid(doc):
            survived.append(f"{'.'.join(map(str, path))} = {damage}")
say("damage-by-type", f"accepted: {survived}" if survived else "")

words = [("checks", 0, "state"), ("kinds", 0, "state"), ("observations", 0, "outcome"), ("verdicts", 0, "state"),
         ("verdicts", 0, "confidence"), ("verdicts", 0, "effect"), ("verdicts", 0, "scope"),
         ("needs", 0, "proto"), ("needs", 0, "direction"), ("run", "ended"), ("schema",)]
survived = []
for path in words:
    doc = copy.deepcopy(whole)
    node = doc
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = "no such word"
    if validator.is_valid(doc):
        survived.append(".".join(map(str, path)))
say("damage-by-word", f"accepted: {survived}" if survived else "")

survived = [key for key in schema["required"] if validator.is_valid({k: v for k, v in whole.items() if k != key})]
say("damage-by-loss", f"accepted without {survived}" if survived else "")
sys.exit(failed)
END
