/**
 * Control transfer (SDM vol. 1 §7.3.8).
 *
 * In 64-bit mode an operand-size prefix on a near branch is honoured, as AMD does (AMD64 APM
 * vol. 3, "Near Branches in 64-Bit Mode"); Intel ignores it. Far pointers in memory have at most
 * a 32-bit offset, and UD0 has no ModRM byte, again as AMD.
 */
import { lines } from "./format.ts";

export const control = lines(
  "base",
  `
70+cc cb                jcc         Jb            d64
0F 80+cc cz             jcc         Jz            d64
EB cb                   jmp         Jb            d64
E9 cz                   jmp         Jz            d64
FF /4                   jmp         Ev            d64
E8 cz                   call        Jz            d64
FF /2                   call        Ev            d64
C2 iw                   ret         Iw            d64
C3                      ret         -             d64
E0 cb                   loopne      Jb            d64
E1 cb                   loope       Jb            d64
E2 cb                   loop        Jb            d64
E3 cb                   jcxz        Jb            d64

9A cp                   call_far    Ap            i64
EA cp                   jmp_far     Ap            i64
FF /3                   call_far    Mp            max32
FF /5                   jmp_far     Mp            max32
CA iw                   ret_far     Iw
CB                      ret_far     -

CC                      int3        -
CD ib                   int         Ib
CE                      into        -             i64
F1                      int1        -
CF                      iret        -
62 /r                   bound       Gv,Ma         i64

0F 0B                   ud2         -
0F B9 /r                ud1         Gv,Ev
0F FF                   ud0         -
`,
);
