/** SSE2: double-precision floating point (SDM vol. 1 §11.4). */
import { lines } from "./format.ts";

export const sse2 = lines(
  "sse2",
  `
66 0F 10 /r             movupd      Vpd,Wpd
66 0F 11 /r             movupd      Wpd,Vpd
F2 0F 10 /r             movsd_x     Vsd,Wsd
F2 0F 11 /r             movsd_x     Wsd,Vsd
66 0F 28 /r             movapd      Vpd,Wpd
66 0F 29 /r             movapd      Wpd,Vpd
66 0F 12 /r             movlpd      Vq,Mq
66 0F 13 /r             movlpd      Mq,Vq
66 0F 16 /r             movhpd      Vq,Mq
66 0F 17 /r             movhpd      Mq,Vq
66 0F 2B /r             movntpd     Mpd,Vpd
66 0F 50 /r             movmskpd    Gd,Upd
66 0F 14 /r             unpcklpd    Vpd,Wpd
66 0F 15 /r             unpckhpd    Vpd,Wpd
66 0F C6 /r ib          shufpd      Vpd,Wpd,Ib
66 0F C2 /r ib          cmppd       Vpd,Wpd,Ib
F2 0F C2 /r ib          cmpsd_x     Vsd,Wsd,Ib
66 0F 2E /r             ucomisd     Vsd,Wsd
66 0F 2F /r             comisd      Vsd,Wsd
66 0F 2A /r             cvtpi2pd    Vpd,Qq
F2 0F 2A /r             cvtsi2sd    Vsd,Ey
66 0F 2C /r             cvttpd2pi   Pq,Wpd
F2 0F 2C /r             cvttsd2si   Gy,Wsd
66 0F 2D /r             cvtpd2pi    Pq,Wpd
F2 0F 2D /r             cvtsd2si    Gy,Wsd
NP 0F 5A /r             cvtps2pd    Vpd,Wq
66 0F 5A /r             cvtpd2ps    Vps,Wpd
F3 0F 5A /r             cvtss2sd    Vsd,Wss
F2 0F 5A /r             cvtsd2ss    Vss,Wsd
NP 0F 5B /r             cvtdq2ps    Vps,Wdq
66 0F 5B /r             cvtps2dq    Vdq,Wps
F3 0F 5B /r             cvttps2dq   Vdq,Wps
F3 0F E6 /r             cvtdq2pd    Vpd,Wq
66 0F E6 /r             cvttpd2dq   Vdq,Wpd
F2 0F E6 /r             cvtpd2dq    Vdq,Wpd

66 0F 51 /r             sqrtpd      Vpd,Wpd
F2 0F 51 /r             sqrtsd      Vsd,Wsd
66 0F 54 /r             andpd       Vpd,Wpd
66 0F 55 /r             andnpd      Vpd,Wpd
66 0F 56 /r             orpd        Vpd,Wpd
66 0F 57 /r             xorpd       Vpd,Wpd
66 0F 58 /r             addpd       Vpd,Wpd
F2 0F 58 /r             addsd       Vsd,Wsd
66 0F 59 /r             mulpd       Vpd,Wpd
F2 0F 59 /r             mulsd       Vsd,Wsd
66 0F 5C /r             subpd       Vpd,Wpd
F2 0F 5C /r             subsd       Vsd,Wsd
66 0F 5D /r             minpd       Vpd,Wpd
F2 0F 5D /r             minsd       Vsd,Wsd
66 0F 5E /r             divpd       Vpd,Wpd
F2 0F 5E /r             divsd       Vsd,Wsd
66 0F 5F /r             maxpd       Vpd,Wpd
F2 0F 5F /r             maxsd       Vsd,Wsd
`,
);
