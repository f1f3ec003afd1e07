#!/bin/bash
# House rules that a script can check: layers, sizes, banned calls, one file per library, headers
# that stand alone, text from the wire behind its type. Prints "ok NAME" or "not ok NAME: where".
cd "$(dirname "$0")/../.." || exit 1
status=0
report() { # NAME FINDINGS
	if [ -z "$2" ]; then
		echo "ok lint-$1"
	else
		echo "not ok lint-$1: $(echo "$2" | head -n 8 | tr '\n' ';')"
		status=1
	fi
}
src=$(git ls-files '*.c' '*.h' 2>/dev/null)
[ -n "$src" ] || src=$(find diag probes rules ui include tests -name '*.[ch]')
product=$(echo "$src" | grep -v '^tests/')

# Layers: FOLDER must not include these (extended regular expression on the include line).
layer() { # NAME FOLDER FORBIDDEN
	report "layer-$1" "$(echo "$src" | grep -E "^$2" | xargs -r grep -nE "^#include [\"<]($3)")"
}
layer base 'diag/base/' 'sallyport/(wire|model|profile|loop|sock|probe|judge|runner)|uv\.h|ares\.h|openssl|netlink|jansson'
layer wire '(diag/wire|include/sallyport/wire)/' 'sys/socket|netinet|time\.h|stdio\.h|stdlib\.h|sallyport/(loop|sock|probe|judge|model|runner)|diag/(io|run|judge|lab)|ui/|rules/'
layer judge '(diag/judge|rules)/' 'sys/socket|sallyport/(wire|loop|sock|probe|names|runner|command|report)|diag/(io|lab|wire)|probes/|ui/|uv\.h|ares\.h|openssl|netlink|jansson'
layer core 'probes/core/' 'sys/socket|time\.h|sallyport/(loop|sock|names|netinfo|probe|judge|runner)|diag/(io|run|judge|lab)|uv\.h|ares\.h|openssl|jansson'
layer shells 'probes/[a-z_0-9]*\.c' 'sys/socket|sallyport/(judge|report|command|rules)|diag/(judge|lab)|ui/|uv\.h|ares\.h|netlink|openssl'
layer io 'diag/io/' 'sallyport/(probe|judge|report|command)|probes/|ui/|rules/'

# Each external library sits behind one file.
one_file() { # NAME HEADER ALLOWED
	report "library-$1" "$(echo "$product" | grep -vE "$3" | xargs -r grep -nE "^#include <$2")"
}
one_file libuv 'uv\.h' '^diag/io/loop_uv\.c$'
one_file c-ares 'ares\.h' '^diag/io/names\.c$'
one_file libnl 'netlink/' '^diag/(io/netinfo[a-z_]*|lab/net)\.c$'
one_file inih 'ini\.h' '^diag/run/profile\.c$'
one_file jansson 'jansson\.h' '^(diag/run/(journal|replay)[a-z_]*|ui/report/json[a-z_]*|ui/commands/list|diag/io/captive)\.[ch]$'
one_file openssl 'openssl/' '^diag/(io/(crypto|tls_client)|lab/(pki|servers/tls|servers/dtls)[a-z_]*)\.[ch]$'

# Sizes: files 600 lines, functions 60 (brace at column 0 to brace at column 0).
report file-size "$(echo "$src" | xargs wc -l | awk '$2 != "total" && $1 > 600 {print $2 " " $1}')"
report function-size "$(for f in $(echo "$product" | grep '\.c$'); do
	awk -v f="$f" '/^\{/ {start = NR} /^\}/ && start {if (NR - start > 61) print f ":" start " " NR - start; start = 0}' "$f"
done)"

banned='\b(strcpy|strcat|sprintf|strtok|atoi|atol|gethostbyname|rand|srand|localtime|gmtime|alloca|gets)\('
report banned-calls "$(echo "$product" | xargs grep -nE "$banned")"
report wire-indexing "$(echo "$product" | grep '^diag/wire/' | xargs -r grep -nE '(^|[^.>a-z_])p\[[a-z0-9]' )"
report printing "$(echo "$product" | grep -E '^(diag|probes|rules)/' | xargs grep -nE '(^|[^a-z_])(printf|puts|putchar|perror)\(|fprintf\(std(out|err)')"
report headers-open "$(for h in $(echo "$product" | grep '\.h$'); do head -n 1 "$h" | grep -q '^/\*' || echo "$h"; done)"
report headers-alone "$(for h in $(echo "$product" | grep '\.h$'); do
	${CC:-gcc} -std=c17 -D_GNU_SOURCE -DSP_VERSION='""' -DSP_PREFIX='""' -Iinclude -I. -I"$(dirname "$h")" -fsyntax-only -x c "$h" 2>/dev/null || echo "$h"
done)"
report no-bare-sleep "$(git ls-files 'tests/*.sh' 2>/dev/null | xargs -r grep -nE '^[^#]*\bsleep [1-9]')"
report tabs "$(echo "$product" | xargs grep -nE '^ {8}' )"
exit $status
