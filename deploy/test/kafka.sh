#!/bin/sh
# Does with the jars from Maven what the official image does: KAFKA_SOME_NAME=value becomes some.name=value.
set -eu
cd "$KAFKA_LOG_DIRS"
env | sed -n '/^KAFKA_HEAP/d; /^KAFKA_/{s///; p}' | while IFS='=' read -r name value; do
  printf '%s=%s\n' "$(printf '%s' "$name" | tr 'A-Z_' 'a-z.')" "$value"
done > /tmp/server.properties
run() { exec java ${KAFKA_HEAP_OPTS:-} -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "/opt/kafka/libs/*" "$@"; }
if [ ! -e meta.properties ]; then
  (run kafka.tools.StorageTool format --cluster-id 5L6g3nShT-eMCtK--X86sw --config /tmp/server.properties)
fi
run kafka.Kafka /tmp/server.properties
