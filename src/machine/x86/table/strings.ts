/** String instructions and port input and output (SDM vol. 1 §7.3.9 and §19.3). */
import { lines } from "./format.ts";

export const strings = lines(
  "base",
  `
A4                      movs        Yb,Xb         rep
A5                      movs        Yv,Xv         rep
A6                      cmps        Xb,Yb         repcc
A7                      cmps        Xv,Yv         repcc
AA                      stos        Yb,AL         rep
AB                      stos        Yv,rAX        rep
AC                      lods        AL,Xb         rep
AD                      lods        rAX,Xv        rep
AE                      scas        AL,Yb         repcc
AF                      scas        rAX,Yv        repcc
6C                      ins         Yb,DX         rep
6D                      ins         Yz,DX         rep max32
6E                      outs        DX,Xb         rep
6F                      outs        DX,Xz         rep max32

E4 ib                   in          AL,Ib
E5 ib                   in          rAX,Ib        max32
E6 ib                   out         Ib,AL
E7 ib                   out         Ib,rAX        max32
EC                      in          AL,DX
ED                      in          rAX,DX        max32
EE                      out         DX,AL
EF                      out         DX,rAX        max32
`,
);
