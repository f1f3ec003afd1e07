# For the tests of the command line: sourced by them. SALLYPORT names the program. Nothing here needs
# root, and no packet leaves: `check` runs with --dry-run only.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
S=$(realpath "${SALLYPORT:-build/release/bin/sallyport}")
tmp=$(mktemp -d)
chmod 755 "$tmp"
trap 'rm -rf "$tmp"' EXIT
unset "${!SALLYPORT_@}" POSIXLY_CORRECT
status=0
ok() { echo "ok $1"; }
bad() {
	echo "not ok $1: $2"
	status=1
}
check() { # NAME EXPECTED GOT
	if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "expected '$2', got '$3'"; fi
}
run() { # ARGS...: leaves $code, $tmp/out and $tmp/err
	timeout 20 "$S" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	code=$?
}
# One line on stderr that begins with the program's name and holds TEXT; nothing else.
said() { # TEXT
	[ "$(wc -l <"$tmp/err")" = 1 ] && grep -q '^sallyport: ' "$tmp/err" && grep -qF -- "$1" "$tmp/err"
}
refused() { # NAME CODE TEXT ARGS...
	local name=$1 want=$2 text=$3
	shift 3
	run "$@"
	if [ $code = "$want" ] && said "$text" && [ ! -s "$tmp/out" ]; then
		ok "$name"
	else
		bad "$name" "exit code $code, not $want, or not one line with '$text' and no output: $(head -c 400 "$tmp/err")"
	fi
}
accepted() { # NAME ARGS...
	local name=$1
	shift
	run "$@"
	if [ $code = 0 ] && [ ! -s "$tmp/err" ] && [ -s "$tmp/out" ]; then
		ok "$name"
	else
		bad "$name" "exit code $code: $(head -c 400 "$tmp/err")"
	fi
}
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
