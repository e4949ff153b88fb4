# Prints what depends on exact arithmetic, on regular expressions and on much of the C library.
use strict; use warnings;
use POSIX qw(floor fmod strtol); use List::Util qw(sum max reduce first);

printf "%.15g %.17g %e %s %s\n", 1/3, 0.1, 1.5e300*1e10, 9**20, 1e15+0.3;
print join(" ", map { sqrt($_), sin($_), cos($_), exp($_), log($_), atan2($_, 2) } 0.5, 1, 2.5, 10), "\n";
print join(" ", 7 % -3, -7 % 3, 2**63, 18446744073709551615 + 1, 1 << 40, ~0, int(-3.7), 10/4), "\n";
print floor(-2.5), " ", fmod(10.5, 3), " ", (strtol("ff", 16))[0], " ", hex("deadbeef"), " ", oct("0b1011"), "\n";
print join(",", sort { $a <=> $b } map { ($_ * 7919) % 1009 } 1..40), "\n";
my %count; $count{$_}++ for split //, "the quick brown fox jumps over the lazy dog";
print join(" ", map { "$_=$count{$_}" } sort keys %count), "\n";
my $text = "2026-11-21T10:20:30 alpha=1 beta=22 gamma=333";
my %pairs = $text =~ /(\w+)=(\d+)/g; print join(",", map { "$_:$pairs{$_}" } sort keys %pairs), "\n";
(my $copy = $text) =~ s/(\d{4})-(\d\d)-(\d\d)/$3.$2.$1/; print "$copy\n"; print scalar reverse("abc"), ucfirst(lc("HELLO")), "\n";
print "nested: $1\n" if "f(a(b)c(d(e)))" =~ /^f(\((?:[^()]++|(?1))*\))$/;
print join("|", "a1b22c333" =~ /([a-z])(\d+)/g), " ", join("|", split /\s*,\s*/, "x , y,z ,w"), "\n";
print unpack("H*", pack("nNvVq<d>f<a5", 1, 2, 3, 4, -5, 1.5, 0.1, "abc")), " ", join(",", unpack("(A2)*", "aabbcc")), "\n";
print unpack("%32C*", join "", map chr, 0..255), " ", length(pack("w", 300)), " ", crypt("password", "ab"), "\n";
print sum(1..1000), " ", max(3, 9, 2), " ", reduce { $a * $b } 1..15; print " ", first { $_ ** 2 > 50 } 1..10; print "\n";
print join(" ", (gmtime(1e9))[5,4,3,2,1,0]), " ", POSIX::strftime("%Y-%m-%d %H:%M:%S", gmtime(1234567890)), "\n";
my $s = ""; for my $i (1..3000) { $s .= chr(65 + $i % 26) } print length($s), " ", substr($s, 100, 10), " ", index($s, "XYZ"), " ", $s =~ tr/A//, "\n";
my $utf = "\x{e9}\x{2603}\x{1F600}"; utf8::encode($utf); print unpack("H*", $utf), "\n";
sub fib { my $n = shift; $n < 2 ? $n : fib($n - 1) + fib($n - 2) } print fib(17), "\n";
my $r = eval { die { code => 42 } }; print "caught $@->{code}\n"; local $@; eval "}"; print "syntax\n" if $@;
pipe(my $in, my $out); my $pid = fork;
if (!$pid) { close $in; print $out "child $_\n" for 1..3; close $out; exit 5 }
close $out; print while <$in>; waitpid $pid, 0; print $? >> 8, "\n";
$SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; select undef, undef, undef, 30; }; print $@;
open my $g, ">", "t.txt"; print $g "line one\nline two\n"; close $g; open my $f, "<", "t.txt"; my @l = <$f>; unlink "t.txt"; print scalar(@l), " $l[1]"; printf "%s\n", join ",", map { sprintf "%03b", $_ } 0..7;
