#!/bin/sh
# The main job, three times: a clean network, a dropped port, a box that says no.
S=$1
for fault in clean udp-port-blocked udp-rejected; do
	printf '\n======== sallyport lab %s -- sallyport check ========\n\n' "$fault"
	"$S" lab "$fault" -- sallyport check
	code=$?
	printf '\n(exit code %d)\n' "$code"
	[ "$code" -le 3 ] || exit "$code"
done
