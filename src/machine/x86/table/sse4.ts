/** SSE4.1 and SSE4.2 (SDM vol. 1 §12.9 and §12.11). POPCNT is in bits.ts. BLENDV's third operand is XMM0, implied. */
import { lines } from "./format.ts";

export const sse41 = lines(
  "sse4.1",
  `
66 0F 38 10 /r          pblendvb         Vdq,Wdq
66 0F 38 14 /r          blendvps         Vdq,Wdq
66 0F 38 15 /r          blendvpd         Vdq,Wdq
66 0F 38 17 /r          ptest            Vdq,Wdq
66 0F 38 28 /r          pmuldq           Vdq,Wdq
66 0F 38 29 /r          pcmpeqq          Vdq,Wdq
66 0F 38 2B /r          packusdw         Vdq,Wdq
66 0F 38 38 /r          pminsb           Vdq,Wdq
66 0F 38 39 /r          pminsd           Vdq,Wdq
66 0F 38 3A /r          pminuw           Vdq,Wdq
66 0F 38 3B /r          pminud           Vdq,Wdq
66 0F 38 3C /r          pmaxsb           Vdq,Wdq
66 0F 38 3D /r          pmaxsd           Vdq,Wdq
66 0F 38 3E /r          pmaxuw           Vdq,Wdq
66 0F 38 3F /r          pmaxud           Vdq,Wdq
66 0F 38 40 /r          pmulld           Vdq,Wdq
66 0F 38 41 /r          phminposuw       Vdq,Wdq
66 0F 38 20 /r          pmovsxbw         Vdq,Wq
66 0F 38 21 /r          pmovsxbd         Vdq,Wd
66 0F 38 22 /r          pmovsxbq         Vdq,Ww
66 0F 38 23 /r          pmovsxwd         Vdq,Wq
66 0F 38 24 /r          pmovsxwq         Vdq,Wd
66 0F 38 25 /r          pmovsxdq         Vdq,Wq
66 0F 38 30 /r          pmovzxbw         Vdq,Wq
66 0F 38 31 /r          pmovzxbd         Vdq,Wd
66 0F 38 32 /r          pmovzxbq         Vdq,Ww
66 0F 38 33 /r          pmovzxwd         Vdq,Wq
66 0F 38 34 /r          pmovzxwq         Vdq,Wd
66 0F 38 35 /r          pmovzxdq         Vdq,Wq
66 0F 38 2A /r          movntdqa         Vdq,Mdq

66 0F 3A 08 /r ib       roundps          Vps,Wps,Ib
66 0F 3A 09 /r ib       roundpd          Vpd,Wpd,Ib
66 0F 3A 0A /r ib       roundss          Vss,Wss,Ib
66 0F 3A 0B /r ib       roundsd          Vsd,Wsd,Ib
66 0F 3A 0C /r ib       blendps          Vps,Wps,Ib
66 0F 3A 0D /r ib       blendpd          Vpd,Wpd,Ib
66 0F 3A 0E /r ib       pblendw          Vdq,Wdq,Ib
66 0F 3A 14 /r ib       pextrb           Rd,Vdq,Ib
66 0F 3A 14 /r ib       pextrb           Mb,Vdq,Ib
66 0F 3A 15 /r ib       pextrw           Rd,Vdq,Ib
66 0F 3A 15 /r ib       pextrw           Mw,Vdq,Ib
66 0F 3A 16 /r ib       pextrd           Ed,Vdq,Ib
66 REX.W 0F 3A 16 /r ib  pextrq           Eq,Vdq,Ib
66 0F 3A 17 /r ib       extractps        Ed,Vdq,Ib
66 0F 3A 20 /r ib       pinsrb           Vdq,Rd,Ib
66 0F 3A 20 /r ib       pinsrb           Vdq,Mb,Ib
66 0F 3A 21 /r ib       insertps         Vdq,Ud,Ib
66 0F 3A 21 /r ib       insertps         Vdq,Md,Ib
66 0F 3A 22 /r ib       pinsrd           Vdq,Ed,Ib
66 REX.W 0F 3A 22 /r ib  pinsrq           Vdq,Eq,Ib
66 0F 3A 40 /r ib       dpps             Vps,Wps,Ib
66 0F 3A 41 /r ib       dppd             Vpd,Wpd,Ib
66 0F 3A 42 /r ib       mpsadbw          Vdq,Wdq,Ib
`,
);

export const sse42 = lines(
  "sse4.2",
  `
66 0F 38 37 /r          pcmpgtq          Vdq,Wdq
66 0F 3A 60 /r ib       pcmpestrm        Vdq,Wdq,Ib
66 0F 3A 61 /r ib       pcmpestri        Vdq,Wdq,Ib
66 0F 3A 62 /r ib       pcmpistrm        Vdq,Wdq,Ib
66 0F 3A 63 /r ib       pcmpistri        Vdq,Wdq,Ib
F2 0F 38 F0 /r          crc32            Gy,Eb
F2 0F 38 F1 /r          crc32            Gy,Ev
`,
);
