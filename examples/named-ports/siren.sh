#!/bin/sh
while read -r alarm; do echo "alarm: $alarm"; done < "$SPORE_PORTS/alarms"
