#!/bin/sh
# Installs the Debian packages named as arguments where they are missing (build and lab tools only;
# never removes or upgrades on purpose, never starts a service). Whether it can: ready.sh.
set -u
missing=""
for p in "$@"; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2086
if ! apt-get install -y --no-install-recommends --no-remove $missing >"$log" 2>&1; then
	apt-get update >>"$log" 2>&1
	# shellcheck disable=SC2086
	apt-get install -y --no-install-recommends --no-remove $missing >>"$log" 2>&1 || {
		tail -n 5 "$log" >&2
		echo "deps: apt-get could not install:$missing" >&2
		rm -f "$log"
		exit 1
	}
fi
rm -f "$log"
