#!/bin/bash
# The manual page, README and --help tell the same: commands, flags with their letters and arguments,
# exit codes, variables; and what they show as an example is accepted.
. "$(dirname "$0")/lib.sh"
man=docs/sallyport.8
same() { # NAME FILE FILE
	if diff "$2" "$3" >"$tmp/diff"; then ok "$1"; else bad "$1" "$(head -n 6 "$tmp/diff" | tr '\n' ';')"; fi
}

# ---- commands ----
"$S" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p' | sort >"$tmp/commands"
sed -n '/^.Ss Commands/,/^.Sh/s/^.It Cm \([a-z]*\).*/\1/p' $man | sort >"$tmp/man-commands"
same commands "$tmp/commands" "$tmp/man-commands"

# ---- flags: "-p, --profile NAME", of all commands together ----
while read -r c; do
	"$S" "$c" --help >"$tmp/help-$c"
	sed -n 's/^  \(-.,\|   \) \(--[a-z0-9-]*\)\( \([^ ]*[A-Z|][^ ]*\)\)\? .*/\1 \2\3/p' "$tmp/help-$c"
done <"$tmp/commands" | sed 's/^ *//' | sort -u >"$tmp/flags"
{
	sed -n '/^.Sh OPTIONS/,/^.Sh/s/^.It //p' $man | sed 's/ , /, /g; s/Fl \(.\),/-\1,/; s/Fl -/--/; s/Ar //'
} | grep -v '^--version$' | sort -u >"$tmp/man-flags"
check help-of-each "$(wc -l <"$tmp/commands")" \
	"$(head -qn 1 "$tmp"/help-* | grep -c '^usage: sallyport [a-z]* \[flags\]')"
same flags "$tmp/flags" "$tmp/man-flags"
[ "$(wc -l <"$tmp/flags")" -ge 20 ] && ok flags-were-found || bad flags-were-found "$(wc -l <"$tmp/flags")"

# ---- exit codes ----
sed -n '/^.Sh EXIT STATUS/,/^.Sh/s/^.It \([0-9]*\)$/\1/p' $man >"$tmp/man-codes"
"$S" --help | sed -n '/^Exit codes/,$p' | grep -o '\b[0-9][0-9]*\b' >"$tmp/codes"
same exit-codes "$tmp/codes" "$tmp/man-codes"
sed -n 's/^| \([0-9, ]*\) |.*/\1/p' README.md | tr -d ' ' | tr ',' '\n' >"$tmp/readme-codes"
same exit-codes-of-readme "$tmp/codes" "$tmp/readme-codes"

# ---- what README and the page mention exists ----
for doc in README.md $man; do
	for flag in $(grep -ohE -- '(^|[ `(])--[a-z][a-z0-9-]+' $doc | grep -o -- '--.*' | sort -u); do
		grep -qwF -- "$flag" "$tmp/flags" || case $flag in --help | --version) ;; *) bad "flag-in-${doc##*/}" "$flag" ;; esac
	done
	for variable in $(grep -ohE 'SALLYPORT_[A-Z_]*[A-Z]' $doc | sort -u); do
		name=$(echo "${variable#SALLYPORT_}" | tr 'A-Z_' 'a-z-')
		grep -qw -- "--$name" "$tmp/flags" || [ -n "$(grep -F "$variable" "$tmp/help-lab")" ] ||
			bad "variable-in-${doc##*/}" "$variable"
	done
	grep -ohE '(^    |`|^)([a-z/]*/)?sallyport [a-z]+' $doc | sed 's/.* //' | sort -u >"$tmp/words"
	unknown=$(grep -vxFf "$tmp/commands" "$tmp/words")
	[ -s "$tmp/words" ] && [ -z "$unknown" ] && ok "commands-of-${doc##*/}" || bad "commands-of-${doc##*/}" "$unknown"
done
for target in $(grep -oE 'make [a-z]+' README.md | cut -d ' ' -f 2 | grep -v '^make$' | sort -u); do
	grep -qE "^\.PHONY:.* $target( |$)" Makefile && ok "make-$target" || bad "make-$target" "README names it"
done

# ---- the page is sound ----
if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning $man >"$tmp/lint" && ok man-lint || bad man-lint "$(head -n 3 "$tmp/lint")"
elif command -v groff >/dev/null && groff -mandoc -Tascii -ww $man >"$tmp/page" 2>"$tmp/lint"; then
	[ ! -s "$tmp/lint" ] && sed 's/.\x08//g; s/\x1b\[[0-9;]*m//g' "$tmp/page" | grep -q '^EXIT STATUS' && ok man-format || bad man-format "$(head -n 3 "$tmp/lint")"
else
	echo "skip man-lint: neither mandoc nor groff"
fi
exit $status
