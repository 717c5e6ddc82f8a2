#!/bin/sh
# Takes out of a virtual environment what no server needs: its installer, the packages' own tests, debug symbols.
set -eu
"$1/bin/pip" uninstall --yes --quiet pip
find "$1" -type d \( -name tests -o -name test \) -path '*/site-packages/*' -prune -exec rm -rf {} +
find "$1" -type d -name include -prune -exec rm -rf {} +
find "$1" -name '*.so*' -type f -exec strip --strip-unneeded {} + 2>/dev/null || true
