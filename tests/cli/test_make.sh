#!/bin/bash
# The Makefile's manners: what is missing is one line before anything is built; an installed tree
# works from where it was put.
. "$(dirname "$0")/lib.sh"
unset MAKEFLAGS MAKELEVEL MFLAGS

stops() { # NAME TEXT nobody|bare COMMAND...: as another user, or as root without a capability
	local name=$1 text=$2 who
	case $3 in
	nobody) who="--reuid=65534 --regid=65534 --clear-groups" ;;
	bare) who="--bounding-set -all --inh-caps -all" ;;
	esac
	shift 3
	timeout 60 setpriv $who "$@" >"$tmp/out" 2>&1 </dev/null
	code=$?
	if [ $code != 0 ] && [ "$(wc -l <"$tmp/out")" = 1 ] && grep -qF "$text" "$tmp/out"; then
		ok "$name"
	else
		bad "$name" "exit code $code, or not one line with '$text': $(head -n 3 "$tmp/out" | tr '\n' ' ')"
	fi
}

if [ "$(id -u)" = 0 ] && as_nobody test -r Makefile; then
	for target in check asan matrix bench; do
		stops "$target-not-root" "not root: the tests make network namespaces" nobody make $target
	done
	for target in check asan matrix bench; do
		stops "$target-without-capabilities" "root, but without CAP_NET_BIND_SERVICE CAP_NET_ADMIN" bare make $target
	done
	stops demo-without-capabilities "no network namespaces: run this as root, with CAP_" bare make demo
	mkdir "$tmp/bin"
	printf '#!/bin/sh\nexit 1\n' >"$tmp/bin/dpkg-query"
	chmod 755 "$tmp/bin" "$tmp/bin/dpkg-query"
	for target in deps demo check; do
		stops "$target-without-packages" "not root, and these Debian packages are missing: gcc " \
			nobody env PATH="$tmp/bin:$PATH" make $target
	done
else
	echo "skip make-not-root: needs root, and a tree that nobody can read"
fi
make help >"$tmp/help"
for target in $(sed -n 's/^\.PHONY: //p' Makefile); do
	case $target in FORCE | help | all | profiles | *-bins | build-tests | deps | clean | unit) continue ;; esac
	grep -q "make $target " "$tmp/help" && ok "help-names-$target" || bad "help-names-$target" "it does not"
done

# ---- install ----
build=$(dirname "$(dirname "$S")")
if [ -e "$build/libsallyport.a" ] && [ "${build##*/}" = release ]; then
	cp -a "$build" "$tmp/build"
	make B="$tmp/build" DESTDIR="$tmp/x" PREFIX=/usr install >"$tmp/log" 2>&1 || bad install "$(tail -n 2 "$tmp/log")"
	check installed-files "bin/sallyport
lib/systemd/system/sallyport-reflector.service
share/man/man8/sallyport.8
share/sallyport/profiles/particle-cellular.ini
share/sallyport/profiles/particle-tcp.ini
share/sallyport/profiles/particle-tools.ini
share/sallyport/profiles/particle-wifi.ini
share/sallyport/report.schema.json" "$(cd "$tmp/x/usr" && find . -type f | sed 's/^..//' | sort)"
	installed=$tmp/x/usr/bin/sallyport
	check installed-finds-profiles 4 "$("$installed" list | grep -c '^  particle-[a-z]*$')"
	(cd / && "$installed" check --dry-run >"$tmp/out" 2>&1)
	check installed-runs "Nothing was sent. This run would send, at most:" "$(head -n 1 "$tmp/out")"
	grep -qa '^/usr/share/sallyport/profiles$' <(tr '\0' '\n' <"$installed") && ok installed-knows-its-prefix ||
		bad installed-knows-its-prefix "it was built for another one"
	cp "$installed" "$tmp/moved"
	"$tmp/moved" check --dry-run >"$tmp/out" 2>"$tmp/err"
	code=$?
	if [ -e /usr/share/sallyport ] || { [ $code = 69 ] && said "no profile named 'particle-wifi'"; }; then
		ok moved-without-profiles
	else
		bad moved-without-profiles "$code $(cat "$tmp/err")"
	fi
else
	echo "skip install: not the release build"
fi
exit $status
