/**
 * Forms in the order of how often they are executed, as example encodings: measured over a boot of
 * the Debian kernel and over programs by bench/forms.ts, which prints this file.
 */

/** Forms with a case in the interpreter's switch; entries of two instructions are fused pairs. */
export const INLINE_FORMS: readonly string[] = [
  "4889f7", // 6.56 % mov.8 rg8 rg8
  "488b250020b8ff", // 6.21 % mov.8 rg8 m8[b]
  "4154", // 6.06 % push.8 rg8
  "415b", // 5.96 % pop.8 rg8
  "753c", // 5.31 % jcc.8.5 j8
  "0f841f060000", // 5.27 % jcc.8.4 j8
  "c3", // 2.89 % ret.8
  "e8bfa40000", // 2.84 % call.8 j8
  "89d0", // 2.83 % mov.4 rg4 rg4
  "31c0", // 2.23 % xor.4 rg4 rg4
  "e9028bd8fe", // 2.16 % jmp.8 j8
  "8b4030", // 2.10 % mov.4 rg4 m4[b]
  "48892de4592900", // 2.08 % mov.8 m8 rg8[b]
  "0f1f440000", // 1.97 % nop.4 m4[bi]
  "83e201", // 1.74 % and.4 rg4 i4
  "4839d0", // 1.67 % cmp.8 rg8 rg8
  "4801d7", // 1.44 % add.8 rg8 rg8
  "4885ff", // 1.44 % test.8 rg8 rg8
  "4883c101", // 1.38 % add.8 rg8 i8
  "488d4805", // 1.31 % lea.8 rg8 m0[b]
  "81fa00000080", // 1.29 % cmp.4 rg4 i4
  "b9010100c0", // 1.15 % mov.4 rg4 i4
  "85c0", // 1.11 % test.4 rg4 rg4
  "7314", // 1.10 % jcc.8.3 j8
  "65488b042528000000", // 1.08 % mov.8 rg8 m8[s]
  "39c2", // 1.07 % cmp.4 rg4 rg4
  "8905054e0b00", // 0.93 % mov.4 m4 rg4[b]
  "a801", // 0.91 % test.1 rg1 i1
  "48c1e006", // 0.83 % shl.8 rg8 i1
  "4863ff", // 0.76 % movsxd.8 rg8 rg4
  "4883f920", // 0.72 % cmp.8 rg8 i8
  "6690", // 0.69 % nop.2
  "4881eca8000000", // 0.68 % sub.8 rg8 i8
  "48c1ef0c", // 0.61 % shr.8 rg8 i1
  "488b04f8", // 0.61 % mov.8 rg8 m8[bi]
  "4881e200feffff", // 0.57 % and.8 rg8 i8
  "48c705c8279affb042a481", // 0.56 % mov.8 m8 i8[b]
  "0fb65302", // 0.55 % movzx.4 rg4 m1[b]
  "83c301", // 0.54 % add.4 rg4 i4
  "0fb6d3", // 0.50 % movzx.4 rg4 rg1
  "48ffc0", // 0.48 % inc.8 rg8
  "48c7c000400483", // 0.47 % mov.8 rg8 i8
  "4b8d443701", // 0.45 % lea.8 rg8 m0[bi]
  "c1ed03", // 0.44 % shr.4 rg4 i1
  "720e", // 0.44 % jcc.8.2 j8
  "0f86aefdffff", // 0.43 % jcc.8.6 j8
  "771e", // 0.43 % jcc.8.7 j8
  "8a05e1c7baff", // 0.43 % mov.1 rg1 m1[b]
  "8d57ff", // 0.42 % lea.4 rg4 m0[b]
  "a900000004", // 0.41 % test.4 rg4 i4
  "90", // 0.40 % nop.4
  "4821c8", // 0.39 % and.8 rg8 rg8
  "f605b20bb5ff40", // 0.39 % test.1 m1 i1[b]
  "ffc5", // 0.37 % inc.4 rg4
  "803dfbc1f50000", // 0.36 % cmp.1 m1 i1[b]
  "41ffcd", // 0.36 % dec.4 rg4
  "84c0", // 0.36 % test.1 rg1 rg1
  "397714", // 0.35 % cmp.4 m4 rg4[b]
  "0fb7740dfe", // 0.33 % movzx.4 rg4 m2[bi]
  "4438143a", // 0.31 % cmp.1 m1 rg1[bi]
  "658b055183ff7e", // 0.29 % mov.4 rg4 m4[bs]
  "48f7d2", // 0.28 % not.8 rg8
  "483b3d0164c101", // 0.28 % cmp.8 rg8 m8[b]
  "4829ca", // 0.27 % sub.8 rg8 rg8
  "4c393424", // 0.27 % cmp.8 m8 rg8[b]
  "65482b042528000000", // 0.26 % sub.8 rg8 m8[s]
  "48f7c29fffffff", // 0.26 % test.8 rg8 i8
  "3c0e", // 0.24 % cmp.1 rg1 i1
  "4c0faff2", // 0.23 % imul.8 rg8 rg8
  "7822", // 0.22 % jcc.8.8 j8
  "83ea01", // 0.19 % sub.4 rg4 i4
  "4809c7", // 0.18 % or.8 rg8 rg8
  "65c60425c113030001", // 0.18 % mov.1 m1 i1[s]
  "0f1f00", // 0.18 % nop.4 m4[b]
  "7e02", // 0.18 % jcc.8.14 j8
  "ffe0", // 0.17 % jmp.8 rg8
  "88831c010000", // 0.17 % mov.1 m1 rg1[b]
  "4883ba40dda48200", // 0.17 % cmp.8 m8 i8[b]
  "01c6", // 0.17 % add.4 rg4 rg4
  "0f94c0", // 0.17 % setcc.1.4 rg1
  "664189740ffe", // 0.16 % mov.2 m2 rg2[bi]
  "4803057e7ca001", // 0.15 % add.8 rg8 m8[b]
  "c705c47a39ff01000000", // 0.14 % mov.4 m4 i4[b]
  "83a81814000001", // 0.13 % sub.4 m4 i4[b]
  "c600e9", // 0.13 % mov.1 m1 i1[b]
  "65f60425c1130300ff", // 0.13 % test.1 m1 i1[s]
  "482b0527c539ff", // 0.12 % sub.8 rg8 m8[b]
  "0fb61407", // 0.12 % movzx.4 rg4 m1[bi]
  "0fba64240c0a", // 0.12 % bt.4 m4 i1[b]
  "480f44e8", // 0.12 % cmovcc.8.4 rg8 rg8
  "0fb713", // 0.12 % movzx.4 rg4 m2[b]
  "4898", // 0.12 % cbw.8
  "0f95c0", // 0.11 % setcc.1.5 rg1
  "6689442406", // 0.10 % mov.2 m2 rg2[b]
  "4889040a", // 0.10 % mov.8 m8 rg8[bi]
  "833d7cb7db0001", // 0.10 % cmp.4 m4 i4[b]
  "4530ed", // 0.10 % xor.1 rg1 rg1
  "486333", // 0.09 % movsxd.8 rg8 m4[b]
  "4831d8", // 0.09 % xor.8 rg8 rg8
  "c1e208", // 0.09 % shl.4 rg4 i1
  "80e702", // 0.09 % and.1 rg1 i1
  "65ff0daad4ff7e", // 0.09 % dec.4 m4[bs]
  "0f2900", // 0.09 % movaps m16 rx16[b]
  "3b5d08", // 0.09 % cmp.4 rg4 m4[b]
  "65ff05edd4ff7e", // 0.09 % inc.4 m4[bs]
  "410f42f5", // 0.09 % cmovcc.4.2 rg4 rg4
  "0f8f52010000", // 0.08 % jcc.8.15 j8
  "400f92c5", // 0.08 % setcc.1.2 rg1
  "d3e0", // 0.08 % shl.4 rg4 rg1
  "66448b5416fe", // 0.08 % mov.2 rg2 m2[bi]
  "664139c5", // 0.08 % cmp.2 rg2 rg2
  "66050077", // 0.08 % add.2 rg2 i2
  "0f05", // 0.08 % syscall.4
  "29c2", // 0.08 % sub.4 rg4 rg4
  "403879ff", // 0.08 % cmp.1 m1 rg1[b]
  "488d04d590520883", // 0.07 % lea.8 rg8 m0[i]
  "21e8", // 0.07 % and.4 rg4 rg4
  "654c8b3d0fbcff7e", // 0.07 % mov.8 rg8 m8[bs]
  "480f43c3", // 0.07 % cmovcc.8.3 rg8 rg8
  "684160a481", // 0.07 % push.8 i8
  "790d", // 0.06 % jcc.8.9 j8
  "6548032d0022ff7e", // 0.06 % add.8 rg8 m8[bs]
  "48c1f83f", // 0.06 % sar.8 rg8 i1
  "48633402", // 0.06 % movsxd.8 rg8 m4[bi]
  "09fe", // 0.06 % or.4 rg4 rg4
  "83430401", // 0.06 % add.4 m4 i4[b]
  "4038fe", // 0.06 % cmp.1 rg1 rg1
  "f0ff4d00", // 0.06 % dec.4 m4[b]
  "66440f6f25a54a2b01", // 0.06 % movdqa rx16 m16[b]
  "6683f801", // 0.05 % cmp.2 rg2 i2
  "438d042c", // 0.05 % lea.4 rg4 m0[bi]
  "488b14fd60cb4182", // 0.05 % mov.8 rg8 m8[i]
  "4883042408", // 0.05 % add.8 m8 i8[b]
  "4811ce", // 0.05 % adc.8 rg8 rg8
  "f00fb117", // 0.05 % cmpxchg.4 m4 rg4[b]
  "7c35", // 0.05 % jcc.8.12 j8
  "490f48cc", // 0.05 % cmovcc.8.8 rg8 rg8
  "48233de55ebbff", // 0.05 % and.8 rg8 m8[b]
  "00e4", // 0.05 % add.1 rg1 rg1
  "80cd10", // 0.05 % or.1 rg1 i1
  "4233048a", // 0.05 % xor.4 rg4 m4[bi]
  "8325a768b7fffe", // 0.04 % and.4 m4 i4[b]
  "41ffd4", // 0.04 % call.8 rg8
  "231dea4b9401", // 0.04 % and.4 rg4 m4[b]
  "48f7d8", // 0.04 % neg.8 rg8
  "480f42c1", // 0.04 % cmovcc.8.2 rg8 rg8
  "48d3e8", // 0.04 % shr.8 rg8 rg1
  "658a02", // 0.04 % mov.1 rg1 m1[bs]
  "480f45d6", // 0.04 % cmovcc.8.5 rg8 rg8
  "4819c0", // 0.04 % sbb.8 rg8 rg8
  "415b415b", // 4.17 % pop.8 rg8 + pop.8 rg8
  "41544154", // 2.91 % push.8 rg8 + push.8 rg8
  "41544889f7", // 1.54 % push.8 rg8 + mov.8 rg8 rg8
  "415bc3", // 1.46 % pop.8 rg8 + ret.8
  "4885ff0f841f060000", // 1.10 % test.8 rg8 rg8 + jcc.8.4 j8
  "4889f7e8bfa40000", // 0.93 % mov.8 rg8 rg8 + call.8 j8
  "0f841f060000488b250020b8ff", // 0.86 % jcc.8.4 j8 + mov.8 rg8 m8[b]
  "4889f74154", // 0.84 % mov.8 rg8 rg8 + push.8 rg8
  "39c2753c", // 0.83 % cmp.4 rg4 rg4 + jcc.8.5 j8
  "753c488b250020b8ff", // 0.73 % jcc.8.5 j8 + mov.8 rg8 m8[b]
  "0f1f4400004154", // 0.73 % nop.4 m4[bi] + push.8 rg8
  "4889f74889f7", // 0.71 % mov.8 rg8 rg8 + mov.8 rg8 rg8
  "488b250020b8ff488b250020b8ff", // 0.67 % mov.8 rg8 m8[b] + mov.8 rg8 m8[b]
  "a801753c", // 0.63 % test.1 rg1 i1 + jcc.8.5 j8
  "81fa000000800f841f060000", // 0.57 % cmp.4 rg4 i4 + jcc.8.4 j8
  "4839d07314", // 0.53 % cmp.8 rg8 rg8 + jcc.8.3 j8
  "4839d00f841f060000", // 0.50 % cmp.8 rg8 rg8 + jcc.8.4 j8
  "85c0753c", // 0.47 % test.4 rg4 rg4 + jcc.8.5 j8
  "4889f7415b", // 0.44 % mov.8 rg8 rg8 + pop.8 rg8
  "31c031c0", // 0.42 % xor.4 rg4 rg4 + xor.4 rg4 rg4
  "753c4839d0", // 0.41 % jcc.8.5 j8 + cmp.8 rg8 rg8
  "85c00f841f060000", // 0.41 % test.4 rg4 rg4 + jcc.8.4 j8
  "488b250020b8ff4889f7", // 0.40 % mov.8 rg8 m8[b] + mov.8 rg8 rg8
  "31c0e9028bd8fe", // 0.40 % xor.4 rg4 rg4 + jmp.8 j8
  "0f841f0600004889f7", // 0.40 % jcc.8.4 j8 + mov.8 rg8 rg8
  "4883c101415b", // 0.40 % add.8 rg8 i8 + pop.8 rg8
  "488b250020b8ff48892de4592900", // 0.39 % mov.8 rg8 m8[b] + mov.8 m8 rg8[b]
  "753c89d0", // 0.38 % jcc.8.5 j8 + mov.4 rg4 rg4
  "415489d0", // 0.38 % push.8 rg8 + mov.4 rg4 rg4
  "488b250020b8ffa801", // 0.38 % mov.8 rg8 m8[b] + test.1 rg1 i1
  "488b250020b8ff4885ff", // 0.37 % mov.8 rg8 m8[b] + test.8 rg8 rg8
  "0f841f0600008b4030", // 0.36 % jcc.8.4 j8 + mov.4 rg4 m4[b]
  "731431c0", // 0.35 % jcc.8.3 j8 + xor.4 rg4 rg4
  "753cffc5", // 0.35 % jcc.8.5 j8 + inc.4 rg4
  "48ffc039c2", // 0.35 % inc.8 rg8 + cmp.4 rg4 rg4
  "ffc548ffc0", // 0.35 % inc.4 rg4 + inc.8 rg8
  "48c1e0064801d7", // 0.35 % shl.8 rg8 i1 + add.8 rg8 rg8
  "0f1f44000065488b042528000000", // 0.34 % nop.4 m4[bi] + mov.8 rg8 m8[s]
  "48892de4592900488b250020b8ff", // 0.33 % mov.8 m8 rg8[b] + mov.8 rg8 m8[b]
  "753c4889f7", // 0.31 % jcc.8.5 j8 + mov.8 rg8 rg8
  "753c4883c101", // 0.31 % jcc.8.5 j8 + add.8 rg8 i8
  "4438143a753c", // 0.31 % cmp.1 m1 rg1[bi] + jcc.8.5 j8
  "89d04154", // 0.31 % mov.4 rg4 rg4 + push.8 rg8
  "89d04863ff", // 0.31 % mov.4 rg4 rg4 + movsxd.8 rg8 rg4
  "48892de459290048892de4592900", // 0.30 % mov.8 m8 rg8[b] + mov.8 m8 rg8[b]
  "8b403085c0", // 0.30 % mov.4 rg4 m4[b] + test.4 rg4 rg4
  "753c83e201", // 0.30 % jcc.8.5 j8 + and.4 rg4 i4
  "89d089d0", // 0.29 % mov.4 rg4 rg4 + mov.4 rg4 rg4
  "3977147314", // 0.29 % cmp.4 m4 rg4[b] + jcc.8.3 j8
  "4801d74438143a", // 0.29 % add.8 rg8 rg8 + cmp.1 m1 rg1[bi]
  "4863ff8a05e1c7baff", // 0.29 % movsxd.8 rg8 rg4 + mov.1 rg1 m1[b]
  "8a05e1c7baff4801d7", // 0.29 % mov.1 rg1 m1[b] + add.8 rg8 rg8
  "83e2010fb7740dfe", // 0.29 % and.4 rg4 i4 + movzx.4 rg4 m2[bi]
  "0fb7740dfe397714", // 0.29 % movzx.4 rg4 m2[bi] + cmp.4 m4 rg4[b]
  "41ffcd753c", // 0.28 % dec.4 rg4 + jcc.8.5 j8
  "4883f9200f841f060000", // 0.28 % cmp.8 rg8 i8 + jcc.8.4 j8
  "731441ffcd", // 0.28 % jcc.8.3 j8 + dec.4 rg4
  "753c8b4030", // 0.28 % jcc.8.5 j8 + mov.4 rg4 m4[b]
  "65488b04252800000048892de4592900", // 0.27 % mov.8 rg8 m8[s] + mov.8 m8 rg8[b]
  "7314488b250020b8ff", // 0.26 % jcc.8.3 j8 + mov.8 rg8 m8[b]
  "a8010f841f060000", // 0.26 % test.1 rg1 i1 + jcc.8.4 j8
  "488b250020b8ff65482b042528000000", // 0.26 % mov.8 rg8 m8[b] + sub.8 rg8 m8[s]
  "4889f789d0", // 0.25 % mov.8 rg8 rg8 + mov.4 rg4 rg4
  "4889f74881e200feffff", // 0.25 % mov.8 rg8 rg8 + and.8 rg8 i8
  "48892de459290031c0", // 0.25 % mov.8 m8 rg8[b] + xor.4 rg4 rg4
  "0f841f0600004883c101", // 0.24 % jcc.8.4 j8 + add.8 rg8 i8
  "48f7c29fffffff0f841f060000", // 0.24 % test.8 rg8 i8 + jcc.8.4 j8
  "4889f7488b250020b8ff", // 0.24 % mov.8 rg8 rg8 + mov.8 rg8 m8[b]
  "65488b042528000000488b250020b8ff", // 0.24 % mov.8 rg8 m8[s] + mov.8 rg8 m8[b]
  "81fa00000080771e", // 0.24 % cmp.4 rg4 i4 + jcc.8.7 j8
  "83e201753c", // 0.23 % and.4 rg4 i4 + jcc.8.5 j8
  "0f841f060000c3", // 0.23 % jcc.8.4 j8 + ret.8
  "8b403083c301", // 0.23 % mov.4 rg4 m4[b] + add.4 rg4 i4
  "4889f783e201", // 0.23 % mov.8 rg8 rg8 + and.4 rg4 i4
  "488b250020b8ff488d4805", // 0.22 % mov.8 rg8 m8[b] + lea.8 rg8 m0[b]
  "488b250020b8ff48f7c29fffffff", // 0.22 % mov.8 rg8 m8[b] + test.8 rg8 i8
  "4885ff753c", // 0.22 % test.8 rg8 rg8 + jcc.8.5 j8
  "48f7d24821c8", // 0.22 % not.8 rg8 + and.8 rg8 rg8
  "65482b042528000000753c", // 0.22 % sub.8 rg8 m8[s] + jcc.8.5 j8
  "4839d0753c", // 0.22 % cmp.8 rg8 rg8 + jcc.8.5 j8
  "488b250020b8ff4839d0", // 0.22 % mov.8 rg8 m8[b] + cmp.8 rg8 rg8
  "89d083e201", // 0.21 % mov.4 rg4 rg4 + and.4 rg4 i4
  "41544881eca8000000", // 0.21 % push.8 rg8 + sub.8 rg8 i8
  "f605b20bb5ff40753c", // 0.21 % test.1 m1 i1[b] + jcc.8.5 j8
  "65488b0425280000008b4030", // 0.21 % mov.8 rg8 m8[s] + mov.4 rg4 m4[b]
  "a900000004753c", // 0.20 % test.4 rg4 i4 + jcc.8.5 j8
  "89d0c1ed03", // 0.20 % mov.4 rg4 rg4 + shr.4 rg4 i1
  "a9000000040f841f060000", // 0.20 % test.4 rg4 i4 + jcc.8.4 j8
  "84c00f841f060000", // 0.20 % test.1 rg1 rg1 + jcc.8.4 j8
  "89d04889f7", // 0.20 % mov.4 rg4 rg4 + mov.8 rg8 rg8
  "0f841f0600004885ff", // 0.20 % jcc.8.4 j8 + test.8 rg8 rg8
  "488b250020b8ffe8bfa40000", // 0.19 % mov.8 rg8 m8[b] + call.8 j8
  "753cc3", // 0.19 % jcc.8.5 j8 + ret.8
  "0f86aefdffff81fa00000080", // 0.19 % jcc.8.6 j8 + cmp.4 rg4 i4
  "4889f74881eca8000000", // 0.19 % mov.8 rg8 rg8 + sub.8 rg8 i8
  "0f1f440000488b250020b8ff", // 0.19 % nop.4 m4[bi] + mov.8 rg8 m8[b]
  "0f841f0600000f86aefdffff", // 0.18 % jcc.8.4 j8 + jcc.8.6 j8
  "48c705c8279affb042a48148c705c8279affb042a481", // 0.18 % mov.8 m8 i8[b] + mov.8 m8 i8[b]
  "4154e8bfa40000", // 0.18 % push.8 rg8 + call.8 j8
  "3c0e0f841f060000", // 0.18 % cmp.1 rg1 i1 + jcc.8.4 j8
];

/** Forms whose functions come with the first module. */
export const KNOWN_FORMS: readonly string[] = [
  "81c9ffff0000", // or.4 rg4 i4
  "f7d8", // neg.4 rg4
  "f348ab", // stos.8.rep
  "42f684217806000002", // test.1 m1 i1[bi]
  "428a0423", // mov.1 rg1 m1[bi]
  "493386b8000000", // xor.8 rg8 m8[b]
  "4c016310", // add.8 m8 rg8[b]
  "c1ce0c", // ror.4 rg4 i1
  "6548891d91b0ff7e", // mov.8 m8 rg8[bs]
  "480fbec0", // movsx.8 rg8 rg1
  "664585d2", // test.2 rg2 rg2
  "44880c17", // mov.1 m1 rg1[bi]
  "0f31", // rdtsc.4
  "668b0579b42aff", // mov.2 rg2 m2[b]
  "f0800d5e55bbff01", // or.1 m1 i1[b]
  "8025281e290001", // and.1 m1 i1[b]
  "c9", // leave.8
  "48397c0b10", // cmp.8 m8 rg8[bi]
  "7d0f", // jcc.8.13 j8
  "f0ff4360", // inc.4 m4[b]
  "4c0f47fa", // cmovcc.8.7 rg8 rg8
  "c1f908", // sar.4 rg4 i1
  "660fefd8", // pxor rx16 rx16
  "480fca", // bswap.8 rg8
  "49837c110800", // cmp.8 m8 i8[bi]
  "f30f6f07", // movdqu rx16 m16[b]
  "f3aa", // stos.1.rep
  "4883ca02", // or.8 rg8 i8
  "48d3e2", // shl.8 rg8 rg1
  "48f7009fffffff", // test.8 m8 i8[b]
  "654c012d17a6d37e", // add.8 m8 rg8[bs]
  "f20f1005dbc50300", // movsd_x rx8 m8[b]
  "0f45f7", // cmovcc.4.5 rg4 rg4
  "6681e28000", // and.2 rg2 i2
  "0f1105f09c1d00", // movups m16 rx16[b]
  "08d0", // or.1 rg1 rg1
  "660f74e0", // pcmpeqb rx16 rx16
  "c0e805", // shr.1 rg1 i1
  "41c1c010", // rol.4 rg4 i1
  "ff25ba0d1e00", // jmp.8 m8[b]
  "f20f11442408", // movsd_x m8 rx8[b]
  "19c0", // sbb.4 rg4 rg4
  "66833b00", // cmp.2 m2 i2[b]
  "83ac84a800000001", // sub.4 m4 i4[bi]
  "658802", // mov.1 m1 rg1[bs]
  "660fd7d4", // pmovmskb rg4 rx16
  "f744241800030000", // test.4 m4 i4[b]
  "6448833c2598ffffff00", // cmp.8 m8 i8[s]
  "830d5d90a8ff01", // or.4 m4 i4[b]
  "0b82a0d23183", // or.4 rg4 m4[b]
  "6589050d3ffe7e", // mov.4 m4 rg4[bs]
  "48330cc6", // xor.8 rg8 m8[bi]
  "440f47e8", // cmovcc.4.7 rg4 rg4
  "0f44c6", // cmovcc.4.4 rg4 rg4
  "480fba2e05", // bts.8 m8 i1[b]
  "8b0402", // mov.4 rg4 m4[bi]
  "f3480fbcc9", // bsf.8 rg8 rg8
  "0faee8", // lfence
  "650fc105f9fa937e", // xadd.4 m4 rg4[bs]
  "480b3d55349dff", // or.8 rg8 m8[b]
  "f7d0", // not.4 rg4
  "015d70", // add.4 m4 rg4[b]
  "480304f1", // add.8 rg8 m8[bi]
  "480fa3d0", // bt.8 rg8 rg8
  "f3a4", // movs.1.rep
  "83f101", // xor.4 rg4 i4
  "480304fd60cb4182", // add.8 rg8 m8[i]
  "0f43c2", // cmovcc.4.3 rg4 rg4
  "4899", // cwd.8
  "49f7fa", // idiv.8 rg8
  "f0480fb113", // cmpxchg.8 m8 rg8[b]
  "480fa30424", // bt.8 m8 rg8[b]
  "48f7e2", // mul.8 rg8
  "65480fc70f", // cmpxchg16b.8 m16[bs]
  "0fbe5001", // movsx.4 rg4 m1[b]
  "294504", // sub.4 m4 rg4[b]
  "8b04bd40141682", // mov.4 rg4 m4[i]
  "480fba70c00c", // btr.8 m8 i1[b]
  "2b150a02ec00", // sub.4 rg4 m4[b]
  "480fbae039", // bt.8 rg8 i1
  "20d1", // and.1 rg1 rg1
  "6548ff4218", // inc.8 m8[bs]
  "66ff84b084040000", // inc.2 m2[bi]
  "410f96c5", // setcc.1.6 rg1
  "660fd605489f1d00", // movq m8 rx8[b]
  "480facd020", // shrd.8 rg8 rg8 i1
  "66662e0f1f840000000000", // nop.2 m2[bi]
  "f0480fc1054de79901", // xadd.8 m8 rg8[b]
  "410f49c1", // cmovcc.4.9 rg4 rg4
  "034f04", // add.4 rg4 m4[b]
  "6566448b3504bcff7e", // mov.2 rg2 m2[bs]
  "4983d400", // adc.8 rg8 i8
  "660f70c093", // pshufd rx16 rx16 i1
  "4188d9", // mov.1 rg1 rg1
  "019488f4080000", // add.4 m4 rg4[bi]
  "440f4de2", // cmovcc.4.13 rg4 rg4
  "44890402", // mov.4 m4 rg4[bi]
  "4883ac248800000001", // sub.8 m8 i8[b]
  "0f4fd0", // cmovcc.4.15 rg4 rg4
  "d3ed", // shr.4 rg4 rg1
  "803c130a", // cmp.1 m1 i1[bi]
  "6bd2c0", // imul.4 rg4 rg4 i4
  "0f28c8", // movaps rx16 rx16
  "450fb7f6", // movzx.4 rg4 rg2
  "480faf157fc8e602", // imul.8 rg8 m8[b]
  "6501356168f77e", // add.4 m4 rg4[bs]
  "8d0cdd00000000", // lea.4 rg4 m0[i]
  "6581055062f77e00000100", // add.4 m4 i4[bs]
  "480fbf474a", // movsx.8 rg8 m2[b]
  "644803042500000000", // add.8 rg8 m8[s]
  "83d600", // adc.4 rg4 i4
  "0f48d0", // cmovcc.4.8 rg4 rg4
  "480f4ed1", // cmovcc.8.14 rg8 rg8
  "0f01f9", // rdtscp.4
  "d0a0f12a0000", // shl.1 m1 i1[b]
  "0f45442410", // cmovcc.4.5 rg4 m4[b]
  "0f9581802cc482", // setcc.1.5 m1[b]
  "66440f6ef9", // movd rx16 rg4
  "0f44442418", // cmovcc.4.4 rg4 m4[b]
  "486bee18", // imul.8 rg8 rg8 i8
  "66a9fdff", // test.2 rg2 i2
  "f00fc18504010000", // xadd.4 m4 rg4[b]
  "668cc0", // mov.2 rg2 rs2
  "0f0d0c03", // prefetchw.4 m0[bi]
  "480f46c1", // cmovcc.8.6 rg8 rg8
  "660b8d20150000", // or.2 rg2 m2[b]
  "0f280e", // movaps rx16 m16[b]
  "66c705b9819bff33e0", // mov.2 m2 i2[b]
  "432b04ae", // sub.4 rg4 m4[bi]
  "f0490fb36c2428", // btr.8 m8 rg8[b]
  "654c012402", // add.8 m8 rg8[bis]
  "480fae4b40", // fxrstor64.8 m0[b]
  "65c7059fbaf77cec000000", // mov.4 m4 i4[bs]
  "403a7101", // cmp.1 rg1 m1[b]
  "660f740f", // pcmpeqb rx16 m16[b]
  "6641f745000004", // test.2 m2 i2[b]
  "660ff8c8", // psubb rx16 rx16
  "8710", // xchg.4 m4 rg4[b]
  "3401", // xor.1 rg1 i1
  "410f9fc7", // setcc.1.15 rg1
  "0fbec0", // movsx.4 rg4 rg1
  "23449418", // and.4 rg4 m4[bi]
  "480f4fc8", // cmovcc.8.15 rg8 rg8
  "40087c243a", // or.1 m1 rg1[b]
  "48f7f1", // div.8 rg8
  "48295310", // sub.8 m8 rg8[b]
  "3a1406", // cmp.1 rg1 m1[bi]
  "66480f6ec0", // movq rx16 rg8
  "99", // cwd.4
  "41f7fc", // idiv.4 rg4
  "d3f8", // sar.4 rg4 rg1
  "f04c018c0288000000", // add.8 m8 rg8[bi]
  "0f4ec3", // cmovcc.4.14 rg4 rg4
  "65480114c5c0df0200", // add.8 m8 rg8[is]
  "0fbcdd", // bsf.4 rg4 rg4
  "0f93c2", // setcc.1.3 rg1
  "0f9ec2", // setcc.1.14 rg1
  "83d9ff", // sbb.4 rg4 i4
  "0f46d8", // cmovcc.4.6 rg4 rg4
  "66d17d10", // sar.2 m2 i1[b]
  "480fae4040", // fxsave64.8 m0[b]
  "0fc8", // bswap.4 rg4
  "0f57c9", // xorps rx16 rx16
  "48c1c010", // rol.8 rg8 i1
  "fc", // cld.4
  "660f6ce6", // punpcklqdq rx16 rx16
  "f348a5", // movs.8.rep
  "480f4dd3", // cmovcc.8.13 rg8 rg8
  "660f3a0fda04", // palignr rx16 rx16 i1
  "0f4cd0", // cmovcc.4.12 rg4 rg4
  "0f0d8f80050000", // prefetchw.4 m0[b]
  "660f6e2486", // movd rx16 m4[bi]
  "480faf1401", // imul.8 rg8 m8[bi]
  "660fda2f", // pminub rx16 m16[b]
  "0f2b4710", // movntps m16 rx16[b]
  "f0480fc74e20", // cmpxchg16b.8 m16[b]
  "45396c0214", // cmp.4 m4 rg4[bi]
  "4881252e5bbbfffffeffff", // and.8 m8 i8[b]
  "0f97c0", // setcc.1.7 rg1
  "48c704c2ffffffff", // mov.8 m8 i8[bi]
  "440920", // or.4 m4 rg4[b]
  "f30f7e442408", // movq rx8 m8[b]
  "f20f58c1", // addsd rx8 rx8
  "48f7742408", // div.8 m8[b]
  "3e480fc10439", // xadd.8 m8 rg8[bi]
  "48871f", // xchg.8 m8 rg8[b]
  "66410febc8", // por rx16 rx16
  "48630485e00afe83", // movsxd.8 rg8 m4[i]
  "482110", // and.8 m8 rg8[b]
  "4c096b20", // or.8 m8 rg8[b]
  "48d3c0", // rol.8 rg8 rg1
  "0fbfea", // movsx.4 rg4 rg2
  "ff15bf259cff", // call.8 m8[b]
  "660ffec4", // paddd rx16 rx16
  "480f442d3fabe902", // cmovcc.8.4 rg8 m8[b]
  "41c6040700", // mov.1 m1 i1[bi]
  "480f436c2460", // cmovcc.8.3 rg8 m8[b]
  "0f93051a241300", // setcc.1.3 m1[b]
  "66440f6fd0", // movdqa rx16 rx16
  "f20f2ac6", // cvtsi2sd rx8 rg4
  "4887f7", // xchg.8 rg8 rg8
  "48d3f8", // sar.8 rg8 rg1
  "660f6e05f0d41600", // movd rx16 m4[b]
  "0f4e442470", // cmovcc.4.14 rg4 m4[b]
  "0f9444241b", // setcc.1.4 m1[b]
  "66480f7ec0", // movq rg8 rx16
  "3342e0", // xor.4 rg4 m4[b]
  "660f73fa0b", // pslldq rx16 i1
  "0fbae008", // bt.4 rg4 i1
  "662b6c2414", // sub.2 rg2 m2[b]
  "6548891c2528000000", // mov.8 m8 rg8[s]
  "660f2fe9", // comisd rx8 rx8
  "660f2e0dee710c00", // ucomisd rx8 m8[b]
  "f20f5cc1", // subsd rx8 rx8
  "0f9ac0", // setcc.1.10 rg1
  "8344930401", // add.4 m4 i4[bi]
  "8ee8", // mov.4 rs2 rg2
  "0f32", // rdmsr.4
  "f3480faec0", // rdfsbase.8 rg8
  "660f62e5", // punpckldq rx16 rx16
  "f3480faed0", // wrfsbase.8 rg8
  "65810decd55c7e00000080", // or.4 m4 i4[bs]
  "0fbf00", // movsx.4 rg4 m2[b]
  "f735b40d9e01", // div.4 m4[b]
  "f7f1", // div.4 rg4
  "f0480fab5028", // bts.8 m8 rg8[b]
  "80450501", // add.1 m1 i1[b]
  "48237cc500", // and.8 rg8 m8[bi]
  "6681a7a80200007ffc", // and.2 m2 i2[b]
  "6548c705e963fa7e01000000", // mov.8 m8 i8[bs]
  "480f4cf0", // cmovcc.8.12 rg8 rg8
  "f2440f2cf0", // cvttsd2si rg4 rx8
  "6566448935536afa7e", // mov.2 m2 rg2[bs]
  "660ffac3", // psubd rx16 rx16
  "dbe2", // fnclex.4
  "0f77", // emms
  "db07", // fild.4 m4[b]
  "4983acc65001000001", // sub.8 m8 i8[bi]
  "498384c15001000001", // add.8 m8 i8[bi]
  "91", // xchg.4 rg4 rg4
  "66410f3800dc", // pshufb rx16 rx16
  "6681cdf540", // or.2 rg2 i2
  "65c6056365fa7e01", // mov.1 m1 i1[bs]
  "03540500", // add.4 rg4 m4[bi]
  "660f6f0417", // movdqa rx16 m16[bi]
  "660f60c0", // punpcklbw rx16 rx16
  "0f107c16f0", // movups rx16 m16[bi]
  "492b14f9", // sub.8 rg8 m8[bi]
  "660f61c0", // punpcklwd rx16 rx16
  "660f72d10c", // psrld rx16 i1
  "66410f72f014", // pslld rx16 i1
  "4180d700", // adc.1 rg1 i1
  "0f1006", // movups rx16 m16[b]
  "f20f58442410", // addsd rx8 m8[b]
  "480f49ca", // cmovcc.8.9 rg8 rg8
  "0f290431", // movaps m16 rx16[bi]
  "8cd0", // mov.4 rg4 rs2
  "0f117c17f0", // movups m16 rx16[bi]
  "66443ba20a010000", // cmp.2 rg2 m2[b]
  "48ff0b", // dec.8 m8[b]
  "4883daff", // sbb.8 rg8 i8
  "0f9cc0", // setcc.1.12 rg1
  "480fbdc3", // bsr.8 rg8 rg8
  "0faffd", // imul.4 rg4 rg4
  "0fa2", // cpuid.4
  "0fb3c1", // btr.4 rg4 rg4
  "48ff03", // inc.8 m8[b]
  "48810d7ab9b9ff00010000", // or.8 m8 i8[b]
  "41c7048000200000", // mov.4 m4 i4[bi]
  "6639442430", // cmp.2 m2 rg2[b]
  "66463924a9", // cmp.2 m2 rg2[bi]
  "480fbe10", // movsx.8 rg8 m1[b]
  "f20f2a43d4", // cvtsi2sd rx8 m4[b]
  "46330c85c0d10a82", // xor.4 rg4 m4[i]
  "65660905d479f87e", // or.2 m2 rg2[bs]
  "6542ff04bd28020200", // inc.4 m4[is]
  "9c", // pushf.8
  "802b01", // sub.1 m1 i1[b]
  "2c01", // sub.1 rg1 i1
  "48cf", // iret.8
  "660f3a63c802", // pcmpistri rx16 rx16 i1
  "11d0", // adc.4 rg4 rg4
  "86435f", // xchg.1 m1 rg1[b]
  "40006b44", // add.1 m1 rg1[b]
  "440faf6b18", // imul.4 rg4 m4[b]
  "48690570a49c0100093d00", // imul.8 rg8 m8 i8[b]
  "4c0fbd35b0bde702", // bsr.8 rg8 m8[b]
  "6566c705e763fa7e0000", // mov.2 m2 i2[bs]
  "0f188e40010000", // prefetcht0 m0[b]
  "644833142530000000", // xor.8 rg8 m8[s]
  "660905d010b9ff", // or.2 m2 rg2[b]
  "660f3a6304161a", // pcmpistri rx16 m16 i1[bi]
  "660f3a0f4417f005", // palignr rx16 m16 i1[bi]
  "ff742420", // push.8 m8[b]
  "220d985d1b01", // and.1 rg1 m1[b]
  "658125e330ee7effffff7f", // and.4 m4 i4[bs]
  "66c78402000100000100", // mov.2 m2 i2[bi]
  "f30f6f140e", // movdqu rx16 m16[bi]
  "6548ff04ca", // inc.8 m8[bis]
  "890485a01ff883", // mov.4 m4 rg4[i]
  "0f16842498000000", // movhps rx8 m8[b]
  "6548ff0df66eca7e", // dec.8 m8[bs]
  "4b3b44cd00", // cmp.8 rg8 m8[bi]
  "b0ff", // mov.1 rg1 i1
  "48ffc9", // dec.8 rg8
  "0f465c2430", // cmovcc.4.6 rg4 m4[b]
  "660fdaea", // pminub rx16 rx16
];
