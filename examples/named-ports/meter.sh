#!/bin/sh
# Writes into two FIFOs, one of which it opens only when there is something to say.
set -eu
exec 3> "$SPORE_PORTS/values"
for i in $(seq 1 100); do
	echo $((i * i)) >&3
	[ $((i % 25)) -ne 0 ] || echo "$i is high" > "$SPORE_PORTS/alarms"
done
