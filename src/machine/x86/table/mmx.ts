/** MMX (SDM vol. 1 §9.4), and what SSE and SSE2 added on MMX registers. */
import { lines } from "./format.ts";

export const mmx = lines(
  "mmx",
  `
NP 0F 6E /r             movd        Pq,Ed
NP REX.W 0F 6E /r       movq        Pq,Eq
NP 0F 7E /r             movd        Ed,Pq
NP REX.W 0F 7E /r       movq        Eq,Pq
NP 0F 6F /r             movq        Pq,Qq
NP 0F 7F /r             movq        Qq,Pq
NP 0F E7 /r             movntq      Mq,Pq         sse
NP 0F F7 /r             maskmovq    Pq,Nq         sse
NP 0F D7 /r             pmovmskb    Gd,Nq         sse
NP 0F 70 /r ib          pshufw      Pq,Qq,Ib      sse
NP 0F C4 /r ib          pinsrw      Pq,Rd,Ib      sse
NP 0F C4 /r ib          pinsrw      Pq,Mw,Ib      sse
NP 0F C5 /r ib          pextrw      Gd,Nq,Ib      sse
NP 0F 77                emms        -

NP 0F 60 /r             punpcklbw   Pq,Qd
NP 0F 61 /r             punpcklwd   Pq,Qd
NP 0F 62 /r             punpckldq   Pq,Qd
NP 0F 63 /r             packsswb    Pq,Qq
NP 0F 64 /r             pcmpgtb     Pq,Qq
NP 0F 65 /r             pcmpgtw     Pq,Qq
NP 0F 66 /r             pcmpgtd     Pq,Qq
NP 0F 67 /r             packuswb    Pq,Qq
NP 0F 68 /r             punpckhbw   Pq,Qq
NP 0F 69 /r             punpckhwd   Pq,Qq
NP 0F 6A /r             punpckhdq   Pq,Qq
NP 0F 6B /r             packssdw    Pq,Qq
NP 0F 74 /r             pcmpeqb     Pq,Qq
NP 0F 75 /r             pcmpeqw     Pq,Qq
NP 0F 76 /r             pcmpeqd     Pq,Qq
NP 0F D1 /r             psrlw       Pq,Qq
NP 0F D2 /r             psrld       Pq,Qq
NP 0F D3 /r             psrlq       Pq,Qq
NP 0F D4 /r             paddq       Pq,Qq         sse2
NP 0F D5 /r             pmullw      Pq,Qq
NP 0F D8 /r             psubusb     Pq,Qq
NP 0F D9 /r             psubusw     Pq,Qq
NP 0F DA /r             pminub      Pq,Qq         sse
NP 0F DB /r             pand        Pq,Qq
NP 0F DC /r             paddusb     Pq,Qq
NP 0F DD /r             paddusw     Pq,Qq
NP 0F DE /r             pmaxub      Pq,Qq         sse
NP 0F DF /r             pandn       Pq,Qq
NP 0F E0 /r             pavgb       Pq,Qq         sse
NP 0F E1 /r             psraw       Pq,Qq
NP 0F E2 /r             psrad       Pq,Qq
NP 0F E3 /r             pavgw       Pq,Qq         sse
NP 0F E4 /r             pmulhuw     Pq,Qq         sse
NP 0F E5 /r             pmulhw      Pq,Qq
NP 0F E8 /r             psubsb      Pq,Qq
NP 0F E9 /r             psubsw      Pq,Qq
NP 0F EA /r             pminsw      Pq,Qq         sse
NP 0F EB /r             por         Pq,Qq
NP 0F EC /r             paddsb      Pq,Qq
NP 0F ED /r             paddsw      Pq,Qq
NP 0F EE /r             pmaxsw      Pq,Qq         sse
NP 0F EF /r             pxor        Pq,Qq
NP 0F F1 /r             psllw       Pq,Qq
NP 0F F2 /r             pslld       Pq,Qq
NP 0F F3 /r             psllq       Pq,Qq
NP 0F F4 /r             pmuludq     Pq,Qq         sse2
NP 0F F5 /r             pmaddwd     Pq,Qq
NP 0F F6 /r             psadbw      Pq,Qq         sse
NP 0F F8 /r             psubb       Pq,Qq
NP 0F F9 /r             psubw       Pq,Qq
NP 0F FA /r             psubd       Pq,Qq
NP 0F FB /r             psubq       Pq,Qq         sse2
NP 0F FC /r             paddb       Pq,Qq
NP 0F FD /r             paddw       Pq,Qq
NP 0F FE /r             paddd       Pq,Qq

NP 0F 71 /2 ib          psrlw       Nq,Ib
NP 0F 71 /4 ib          psraw       Nq,Ib
NP 0F 71 /6 ib          psllw       Nq,Ib
NP 0F 72 /2 ib          psrld       Nq,Ib
NP 0F 72 /4 ib          psrad       Nq,Ib
NP 0F 72 /6 ib          pslld       Nq,Ib
NP 0F 73 /2 ib          psrlq       Nq,Ib
NP 0F 73 /6 ib          psllq       Nq,Ib
`,
);
