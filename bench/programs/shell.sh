#!/bin/busybox sh
# What scripts of a boot do: arithmetic, patterns, substitution (fork and a pipe), a program (fork and exec): shell.sh COUNT
echo "@start shell"
sum=0
for i in $(seq $1); do
  case $i in
    *[02468]) word=even ;;
    *) word=odd ;;
  esac
  text=$(echo "$word-$i")
  sum=$(((sum * 31 + ${#text} + ${text##*-}) % 65521))
  /bin/busybox true
done
echo "@end shell $sum"
