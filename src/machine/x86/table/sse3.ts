/** SSE3 and SSSE3 (SDM vol. 1 §12.3 and §12.6). FISTTP is in x87.ts, MONITOR and MWAIT in system.ts. */
import { lines } from "./format.ts";

export const sse3 = lines(
  "sse3",
  `
F2 0F F0 /r             lddqu       Vdq,Mdq
F2 0F 12 /r             movddup     Vdq,Wq
F3 0F 12 /r             movsldup    Vps,Wps
F3 0F 16 /r             movshdup    Vps,Wps
66 0F 7C /r             haddpd      Vpd,Wpd
F2 0F 7C /r             haddps      Vps,Wps
66 0F 7D /r             hsubpd      Vpd,Wpd
F2 0F 7D /r             hsubps      Vps,Wps
66 0F D0 /r             addsubpd    Vpd,Wpd
F2 0F D0 /r             addsubps    Vps,Wps
`,
);

export const ssse3 = lines(
  "ssse3",
  `
NP 0F 38 00 /r          pshufb      Pq,Qq
66 0F 38 00 /r          pshufb      Vdq,Wdq
NP 0F 38 01 /r          phaddw      Pq,Qq
66 0F 38 01 /r          phaddw      Vdq,Wdq
NP 0F 38 02 /r          phaddd      Pq,Qq
66 0F 38 02 /r          phaddd      Vdq,Wdq
NP 0F 38 03 /r          phaddsw     Pq,Qq
66 0F 38 03 /r          phaddsw     Vdq,Wdq
NP 0F 38 04 /r          pmaddubsw   Pq,Qq
66 0F 38 04 /r          pmaddubsw   Vdq,Wdq
NP 0F 38 05 /r          phsubw      Pq,Qq
66 0F 38 05 /r          phsubw      Vdq,Wdq
NP 0F 38 06 /r          phsubd      Pq,Qq
66 0F 38 06 /r          phsubd      Vdq,Wdq
NP 0F 38 07 /r          phsubsw     Pq,Qq
66 0F 38 07 /r          phsubsw     Vdq,Wdq
NP 0F 38 08 /r          psignb      Pq,Qq
66 0F 38 08 /r          psignb      Vdq,Wdq
NP 0F 38 09 /r          psignw      Pq,Qq
66 0F 38 09 /r          psignw      Vdq,Wdq
NP 0F 38 0A /r          psignd      Pq,Qq
66 0F 38 0A /r          psignd      Vdq,Wdq
NP 0F 38 0B /r          pmulhrsw    Pq,Qq
66 0F 38 0B /r          pmulhrsw    Vdq,Wdq
NP 0F 38 1C /r          pabsb       Pq,Qq
66 0F 38 1C /r          pabsb       Vdq,Wdq
NP 0F 38 1D /r          pabsw       Pq,Qq
66 0F 38 1D /r          pabsw       Vdq,Wdq
NP 0F 38 1E /r          pabsd       Pq,Qq
66 0F 38 1E /r          pabsd       Vdq,Wdq
NP 0F 3A 0F /r ib       palignr     Pq,Qq,Ib
66 0F 3A 0F /r ib       palignr     Vdq,Wdq,Ib
`,
);
