#!/bin/sh
# Prints the largest sections of the lines that come to its standard input, as a table.
tab=$(printf '\t')
lines=$(cat)
printf '%-20s %9s %9s %13s\n' section packages MiB dependencies
printf '%s\n' "$lines" | grep -v "^all$tab" | sort -t "$tab" -k 3 -n -r | head -n 10 |
	while IFS=$tab read -r name packages mib dependencies; do
		printf '%-20s %9s %9s %13s\n' "$name" "$packages" "$mib" "$dependencies"
	done
printf '%s\n' "$lines" | sed -n "s/^all$tab//p"
