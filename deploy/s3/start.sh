#!/bin/sh
# Starts SeaweedFS with the keys of the environment, which see one bucket, and makes that bucket.
set -eu
: "${S3_ACCESS_KEY:?set S3_ACCESS_KEY in .env}" "${S3_SECRET_KEY:?set S3_SECRET_KEY in .env}"
export AWS_ACCESS_KEY_ID="$S3_ACCESS_KEY" AWS_SECRET_ACCESS_KEY="$S3_SECRET_KEY"
(
  until echo "s3.bucket.create -name pictures" | weed shell -master=127.0.0.1:9333 -filer=127.0.0.1:8888; do
    sleep 1
  done
) >/dev/null 2>&1 &
exec weed server -s3 -dir=/data -ip=127.0.0.1 -ip.bind=0.0.0.0 -s3.port=8333 \
  -s3.autoCreateBucket=false -s3.port.iceberg=0 -s3.port.lance=0 -master.telemetry=false -master.volumeSizeLimitMB=1024
