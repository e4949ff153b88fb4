/*
 * The first process of a guest that measures what its kernel's ways in and out cost. No libc.
 *
 * The TSC of a guest counts nanoseconds of the machine's clock. One line an operation goes to the
 * console: "exits NAME NANOSECONDS".
 */
typedef unsigned long ulong;

enum {
  SYS_read = 0, SYS_write = 1, SYS_mmap = 9, SYS_munmap = 11, SYS_pipe = 22, SYS_fork = 57,
  SYS_exit = 60, SYS_wait4 = 61, SYS_getppid = 110, SYS_reboot = 169,
};
enum { PROT_READ_WRITE = 3, MAP_PRIVATE_ANONYMOUS = 0x22, PAGE = 4096 };

static long syscall6(long n, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#define call(n, a, b, c) syscall6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)

static ulong now(void) {
  unsigned lo, hi;
  __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
  return ((ulong)hi << 32) | lo;
}

static char *append(char *to, const char *text) {
  while (*text) *to++ = *text++;
  return to;
}

static void report(const char *name, ulong nanoseconds) {
  char line[80], digits[24], *p = append(append(append(line, "exits "), name), " ");
  int n = 0;
  do digits[n++] = '0' + nanoseconds % 10; while (nanoseconds /= 10);
  while (n) *p++ = digits[--n];
  *p++ = '\n';
  call(SYS_write, 1, line, p - line);
}

static char *map(ulong pages) {
  return (char *)syscall6(SYS_mmap, 0, pages * PAGE, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
}

static void null_syscall(ulong count) {
  for (ulong i = 0; i < count; i++) call(SYS_getppid, 0, 0, 0);
}

static void page_fault(ulong count) {
  volatile char *pages = map(count);
  for (ulong i = 0; i < count; i++) pages[i * PAGE] = 1;
  call(SYS_munmap, pages, count * PAGE, 0);
}

static void map_and_unmap(ulong count) {
  for (ulong i = 0; i < count; i++) {
    volatile char *page = map(1);
    *page = 1;
    call(SYS_munmap, page, PAGE, 0);
  }
}

static void fork_and_wait(ulong count) {
  for (ulong i = 0; i < count; i++) {
    long pid = call(SYS_fork, 0, 0, 0);
    if (pid == 0) call(SYS_exit, 0, 0, 0);
    syscall6(SYS_wait4, pid, 0, 0, 0, 0, 0);
  }
}

/* Two processes wake each other in turns: two context switches a round. */
static void ping_pong(ulong count) {
  int there[2], back[2];
  char byte = 0;
  call(SYS_pipe, there, 0, 0);
  call(SYS_pipe, back, 0, 0);
  long pid = call(SYS_fork, 0, 0, 0);
  for (ulong i = 0; i < count; i++) {
    if (pid == 0) {
      call(SYS_read, there[0], &byte, 1);
      call(SYS_write, back[1], &byte, 1);
    } else {
      call(SYS_write, there[1], &byte, 1);
      call(SYS_read, back[0], &byte, 1);
    }
  }
  if (pid == 0) call(SYS_exit, 0, 0, 0);
  syscall6(SYS_wait4, pid, 0, 0, 0, 0, 0);
}

static void measure(const char *name, void (*run)(ulong), ulong count) {
  ulong best = ~0ul;
  run(count / 4 + 1);
  for (int i = 0; i < 15; i++) {
    ulong start = now();
    run(count);
    ulong each = (now() - start) / count;
    if (each < best) best = each;
  }
  report(name, best);
}

void _start(void) {
  measure("null-syscall", null_syscall, 100000);
  measure("page-fault", page_fault, 4096);
  measure("mmap-touch-munmap", map_and_unmap, 2000);
  measure("fork-exit-wait", fork_and_wait, 100);
  measure("pipe-round-trip", ping_pong, 2000);
  report("end", 0);
  call(SYS_reboot, 0xfee1dead, 672274793, 0x4321fedc);
  for (;;) call(SYS_exit, 0, 0, 0);
}
