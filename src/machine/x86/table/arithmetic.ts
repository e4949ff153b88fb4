/** Integer arithmetic and logic (SDM vol. 1 §7.3.2, §7.3.4 to §7.3.7). */
import { lines } from "./format.ts";

export const arithmetic = lines(
  "base",
  `
00 /r                   add         Eb,Gb         lock
01 /r                   add         Ev,Gv         lock
02 /r                   add         Gb,Eb
03 /r                   add         Gv,Ev
04 ib                   add         AL,Ibs
05 iz                   add         rAX,Iz
08 /r                   or          Eb,Gb         lock
09 /r                   or          Ev,Gv         lock
0A /r                   or          Gb,Eb
0B /r                   or          Gv,Ev
0C ib                   or          AL,Ibs
0D iz                   or          rAX,Iz
10 /r                   adc         Eb,Gb         lock
11 /r                   adc         Ev,Gv         lock
12 /r                   adc         Gb,Eb
13 /r                   adc         Gv,Ev
14 ib                   adc         AL,Ibs
15 iz                   adc         rAX,Iz
18 /r                   sbb         Eb,Gb         lock
19 /r                   sbb         Ev,Gv         lock
1A /r                   sbb         Gb,Eb
1B /r                   sbb         Gv,Ev
1C ib                   sbb         AL,Ibs
1D iz                   sbb         rAX,Iz
20 /r                   and         Eb,Gb         lock
21 /r                   and         Ev,Gv         lock
22 /r                   and         Gb,Eb
23 /r                   and         Gv,Ev
24 ib                   and         AL,Ibs
25 iz                   and         rAX,Iz
28 /r                   sub         Eb,Gb         lock
29 /r                   sub         Ev,Gv         lock
2A /r                   sub         Gb,Eb
2B /r                   sub         Gv,Ev
2C ib                   sub         AL,Ibs
2D iz                   sub         rAX,Iz
30 /r                   xor         Eb,Gb         lock
31 /r                   xor         Ev,Gv         lock
32 /r                   xor         Gb,Eb
33 /r                   xor         Gv,Ev
34 ib                   xor         AL,Ibs
35 iz                   xor         rAX,Iz
38 /r                   cmp         Eb,Gb
39 /r                   cmp         Ev,Gv
3A /r                   cmp         Gb,Eb
3B /r                   cmp         Gv,Ev
3C ib                   cmp         AL,Ibs
3D iz                   cmp         rAX,Iz
80 /0 ib                add         Eb,Ibs        lock
81 /0 iz                add         Ev,Iz         lock
82 /0 ib                add         Eb,Ibs        lock i64
83 /0 ib                add         Ev,Ibs        lock
80 /1 ib                or          Eb,Ibs        lock
81 /1 iz                or          Ev,Iz         lock
82 /1 ib                or          Eb,Ibs        lock i64
83 /1 ib                or          Ev,Ibs        lock
80 /2 ib                adc         Eb,Ibs        lock
81 /2 iz                adc         Ev,Iz         lock
82 /2 ib                adc         Eb,Ibs        lock i64
83 /2 ib                adc         Ev,Ibs        lock
80 /3 ib                sbb         Eb,Ibs        lock
81 /3 iz                sbb         Ev,Iz         lock
82 /3 ib                sbb         Eb,Ibs        lock i64
83 /3 ib                sbb         Ev,Ibs        lock
80 /4 ib                and         Eb,Ibs        lock
81 /4 iz                and         Ev,Iz         lock
82 /4 ib                and         Eb,Ibs        lock i64
83 /4 ib                and         Ev,Ibs        lock
80 /5 ib                sub         Eb,Ibs        lock
81 /5 iz                sub         Ev,Iz         lock
82 /5 ib                sub         Eb,Ibs        lock i64
83 /5 ib                sub         Ev,Ibs        lock
80 /6 ib                xor         Eb,Ibs        lock
81 /6 iz                xor         Ev,Iz         lock
82 /6 ib                xor         Eb,Ibs        lock i64
83 /6 ib                xor         Ev,Ibs        lock
80 /7 ib                cmp         Eb,Ibs
81 /7 iz                cmp         Ev,Iz
82 /7 ib                cmp         Eb,Ibs        i64
83 /7 ib                cmp         Ev,Ibs

40+r                    inc         Zv            i64
48+r                    dec         Zv            i64
FE /0                   inc         Eb            lock
FF /0                   inc         Ev            lock
FE /1                   dec         Eb            lock
FF /1                   dec         Ev            lock
84 /r                   test        Eb,Gb
85 /r                   test        Ev,Gv
A8 ib                   test        AL,Ibs
A9 iz                   test        rAX,Iz
F6 /0 ib                test        Eb,Ibs
F6 /1 ib                test        Eb,Ibs
F7 /0 iz                test        Ev,Iz
F7 /1 iz                test        Ev,Iz
F6 /2                   not         Eb            lock
F7 /2                   not         Ev            lock
F6 /3                   neg         Eb            lock
F7 /3                   neg         Ev            lock
F6 /4                   mul         Eb
F7 /4                   mul         Ev
F6 /5                   imul        Eb
F7 /5                   imul        Ev
0F AF /r                imul        Gv,Ev
69 /r iz                imul        Gv,Ev,Iz
6B /r ib                imul        Gv,Ev,Ibs
F6 /6                   div         Eb
F7 /6                   div         Ev
F6 /7                   idiv        Eb
F7 /7                   idiv        Ev
98                      cbw         -
99                      cwd         -
0F B0 /r                cmpxchg     Eb,Gb         lock
0F B1 /r                cmpxchg     Ev,Gv         lock
0F C7 /1                cmpxchg8b   Mq            lock cx8
REX.W 0F C7 /1          cmpxchg16b  Mdq           lock cx16
0F C0 /r                xadd        Eb,Gb         lock
0F C1 /r                xadd        Ev,Gv         lock
66 0F 38 F6 /r          adcx        Gy,Ey         adx
F3 0F 38 F6 /r          adox        Gy,Ey         adx

27                      daa         -             i64
2F                      das         -             i64
37                      aaa         -             i64
3F                      aas         -             i64
D4 ib                   aam         Ib            i64
D5 ib                   aad         Ib            i64
D6                      salc        -             i64
`,
);
