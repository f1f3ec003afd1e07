#!/bin/sh
# Fetches the Debian packages named as arguments, with those dependencies that are not installed,
# and unpacks them; installs nothing and leaves apt's own state alone. FOLDER gets
#   archives/  the packages     root/  what was in them     contents  what root was made of
#   why-not    one line, only when it could not be done: tests print it behind "skip"
#   peers.sh FOLDER PACKAGE...
set -u
dir=$1
shift
mkdir -p "$dir/archives/partial" "$dir/lists/partial" || exit 1
dir=$(cd "$dir" && pwd)
[ -d "$dir/root" ] && [ "$(cat "$dir/contents" 2>/dev/null)" = "$*" ] && exit 0
rm -rf "$dir/root" "$dir/contents" "$dir/why-not"
give_up() {
	echo "$1" >"$dir/why-not"
	echo "peers: $1" >&2
	exit 1
}
command -v apt-get >/dev/null || give_up "no apt-get here to download server programs with"

# Own archives and caches; the system's package lists if they will do, else lists of our own. The
# solver may well say that it would remove a package: it is never asked to.
lists=""
apt() {
	# shellcheck disable=SC2086
	apt-get -y -o Dir::Cache="$dir" -o APT::Sandbox::User=root -o Debug::NoLocking=1 $lists "$@" >"$dir/log" 2>&1
}
download() { apt install --download-only --no-install-recommends "$@"; }
retry() {
	lists="-o Dir::State::Lists=$dir/lists"
	apt update -o APT::Update::Error-Mode=any && download "$@"
}
download "$@" || retry "$@" ||
	give_up "apt-get could not download $*: $(grep -E '^(E|Err):' "$dir/log" | tail -n 1)"
apt autoclean # versions of an earlier call

rm -rf "$dir/root.new"
mkdir "$dir/root.new"
for deb in "$dir"/archives/*.deb; do
	dpkg-deb -x "$deb" "$dir/root.new" || give_up "$deb cannot be unpacked"
done
mv "$dir/root.new" "$dir/root"
rm -rf "$dir/lists"
echo "$*" >"$dir/contents"
