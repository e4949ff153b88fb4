/** AES, carry-less multiplication, SHA (SDM vol. 1 §12.13 and vol. 2), and AMD's SSE4a. */
import { lines } from "./format.ts";

export const simdExtras = lines(
  "aes",
  `
66 0F 38 DB /r          aesimc           Vdq,Wdq       aes
66 0F 38 DC /r          aesenc           Vdq,Wdq       aes
66 0F 38 DD /r          aesenclast       Vdq,Wdq       aes
66 0F 38 DE /r          aesdec           Vdq,Wdq       aes
66 0F 38 DF /r          aesdeclast       Vdq,Wdq       aes
66 0F 3A DF /r ib       aeskeygenassist  Vdq,Wdq,Ib    aes
66 0F 3A 44 /r ib       pclmulqdq        Vdq,Wdq,Ib    pclmulqdq
NP 0F 38 C8 /r          sha1nexte        Vdq,Wdq       sha
NP 0F 38 C9 /r          sha1msg1         Vdq,Wdq       sha
NP 0F 38 CA /r          sha1msg2         Vdq,Wdq       sha
NP 0F 38 CB /r          sha256rnds2      Vdq,Wdq       sha
NP 0F 38 CC /r          sha256msg1       Vdq,Wdq       sha
NP 0F 38 CD /r          sha256msg2       Vdq,Wdq       sha
NP 0F 3A CC /r ib       sha1rnds4        Vdq,Wdq,Ib    sha
66 0F 78 /0 ib ib       extrq            Udq,Ib,Ib     sse4a
66 0F 79 /r             extrq            Vdq,Udq       sse4a
F2 0F 78 /r ib ib       insertq          Vdq,Udq,Ib,Ib  sse4a
F2 0F 79 /r             insertq          Vdq,Udq       sse4a
F3 0F 2B /r             movntss          Mss,Vss       sse4a
F2 0F 2B /r             movntsd          Msd,Vsd       sse4a
`,
);
