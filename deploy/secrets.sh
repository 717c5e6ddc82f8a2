#!/bin/sh
# Makes the passwords that docker-compose.yml mounts, in the folder secrets/; what is there already stays.
# The folder is for its owner alone. The files in it are readable, since a container's user is another than yours.
set -eu
folder=${SECRETS_DIR:-$(dirname "$0")/../secrets}
mkdir -p "$folder"
chmod 700 "$folder"
for name in redis_password database_password storage_password secret_key grafana_password; do
    [ -s "$folder/$name" ] && continue
    head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$folder/$name"
    chmod 444 "$folder/$name"
done
