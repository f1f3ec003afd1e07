#!/bin/sh
# What stands in the way of a make target, in one line; nothing when it can begin.
#   ready.sh packages PACKAGE...   they are installed, or this is root and can install them
#   ready.sh lab PACKAGE...        and network namespaces can be made, with or without root
#   ready.sh root PACKAGE...       and this is root with what the tests need
#   ready.sh clang PACKAGE...      and that compiler is here
set -u
what=$1
shift
[ "$(id -u)" = 0 ] && root=yes || root=no
missing=""
for p in "$@"; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
if [ -n "$missing" ] && ! command -v apt-get >/dev/null; then
	echo "no apt-get here, and these Debian packages are missing:$missing"
	exit
elif [ -n "$missing" ] && [ $root = no ]; then
	echo "not root, and these Debian packages are missing:$missing"
	exit
fi

# capabilities(7): number and name of each that the lab uses
effective=0x$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
without=""
for cap in 10:CAP_NET_BIND_SERVICE 12:CAP_NET_ADMIN 13:CAP_NET_RAW 21:CAP_SYS_ADMIN; do
	[ $((effective >> ${cap%%:*} & 1)) = 1 ] || without="$without ${cap#*:}"
done
case $what in
lab)
	[ -z "$without" ] || unshare --user --map-root-user --net true 2>/dev/null ||
		echo "no network namespaces: run this as root, with$without, or where users may make user namespaces"
	;;
root)
	if [ $root = no ]; then
		echo "not root: the tests make network namespaces and try what other users see (make unit runs without)"
	elif [ -n "$without" ]; then
		echo "root, but without$without: the tests make network namespaces (make unit runs without)"
	elif ! unshare --net --mount --pid --fork true 2>/dev/null; then
		echo "root, but this system refuses new namespaces (make unit runs without)"
	fi
	;;
clang)
	command -v clang >/dev/null || echo "no clang here (Debian package clang): libFuzzer comes with it"
	;;
esac
