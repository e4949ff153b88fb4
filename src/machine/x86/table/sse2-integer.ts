/** SSE2: integers in XMM registers (SDM vol. 1 §11.4.2). The forms on MMX registers are in mmx.ts. */
import { lines } from "./format.ts";

export const sse2Integer = lines(
  "sse2",
  `
66 0F 6E /r             movd        Vdq,Ed
66 REX.W 0F 6E /r       movq        Vdq,Eq
66 0F 7E /r             movd        Ed,Vdq
66 REX.W 0F 7E /r       movq        Eq,Vdq
F3 0F 7E /r             movq        Vq,Wq
66 0F D6 /r             movq        Wq,Vq
F2 0F D6 /r             movdq2q     Pq,Uq
F3 0F D6 /r             movq2dq     Vdq,Nq
66 0F 6F /r             movdqa      Vdq,Wdq
66 0F 7F /r             movdqa      Wdq,Vdq
F3 0F 6F /r             movdqu      Vdq,Wdq
F3 0F 7F /r             movdqu      Wdq,Vdq
66 0F E7 /r             movntdq     Mdq,Vdq
66 0F F7 /r             maskmovdqu  Vdq,Udq
66 0F D7 /r             pmovmskb    Gd,Udq
66 0F 70 /r ib          pshufd      Vdq,Wdq,Ib
F3 0F 70 /r ib          pshufhw     Vdq,Wdq,Ib
F2 0F 70 /r ib          pshuflw     Vdq,Wdq,Ib
66 0F C4 /r ib          pinsrw      Vdq,Rd,Ib
66 0F C4 /r ib          pinsrw      Vdq,Mw,Ib
66 0F C5 /r ib          pextrw      Gd,Udq,Ib

66 0F 60 /r             punpcklbw   Vdq,Wdq
66 0F 61 /r             punpcklwd   Vdq,Wdq
66 0F 62 /r             punpckldq   Vdq,Wdq
66 0F 63 /r             packsswb    Vdq,Wdq
66 0F 64 /r             pcmpgtb     Vdq,Wdq
66 0F 65 /r             pcmpgtw     Vdq,Wdq
66 0F 66 /r             pcmpgtd     Vdq,Wdq
66 0F 67 /r             packuswb    Vdq,Wdq
66 0F 68 /r             punpckhbw   Vdq,Wdq
66 0F 69 /r             punpckhwd   Vdq,Wdq
66 0F 6A /r             punpckhdq   Vdq,Wdq
66 0F 6B /r             packssdw    Vdq,Wdq
66 0F 6C /r             punpcklqdq  Vdq,Wdq
66 0F 6D /r             punpckhqdq  Vdq,Wdq
66 0F 74 /r             pcmpeqb     Vdq,Wdq
66 0F 75 /r             pcmpeqw     Vdq,Wdq
66 0F 76 /r             pcmpeqd     Vdq,Wdq
66 0F D1 /r             psrlw       Vdq,Wdq
66 0F D2 /r             psrld       Vdq,Wdq
66 0F D3 /r             psrlq       Vdq,Wdq
66 0F D4 /r             paddq       Vdq,Wdq
66 0F D5 /r             pmullw      Vdq,Wdq
66 0F D8 /r             psubusb     Vdq,Wdq
66 0F D9 /r             psubusw     Vdq,Wdq
66 0F DA /r             pminub      Vdq,Wdq
66 0F DB /r             pand        Vdq,Wdq
66 0F DC /r             paddusb     Vdq,Wdq
66 0F DD /r             paddusw     Vdq,Wdq
66 0F DE /r             pmaxub      Vdq,Wdq
66 0F DF /r             pandn       Vdq,Wdq
66 0F E0 /r             pavgb       Vdq,Wdq
66 0F E1 /r             psraw       Vdq,Wdq
66 0F E2 /r             psrad       Vdq,Wdq
66 0F E3 /r             pavgw       Vdq,Wdq
66 0F E4 /r             pmulhuw     Vdq,Wdq
66 0F E5 /r             pmulhw      Vdq,Wdq
66 0F E8 /r             psubsb      Vdq,Wdq
66 0F E9 /r             psubsw      Vdq,Wdq
66 0F EA /r             pminsw      Vdq,Wdq
66 0F EB /r             por         Vdq,Wdq
66 0F EC /r             paddsb      Vdq,Wdq
66 0F ED /r             paddsw      Vdq,Wdq
66 0F EE /r             pmaxsw      Vdq,Wdq
66 0F EF /r             pxor        Vdq,Wdq
66 0F F1 /r             psllw       Vdq,Wdq
66 0F F2 /r             pslld       Vdq,Wdq
66 0F F3 /r             psllq       Vdq,Wdq
66 0F F4 /r             pmuludq     Vdq,Wdq
66 0F F5 /r             pmaddwd     Vdq,Wdq
66 0F F6 /r             psadbw      Vdq,Wdq
66 0F F8 /r             psubb       Vdq,Wdq
66 0F F9 /r             psubw       Vdq,Wdq
66 0F FA /r             psubd       Vdq,Wdq
66 0F FB /r             psubq       Vdq,Wdq
66 0F FC /r             paddb       Vdq,Wdq
66 0F FD /r             paddw       Vdq,Wdq
66 0F FE /r             paddd       Vdq,Wdq

66 0F 71 /2 ib          psrlw       Udq,Ib
66 0F 71 /4 ib          psraw       Udq,Ib
66 0F 71 /6 ib          psllw       Udq,Ib
66 0F 72 /2 ib          psrld       Udq,Ib
66 0F 72 /4 ib          psrad       Udq,Ib
66 0F 72 /6 ib          pslld       Udq,Ib
66 0F 73 /2 ib          psrlq       Udq,Ib
66 0F 73 /6 ib          psllq       Udq,Ib
66 0F 73 /3 ib          psrldq      Udq,Ib
66 0F 73 /7 ib          pslldq      Udq,Ib
`,
);
