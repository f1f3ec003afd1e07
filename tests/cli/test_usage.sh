#!/bin/bash
# What can be mistyped: commands, flags, values, variables, operands. One line, 64 (69 where a named
# thing is not there), nothing on stdout.
. "$(dirname "$0")/lib.sh"

# ---- words ----
refused no-such-command 64 "no command 'nope'" nope
refused near-command 64 "did you mean 'check'?" chek
refused empty-command 64 "no command ''" ''
refused hostile-command 64 'a\x1b[2J\x0ab' "$(printf 'a\033[2J\nb')"
refused operand-of-check 64 "takes no operand 'extra'" check extra
refused operand-of-list 64 "takes no operand 'extra'" list extra
refused operand-of-config 64 "takes no operand 'extra'" config extra
refused command-of-check 64 "takes no command behind --: 'foo'" check -- foo
refused command-of-nothing 64 "takes no command behind --: 'x'" -- x
refused replay-of-nothing 64 "replay needs FILE|-" replay
refused replay-of-two 64 "takes no operand 'b'" replay a b
refused explain-of-nothing 64 "needs FAULT-or-PROBE" explain
refused explain-unknown 64 "no fault or probe 'nope'" explain nope
refused explain-near 64 "did you mean 'udp-port-blocked'?" explain udp-port-bloked
refused replay-missing-file 69 "No such file" replay "$tmp/none"
refused report-missing-file 69 "No such file" report "$tmp/none"

# ---- flags ----
refused no-such-flag 64 "unknown flag '--nope'" --nope
refused no-such-letter 64 "unknown flag '-x'" check -x
refused letter-in-a-group 64 "unknown flag '-x'" check -xv
refused near-flag 64 "did you mean '--redact'?" check --redcat
refused half-a-flag 64 "could be --device, --devices, --dry-run" check --d
refused flag-without-value 64 "flag '--timeout' needs a value" check --timeout
refused letter-without-value 64 "flag '-t' needs a value" check -t
refused value-for-a-switch 64 "takes no value" check --verbose=yes
refused both-families 64 "exclude each other" check -4 -6
refused foreign-flag 64 "--kind means nothing to replay" replay --kind argon "$tmp/none"
refused format-of-list 64 "--format means nothing to list" list -o json
accepted talk-flag-of-list list --no-color
accepted show config --show

# ---- values ----
dry() { # NAME CODE TEXT ARGS...
	refused "$1" "$2" "$3" check --dry-run "${@:4}"
}
dry no-such-check 64 "--only: no check 'nope' in profile particle-wifi (it has link, gateway," --only nope
dry no-such-check-to-skip 64 "--skip: no check 'udp9999'" --skip udp9999
dry nothing-named 64 "',' names nothing" --only ,
dry no-such-profile 69 "no profile named 'nope'" --profile nope
dry near-profile 69 "did you mean 'particle-wifi'?" --profile partical-wifi
dry no-such-profile-file 69 "No such file" --profile /none/x.ini
dry no-such-format 64 "'xml' is not one of text|ask|json|ndjson" -o xml
dry no-such-kind 64 "no device kind 'nope' in profile particle-wifi (it has argon," --kind nope
dry no-such-interface 69 "no interface named 'nosuch0'" -i nosuch0
for value in x '' -1 0 61 nan inf 0x10 1e1 ' 3' '3 ' 2,5; do
	dry "timeout-'$value'" 64 "--timeout: '$value' is not a number from 0.1 to 60" --timeout "$value"
done
for value in -1 0.5 3601 soon; do
	dry "budget-'$value'" 64 "--budget-s: '$value' is not a number from 1 to 3600" --budget-s "$value"
done
dry device-no-form 64 "'zz' is no MAC, address or name" --device zz
dry device-name-only 64 "is no MAC, address or name" --device pump
dry device-two-addresses 64 "'192.0.2.2' is a second address" --device 192.0.2.1,192.0.2.2
dry device-two-macs 64 "is a second MAC" --device 02:00:5e:00:53:01,02:00:5e:00:53:02
dry device-hostile-name 64 "is no MAC, address or name" --device '192.0.2.1,a"; drop'
dry device-address-beyond 64 "'192.0.2.300' looks like an address" --device 192.0.2.300
accepted device-whole check --dry-run --device 02:00:5e:00:53:01,192.0.2.1,pump

# ---- variables: the error names them ----
variable() { # NAME=VALUE CODE TEXT
	env "SALLYPORT_$1" "$S" check --dry-run >"$tmp/out" 2>"$tmp/err" </dev/null
	code=$?
	if [ $code = "$2" ] && said "SALLYPORT_${1%%=*}" && said "$3" && [ ! -s "$tmp/out" ]; then
		ok "variable-$1"
	else
		bad "variable-$1" "exit code $code: $(head -c 400 "$tmp/err")"
	fi
}
variable TIMEOUT=x 64 "not a number"
variable BUDGET_S=-1 64 "not a number"
variable FORMAT=xml 64 "not one of"
variable IPV4=maybe 64 "neither yes nor no"
variable DRY_RUN=2 64 "neither yes nor no"
variable DEVICE=zz 64 "no MAC"
variable ONLY=nope 64 "no check 'nope'"
variable SKIP=nope 64 "no check 'nope'"
variable KIND=nope 64 "no device kind"
variable PROFILE=nope 69 "no profile named"
variable INTERFACE=nosuch0 69 "no interface"
variable IDENTITY_KEY=/none 69 "No such file"
variable DEVICES=/none 69 "No such file"
SALLYPORT_TIMEOUT= accepted empty-variable-is-unset check --dry-run

# ---- the reflector's ----
refused reflector-operand 64 "takes no operand 'extra'" reflector extra
refused reflector-no-address 64 "--listen: 'nat.example' is not an address" reflector --listen nat.example
refused reflector-address-and-port 64 "--listen: '192.0.2.1:3478' is not an address" reflector --listen 192.0.2.1:3478
refused reflector-address-twice 64 "is given twice" reflector --listen ::1 --listen 127.0.0.1,::1
for value in 0 65536 x -1 5684x 1e3 99999999999; do
	refused "reflector-port-$value" 64 "--port: '$value' is not a number from 1 to 65535" reflector --port "$value"
done
refused reflector-port-twice 64 "--port: 5684 is given twice" reflector --port 5684 --port 3478,5684
refused reflector-too-many 64 "more than 8 items" reflector --port 1,2,3,4,5,6,7,8 --port 9
refused reflector-rate 64 "is not a number from 1 to 1e+06" reflector --stun-rate 0
refused reflector-rfc5780-alone 64 "needs two --listen addresses of one family" reflector --rfc5780
refused reflector-rfc5780-one 64 "needs two --listen addresses" reflector --rfc5780 --listen 127.0.0.1
refused reflector-rfc5780-families 64 "of one family" reflector --rfc5780 --listen 127.0.0.1,::1
refused reflector-rfc5780-one-port 64 "and two ports" reflector --rfc5780 --listen 127.0.0.1,127.0.0.2 --port 3478
refused reflector-flag-elsewhere 64 "--listen means nothing to check" check --listen 127.0.0.1
refused check-flag-at-the-reflector 64 "--only means nothing to reflector" reflector --only link
refused reflector-key-empty 78 "at least 16 bytes" reflector --shared-key /dev/null

# ---- the lab's words ----
refused lab-without-fault 64 "name one list of faults" lab
refused lab-two-lists 64 "name one list of faults" lab clean extra -- true
refused lab-unknown-fault 64 "no fault 'nope'" lab nope -- true
refused lab-near-fault 64 "did you mean 'udp-port-blocked'?" lab clean,udp-port-blokced -- true
refused lab-empty-fault 64 "no fault ''" lab ,clean -- true
refused lab-conflict 64 "want the resolver to lie differently" lab dns-empty,dns-refused -- true
refused lab-unknown-amount 64 "none of delay, jitter" lab clean,second=1 -- true
refused lab-unknown-server 64 "no server 'mail'" lab clean,without=mail -- true
for word in delay= delay=x delay=-1 delay=10001 delay=1e3 jitter=10001 loss=2 loss=-0.1 reorder=nan seed=-1 seed=x; do
	refused "lab-$word" 64 "lab: ${word%%=*}: '${word#*=}' is not a" lab clean,$word -- true
done
refused flag-on-the-wrong-side 64 "--only means nothing to lab" lab --only link clean -- true
exit $status
