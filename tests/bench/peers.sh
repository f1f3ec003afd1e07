#!/bin/bash
# What a person would type to see what one `sallyport check` sees, one command after the other, with
# getent, openssl and bash alone. It does less: no verification of the device cloud's key, no AAAA,
# no path, no DNS over TCP, nothing is judged. What the commands print is thrown away.
set -u
udp=e00fce68000000000000a001.v6.udp.particle.io
tcp=device.spark.io
https="api.particle.io console.particle.io docs.particle.io build.particle.io binaries.particle.io"
pages="connectivitycheck.gstatic.com/generate_204 detectportal.firefox.com/success.txt"
exec >/dev/null 2>&1 </dev/null

for name in $udp $tcp pool.ntp.org $https; do getent ahostsv4 "$name"; done
openssl s_client -dtls1_2 -cipher ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0 -connect "$udp:5684"
exec 3<>"/dev/tcp/$tcp/5683" && head -c 40 <&3
printf -v zeros '\\0%.0s' {1..47}
# shellcheck disable=SC2059 # one datagram needs one printf
exec 3<>/dev/udp/pool.ntp.org/123 && printf "\\043$zeros" >&3 && head -c 48 <&3
for name in $https; do
	openssl s_client -connect "$name:443" -servername "$name" -verify_hostname "$name" -verify_return_error
done
for page in $pages; do
	exec 3<>"/dev/tcp/${page%%/*}/80"
	printf 'GET /%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "${page#*/}" "${page%%/*}" >&3
	cat <&3
done
exit 0
