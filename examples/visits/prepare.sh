#!/bin/sh
mkdir -p "$1" && echo "counts are kept in $1"
