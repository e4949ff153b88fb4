/** SSE: single-precision floating point (SDM vol. 1 §10.4). Its integer part is in mmx.ts, the rest in system.ts and hints.ts. */
import { lines } from "./format.ts";

export const sse = lines(
  "sse",
  `
NP 0F 10 /r             movups      Vps,Wps
NP 0F 11 /r             movups      Wps,Vps
F3 0F 10 /r             movss       Vss,Wss
F3 0F 11 /r             movss       Wss,Vss
NP 0F 28 /r             movaps      Vps,Wps
NP 0F 29 /r             movaps      Wps,Vps
NP 0F 12 /r             movlps      Vq,Mq
NP 0F 12 /r             movhlps     Vq,Uq
NP 0F 13 /r             movlps      Mq,Vq
NP 0F 16 /r             movhps      Vq,Mq
NP 0F 16 /r             movlhps     Vq,Uq
NP 0F 17 /r             movhps      Mq,Vq
NP 0F 2B /r             movntps     Mps,Vps
NP 0F 50 /r             movmskps    Gd,Ups
NP 0F 14 /r             unpcklps    Vps,Wps
NP 0F 15 /r             unpckhps    Vps,Wps
NP 0F C6 /r ib          shufps      Vps,Wps,Ib
NP 0F C2 /r ib          cmpps       Vps,Wps,Ib
F3 0F C2 /r ib          cmpss       Vss,Wss,Ib
NP 0F 2E /r             ucomiss     Vss,Wss
NP 0F 2F /r             comiss      Vss,Wss
NP 0F 2A /r             cvtpi2ps    Vps,Qq
F3 0F 2A /r             cvtsi2ss    Vss,Ey
NP 0F 2C /r             cvttps2pi   Pq,Wq
F3 0F 2C /r             cvttss2si   Gy,Wss
NP 0F 2D /r             cvtps2pi    Pq,Wq
F3 0F 2D /r             cvtss2si    Gy,Wss

NP 0F 51 /r             sqrtps      Vps,Wps
F3 0F 51 /r             sqrtss      Vss,Wss
NP 0F 52 /r             rsqrtps     Vps,Wps
F3 0F 52 /r             rsqrtss     Vss,Wss
NP 0F 53 /r             rcpps       Vps,Wps
F3 0F 53 /r             rcpss       Vss,Wss
NP 0F 54 /r             andps       Vps,Wps
NP 0F 55 /r             andnps      Vps,Wps
NP 0F 56 /r             orps        Vps,Wps
NP 0F 57 /r             xorps       Vps,Wps
NP 0F 58 /r             addps       Vps,Wps
F3 0F 58 /r             addss       Vss,Wss
NP 0F 59 /r             mulps       Vps,Wps
F3 0F 59 /r             mulss       Vss,Wss
NP 0F 5C /r             subps       Vps,Wps
F3 0F 5C /r             subss       Vss,Wss
NP 0F 5D /r             minps       Vps,Wps
F3 0F 5D /r             minss       Vss,Wss
NP 0F 5E /r             divps       Vps,Wps
F3 0F 5E /r             divss       Vss,Wss
NP 0F 5F /r             maxps       Vps,Wps
F3 0F 5F /r             maxss       Vss,Wss
`,
);
