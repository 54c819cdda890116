#!/bin/sh
# Adds up what it reads. `spore notify` says that it is at work, `spore log` writes a record with fields; outside spore both do no harm.
spore notify --ready --status "adding" || true
sum=0 count=0
while read -r number; do
	sum=$((sum + number)) count=$((count + 1))
done
spore log "the sum is $sum" count="$count" || echo "the sum is $sum"
