#!/bin/sh
# Answers each number with its square root.
while read -r n; do
	r=0
	while [ $(((r + 1) * (r + 1))) -le "$n" ]; do r=$((r + 1)); done
	echo "$r"
done
