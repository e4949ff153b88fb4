"""Prints much that depends on exact arithmetic and on much of the C library."""
import array, base64, binascii, collections, cmath, datetime, decimal, fractions, functools, hashlib, heapq, hmac
import io, itertools, json, math, operator, os, random, re, statistics, string, struct, sys, textwrap, threading, time, zlib, bz2, lzma

print(sys.version_info[:2], sys.float_info, sys.maxsize)

# Floating point: repr, parsing, arithmetic, the mathematical library.
values = [0.1, 1 / 3, 2**0.5, 1e22, 1e23, 5e-324, 1.7976931348623157e308, -0.0, float("inf"), 123456789.123456789, 0.1 + 0.2]
for v in values:
    print(repr(v), "%.17g %e %.3f" % (v, v, v if abs(v) < 1e30 else 0), v.hex())
for f in (math.sin, math.cos, math.tan, math.exp, math.log, math.sqrt, math.atan, math.sinh, math.cosh, math.tanh,
          math.erf, math.gamma, math.lgamma, math.log2, math.log10, math.log1p, math.expm1, math.cbrt, math.asinh):
    print(f.__name__, [repr(f(x)) for x in (0.1, 0.5, 1.0, 1.5, 2.75, 10.0, 33.3)])
print([math.fmod(x, 0.7) for x in (1, 2.5, 1e15)], math.atan2(-1, -2), math.hypot(3, 4, 12), math.dist((1, 2), (3, 5)))
print(math.fsum([0.1] * 10), sum([0.1] * 10), round(2.675, 2), round(-1234.5), math.floor(-2.5), math.trunc(1e18 + 0.5))
print(cmath.sqrt(-2), cmath.exp(1j), (1 + 2j) ** 3.5, abs(3 - 4j), math.ldexp(0.7, -1070), math.frexp(1e-310), math.nextafter(1, 2))
print(math.factorial(30), math.comb(100, 50), math.isqrt(10**40), pow(3, 1000, 10**30 + 57), math.gcd(2**200 - 1, 2**150 - 1))
print(int(1e300) % 1000007, 7 ** 300 // 3 ** 200, hex(-(2 ** 130)), divmod(-(10 ** 30), 7 ** 20), int("9" * 200) % 97)
print([float(s) for s in ("1e-400", "9007199254740993", "2.2250738585072011e-308", ".5e-3", "1_0.5")])
print(statistics.stdev([1.5, 2.5, 4, 8.25]), statistics.quantiles(range(17)), statistics.NormalDist(1, 2).inv_cdf(0.975))
decimal.getcontext().prec = 50
print(decimal.Decimal(2).sqrt(), decimal.Decimal(1) / 7, decimal.Decimal("1.1") ** 40, fractions.Fraction(355, 113) ** 5)
random.seed(42)
print([random.random() for _ in range(4)], random.sample(range(1000), 8), random.gauss(0, 1), random.getrandbits(100))

# Binary data.
data = bytes(range(256)) * 37 + b"tail"
for name in ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b", "blake2s", "shake_128"):
    h = hashlib.new(name, data)
    print(name, h.hexdigest(16) if name == "shake_128" else h.hexdigest())
print(hmac.new(b"key", data, "sha256").hexdigest(), hashlib.pbkdf2_hmac("sha256", b"p", b"s", 50).hex())
print(zlib.crc32(data), zlib.adler32(data), binascii.crc_hqx(data, 0), base64.b64encode(data[:40]), base64.b85encode(data[:40]))
for module in (zlib, bz2, lzma):
    packed = module.compress(data)
    print(module.__name__, len(packed), hashlib.md5(packed).hexdigest(), module.decompress(packed) == data)
print(struct.pack("<bBhHiIqQfd", -1, 255, -2, 65535, -3, 2**32 - 1, -4, 2**64 - 1, 1.5, -0.1).hex(), struct.unpack(">fd", bytes(range(60, 72))))
print(struct.unpack("<e", b"\x01\x3c"), array.array("f", [0.1, 1e-40, 3e38]).tobytes().hex(), sys.byteorder)

# Text, containers, dates.
text = "The quick brown fox; jumps över 13 lazy dogs, at 3.14 or 2.71e-3 (naïve ☃).\n" * 3
print(re.findall(r"\b\w+(?=\W)", text)[:12], re.sub(r"(\d+)\.(\d+)", r"\2.\1", text)[40:80], re.split(r"[;,(]\s*", text, 3))
print(re.fullmatch(r"(?P<y>\d{4})-(?P<m>\d\d)", "2026-11").groupdict(), re.findall(r"(a+?)(b*)", "aaabbbab"))
print(json.dumps({"f": [0.1, 1e100, -0.0], "s": "ü\u2603\n", "n": None, "b": True, "i": 2**70}, sort_keys=True), json.loads("[1, 2.5e3, \"\\u00e9\"]"))
print(text.encode("utf-16-le")[:20].hex(), text.upper()[:40], "ß".casefold(), "%s|%-8s|%+d|%#x" % ("a", "b", 5, 255), f"{1234567.891:,.2f}|{0.000123:g}|{42:>8b}")
print(collections.Counter(text).most_common(5), sorted("banana split".split("a")), list(itertools.permutations("abc"))[3], heapq.nsmallest(3, [5, 1, 4, 2]))
print(functools.reduce(operator.mul, range(1, 15)), textwrap.fill("lorem ipsum dolor sit amet " * 3, 30), string.Template("$a-$b").substitute(a=1, b=2))
d = datetime.datetime(2026, 2, 28, 23, 59, 59, 999999, datetime.timezone.utc)
print(d.isoformat(), (d + datetime.timedelta(days=1, microseconds=1)).strftime("%a %d %b %Y %H:%M:%S %j"), d.timestamp(), datetime.date(2024, 2, 29).isocalendar())
print(time.strftime("%Y-%m-%d", time.gmtime(10**9)), datetime.timedelta(seconds=1e6) / 7)

# Threads and processes.
total, lock = 0, threading.Lock()
def add(n):
    global total
    for i in range(n):
        with lock:
            total += i
threads = [threading.Thread(target=add, args=(500 + i,)) for i in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
print(total)
event, seen = threading.Event(), []
waiter = threading.Thread(target=lambda: seen.append(event.wait(30)))
waiter.start(); time.sleep(0.01); event.set(); waiter.join(); print(seen)
r, w = os.pipe()
pid = os.fork()
if pid == 0:
    os.write(w, b"from the child"); os._exit(9)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), os.read(r, 100))
import mmap, signal, tempfile
m = mmap.mmap(-1, 1 << 20); m[12345:12350] = b"hello"
if os.fork() == 0:
    m[0:5] = m[12345:12350]; os._exit(0)
os.wait(); print(m[0:5], hashlib.md5(m).hexdigest())
got = []
signal.signal(signal.SIGALRM, lambda s, f: got.append(s)); signal.setitimer(signal.ITIMER_REAL, 0.02); signal.pause(); print(got)
with tempfile.TemporaryFile() as f:
    f.write(data); f.flush(); v = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ); print(v.find(b"tail"), len(v))

# Work: sorting, a sieve, matrices, strings, exceptions, generators, classes.
x = [(i * 7919) % 10007 for i in range(10007)]
print(sorted(x) == list(range(10007)), sum(x[::3]), len(set(x)))
sieve = bytearray([1]) * 20000
for i in range(2, 142):
    if sieve[i]: sieve[i * i :: i] = bytes(len(range(i * i, 20000, i)))
print(sum(sieve[2:]))
a = [[(i * j % 7) / 3 for j in range(20)] for i in range(20)]
print(sum(sum(a[i][k] * a[k][j] for k in range(20)) for i in range(20) for j in range(20)))
def deep(n): return 0 if n == 0 else 1 + deep(n - 1)
try: deep(10**6)
except RecursionError as e: print(type(e).__name__, deep(900))
def gen():
    try:
        while True: yield (yield) or 5
    finally: print("closed")
g = gen(); next(g); print(g.send(3)); g.close()
