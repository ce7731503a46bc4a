#!/bin/bash
set -e
for f in a b c d; do
  convert --fast $f
done
echo done
