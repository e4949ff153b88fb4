#!/bin/busybox sh
# busybox awk counts the words of source text: awk.sh COUNT
echo "@start awk"
for i in $(seq $1); do
  result=$(awk '
    { gsub(/[^A-Za-z_]+/, " "); for (i = 1; i <= NF; i++) count[$i]++ }
    END { for (word in count) if (count[word] > 20) sum += count[word] * length(word); print sum }' text)
done
echo "@end awk $result"
