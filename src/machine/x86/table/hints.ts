/**
 * Instructions that do nothing to the architectural state: no-operations of all sizes, prefetches,
 * and the marks of control-flow enforcement, which are hint NOPs where that is not enabled.
 */
import { lines } from "./format.ts";

export const hints = lines(
  "base",
  `
90                      nop         -
F3 90                   pause       -
F3 REX.B 90             xchg        Zv,rAX
0F 1F /r                nop         Ev            nopl
0F 19 /r                nop         Ev            nopl
0F 1A /r                nop         Ev            nopl
0F 1B /r                nop         Ev            nopl
0F 1C /r                nop         Ev            nopl
0F 1D /r                nop         Ev            nopl
0F 1E /r                nop         Ev            nopl
F3 0F 1E FA             endbr64     -             nopl
F3 0F 1E FB             endbr32     -             nopl

0F 18 /r                nop         Ev            nopl
0F 18 /0                prefetchnta  M             sse
0F 18 /1                prefetcht0  M             sse
0F 18 /2                prefetcht1  M             sse
0F 18 /3                prefetcht2  M             sse
0F 0D /r                prefetch    M             3dnowprefetch
0F 0D /1                prefetchw   M             3dnowprefetch
0F 0D /3                prefetchw   M             3dnowprefetch
`,
);
