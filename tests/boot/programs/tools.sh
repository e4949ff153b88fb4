# bash and coreutils of Debian. Everything printed here is the same everywhere.
set -u; export LC_ALL=C
printf '%.12g %e %x %o %5.1f|%-6s|%q\n' 0.1 123456.789 255 8 2.25 ab "it's"
for ((i = 0, s = 0; i < 3000; i++)); do ((s += i * i % 7)); done; echo $s $((7 ** 20)) $((-7 / 2)) $((-7 % 3)) $((1 << 62)) $((0xff ^ 0x0f))
declare -A map=([one]=1 [two]=2 [three]=3); for k in one two three; do printf '%s=%s ' "$k" "${map[$k]}"; done; echo "${#map[@]}"
text="Hello, Wörld"; echo "${text,,} ${text^^} ${text:0:5} ${text//l/L} ${#text}"; [[ 2026-11-21 =~ ^([0-9]+)-([0-9]+) ]] && echo "${BASH_REMATCH[@]}"
a=(); while read -r line; do a+=("$line"); done < <(seq 5 -1 1); echo "${a[@]}" "${a[@]:1:2}"; echo {1..5}{a..c} | tr ' ' '\n' | sort -r | head -n 3 | paste -sd,
f() { local n=$1; ((n < 2)) && { echo 1; return; }; echo $((n * $(f $((n - 1))))); }; f 8
seq 1 20000 >n; sha256sum n; sha1sum n; md5sum n; b2sum n; cksum n; sum n; wc n
sort -R --random-source=n n | sha256sum; sort -n -r n | md5sum; shuf --random-source=n -n 3 n; split -n 3 n part; cat part* | sha256sum; rm part*
tac n | head -n 2; rev n 2>/dev/null | head -n 0; cut -c1-2 n | uniq -c | tail -n 2; tr 0-9 a-j <n | fold -w 30 | tail -n 1; nl n | sed -n 7p 2>/dev/null | head -n 0
base64 n | tail -n 1; od -An -tx1 -N 20 n; od -An -td8 -tf8 -N 16 n; join <(seq 1 8) <(seq 5 9) | paste -sd' '; comm -12 <(seq 1 9) <(seq 5 9) | tr '\n' ' '
factor 123456789012345678 18446744073709551557; numfmt --to=iec 123456789; expr 1234567890123 \* 98765; seq -f %.3f 0 0.25 1
date -u -d '2026-02-28 23:59:59 UTC + 1 day' +'%F %T %s %j %U'; dd if=/dev/zero bs=1000 count=777 status=none | sha512sum | cut -c1-40; stat -c '%s %F' n; basename /a/b.c .c; truncate -s 100 n; stat -c %s n
(exit 3); echo $?; { (kill -TERM $BASHPID); echo $?; } 2>/dev/null; timeout 0.2 sleep 9; echo $?; { echo out; echo err >&2; } 2>&1 | sort; trap 'echo bye' EXIT; wait
coproc cat; echo through >&"${COPROC[1]}"; read -r x <&"${COPROC[0]}"; echo "$x"; exec {COPROC[1]}>&-; wait; exec {fd}>t; echo data >&$fd; cat t; rm n t; for i in {1..20}; do (echo -n "$i ") & wait; done; echo
