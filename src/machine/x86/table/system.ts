/** System instructions (SDM vol. 3 §2.8), fences and cache control. */
import { lines } from "./format.ts";

export const system = lines(
  "base",
  `
0F 00 /0                sldt        Rv
0F 00 /0                sldt        Mw
0F 00 /1                str         Rv
0F 00 /1                str         Mw
0F 00 /2                lldt        Ew            cpl0
0F 00 /3                ltr         Ew            cpl0
0F 00 /4                verr        Ew
0F 00 /5                verw        Ew
0F 01 /0                sgdt        Ms
0F 01 /1                sidt        Ms
0F 01 /2                lgdt        Ms            cpl0
0F 01 /3                lidt        Ms            cpl0
0F 01 /4                smsw        Rv
0F 01 /4                smsw        Mw
0F 01 /6                lmsw        Ew            cpl0
0F 01 /7                invlpg      M             cpl0
0F 02 /r                lar         Gv,Ew
0F 03 /r                lsl         Gv,Ew
63 /r                   arpl        Ew,Gw         i64
0F 06                   clts        -             cpl0
0F 20 /r                mov         Rn,Cn         cpl0
0F 21 /r                mov         Rn,Dn         cpl0
0F 22 /r                mov         Cn,Rn         cpl0
0F 23 /r                mov         Dn,Rn         cpl0
F4                      hlt         -             cpl0
0F 08                   invd        -             cpl0
0F 09                   wbinvd      -             cpl0
F3 0F 09                wbnoinvd    -             cpl0 wbnoinvd
0F 30                   wrmsr       -             cpl0
0F 32                   rdmsr       -             cpl0
0F 31                   rdtsc       -
0F 33                   rdpmc       -
0F A2                   cpuid       -
0F 05                   syscall     -             syscall
0F 07                   sysret      -             cpl0 syscall
0F 34                   sysenter    -             sep
0F 35                   sysexit     -             cpl0 sep
0F AA                   rsm         -
66 0F 38 82 /r          invpcid     Gn,Mdq        cpl0 invpcid

NP 0F 01 C1             vmcall      -             vmx
NP 0F 01 C8             monitor     -             monitor
NP 0F 01 C9             mwait       -             monitor
NP 0F 01 CA             clac        -             smap
NP 0F 01 CB             stac        -             smap
NP 0F 01 D0             xgetbv      -             xsave
NP 0F 01 D1             xsetbv      -             cpl0 xsave
NFx 0F 01 D9            vmmcall     -             svm
NP 0F 01 EE             rdpkru      -             pku
NP 0F 01 EF             wrpkru      -             pku
0F 01 F8                swapgs      -             cpl0 o64
0F 01 F9                rdtscp      -             rdtscp
NP 0F 01 FA             monitorx    -             monitorx
NP 0F 01 FB             mwaitx      -             monitorx
NP 0F 01 FC             clzero      -             clzero

F3 0F AE /0             rdfsbase    Ry            o64 fsgsbase
F3 0F AE /1             rdgsbase    Ry            o64 fsgsbase
F3 0F AE /2             wrfsbase    Ry            o64 fsgsbase
F3 0F AE /3             wrgsbase    Ry            o64 fsgsbase
NP 0F AE /0             fxsave      M             fxsr
NP REX.W 0F AE /0       fxsave64    M             fxsr
NP 0F AE /1             fxrstor     M             fxsr
NP REX.W 0F AE /1       fxrstor64   M             fxsr
NP 0F AE /2             ldmxcsr     Md            sse
NP 0F AE /3             stmxcsr     Md            sse
NP 0F AE /4             xsave       M             xsave
NP REX.W 0F AE /4       xsave64     M             xsave
NP 0F AE /5             xrstor      M             xsave
NP REX.W 0F AE /5       xrstor64    M             xsave
NP 0F AE /6             xsaveopt    M             xsaveopt
NP REX.W 0F AE /6       xsaveopt64  M             xsaveopt
NP 0F C7 /4             xsavec      M             xsavec
NP REX.W 0F C7 /4       xsavec64    M             xsavec
NP 0F C7 /5             xsaves      M             cpl0 xsaves
NP REX.W 0F C7 /5       xsaves64    M             cpl0 xsaves
NP 0F C7 /3             xrstors     M             cpl0 xsaves
NP REX.W 0F C7 /3       xrstors64   M             cpl0 xsaves

NP 0F AE E8+i           lfence      -             sse2
NP 0F AE F0+i           mfence      -             sse2
NP 0F AE F8+i           sfence      -             sse
NP 0F AE /7             clflush     M             clflush
66 0F AE /7             clflushopt  M             clflushopt
66 0F AE /6             clwb        M             clwb

NFx 0F C7 /6            rdrand      Rv            rdrand
NFx 0F C7 /7            rdseed      Rv            rdseed
F3 0F C7 /7             rdpid       Rn            rdpid
`,
);
