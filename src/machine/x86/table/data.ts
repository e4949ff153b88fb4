/** Moves, stack, exchanges, conditional moves and sets, flags (SDM vol. 1 §7.3.1, §7.3.13 and following). */
import { lines } from "./format.ts";

export const data = lines(
  "base",
  `
88 /r                   mov         Eb,Gb
89 /r                   mov         Ev,Gv
8A /r                   mov         Gb,Eb
8B /r                   mov         Gv,Ev
A0 mo                   mov         AL,Ob
A1 mo                   mov         rAX,Ov
A2 mo                   mov         Ob,AL
A3 mo                   mov         Ov,rAX
B0+r ib                 mov         Zb,Ibs
B8+r iv                 mov         Zv,Iv
C6 /0 ib                mov         Eb,Ibs
C7 /0 iz                mov         Ev,Iz
8C /r                   mov         Rv,Sw
8C /r                   mov         Mw,Sw
8E /r                   mov         Sw,Ew
0F B6 /r                movzx       Gv,Eb
0F B7 /r                movzx       Gv,Ew
0F BE /r                movsx       Gv,Eb
0F BF /r                movsx       Gv,Ew
63 /r                   movsxd      Gv,Ed         o64
8D /r                   lea         Gv,M
NP 0F C3 /r             movnti      My,Gy         sse2
NFx 0F 38 F0 /r         movbe       Gv,Mv         movbe
NFx 0F 38 F1 /r         movbe       Mv,Gv         movbe
0F C8+r                 bswap       Zv

86 /r                   xchg        Eb,Gb         lock
87 /r                   xchg        Ev,Gv         lock
90+r                    xchg        Zv,rAX
REX.B 90                xchg        Zv,rAX

50+r                    push        Zv            d64
58+r                    pop         Zv            d64
FF /6                   push        Ev            d64
8F /0                   pop         Ev            d64
6A ib                   push        Ibs           d64
68 iz                   push        Iz            d64
06                      push        ES            i64
0E                      push        CS            i64
16                      push        SS            i64
1E                      push        DS            i64
07                      pop         ES            i64
17                      pop         SS            i64
1F                      pop         DS            i64
0F A0                   push        FS            d64
0F A1                   pop         FS            d64
0F A8                   push        GS            d64
0F A9                   pop         GS            d64
60                      pusha       -             i64
61                      popa        -             i64
9C                      pushf       -             d64
9D                      popf        -             d64
C8 iw ib                enter       Iw,Ib         d64
C9                      leave       -             d64

0F 40+cc /r             cmovcc      Gv,Ev         cmov
0F 90+cc /r             setcc       Eb

9E                      sahf        -             lahf
9F                      lahf        -             lahf
F5                      cmc         -
F8                      clc         -
F9                      stc         -
FC                      cld         -
FD                      std         -
FA                      cli         -
FB                      sti         -

C4 /r                   les         Gv,Mp         i64
C5 /r                   lds         Gv,Mp         i64
0F B2 /r                lss         Gv,Mp         max32
0F B4 /r                lfs         Gv,Mp         max32
0F B5 /r                lgs         Gv,Mp         max32
D7                      xlat        -
`,
);
