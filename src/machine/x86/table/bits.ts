/** Shifts, rotates and bit instructions (SDM vol. 1 §7.3.5 and §7.3.6). */
import { lines } from "./format.ts";

export const bits = lines(
  "base",
  `
C0 /0 ib                rol         Eb,Ib
C1 /0 ib                rol         Ev,Ib
D0 /0                   rol         Eb,1
D1 /0                   rol         Ev,1
D2 /0                   rol         Eb,CL
D3 /0                   rol         Ev,CL
C0 /1 ib                ror         Eb,Ib
C1 /1 ib                ror         Ev,Ib
D0 /1                   ror         Eb,1
D1 /1                   ror         Ev,1
D2 /1                   ror         Eb,CL
D3 /1                   ror         Ev,CL
C0 /2 ib                rcl         Eb,Ib
C1 /2 ib                rcl         Ev,Ib
D0 /2                   rcl         Eb,1
D1 /2                   rcl         Ev,1
D2 /2                   rcl         Eb,CL
D3 /2                   rcl         Ev,CL
C0 /3 ib                rcr         Eb,Ib
C1 /3 ib                rcr         Ev,Ib
D0 /3                   rcr         Eb,1
D1 /3                   rcr         Ev,1
D2 /3                   rcr         Eb,CL
D3 /3                   rcr         Ev,CL
C0 /4 ib                shl         Eb,Ib
C1 /4 ib                shl         Ev,Ib
D0 /4                   shl         Eb,1
D1 /4                   shl         Ev,1
D2 /4                   shl         Eb,CL
D3 /4                   shl         Ev,CL
C0 /5 ib                shr         Eb,Ib
C1 /5 ib                shr         Ev,Ib
D0 /5                   shr         Eb,1
D1 /5                   shr         Ev,1
D2 /5                   shr         Eb,CL
D3 /5                   shr         Ev,CL
C0 /6 ib                shl         Eb,Ib
C1 /6 ib                shl         Ev,Ib
D0 /6                   shl         Eb,1
D1 /6                   shl         Ev,1
D2 /6                   shl         Eb,CL
D3 /6                   shl         Ev,CL
C0 /7 ib                sar         Eb,Ib
C1 /7 ib                sar         Ev,Ib
D0 /7                   sar         Eb,1
D1 /7                   sar         Ev,1
D2 /7                   sar         Eb,CL
D3 /7                   sar         Ev,CL

0F A4 /r ib             shld        Ev,Gv,Ib
0F A5 /r                shld        Ev,Gv,CL
0F AC /r ib             shrd        Ev,Gv,Ib
0F AD /r                shrd        Ev,Gv,CL

0F A3 /r                bt          Ev,Gv
0F AB /r                bts         Ev,Gv         lock
0F B3 /r                btr         Ev,Gv         lock
0F BB /r                btc         Ev,Gv         lock
0F BA /4 ib             bt          Ev,Ib
0F BA /5 ib             bts         Ev,Ib         lock
0F BA /6 ib             btr         Ev,Ib         lock
0F BA /7 ib             btc         Ev,Ib         lock

0F BC /r                bsf         Gv,Ev
0F BD /r                bsr         Gv,Ev
F3 0F BC /r             tzcnt       Gv,Ev         bmi1
F3 0F BD /r             lzcnt       Gv,Ev         lzcnt
F3 0F B8 /r             popcnt      Gv,Ev         popcnt
`,
);
