#!/bin/sh
# Stands for a deployment of a version to a host: host-13 has no room for a new one.
host=$1
version=$2
if [ "$host" = host-13 ] && [ "$version" != previous ] && [ ! -e cleaned ]; then
    echo "no space left on $host" >&2
    exit 5
fi
sleep 0.05
echo "$host $version" >>deployed.log
