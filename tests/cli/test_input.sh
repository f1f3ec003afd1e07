#!/bin/bash
# Damaged, missing and forbidden input files: profiles (78, with line and column), keys, device
# lists and recorded runs (65; what was readable is reported), 77 where reading is not allowed.
. "$(dirname "$0")/lib.sh"
good=diag/profiles/particle-wifi.ini
profile() { # NAME CODE TEXT: the file is $tmp/p.ini
	refused "profile-$1" "$2" "$3" check --dry-run --profile "$tmp/p.ini"
}

# ---- profiles ----
head -c 2000 /dev/zero | tr '\0' '\001' >"$tmp/p.ini"
profile binary 78 "p.ini:1:1: only printable ASCII"
tr '\n' '\0' <$good >"$tmp/p.ini"
profile nul-bytes 78 "p.ini:1:10: only printable ASCII"
sed '20s/$/ \xff/' $good >"$tmp/p.ini"
profile not-ascii 78 "p.ini:20:"
: >"$tmp/p.ini"
profile empty 78 "p.ini:1:1: [profile] lacks 'name'"
head -c 1500 $good >"$tmp/p.ini"
profile cut-short 78 "p.ini:1:1: a profile needs at least one [target"
echo 'just text' >"$tmp/p.ini"
profile no-ini 78 "p.ini:1:1: neither [section] nor key = value"
echo '[profile' >"$tmp/p.ini"
profile open-bracket 78 "p.ini:1:1: neither [section]"
echo 'name = x' >"$tmp/p.ini"
profile key-before-section 78 "p.ini:1:1: a key before the first section"
printf '[nope]\nx=1\n' >"$tmp/p.ini"
profile unknown-section 78 "p.ini:2:1: section [nope] is unknown"
sed '0,/^port/s/^port/prot/' $good >"$tmp/p.ini"
profile unknown-key 78 "p.ini:$(grep -n -m 1 '^prot' "$tmp/p.ini" | cut -d: -f1):1: unknown key 'prot'"
for port in 0 65536 -1 x 5684.5; do
	sed "0,/^port = .*/s//port = $port/" $good >"$tmp/p.ini"
	profile "port-$port" 78 "p.ini:$(grep -n -m 1 '^port' "$tmp/p.ini" | cut -d: -f1):8: port: '$port' is not a"
done
sed '0,/^required = .*/s//required = maybe/' $good >"$tmp/p.ini"
profile bad-switch 78 ":12: required: 'maybe' is neither yes nor no"
sed '0,/^name = .*particle.io/s//name = bad host!/' $good >"$tmp/p.ini"
profile bad-name 78 "name is not a host name"
for key in title probe transport port operator why required families; do
	sed "/^\[target cloud-udp\]/,/^\[/{/^$key/d}" $good >"$tmp/p.ini"
	profile "without-$key" 78 "p.ini:$(grep -n '^\[target cloud-udp' "$tmp/p.ini" | cut -d: -f1):1: [target cloud-udp] lacks '$key'"
done
sed '/^probe_ids/{p}' $good >"$tmp/p.ini"
profile key-twice 78 "a second 'probe_ids'"
{ cat $good; printf '[profile]\nname = again\n'; } >"$tmp/p.ini"
profile section-twice 78 "p.ini:$(($(wc -l <$good) + 1)):1: a second section of this name"
{ cat $good; printf '[kind %060d]\ntitle = x\n' 0; } >"$tmp/p.ini"
profile section-name-too-long 78 "section name is too long"
{ cat $good; printf '; %01100d\n' 0; } >"$tmp/p.ini"
profile line-too-long 78 "line is too long"
{ cat $good; yes '; a comment that fills the file up' | head -n 3000; } >"$tmp/p.ini"
profile too-large 78 "larger than 65536 bytes"
rm "$tmp/p.ini"
mkdir "$tmp/p.ini"
profile directory 78 "Is a directory"
rmdir "$tmp/p.ini"
sed 's/$/\r/' $good >"$tmp/p.ini"
accepted profile-with-dos-lines check --dry-run --profile "$tmp/p.ini"

# ---- keys ----
if command -v openssl >/dev/null; then
	(
		cd "$tmp" || exit 1
		openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out private.pem
		openssl pkey -in private.pem -pubout -out good.pem
		openssl pkey -in private.pem -pubout -outform DER -out good.der
		openssl pkey -in private.pem -outform DER -out private.der
		openssl genpkey -algorithm RSA -out rsa-private.pem
		openssl pkey -in rsa-private.pem -pubout -out rsa.pem
		openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 | openssl pkey -pubout -out curve.pem
		openssl genpkey -algorithm ED25519 | openssl pkey -pubout -out ed.pem
		openssl req -x509 -key private.pem -subj /CN=x -days 1 -out certificate.pem
	) >/dev/null 2>&1
	head -c 60 "$tmp/good.der" >"$tmp/cut.der"
	{ cat "$tmp/good.der"; echo more; } >"$tmp/longer.der"
	head -c 9000 /dev/zero >"$tmp/large.pem"
	: >"$tmp/empty.pem"
	echo garbage >"$tmp/garbage.pem"
	accepted key-pem check --dry-run --identity-key "$tmp/good.pem"
	accepted key-der check --dry-run --identity-key "$tmp/good.der"
	while IFS='|' read -r file text; do
		refused "key-$file" 78 "$text" check --dry-run --identity-key "$tmp/$file"
	done <<-'END'
		private.pem|holds a private key; give its public half
		private.der|is no public key
		rsa-private.pem|holds a private key
		rsa.pem|is a key of type RSA; the server key must be ECDSA P-256
		curve.pem|must be ECDSA P-256
		ed.pem|is a key of type ED25519
		certificate.pem|holds a certificate
		cut.der|is no public key
		longer.der|is no public key
		garbage.pem|is no public key
		empty.pem|is no public key
		large.pem|larger than 8192 bytes
	END
else
	echo "skip keys: no openssl program to make them with"
fi
refused key-missing 69 "No such file" check --dry-run --identity-key "$tmp/none"
refused key-directory 78 "Is a directory" check --dry-run --identity-key "$tmp"

# ---- device lists ----
printf '# pumps\n02:00:5e:00:53:01,192.0.2.7,pump 1\r\n\n192.0.2.8 # the other\n' >"$tmp/devices"
run config --devices "$tmp/devices"
check devices-read "device 02:00:5e:00:53:01,192.0.2.7,pump 1 192.0.2.8 default" \
	"$(grep '^device ' "$tmp/out" | tr -s ' ')"
printf '192.0.2.7\nnonsense\n' >"$tmp/devices"
refused devices-bad-line 65 "devices:2:1: 'nonsense' is no MAC" check --dry-run --devices "$tmp/devices"
printf '192.0.2.7\n%01100d\n' 0 >"$tmp/devices"
refused devices-long-line 65 "devices:2:1: line is longer than 1024 bytes" check --dry-run --devices "$tmp/devices"
head -c 500 /dev/zero >"$tmp/devices"
refused devices-binary 65 "devices:1:1: line holds a NUL byte" check --dry-run --devices "$tmp/devices"
seq -f '10.0.%.0f.1' 0 256 >"$tmp/devices"
refused devices-too-many 65 "devices:257:1: more than 256 devices" check --dry-run --devices "$tmp/devices"
refused devices-directory 65 "Is a directory" check --dry-run --devices "$tmp"

# ---- what may not be read ----
if [ "$(id -u)" = 0 ] && as_nobody test -x "$S"; then
	cp $good "$tmp/p.ini"
	touch "$tmp/unreadable"
	chmod 0 "$tmp/p.ini" "$tmp/unreadable"
	for flag in --profile --identity-key --devices; do
		file=$tmp/unreadable
		[ $flag = --profile ] && file=$tmp/p.ini
		as_nobody "$S" check --dry-run $flag "$file" >"$tmp/out" 2>"$tmp/err"
		code=$?
		if [ $code = 77 ] && said "Permission denied"; then ok "unreadable$flag"; else bad "unreadable$flag" "$code $(cat "$tmp/err")"; fi
	done
	as_nobody "$S" replay "$tmp/unreadable" >"$tmp/out" 2>"$tmp/err"
	code=$?
	if [ $code = 77 ] && said "Permission denied"; then ok unreadable-run; else bad unreadable-run "$code $(cat "$tmp/err")"; fi
else
	echo "skip unreadable: needs root, and a program that nobody can reach"
fi

# ---- recorded runs ----
if ! unshare -rn true 2>/dev/null; then
	echo "skip recorded-runs: no namespace to record one in"
	exit $status
fi
unshare -rn "$S" check -o ndjson >"$tmp/run" 2>/dev/null
lines=$(wc -l <"$tmp/run")
damaged() { # NAME TEXT REPORTED: the file is $tmp/d; with a run_start the rest is reported
	run replay -o json "$tmp/d"
	local seen=no
	python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["observations"]))' "$tmp/out" \
		>"$tmp/seen" 2>/dev/null && seen=$(cat "$tmp/seen")
	if [ $code = 65 ] && said "$2" && [ "$seen" = "$3" ]; then
		ok "run-$1"
	else
		bad "run-$1" "exit code $code, $seen observations, not $3: $(head -c 300 "$tmp/err")"
	fi
}
observed() { head -n "$1" "$tmp/run" | grep -c '"type":"observation"'; }
: >"$tmp/d"
damaged empty "holds no run" no
echo 'just text' >"$tmp/d"
damaged text "d:1: " no
head -c 500 /dev/zero >"$tmp/d"
damaged binary "d:1: " no
head -c 100 "$tmp/run" >"$tmp/d"
damaged start-cut "d:1: " no
tail -n +2 "$tmp/run" >"$tmp/d"
damaged no-start "d:1: the stream does not begin with run_start" no
head -n 8 "$tmp/run" >"$tmp/d"
damaged no-end "d:8: the stream ends here, without run_end" "$(observed 8)"
head -n 8 "$tmp/run" | head -c -20 >"$tmp/d"
damaged last-line-cut "d:8: " "$(observed 7)"
sed '9s/.*/garbage/' "$tmp/run" >"$tmp/d"
damaged middle "d:9: " "$(observed 8)"
sed '9s/.*//' "$tmp/run" >"$tmp/d"
damaged blank-line "d:9: empty line" "$(observed 8)"
sed '9s/$/\xff/' "$tmp/run" >"$tmp/d"
damaged not-utf8 "d:9: " "$(observed 8)"
{ head -n 8 "$tmp/run"; head -c 70000 /dev/zero | tr '\0' x; echo; } >"$tmp/d"
damaged line-too-long "d:9: line is too long" "$(observed 8)"
{ cat "$tmp/run"; echo '{"type":"check"}'; } >"$tmp/d"
damaged more-behind-the-end "d:$((lines + 1)): more lines after run_end" "$(observed "$lines")"
sed 's/"timeout":"[^"]*"/"timeout":"x"/' "$tmp/run" >"$tmp/d"
damaged bad-setting "d:1: " no
sed '1s/port=5684/port=70000/' "$tmp/run" >"$tmp/d"
damaged bad-profile "d:1: " no
refused run-directory 65 "Is a directory" replay "$tmp"
timeout 10 "$S" replay - <"$tmp/run" >"$tmp/out" 2>"$tmp/err"
code=$?
unshare -rn "$S" check >/dev/null 2>&1
check run-from-stdin $? $code
exit $status
