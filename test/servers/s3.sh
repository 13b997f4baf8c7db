#!/usr/bin/env bash
# Runs a real S3 server for tests: Versity's gateway over a folder, on loopback only, built from its module.
#
#   s3.sh fetch           builds it, once, into .cache/servers
#   s3.sh run DIR PORT    becomes the gateway, with buckets as folders of DIR/data, and prints its log
#
# Access key and secret are "test" and "testsecret".
set -euo pipefail

version=v1.8.0
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=$root/.cache/servers/versitygw-$version

fetch() {
	if [ -x "$bin" ]; then return; fi
	local work
	work=$(mktemp -d)
	GOBIN=$work GOFLAGS= go install "github.com/versity/versitygw/cmd/versitygw@$version" >&2
	mkdir -p "$(dirname "$bin")"
	mv "$work/versitygw" "$bin.new" && mv "$bin.new" "$bin" # at once: what is half there is built again
	rm -rf "$work"
}

case ${1:-} in
fetch) fetch ;;
run)
	dir=$2 port=$3
	mkdir -p "$dir/data" "$dir/meta"
	export ROOT_ACCESS_KEY=test ROOT_SECRET_KEY=testsecret
	# Metadata lies beside the files: not every file system of a test machine has extended attributes.
	exec "$bin" --port "127.0.0.1:$port" --region us-east-1 posix --sidecar "$dir/meta" "$dir/data"
	;;
*)
	echo "usage: s3.sh fetch | run DIR PORT" >&2
	exit 1
	;;
esac
