#!/bin/busybox sh
# busybox gzip over source text: gzip.sh COUNT
echo "@start gzip"
for i in $(seq $1); do gzip -c text > /tmp/text.gz; done
echo "@end gzip $(gzip -dc /tmp/text.gz | cksum | cut -d ' ' -f 1)"
