#!/bin/bash
set -e
for f in a b c; do
  convert $f
done
echo done
