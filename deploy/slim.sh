#!/bin/sh
# Takes out of a virtual environment what no server needs: its installer, the packages' own tests, headers, an old
# Bootstrap. It strips no library: those that wheels bring are changed after linking, and `strip` would break them.
set -eu
"$1/bin/pip" uninstall --yes --quiet pip
find "$1" -type d \( -name tests -o -name test \) -path '*/site-packages/*' -prune -exec rm -rf {} +
find "$1" -type d -name include -prune -exec rm -rf {} +
rm -rf "$1"/lib/python3*/site-packages/flask_bootstrap/static/bootstrap4
