/**
 * Forms in the order of how often they are executed, as example encodings: measured over a boot of
 * the Debian kernel and over programs by bench/forms.ts, which prints this file.
 * With them, 0.670 dispatches an instruction.
 */

/** Forms with a case in the interpreter's switch; entries of several instructions are fused. */
export const INLINE_FORMS: readonly string[] = [
  "4889f7", // 7.83 % mov.8 rg8 rg8
  "488b250020b8ff", // 7.53 % mov.8 rg8 m8[b]
  "4154", // 6.26 % push.8 rg8
  "415b", // 5.80 % pop.8 rg8
  "0f841f060000", // 5.60 % jcc.8.4 j8
  "753c", // 4.14 % jcc.8.5 j8
  "e8bfa40000", // 3.39 % call.8 j8
  "48892de4592900", // 3.21 % mov.8 m8 rg8[b]
  "89d0", // 3.02 % mov.4 rg4 rg4
  "c3", // 2.25 % ret.8
  "8b4030", // 2.19 % mov.4 rg4 m4[b]
  "0f1f440000", // 2.11 % nop.4 m4[bi]
  "31c0", // 2.07 % xor.4 rg4 rg4
  "4885ff", // 1.93 % test.8 rg8 rg8
  "e9028bd8fe", // 1.83 % jmp.8 j8
  "488d4805", // 1.46 % lea.8 rg8 m0[b]
  "83e201", // 1.46 % and.4 rg4 i4
  "b9010100c0", // 1.38 % mov.4 rg4 i4
  "4839d0", // 1.37 % cmp.8 rg8 rg8
  "85c0", // 1.35 % test.4 rg4 rg4
  "4883c101", // 1.24 % add.8 rg8 i8
  "81fa00000080", // 1.23 % cmp.4 rg4 i4
  "4801d7", // 1.09 % add.8 rg8 rg8
  "8905054e0b00", // 0.89 % mov.4 m4 rg4[b]
  "65488b042528000000", // 0.87 % mov.8 rg8 m8[s]
  "a801", // 0.86 % test.1 rg1 i1
  "4881eca8000000", // 0.84 % sub.8 rg8 i8
  "48c705c8279affb042a481", // 0.78 % mov.8 m8 i8[b]
  "4883f920", // 0.76 % cmp.8 rg8 i8
  "48c7c000400483", // 0.69 % mov.8 rg8 i8
  "48c1e006", // 0.69 % shl.8 rg8 i1
  "48c1ef0c", // 0.66 % shr.8 rg8 i1
  "4881e200feffff", // 0.63 % and.8 rg8 i8
  "0fb65302", // 0.62 % movzx.4 rg4 m1[b]
  "4b8d443701", // 0.59 % lea.8 rg8 m0[bi]
  "6690", // 0.57 % nop.2
  "720e", // 0.51 % jcc.8.2 j8
  "84c0", // 0.51 % test.1 rg1 rg1
  "f605b20bb5ff40", // 0.49 % test.1 m1 i1[b]
  "4863ff", // 0.48 % movsxd.8 rg8 rg4
  "7314", // 0.47 % jcc.8.3 j8
  "a900000004", // 0.42 % test.4 rg4 i4
  "488b04f8", // 0.41 % mov.8 rg8 m8[bi]
  "771e", // 0.40 % jcc.8.7 j8
  "8d57ff", // 0.39 % lea.4 rg4 m0[b]
  "0f86aefdffff", // 0.39 % jcc.8.6 j8
  "39c2", // 0.38 % cmp.4 rg4 rg4
  "90", // 0.38 % nop.4
  "4829ca", // 0.37 % sub.8 rg8 rg8
  "4821c8", // 0.36 % and.8 rg8 rg8
  "83c301", // 0.30 % add.4 rg4 i4
  "803dfbc1f50000", // 0.30 % cmp.1 m1 i1[b]
  "0fb6d3", // 0.30 % movzx.4 rg4 rg1
  "4c393424", // 0.30 % cmp.8 m8 rg8[b]
  "4883ba40dda48200", // 0.29 % cmp.8 m8 i8[b]
  "65482b042528000000", // 0.28 % sub.8 rg8 m8[s]
  "c705c47a39ff01000000", // 0.24 % mov.4 m4 i4[b]
  "4803057e7ca001", // 0.24 % add.8 rg8 m8[b]
  "4c0faff2", // 0.24 % imul.8 rg8 rg8
  "658b055183ff7e", // 0.24 % mov.4 rg4 m4[bs]
  "c1ed03", // 0.24 % shr.4 rg4 i1
  "88831c010000", // 0.23 % mov.1 m1 rg1[b]
  "4809c7", // 0.23 % or.8 rg8 rg8
  "483b3d0164c101", // 0.23 % cmp.8 rg8 m8[b]
  "0f1f00", // 0.22 % nop.4 m4[b]
  "7e02", // 0.22 % jcc.8.14 j8
  "3c0e", // 0.22 % cmp.1 rg1 i1
  "48f7d2", // 0.21 % not.8 rg8
  "7822", // 0.21 % jcc.8.8 j8
  "482b0527c539ff", // 0.20 % sub.8 rg8 m8[b]
  "01c6", // 0.19 % add.4 rg4 rg4
  "c600e9", // 0.17 % mov.1 m1 i1[b]
  "0f8f52010000", // 0.17 % jcc.8.15 j8
  "8a05e1c7baff", // 0.17 % mov.1 rg1 m1[b]
  "0f95c0", // 0.17 % setcc.1.5 rg1
  "833d7cb7db0001", // 0.17 % cmp.4 m4 i4[b]
  "29c2", // 0.16 % sub.4 rg4 rg4
  "0fb713", // 0.16 % movzx.4 rg4 m2[b]
  "83ea01", // 0.15 % sub.4 rg4 i4
  "65ff05edd4ff7e", // 0.15 % inc.4 m4[bs]
  "0f94c0", // 0.14 % setcc.1.4 rg1
  "65ff0daad4ff7e", // 0.14 % dec.4 m4[bs]
  "4831d8", // 0.13 % xor.8 rg8 rg8
  "4c016310", // 0.12 % add.8 m8 rg8[b]
  "6548032d0022ff7e", // 0.12 % add.8 rg8 m8[bs]
  "48d3e2", // 0.12 % shl.8 rg8 rg1
  "41ffd4", // 0.12 % call.8 rg8
  "83430401", // 0.11 % add.4 m4 i4[b]
  "6689442406", // 0.11 % mov.2 m2 rg2[b]
  "48d3e8", // 0.10 % shr.8 rg8 rg1
  "4889040a", // 0.10 % mov.8 m8 rg8[bi]
  "654c8b3d0fbcff7e", // 0.10 % mov.8 rg8 m8[bs]
  "0fb61407", // 0.10 % movzx.4 rg4 m1[bi]
  "4530ed", // 0.10 % xor.1 rg1 rg1
  "403879ff", // 0.10 % cmp.1 m1 rg1[b]
  "486333", // 0.10 % movsxd.8 rg8 m4[b]
  "397714", // 0.10 % cmp.4 m4 rg4[b]
  "09fe", // 0.10 % or.4 rg4 rg4
  "488b14fd60cb4182", // 0.10 % mov.8 rg8 m8[i]
  "4898", // 0.09 % cbw.8
  "21e8", // 0.09 % and.4 rg4 rg4
  "438d042c", // 0.09 % lea.4 rg4 m0[bi]
  "48ffc0", // 0.08 % inc.8 rg8
  "488d04d590520883", // 0.08 % lea.8 rg8 m0[i]
  "480f44e8", // 0.08 % cmovcc.8.4 rg8 rg8
  "400f92c5", // 0.08 % setcc.1.2 rg1
  "480f45d6", // 0.08 % cmovcc.8.5 rg8 rg8
  "80e702", // 0.08 % and.1 rg1 i1
  "d3e0", // 0.07 % shl.4 rg4 rg1
  "3b5d08", // 0.07 % cmp.4 rg4 m4[b]
  "48f7c29fffffff", // 0.07 % test.8 rg8 i8
  "48c1f83f", // 0.07 % sar.8 rg8 i1
  "c1e208", // 0.07 % shl.4 rg4 i1
  "81c9ffff0000", // 0.07 % or.4 rg4 i4
  "48f7e2", // 0.07 % mul.8 rg8
  "4885ff0f841f060000", // 0.83 % test.8 rg8 rg8 + jcc.8.4 j8
  "415b415b415b415b", // 0.79 % pop.8 rg8 + pop.8 rg8 + pop.8 rg8 + pop.8 rg8
  "488b250020b8ff488b250020b8ff", // 0.78 % mov.8 rg8 m8[b] + mov.8 rg8 m8[b]
  "4889f7e8bfa40000", // 0.73 % mov.8 rg8 rg8 + call.8 j8
  "4889f74889f7", // 0.47 % mov.8 rg8 rg8 + mov.8 rg8 rg8
  "4154415441544154", // 0.47 % push.8 rg8 + push.8 rg8 + push.8 rg8 + push.8 rg8
  "85c00f841f060000", // 0.43 % test.4 rg4 rg4 + jcc.8.4 j8
  "415b415bc3", // 0.42 % pop.8 rg8 + pop.8 rg8 + ret.8
  "41544889f7", // 0.40 % push.8 rg8 + mov.8 rg8 rg8
  "a801753c", // 0.39 % test.1 rg1 i1 + jcc.8.5 j8
  "488b250020b8ff4885ff0f841f060000", // 0.38 % mov.8 rg8 m8[b] + test.8 rg8 rg8 + jcc.8.4 j8
  "85c0753c", // 0.37 % test.4 rg4 rg4 + jcc.8.5 j8
  "488b250020b8ff4889f7", // 0.34 % mov.8 rg8 m8[b] + mov.8 rg8 rg8
  "41544154", // 0.31 % push.8 rg8 + push.8 rg8
  "488b250020b8ff48892de4592900", // 0.30 % mov.8 rg8 m8[b] + mov.8 m8 rg8[b]
  "81fa000000800f841f060000", // 0.30 % cmp.4 rg4 i4 + jcc.8.4 j8
  "4839d00f841f060000", // 0.30 % cmp.8 rg8 rg8 + jcc.8.4 j8
  "415489d0", // 0.28 % push.8 rg8 + mov.4 rg4 rg4
  "84c00f841f060000", // 0.27 % test.1 rg1 rg1 + jcc.8.4 j8
  "4889f74889f7e8bfa40000", // 0.25 % mov.8 rg8 rg8 + mov.8 rg8 rg8 + call.8 j8
  "f605b20bb5ff40753c", // 0.25 % test.1 m1 i1[b] + jcc.8.5 j8
  "4885ff753c", // 0.24 % test.8 rg8 rg8 + jcc.8.5 j8
  "41544889f741544889f7", // 0.24 % push.8 rg8 + mov.8 rg8 rg8 + push.8 rg8 + mov.8 rg8 rg8
  "488b250020b8ff65482b042528000000753c4883c101", // 0.23 % mov.8 rg8 m8[b] + sub.8 rg8 m8[s] + jcc.8.5 j8 + add.8 rg8 i8
  "4839d0720e", // 0.23 % cmp.8 rg8 rg8 + jcc.8.2 j8
  "89d083e201", // 0.22 % mov.4 rg4 rg4 + and.4 rg4 i4
  "48892de459290048892de4592900", // 0.22 % mov.8 m8 rg8[b] + mov.8 m8 rg8[b]
  "a8010f841f060000", // 0.22 % test.1 rg1 i1 + jcc.8.4 j8
  "488b250020b8ff8b4030", // 0.22 % mov.8 rg8 m8[b] + mov.4 rg4 m4[b]
  "84c0753c", // 0.21 % test.1 rg1 rg1 + jcc.8.5 j8
  "f605b20bb5ff400f841f060000", // 0.21 % test.1 m1 i1[b] + jcc.8.4 j8
  "415441544889f7", // 0.21 % push.8 rg8 + push.8 rg8 + mov.8 rg8 rg8
  "415bc3", // 0.21 % pop.8 rg8 + ret.8
  "48c1e0064801d7", // 0.20 % shl.8 rg8 i1 + add.8 rg8 rg8
  "a9000000040f841f060000", // 0.20 % test.4 rg4 i4 + jcc.8.4 j8
  "4883f9200f841f060000", // 0.20 % cmp.8 rg8 i8 + jcc.8.4 j8
  "81fa00000080771e", // 0.20 % cmp.4 rg4 i4 + jcc.8.7 j8
  "4839d07314", // 0.19 % cmp.8 rg8 rg8 + jcc.8.3 j8
  "488b250020b8ff488d4805", // 0.19 % mov.8 rg8 m8[b] + lea.8 rg8 m0[b]
  "415b415b", // 0.18 % pop.8 rg8 + pop.8 rg8
  "488b250020b8ffe8bfa40000", // 0.18 % mov.8 rg8 m8[b] + call.8 j8
  "41544889f74154", // 0.17 % push.8 rg8 + mov.8 rg8 rg8 + push.8 rg8
  "4839d0753c", // 0.17 % cmp.8 rg8 rg8 + jcc.8.5 j8
  "488b250020b8ff48892de4592900488b250020b8ff48892de4592900", // 0.16 % mov.8 rg8 m8[b] + mov.8 m8 rg8[b] + mov.8 rg8 m8[b] + mov.8 m8 rg8[b]
  "4889f789d0", // 0.16 % mov.8 rg8 rg8 + mov.4 rg4 rg4
  "4883ba40dda482000f841f060000", // 0.16 % cmp.8 m8 i8[b] + jcc.8.4 j8
  "a900000004753c", // 0.16 % test.4 rg4 i4 + jcc.8.5 j8
  "89d089d0", // 0.16 % mov.4 rg4 rg4 + mov.4 rg4 rg4
  "488b250020b8ffa801753c", // 0.16 % mov.8 rg8 m8[b] + test.1 rg1 i1 + jcc.8.5 j8
  "0f1f44000041544154", // 0.16 % nop.4 m4[bi] + push.8 rg8 + push.8 rg8
  "0f1f4400004154", // 0.16 % nop.4 m4[bi] + push.8 rg8
  "8b403085c0753c", // 0.15 % mov.4 rg4 m4[b] + test.4 rg4 rg4 + jcc.8.5 j8
  "4883f920753c", // 0.14 % cmp.8 rg8 i8 + jcc.8.5 j8
  "4889f783e201", // 0.14 % mov.8 rg8 rg8 + and.4 rg4 i4
  "81fa00000080753c", // 0.14 % cmp.4 rg4 i4 + jcc.8.5 j8
  "4881eca800000065488b04252800000048892de459290031c0", // 0.14 % sub.8 rg8 i8 + mov.8 rg8 m8[s] + mov.8 m8 rg8[b] + xor.4 rg4 rg4
  "b9010100c0e8bfa40000", // 0.14 % mov.4 rg4 i4 + call.8 j8
  "415b415b415bc3", // 0.14 % pop.8 rg8 + pop.8 rg8 + pop.8 rg8 + ret.8
  "48892de4592900488b250020b8ff", // 0.14 % mov.8 m8 rg8[b] + mov.8 rg8 m8[b]
  "488b250020b8ff89d0", // 0.13 % mov.8 rg8 m8[b] + mov.4 rg4 rg4
  "65488b04252800000048892de459290031c0", // 0.13 % mov.8 rg8 m8[s] + mov.8 m8 rg8[b] + xor.4 rg4 rg4
  "8b403085c00f841f060000", // 0.13 % mov.4 rg4 m4[b] + test.4 rg4 rg4 + jcc.8.4 j8
  "48892de4592900e8bfa40000", // 0.12 % mov.8 m8 rg8[b] + call.8 j8
  "83e2010f841f060000", // 0.12 % and.4 rg4 i4 + jcc.8.4 j8
  "4883f920771e", // 0.12 % cmp.8 rg8 i8 + jcc.8.7 j8
  "3c0e0f841f060000", // 0.12 % cmp.1 rg1 i1 + jcc.8.4 j8
  "488b250020b8ff31c0", // 0.12 % mov.8 rg8 m8[b] + xor.4 rg4 rg4
  "4889f74885ff0f841f060000", // 0.12 % mov.8 rg8 rg8 + test.8 rg8 rg8 + jcc.8.4 j8
  "81fa000000800f86aefdffff", // 0.12 % cmp.4 rg4 i4 + jcc.8.6 j8
  "4883f9200f86aefdffff", // 0.12 % cmp.8 rg8 i8 + jcc.8.6 j8
  "4c3934240f841f060000", // 0.12 % cmp.8 m8 rg8[b] + jcc.8.4 j8
  "803dfbc1f500000f841f060000", // 0.12 % cmp.1 m1 i1[b] + jcc.8.4 j8
  "0f1f44000041544889f7", // 0.12 % nop.4 m4[bi] + push.8 rg8 + mov.8 rg8 rg8
  "48c705c8279affb042a48148c705c8279affb042a481", // 0.12 % mov.8 m8 i8[b] + mov.8 m8 i8[b]
  "803dfbc1f50000753c", // 0.11 % cmp.1 m1 i1[b] + jcc.8.5 j8
  "4801d74889f7", // 0.11 % add.8 rg8 rg8 + mov.8 rg8 rg8
  "83e201753c", // 0.11 % and.4 rg4 i4 + jcc.8.5 j8
  "65ff0daad4ff7e0f841f060000", // 0.11 % dec.4 m4[bs] + jcc.8.4 j8
  "8b40308b4030", // 0.11 % mov.4 rg4 m4[b] + mov.4 rg4 m4[b]
  "4889f74881e200feffff", // 0.11 % mov.8 rg8 rg8 + and.8 rg8 i8
  "415b415b415b", // 0.10 % pop.8 rg8 + pop.8 rg8 + pop.8 rg8
  "4889f7488b250020b8ff", // 0.10 % mov.8 rg8 rg8 + mov.8 rg8 m8[b]
  "4889f731c0", // 0.10 % mov.8 rg8 rg8 + xor.4 rg4 rg4
  "89d0e8bfa40000", // 0.10 % mov.4 rg4 rg4 + call.8 j8
  "488d4805e8bfa40000", // 0.10 % lea.8 rg8 m0[b] + call.8 j8
  "488b250020b8ff48c1ef0c", // 0.09 % mov.8 rg8 m8[b] + shr.8 rg8 i1
  "41544881eca8000000", // 0.09 % push.8 rg8 + sub.8 rg8 i8
  "48892de45929004889f7", // 0.09 % mov.8 m8 rg8[b] + mov.8 rg8 rg8
  "4889f7e9028bd8fe", // 0.09 % mov.8 rg8 rg8 + jmp.8 j8
  "8b4030488b250020b8ff", // 0.09 % mov.4 rg4 m4[b] + mov.8 rg8 m8[b]
  "488b250020b8ff4889f74881e200feffff", // 0.09 % mov.8 rg8 m8[b] + mov.8 rg8 rg8 + and.8 rg8 i8
  "31c0b9010100c0", // 0.09 % xor.4 rg4 rg4 + mov.4 rg4 i4
  "4883c1014889f7", // 0.09 % add.8 rg8 i8 + mov.8 rg8 rg8
  "65488b042528000000488b250020b8ff", // 0.08 % mov.8 rg8 m8[s] + mov.8 rg8 m8[b]
  "48f7d24821c8", // 0.08 % not.8 rg8 + and.8 rg8 rg8
  "85c07e02", // 0.08 % test.4 rg4 rg4 + jcc.8.14 j8
  "0f1f440000488b250020b8ff", // 0.08 % nop.4 m4[bi] + mov.8 rg8 m8[b]
  "415b415be9028bd8fe", // 0.08 % pop.8 rg8 + pop.8 rg8 + jmp.8 j8
  "89d04889f7", // 0.08 % mov.4 rg4 rg4 + mov.8 rg8 rg8
  "4889f748c1ef0c", // 0.08 % mov.8 rg8 rg8 + shr.8 rg8 i1
  "65488b0425280000008b4030", // 0.08 % mov.8 rg8 m8[s] + mov.4 rg4 m4[b]
  "81fa000000800f841f0600000f86aefdffff", // 0.08 % cmp.4 rg4 i4 + jcc.8.4 j8 + jcc.8.6 j8
  "488b250020b8ffb9010100c0", // 0.08 % mov.8 rg8 m8[b] + mov.4 rg4 i4
  "488b250020b8ff4839d00f841f060000", // 0.08 % mov.8 rg8 m8[b] + cmp.8 rg8 rg8 + jcc.8.4 j8
  "31c0e9028bd8fe", // 0.07 % xor.4 rg4 rg4 + jmp.8 j8
  "4889f789d048c1ef0c", // 0.07 % mov.8 rg8 rg8 + mov.4 rg4 rg4 + shr.8 rg8 i1
  "4889f7415b", // 0.07 % mov.8 rg8 rg8 + pop.8 rg8
  "488b250020b8ffe9028bd8fe", // 0.07 % mov.8 rg8 m8[b] + jmp.8 j8
  "488b250020b8ff4885ff753c", // 0.07 % mov.8 rg8 m8[b] + test.8 rg8 rg8 + jcc.8.5 j8
  "41544889f74881eca8000000", // 0.07 % push.8 rg8 + mov.8 rg8 rg8 + sub.8 rg8 i8
  "85c07822", // 0.07 % test.4 rg4 rg4 + jcc.8.8 j8
  "81fa000000800f8f52010000", // 0.07 % cmp.4 rg4 i4 + jcc.8.15 j8
  "39c2753c", // 0.07 % cmp.4 rg4 rg4 + jcc.8.5 j8
  "4c393424753c", // 0.07 % cmp.8 m8 rg8[b] + jcc.8.5 j8
  "488d4805488d4805", // 0.07 % lea.8 rg8 m0[b] + lea.8 rg8 m0[b]
  "48892de4592900e9028bd8fe", // 0.07 % mov.8 m8 rg8[b] + jmp.8 j8
  "31c031c031c031c0", // 0.07 % xor.4 rg4 rg4 + xor.4 rg4 rg4 + xor.4 rg4 rg4 + xor.4 rg4 rg4
  "83e2018905054e0b00", // 0.07 % and.4 rg4 i4 + mov.4 m4 rg4[b]
  "48c1e0064803057e7ca001", // 0.06 % shl.8 rg8 i1 + add.8 rg8 m8[b]
  "488b250020b8ffa8010f841f060000", // 0.06 % mov.8 rg8 m8[b] + test.1 rg1 i1 + jcc.8.4 j8
  "31c0c3", // 0.06 % xor.4 rg4 rg4 + ret.8
  "0f1f440000415489d0", // 0.06 % nop.4 m4[bi] + push.8 rg8 + mov.4 rg4 rg4
  "81fa000000800f841f06000081fa000000800f841f060000", // 0.06 % cmp.4 rg4 i4 + jcc.8.4 j8 + cmp.4 rg4 i4 + jcc.8.4 j8
  "4801d748892de4592900", // 0.06 % add.8 rg8 rg8 + mov.8 m8 rg8[b]
  "488b04f84883f9200f841f060000", // 0.06 % mov.8 rg8 m8[bi] + cmp.8 rg8 i8 + jcc.8.4 j8
  "415441544881eca8000000", // 0.06 % push.8 rg8 + push.8 rg8 + sub.8 rg8 i8
  "8905054e0b00e8bfa40000", // 0.06 % mov.4 m4 rg4[b] + call.8 j8
  "4881e200feffff48f7d24821c8", // 0.06 % and.8 rg8 i8 + not.8 rg8 + and.8 rg8 rg8
  "415441544154", // 0.06 % push.8 rg8 + push.8 rg8 + push.8 rg8
  "4889f74889f74889f7e8bfa40000", // 0.06 % mov.8 rg8 rg8 + mov.8 rg8 rg8 + mov.8 rg8 rg8 + call.8 j8
  "39c20f841f060000", // 0.06 % cmp.4 rg4 rg4 + jcc.8.4 j8
  "31c031c0", // 0.06 % xor.4 rg4 rg4 + xor.4 rg4 rg4
  "483b3d0164c1010f841f060000", // 0.06 % cmp.8 rg8 m8[b] + jcc.8.4 j8
  "488b250020b8ff488b250020b8ff4885ff0f841f060000", // 0.06 % mov.8 rg8 m8[b] + mov.8 rg8 m8[b] + test.8 rg8 rg8 + jcc.8.4 j8
  "488b250020b8ff4889f7e8bfa40000", // 0.06 % mov.8 rg8 m8[b] + mov.8 rg8 rg8 + call.8 j8
  "89d0c1ed03", // 0.06 % mov.4 rg4 rg4 + shr.4 rg4 i1
  "0f1f4400008b4030", // 0.06 % nop.4 m4[bi] + mov.4 rg4 m4[b]
  "4889f7b9010100c0", // 0.06 % mov.8 rg8 rg8 + mov.4 rg4 i4
  "48892de45929004883c101", // 0.06 % mov.8 m8 rg8[b] + add.8 rg8 i8
  "4889f748c1e006", // 0.06 % mov.8 rg8 rg8 + shl.8 rg8 i1
  "8a05e1c7baff403879ff753c", // 0.06 % mov.1 rg1 m1[b] + cmp.1 m1 rg1[b] + jcc.8.5 j8
  "31c0e8bfa40000", // 0.06 % xor.4 rg4 rg4 + call.8 j8
  "48f7c29fffffff0f841f060000", // 0.06 % test.8 rg8 i8 + jcc.8.4 j8
  "8d57ff8905054e0b00", // 0.06 % lea.4 rg4 m0[b] + mov.4 m4 rg4[b]
  "415b4889f7", // 0.06 % pop.8 rg8 + mov.8 rg8 rg8
  "48c705c8279affb042a48148c705c8279affb042a48148c705c8279affb042a481", // 0.06 % mov.8 m8 i8[b] + mov.8 m8 i8[b] + mov.8 m8 i8[b]
  "4889f74829ca", // 0.06 % mov.8 rg8 rg8 + sub.8 rg8 rg8
  "4883ba40dda48200753c", // 0.05 % cmp.8 m8 i8[b] + jcc.8.5 j8
  "488b250020b8ff4839d0753c", // 0.05 % mov.8 rg8 m8[b] + cmp.8 rg8 rg8 + jcc.8.5 j8
  "4154415489d0", // 0.05 % push.8 rg8 + push.8 rg8 + mov.4 rg4 rg4
  "4889f741544889f7", // 0.05 % mov.8 rg8 rg8 + push.8 rg8 + mov.8 rg8 rg8
  "31c04889f7", // 0.05 % xor.4 rg4 rg4 + mov.8 rg8 rg8
  "89d0b9010100c0", // 0.05 % mov.4 rg4 rg4 + mov.4 rg4 i4
  "4801d74839d0", // 0.05 % add.8 rg8 rg8 + cmp.8 rg8 rg8
  "6690e8bfa40000", // 0.05 % nop.2 + call.8 j8
  "488b250020b8ffa900000004753c", // 0.05 % mov.8 rg8 m8[b] + test.4 rg4 i4 + jcc.8.5 j8
  "415441544889f74881eca8000000", // 0.05 % push.8 rg8 + push.8 rg8 + mov.8 rg8 rg8 + sub.8 rg8 i8
  "4b8d4437014b8d443701", // 0.05 % lea.8 rg8 m0[bi] + lea.8 rg8 m0[bi]
  "48892de459290048892de459290048892de459290048892de4592900", // 0.05 % mov.8 m8 rg8[b] + mov.8 m8 rg8[b] + mov.8 m8 rg8[b] + mov.8 m8 rg8[b]
  "0f1f4400000f1f440000", // 0.05 % nop.4 m4[bi] + nop.4 m4[bi]
  "65488b04252800000048892de4592900", // 0.04 % mov.8 rg8 m8[s] + mov.8 m8 rg8[b]
  "488b250020b8ff65482b042528000000", // 0.04 % mov.8 rg8 m8[b] + sub.8 rg8 m8[s]
  "753c4883c101", // 0.04 % jcc.8.5 j8 + add.8 rg8 i8
  "4c0faff24c0faff2", // 0.04 % imul.8 rg8 rg8 + imul.8 rg8 rg8
  "8a05e1c7baff403879ff", // 0.03 % mov.1 rg1 m1[b] + cmp.1 m1 rg1[b]
];

/** Forms whose functions come with the first module. */
export const KNOWN_FORMS: readonly string[] = [
  "7c35", // jcc.8.12 j8
  "790d", // jcc.8.9 j8
  "6683f801", // cmp.2 rg2 i2
  "48233de55ebbff", // and.8 rg8 m8[b]
  "660f74e0", // pcmpeqb rx16 rx16
  "41ffcd", // dec.4 rg4
  "660fd7d4", // pmovmskb rg4 rx16
  "f348ab", // stos.8.rep
  "490f48cc", // cmovcc.8.8 rg8 rg8
  "f7d8", // neg.4 rg4
  "4883ca02", // or.8 rg8 i8
  "f00fb117", // cmpxchg.4 m4 rg4[b]
  "480f43c3", // cmovcc.8.3 rg8 rg8
  "0fb7740dfe", // movzx.4 rg4 m2[bi]
  "4438143a", // cmp.1 m1 rg1[bi]
  "480f42c1", // cmovcc.8.2 rg8 rg8
  "4038fe", // cmp.1 rg1 rg1
  "658a02", // mov.1 rg1 m1[bs]
  "ffe0", // jmp.8 rg8
  "7d0f", // jcc.8.13 j8
  "8025281e290001", // and.1 m1 i1[b]
  "480facd020", // shrd.8 rg8 rg8 i1
  "48f7d8", // neg.8 rg8
  "83a81814000001", // sub.4 m4 i4[b]
  "f30f6f07", // movdqu rx16 m16[b]
  "428a0423", // mov.1 rg1 m1[bi]
  "660fefd8", // pxor rx16 rx16
  "6548891d91b0ff7e", // mov.8 m8 rg8[bs]
  "480304fd60cb4182", // add.8 rg8 m8[i]
  "f0800d5e55bbff01", // or.1 m1 i1[b]
  "c1ce0c", // ror.4 rg4 i1
  "4883042408", // add.8 m8 i8[b]
  "015d70", // add.4 m4 rg4[b]
  "664189740ffe", // mov.2 m2 rg2[bi]
  "0f1105f09c1d00", // movups m16 rx16[b]
  "8b0402", // mov.4 rg4 m4[bi]
  "0f05", // syscall.4
  "d3ed", // shr.4 rg4 rg1
  "8325a768b7fffe", // and.4 m4 i4[b]
  "684160a481", // push.8 i8
  "48633402", // movsxd.8 rg8 m4[bi]
  "0f45f7", // cmovcc.4.5 rg4 rg4
  "4c0f47fa", // cmovcc.8.7 rg8 rg8
  "4819c0", // sbb.8 rg8 rg8
  "480fca", // bswap.8 rg8
  "48f7009fffffff", // test.8 m8 i8[b]
  "c1f908", // sar.4 rg4 i1
  "66440f6f25a54a2b01", // movdqa rx16 m16[b]
  "f3480fbcc9", // bsf.8 rg8 rg8
  "0f2900", // movaps m16 rx16[b]
  "480fbec0", // movsx.8 rg8 rg1
  "f0ff4d00", // dec.4 m4[b]
  "8b04bd40141682", // mov.4 rg4 m4[i]
  "65f60425c1130300ff", // test.1 m1 i1[s]
  "f744241800030000", // test.4 m4 i4[b]
  "65c60425c113030001", // mov.1 m1 i1[s]
  "480b3d55349dff", // or.8 rg8 m8[b]
  "4811ce", // adc.8 rg8 rg8
  "493386b8000000", // xor.8 rg8 m8[b]
  "654c012d17a6d37e", // add.8 m8 rg8[bs]
  "48f7f1", // div.8 rg8
  "830d5d90a8ff01", // or.4 m4 i4[b]
  "480fa30424", // bt.8 m8 rg8[b]
  "664585d2", // test.2 rg2 rg2
  "6681e28000", // and.2 rg2 i2
  "19c0", // sbb.4 rg4 rg4
  "0fba64240c0a", // bt.4 m4 i1[b]
  "6548ff4218", // inc.8 m8[bs]
  "231dea4b9401", // and.4 rg4 m4[b]
  "ffc5", // inc.4 rg4
  "48397c0b10", // cmp.8 m8 rg8[bi]
  "2b150a02ec00", // sub.4 rg4 m4[b]
  "0fbe5001", // movsx.4 rg4 m1[b]
  "f0ff4360", // inc.4 m4[b]
  "41c1c010", // rol.4 rg4 i1
  "48c1c010", // rol.8 rg8 i1
  "44890402", // mov.4 m4 rg4[bi]
  "034f04", // add.4 rg4 m4[b]
  "48f7742408", // div.8 m8[b]
  "410f42f5", // cmovcc.4.2 rg4 rg4
  "0faee8", // lfence
  "660ff8c8", // psubb rx16 rx16
  "ff25ba0d1e00", // jmp.8 m8[b]
  "0f31", // rdtsc.4
  "08d0", // or.1 rg1 rg1
  "f04c018c0288000000", // add.8 m8 rg8[bi]
  "660f740f", // pcmpeqb rx16 m16[b]
  "480fba2e05", // bts.8 m8 i1[b]
  "66833b00", // cmp.2 m2 i2[b]
  "f7d0", // not.4 rg4
  "658802", // mov.1 m1 rg1[bs]
  "83f101", // xor.4 rg4 i4
  "00e4", // add.1 rg1 rg1
  "0f44c6", // cmovcc.4.4 rg4 rg4
  "c0e805", // shr.1 rg1 i1
  "440f47e8", // cmovcc.4.7 rg4 rg4
  "480fa3d0", // bt.8 rg8 rg8
  "f0480fb113", // cmpxchg.8 m8 rg8[b]
  "294504", // sub.4 m4 rg4[b]
  "f0480fc1054de79901", // xadd.8 m8 rg8[b]
  "480fbae039", // bt.8 rg8 i1
  "83d9ff", // sbb.4 rg4 i4
  "0f43c2", // cmovcc.4.3 rg4 rg4
  "668cc0", // mov.2 rg2 rs2
  "650fc105f9fa937e", // xadd.4 m4 rg4[bs]
  "0f9581802cc482", // setcc.1.5 m1[b]
  "8d0cdd00000000", // lea.4 rg4 m0[i]
  "66662e0f1f840000000000", // nop.2 m2[bi]
  "49837c110800", // cmp.8 m8 i8[bi]
  "660b8d20150000", // or.2 rg2 m2[b]
  "410f9fc7", // setcc.1.15 rg1
  "0f01f9", // rdtscp.4
  "660f73fa0b", // pslldq rx16 i1
  "44880c17", // mov.1 m1 rg1[bi]
  "480304f1", // add.8 rg8 m8[bi]
  "0f4fd0", // cmovcc.4.15 rg4 rg4
  "20d1", // and.1 rg1 rg1
  "0f48d0", // cmovcc.4.8 rg4 rg4
  "480fba70c00c", // btr.8 m8 i1[b]
  "65480fc70f", // cmpxchg16b.8 m16[bs]
  "65c7059fbaf77cec000000", // mov.4 m4 i4[bs]
  "6581055062f77e00000100", // add.4 m4 i4[bs]
  "660f70c093", // pshufd rx16 rx16 i1
  "4883ac248800000001", // sub.8 m8 i8[b]
  "42f684217806000002", // test.1 m1 i1[bi]
  "48295310", // sub.8 m8 rg8[b]
  "8710", // xchg.4 m4 rg4[b]
  "f0490fb36c2428", // btr.8 m8 rg8[b]
  "80cd10", // or.1 rg1 i1
  "c9", // leave.8
  "480f4fc8", // cmovcc.8.15 rg8 rg8
  "410f96c5", // setcc.1.6 rg1
  "66440f6ef9", // movd rx16 rg4
  "660fd605489f1d00", // movq m8 rx8[b]
  "66410febc8", // por rx16 rx16
  "f348a5", // movs.8.rep
  "480f4cf0", // cmovcc.8.12 rg8 rg8
  "450fb7f6", // movzx.4 rg4 rg2
  "f3a4", // movs.1.rep
  "66ff84b084040000", // inc.2 m2[bi]
  "f3aa", // stos.1.rep
  "410f49c1", // cmovcc.4.9 rg4 rg4
  "83ac84a800000001", // sub.4 m4 i4[bi]
  "480f46c1", // cmovcc.8.6 rg8 rg8
  "480f442d3fabe902", // cmovcc.8.4 rg8 m8[b]
  "f7f1", // div.4 rg4
  "f00fc18504010000", // xadd.4 m4 rg4[b]
  "486bee18", // imul.8 rg8 rg8 i8
  "480f4ed1", // cmovcc.8.14 rg8 rg8
  "66440f6fd0", // movdqa rx16 rx16
  "440f4de2", // cmovcc.4.13 rg4 rg4
  "4983d400", // adc.8 rg8 i8
  "6566448b3504bcff7e", // mov.2 rg2 m2[bs]
  "0f93c2", // setcc.1.3 rg1
  "66c705b9819bff33e0", // mov.2 m2 i2[b]
  "66480f6ec0", // movq rx16 rg8
  "480fbdc3", // bsr.8 rg8 rg8
  "f20f11442408", // movsd_x m8 rx8[b]
  "6448833c2598ffffff00", // cmp.8 m8 i8[s]
  "f20f1005dbc50300", // movsd_x rx8 m8[b]
  "fc", // cld.4
  "46330c85c0d10a82", // xor.4 rg4 m4[i]
  "0fbcdd", // bsf.4 rg4 rg4
  "ff15bf259cff", // call.8 m8[b]
  "664139c5", // cmp.2 rg2 rg2
  "0f0d0c03", // prefetchw.4 m0[bi]
  "668b0579b42aff", // mov.2 rg2 m2[b]
  "66050077", // add.2 rg2 i2
  "6bd2c0", // imul.4 rg4 rg4 i4
  "480faf157fc8e602", // imul.8 rg8 m8[b]
  "480f4dd3", // cmovcc.8.13 rg8 rg8
  "403a7101", // cmp.1 rg1 m1[b]
  "0fb3c1", // btr.4 rg4 rg4
  "3342e0", // xor.4 rg4 m4[b]
  "66448b5416fe", // mov.2 rg2 m2[bi]
  "660fda2f", // pminub rx16 m16[b]
  "65480114c5c0df0200", // add.8 m8 rg8[is]
  "0f107c16f0", // movups rx16 m16[bi]
  "d3f8", // sar.4 rg4 rg1
  "480f49ca", // cmovcc.8.9 rg8 rg8
  "4188d9", // mov.1 rg1 rg1
  "0f44442418", // cmovcc.4.4 rg4 m4[b]
  "0b82a0d23183", // or.4 rg4 m4[b]
  "480faf1401", // imul.8 rg8 m8[bi]
  "803c130a", // cmp.1 m1 i1[bi]
  "0f28c8", // movaps rx16 rx16
  "0faffd", // imul.4 rg4 rg4
  "480f436c2460", // cmovcc.8.3 rg8 m8[b]
  "480fae4b40", // fxrstor64.8 m0[b]
  "660f60c0", // punpcklbw rx16 rx16
  "0fbf00", // movsx.4 rg4 m2[b]
  "0f4ec3", // cmovcc.4.14 rg4 rg4
  "0fc8", // bswap.4 rg4
  "660f61c0", // punpcklwd rx16 rx16
  "4883daff", // sbb.8 rg8 i8
  "440920", // or.4 m4 rg4[b]
  "66a9fdff", // test.2 rg2 i2
  "660f6ce6", // punpcklqdq rx16 rx16
  "0f1006", // movups rx16 m16[b]
  "0f9ec2", // setcc.1.14 rg1
  "660f6f0417", // movdqa rx16 m16[bi]
  "8344930401", // add.4 m4 i4[bi]
  "83d600", // adc.4 rg4 i4
  "3401", // xor.1 rg1 i1
  "45396c0214", // cmp.4 m4 rg4[bi]
  "40087c243a", // or.1 m1 rg1[b]
  "65c6056365fa7e01", // mov.1 m1 i1[bs]
  "654c012402", // add.8 m8 rg8[bis]
  "0f117c17f0", // movups m16 rx16[bi]
  "019488f4080000", // add.4 m4 rg4[bi]
  "86435f", // xchg.1 m1 rg1[b]
  "49f7fa", // idiv.8 rg8
  "0f46d8", // cmovcc.4.6 rg4 rg4
  "48d3f8", // sar.8 rg8 rg1
  "480fae4040", // fxsave64.8 m0[b]
  "4899", // cwd.8
  "66d17d10", // sar.2 m2 i1[b]
  "4c0fbd35b0bde702", // bsr.8 rg8 m8[b]
  "0f280e", // movaps rx16 m16[b]
  "48330cc6", // xor.8 rg8 m8[bi]
  "4233048a", // xor.4 rg4 m4[bi]
  "6501356168f77e", // add.4 m4 rg4[bs]
  "99", // cwd.4
  "41f7fc", // idiv.4 rg4
  "41c6040700", // mov.1 m1 i1[bi]
  "432b04ae", // sub.4 rg4 m4[bi]
  "d0a0f12a0000", // shl.1 m1 i1[b]
  "4881252e5bbbfffffeffff", // and.8 m8 i8[b]
  "0f4cd0", // cmovcc.4.12 rg4 rg4
  "6589050d3ffe7e", // mov.4 m4 rg4[bs]
  "0f0d8f80050000", // prefetchw.4 m0[b]
  "6548891c2528000000", // mov.8 m8 rg8[s]
  "4887f7", // xchg.8 rg8 rg8
  "8ee8", // mov.4 rs2 rg2
  "0fbae008", // bt.4 rg4 i1
  "0f97c0", // setcc.1.7 rg1
  "48690570a49c0100093d00", // imul.8 rg8 m8 i8[b]
  "644803042500000000", // add.8 rg8 m8[s]
  "f3480faec0", // rdfsbase.8 rg8
  "0f32", // rdmsr.4
  "f735b40d9e01", // div.4 m4[b]
  "6641f745000004", // test.2 m2 i2[b]
  "0f45442410", // cmovcc.4.5 rg4 m4[b]
  "0f290431", // movaps m16 rx16[bi]
  "85702c", // test.4 m4 rg4[b]
  "f3480faed0", // wrfsbase.8 rg8
  "0f57c9", // xorps rx16 rx16
  "4983acc65001000001", // sub.8 m8 i8[bi]
  "f20f2ac6", // cvtsi2sd rx8 rg4
  "f30f7e442408", // movq rx8 m8[b]
  "65810decd55c7e00000080", // or.4 m4 i4[bs]
  "4c096b20", // or.8 m8 rg8[b]
  "482110", // and.8 m8 rg8[b]
  "48871f", // xchg.8 m8 rg8[b]
  "23449418", // and.4 rg4 m4[bi]
  "498384c15001000001", // add.8 m8 i8[bi]
  "48d3c0", // rol.8 rg8 rg1
  "48237cc500", // and.8 rg8 m8[bi]
  "644833142530000000", // xor.8 rg8 m8[s]
  "0fbec0", // movsx.4 rg4 rg1
  "3e480fc10439", // xadd.8 m8 rg8[bi]
  "03540500", // add.4 rg4 m4[bi]
  "6681a7a80200007ffc", // and.2 m2 i2[b]
  "48c704c2ffffffff", // mov.8 m8 i8[bi]
  "66480f7ec0", // movq rg8 rx16
  "0f93051a241300", // setcc.1.3 m1[b]
  "0f9444241b", // setcc.1.4 m1[b]
  "f0480fab5028", // bts.8 m8 rg8[b]
  "48810d7ab9b9ff00010000", // or.8 m8 i8[b]
  "80450501", // add.1 m1 i1[b]
  "660f3a0fda04", // palignr rx16 rx16 i1
  "42ff849b78140000", // inc.4 m4[bi]
  "6642018487a40a0000", // add.2 m2 rg2[bi]
  "91", // xchg.4 rg4 rg4
  "6548c705e963fa7e01000000", // mov.8 m8 i8[bs]
  "6566448935536afa7e", // mov.2 m2 rg2[bs]
  "660f3a6304161a", // pcmpistri rx16 m16 i1[bi]
  "660fdaea", // pminub rx16 rx16
  "660f3a0f4417f005", // palignr rx16 m16 i1[bi]
  "48ff03", // inc.8 m8[b]
  "480fbf474a", // movsx.8 rg8 m2[b]
  "0f4e442470", // cmovcc.4.14 rg4 m4[b]
  "f20f58442410", // addsd rx8 m8[b]
  "660f6e05f0d41600", // movd rx16 m4[b]
  "4180d700", // adc.1 rg1 i1
  "0f9cc0", // setcc.1.12 rg1
  "660f3a63c802", // pcmpistri rx16 rx16 i1
  "660f2e0dee710c00", // ucomisd rx8 m8[b]
  "0f9ac0", // setcc.1.10 rg1
  "f0480fc74e20", // cmpxchg16b.8 m16[b]
  "dbe2", // fnclex.4
  "0f77", // emms
  "db07", // fild.4 m4[b]
  "f20f5cc1", // subsd rx8 rx8
  "660f2fe9", // comisd rx8 rx8
  "f2440f2cf0", // cvttsd2si rg4 rx8
  "f20f58c1", // addsd rx8 rx8
  "f20f2a43d4", // cvtsi2sd rx8 m4[b]
  "660ffac3", // psubd rx16 rx16
  "662b6c2414", // sub.2 rg2 m2[b]
  "6681cdf540", // or.2 rg2 i2
  "0fbfea", // movsx.4 rg4 rg2
  "480fbe10", // movsx.8 rg8 m1[b]
  "6542ff04bd28020200", // inc.4 m4[is]
  "f30f6f140e", // movdqu rx16 m16[bi]
  "66410f3800dc", // pshufb rx16 rx16
  "480f450d3ffb7101", // cmovcc.8.5 rg8 m8[b]
  "660905d010b9ff", // or.2 m2 rg2[b]
  "48c1c813", // ror.8 rg8 i1
  "48ff0b", // dec.8 m8[b]
  "440faf6b18", // imul.4 rg4 m4[b]
  "f30f1efa", // endbr64.4
  "b0ff", // mov.1 rg1 i1
  "f604cd0081048401", // test.1 m1 i1[i]
  "488914c50030a182", // mov.8 m8 rg8[i]
  "41c7048000200000", // mov.4 m4 i4[bi]
  "2c01", // sub.1 rg1 i1
  "65660905d479f87e", // or.2 m2 rg2[bs]
  "6566c705e763fa7e0000", // mov.2 m2 i2[bs]
  "658125e330ee7effffff7f", // and.4 m4 i4[bs]
  "4b3b44cd00", // cmp.8 rg8 m8[bi]
  "3e480fba2cc50081048400", // bts.8 m8 i1[i]
  "ff24c6", // jmp.8 m8[bi]
  "8374241001", // xor.4 m4 i4[b]
  "480fa3043a", // bt.8 m8 rg8[bi]
  "6548ff04ca", // inc.8 m8[bis]
  "11d0", // adc.4 rg4 rg4
  "0f465c2430", // cmovcc.4.6 rg4 m4[b]
  "66ff81a4130000", // inc.2 m2[b]
  "2047ff", // and.1 m1 rg1[b]
  "84542407", // test.1 m1 rg1[b]
  "492b14f9", // sub.8 rg8 m8[bi]
  "40006b44", // add.1 m1 rg1[b]
  "802b01", // sub.1 m1 i1[b]
  "483500000000", // xor.8 rg8 i8
  "093487", // or.4 m4 rg4[bi]
  "f20f59442408", // mulsd rx8 m8[b]
  "fec8", // dec.1 rg1
  "64803c25a0ffffff00", // cmp.1 m1 i1[s]
  "42ff54f500", // call.8 m8[bi]
  "f2480f2ac0", // cvtsi2sd rx8 rg8
  "65480fb11db50dd47e", // cmpxchg.8 m8 rg8[bs]
  "6548ff0df66eca7e", // dec.8 m8[bs]
  "66c78402000100000100", // mov.2 m2 i2[bi]
  "66834f4820", // or.2 m2 i2[b]
  "0fbe0c16", // movsx.4 rg4 m1[bi]
  "410f90c4", // setcc.1 rg1
  "48834c190801", // or.8 m8 i8[bi]
  "f7048201080000", // test.4 m4 i4[bi]
];
