/**
 * Forms in the order of how often they are executed, as example encodings: measured over a boot of
 * the Debian kernel and over programs by bench/forms.ts, which prints this file.
 * With them, 0.673 dispatches an instruction.
 */

/** Forms with a case in the interpreter's switch; entries of several instructions are fused. */
export const INLINE_FORMS: readonly string[] = [
  "4889f7", // 7.78 % mov.8 rg8 rg8
  "488b250020b8ff", // 7.47 % mov.8 rg8 m8[b]
  "4154", // 6.11 % push.8 rg8
  "415b", // 5.95 % pop.8 rg8
  "0f841f060000", // 5.51 % jcc.8.4 j8
  "753c", // 4.09 % jcc.8.5 j8
  "e8bfa40000", // 3.32 % call.8 j8
  "48892de4592900", // 3.28 % mov.8 m8 rg8[b]
  "89d0", // 2.99 % mov.4 rg4 rg4
  "c3", // 2.29 % ret.8
  "8b4030", // 2.24 % mov.4 rg4 m4[b]
  "31c0", // 2.12 % xor.4 rg4 rg4
  "0f1f440000", // 2.00 % nop.4 m4[bi]
  "4885ff", // 1.85 % test.8 rg8 rg8
  "e9028bd8fe", // 1.82 % jmp.8 j8
  "83e201", // 1.42 % and.4 rg4 i4
  "488d4805", // 1.41 % lea.8 rg8 m0[b]
  "4839d0", // 1.40 % cmp.8 rg8 rg8
  "b9010100c0", // 1.39 % mov.4 rg4 i4
  "85c0", // 1.37 % test.4 rg4 rg4
  "81fa00000080", // 1.28 % cmp.4 rg4 i4
  "4883c101", // 1.25 % add.8 rg8 i8
  "4801d7", // 1.16 % add.8 rg8 rg8
  "8905054e0b00", // 0.94 % mov.4 m4 rg4[b]
  "65488b042528000000", // 0.87 % mov.8 rg8 m8[s]
  "a801", // 0.82 % test.1 rg1 i1
  "4881eca8000000", // 0.82 % sub.8 rg8 i8
  "48c705c8279affb042a481", // 0.75 % mov.8 m8 i8[b]
  "4883f920", // 0.73 % cmp.8 rg8 i8
  "48c1e006", // 0.72 % shl.8 rg8 i1
  "48c7c000400483", // 0.69 % mov.8 rg8 i8
  "48c1ef0c", // 0.69 % shr.8 rg8 i1
  "4b8d443701", // 0.60 % lea.8 rg8 m0[bi]
  "6690", // 0.59 % nop.2
  "0fb65302", // 0.58 % movzx.4 rg4 m1[b]
  "4863ff", // 0.57 % movsxd.8 rg8 rg4
  "4881e200feffff", // 0.57 % and.8 rg8 i8
  "720e", // 0.51 % jcc.8.2 j8
  "f605b20bb5ff40", // 0.49 % test.1 m1 i1[b]
  "84c0", // 0.49 % test.1 rg1 rg1
  "7314", // 0.45 % jcc.8.3 j8
  "771e", // 0.42 % jcc.8.7 j8
  "8d57ff", // 0.42 % lea.4 rg4 m0[b]
  "a900000004", // 0.41 % test.4 rg4 i4
  "488b04f8", // 0.41 % mov.8 rg8 m8[bi]
  "0f86aefdffff", // 0.39 % jcc.8.6 j8
  "4829ca", // 0.39 % sub.8 rg8 rg8
  "39c2", // 0.38 % cmp.4 rg4 rg4
  "90", // 0.36 % nop.4
  "4821c8", // 0.35 % and.8 rg8 rg8
  "0fb6d3", // 0.31 % movzx.4 rg4 rg1
  "83c301", // 0.31 % add.4 rg4 i4
  "803dfbc1f50000", // 0.30 % cmp.1 m1 i1[b]
  "65482b042528000000", // 0.29 % sub.8 rg8 m8[s]
  "4883ba40dda48200", // 0.27 % cmp.8 m8 i8[b]
  "4c393424", // 0.27 % cmp.8 m8 rg8[b]
  "4c0faff2", // 0.25 % imul.8 rg8 rg8
  "4803057e7ca001", // 0.24 % add.8 rg8 m8[b]
  "88831c010000", // 0.24 % mov.1 m1 rg1[b]
  "658b055183ff7e", // 0.24 % mov.4 rg4 m4[bs]
  "c705c47a39ff01000000", // 0.23 % mov.4 m4 i4[b]
  "4809c7", // 0.23 % or.8 rg8 rg8
  "7e02", // 0.23 % jcc.8.14 j8
  "7822", // 0.23 % jcc.8.8 j8
  "0f1f00", // 0.22 % nop.4 m4[b]
  "3c0e", // 0.22 % cmp.1 rg1 i1
  "c1ed03", // 0.22 % shr.4 rg4 i1
  "482b0527c539ff", // 0.21 % sub.8 rg8 m8[b]
  "483b3d0164c101", // 0.21 % cmp.8 rg8 m8[b]
  "48f7d2", // 0.20 % not.8 rg8
  "01c6", // 0.18 % add.4 rg4 rg4
  "833d7cb7db0001", // 0.18 % cmp.4 m4 i4[b]
  "29c2", // 0.18 % sub.4 rg4 rg4
  "0f8f52010000", // 0.17 % jcc.8.15 j8
  "c600e9", // 0.17 % mov.1 m1 i1[b]
  "0f95c0", // 0.17 % setcc.1.5 rg1
  "8a05e1c7baff", // 0.16 % mov.1 rg1 m1[b]
  "4831d8", // 0.16 % xor.8 rg8 rg8
  "83ea01", // 0.16 % sub.4 rg4 i4
  "0fb713", // 0.15 % movzx.4 rg4 m2[b]
  "65ff05edd4ff7e", // 0.15 % inc.4 m4[bs]
  "0f94c0", // 0.14 % setcc.1.4 rg1
  "65ff0daad4ff7e", // 0.14 % dec.4 m4[bs]
  "4c016310", // 0.13 % add.8 m8 rg8[b]
  "48d3e2", // 0.12 % shl.8 rg8 rg1
  "6548032d0022ff7e", // 0.11 % add.8 rg8 m8[bs]
  "4530ed", // 0.11 % xor.1 rg1 rg1
  "486333", // 0.11 % movsxd.8 rg8 m4[b]
  "83430401", // 0.11 % add.4 m4 i4[b]
  "6689442406", // 0.11 % mov.2 m2 rg2[b]
  "397714", // 0.11 % cmp.4 m4 rg4[b]
  "48d3e8", // 0.10 % shr.8 rg8 rg1
  "4889040a", // 0.10 % mov.8 m8 rg8[bi]
  "0fb61407", // 0.10 % movzx.4 rg4 m1[bi]
  "654c8b3d0fbcff7e", // 0.10 % mov.8 rg8 m8[bs]
  "41ffd4", // 0.10 % call.8 rg8
  "4898", // 0.10 % cbw.8
  "403879ff", // 0.10 % cmp.1 m1 rg1[b]
  "488b14fd60cb4182", // 0.09 % mov.8 rg8 m8[i]
  "48f7e2", // 0.09 % mul.8 rg8
  "09fe", // 0.09 % or.4 rg4 rg4
  "80e702", // 0.09 % and.1 rg1 i1
  "438d042c", // 0.09 % lea.4 rg4 m0[bi]
  "7c35", // 0.08 % jcc.8.12 j8
  "0fb7740dfe", // 0.08 % movzx.4 rg4 m2[bi]
  "d3e0", // 0.08 % shl.4 rg4 rg1
  "488d04d590520883", // 0.08 % lea.8 rg8 m0[i]
  "48ffc0", // 0.08 % inc.8 rg8
  "400f92c5", // 0.08 % setcc.1.2 rg1
  "48c1f83f", // 0.08 % sar.8 rg8 i1
  "480f44e8", // 0.07 % cmovcc.8.4 rg8 rg8
  "48f7c29fffffff", // 0.07 % test.8 rg8 i8
  "480f45d6", // 0.07 % cmovcc.8.5 rg8 rg8
  "490f48cc", // 0.07 % cmovcc.8.8 rg8 rg8
  "6683f801", // 0.07 % cmp.2 rg2 i2
  "415b415b415b415b", // 0.81 % pop.8 rg8 + pop.8 rg8 + pop.8 rg8 + pop.8 rg8
  "488b250020b8ff488b250020b8ff", // 0.78 % mov.8 rg8 m8[b] + mov.8 rg8 m8[b]
  "4885ff0f841f060000", // 0.76 % test.8 rg8 rg8 + jcc.8.4 j8
  "4889f7e8bfa40000", // 0.72 % mov.8 rg8 rg8 + call.8 j8
  "4889f74889f7", // 0.49 % mov.8 rg8 rg8 + mov.8 rg8 rg8
  "4154415441544154", // 0.48 % push.8 rg8 + push.8 rg8 + push.8 rg8 + push.8 rg8
  "85c00f841f060000", // 0.46 % test.4 rg4 rg4 + jcc.8.4 j8
  "415b415bc3", // 0.43 % pop.8 rg8 + pop.8 rg8 + ret.8
  "a801753c", // 0.38 % test.1 rg1 i1 + jcc.8.5 j8
  "41544889f7", // 0.37 % push.8 rg8 + mov.8 rg8 rg8
  "488b250020b8ff4885ff0f841f060000", // 0.37 % mov.8 rg8 m8[b] + test.8 rg8 rg8 + jcc.8.4 j8
  "85c0753c", // 0.36 % test.4 rg4 rg4 + jcc.8.5 j8
  "488b250020b8ff4889f7", // 0.34 % mov.8 rg8 m8[b] + mov.8 rg8 rg8
  "81fa000000800f841f060000", // 0.32 % cmp.4 rg4 i4 + jcc.8.4 j8
  "41544154", // 0.31 % push.8 rg8 + push.8 rg8
  "488b250020b8ff48892de4592900", // 0.30 % mov.8 rg8 m8[b] + mov.8 m8 rg8[b]
  "415489d0", // 0.27 % push.8 rg8 + mov.4 rg4 rg4
  "84c00f841f060000", // 0.27 % test.1 rg1 rg1 + jcc.8.4 j8
  "4839d00f841f060000", // 0.26 % cmp.8 rg8 rg8 + jcc.8.4 j8
  "4889f74889f7e8bfa40000", // 0.24 % mov.8 rg8 rg8 + mov.8 rg8 rg8 + call.8 j8
  "f605b20bb5ff40753c", // 0.24 % test.1 m1 i1[b] + jcc.8.5 j8
  "4885ff753c", // 0.24 % test.8 rg8 rg8 + jcc.8.5 j8
  "488b250020b8ff65482b042528000000753c4883c101", // 0.24 % mov.8 rg8 m8[b] + sub.8 rg8 m8[s] + jcc.8.5 j8 + add.8 rg8 i8
  "41544889f741544889f7", // 0.23 % push.8 rg8 + mov.8 rg8 rg8 + push.8 rg8 + mov.8 rg8 rg8
  "488b250020b8ff8b4030", // 0.22 % mov.8 rg8 m8[b] + mov.4 rg4 m4[b]
  "48892de459290048892de4592900", // 0.22 % mov.8 m8 rg8[b] + mov.8 m8 rg8[b]
  "f605b20bb5ff400f841f060000", // 0.22 % test.1 m1 i1[b] + jcc.8.4 j8
  "415bc3", // 0.21 % pop.8 rg8 + ret.8
  "89d083e201", // 0.21 % mov.4 rg4 rg4 + and.4 rg4 i4
  "48c1e0064801d7", // 0.21 % shl.8 rg8 i1 + add.8 rg8 rg8
  "4883f9200f841f060000", // 0.21 % cmp.8 rg8 i8 + jcc.8.4 j8
  "a900000004753c", // 0.21 % test.4 rg4 i4 + jcc.8.5 j8
  "4839d0720e", // 0.21 % cmp.8 rg8 rg8 + jcc.8.2 j8
  "81fa00000080771e", // 0.21 % cmp.4 rg4 i4 + jcc.8.7 j8
  "415b415b", // 0.20 % pop.8 rg8 + pop.8 rg8
  "a8010f841f060000", // 0.20 % test.1 rg1 i1 + jcc.8.4 j8
  "a9000000040f841f060000", // 0.19 % test.4 rg4 i4 + jcc.8.4 j8
  "84c0753c", // 0.19 % test.1 rg1 rg1 + jcc.8.5 j8
  "488b250020b8ffe8bfa40000", // 0.19 % mov.8 rg8 m8[b] + call.8 j8
  "488b250020b8ff488d4805", // 0.19 % mov.8 rg8 m8[b] + lea.8 rg8 m0[b]
  "4839d07314", // 0.18 % cmp.8 rg8 rg8 + jcc.8.3 j8
  "4839d0753c", // 0.18 % cmp.8 rg8 rg8 + jcc.8.5 j8
  "41544889f74154", // 0.17 % push.8 rg8 + mov.8 rg8 rg8 + push.8 rg8
  "4889f789d0", // 0.16 % mov.8 rg8 rg8 + mov.4 rg4 rg4
  "48c705c8279affb042a48148c705c8279affb042a481", // 0.16 % mov.8 m8 i8[b] + mov.8 m8 i8[b]
  "89d089d0", // 0.16 % mov.4 rg4 rg4 + mov.4 rg4 rg4
  "415441544889f7", // 0.16 % push.8 rg8 + push.8 rg8 + mov.8 rg8 rg8
  "488b250020b8ff48892de4592900488b250020b8ff48892de4592900", // 0.16 % mov.8 rg8 m8[b] + mov.8 m8 rg8[b] + mov.8 rg8 m8[b] + mov.8 m8 rg8[b]
  "48892de4592900488b250020b8ff", // 0.15 % mov.8 m8 rg8[b] + mov.8 rg8 m8[b]
  "8b403085c0753c", // 0.15 % mov.4 rg4 m4[b] + test.4 rg4 rg4 + jcc.8.5 j8
  "0f1f4400004154", // 0.15 % nop.4 m4[bi] + push.8 rg8
  "4883ba40dda482000f841f060000", // 0.15 % cmp.8 m8 i8[b] + jcc.8.4 j8
  "81fa00000080753c", // 0.15 % cmp.4 rg4 i4 + jcc.8.5 j8
  "488b250020b8ffa801753c", // 0.14 % mov.8 rg8 m8[b] + test.1 rg1 i1 + jcc.8.5 j8
  "b9010100c0e8bfa40000", // 0.14 % mov.4 rg4 i4 + call.8 j8
  "4881eca800000065488b04252800000048892de459290031c0", // 0.14 % sub.8 rg8 i8 + mov.8 rg8 m8[s] + mov.8 m8 rg8[b] + xor.4 rg4 rg4
  "3c0e0f841f060000", // 0.13 % cmp.1 rg1 i1 + jcc.8.4 j8
  "48892de4592900e8bfa40000", // 0.13 % mov.8 m8 rg8[b] + call.8 j8
  "488b250020b8ff89d0", // 0.13 % mov.8 rg8 m8[b] + mov.4 rg4 rg4
  "415b415b415bc3", // 0.13 % pop.8 rg8 + pop.8 rg8 + pop.8 rg8 + ret.8
  "0f1f44000041544154", // 0.13 % nop.4 m4[bi] + push.8 rg8 + push.8 rg8
  "83e201753c", // 0.13 % and.4 rg4 i4 + jcc.8.5 j8
  "8b40308b4030", // 0.13 % mov.4 rg4 m4[b] + mov.4 rg4 m4[b]
  "4883f920771e", // 0.13 % cmp.8 rg8 i8 + jcc.8.7 j8
  "65488b04252800000048892de459290031c0", // 0.13 % mov.8 rg8 m8[s] + mov.8 m8 rg8[b] + xor.4 rg4 rg4
  "4883f920753c", // 0.12 % cmp.8 rg8 i8 + jcc.8.5 j8
  "488b250020b8ff31c0", // 0.12 % mov.8 rg8 m8[b] + xor.4 rg4 rg4
  "4801d74889f7", // 0.12 % add.8 rg8 rg8 + mov.8 rg8 rg8
  "81fa000000800f86aefdffff", // 0.12 % cmp.4 rg4 i4 + jcc.8.6 j8
  "4889f74885ff0f841f060000", // 0.12 % mov.8 rg8 rg8 + test.8 rg8 rg8 + jcc.8.4 j8
  "803dfbc1f50000753c", // 0.12 % cmp.1 m1 i1[b] + jcc.8.5 j8
  "803dfbc1f500000f841f060000", // 0.12 % cmp.1 m1 i1[b] + jcc.8.4 j8
  "8b403085c00f841f060000", // 0.12 % mov.4 rg4 m4[b] + test.4 rg4 rg4 + jcc.8.4 j8
  "4889f783e201", // 0.12 % mov.8 rg8 rg8 + and.4 rg4 i4
  "4c3934240f841f060000", // 0.12 % cmp.8 m8 rg8[b] + jcc.8.4 j8
  "83e2010f841f060000", // 0.11 % and.4 rg4 i4 + jcc.8.4 j8
  "65ff0daad4ff7e0f841f060000", // 0.11 % dec.4 m4[bs] + jcc.8.4 j8
  "4883f9200f86aefdffff", // 0.11 % cmp.8 rg8 i8 + jcc.8.6 j8
  "41544889f741544154", // 0.11 % push.8 rg8 + mov.8 rg8 rg8 + push.8 rg8 + push.8 rg8
  "415b415b415b", // 0.11 % pop.8 rg8 + pop.8 rg8 + pop.8 rg8
  "4889f7488b250020b8ff", // 0.10 % mov.8 rg8 rg8 + mov.8 rg8 m8[b]
  "89d0e8bfa40000", // 0.10 % mov.4 rg4 rg4 + call.8 j8
  "488d4805e8bfa40000", // 0.10 % lea.8 rg8 m0[b] + call.8 j8
  "31c0b9010100c0", // 0.09 % xor.4 rg4 rg4 + mov.4 rg4 i4
  "4883c1014889f7", // 0.09 % add.8 rg8 i8 + mov.8 rg8 rg8
  "65488b042528000000488b250020b8ff", // 0.09 % mov.8 rg8 m8[s] + mov.8 rg8 m8[b]
  "48892de45929004889f7", // 0.09 % mov.8 m8 rg8[b] + mov.8 rg8 rg8
  "81fa000000800f841f0600000f86aefdffff", // 0.09 % cmp.4 rg4 i4 + jcc.8.4 j8 + jcc.8.6 j8
  "65488b0425280000008b4030", // 0.09 % mov.8 rg8 m8[s] + mov.4 rg4 m4[b]
  "488b250020b8ff48c1ef0c", // 0.09 % mov.8 rg8 m8[b] + shr.8 rg8 i1
  "4889f731c0", // 0.09 % mov.8 rg8 rg8 + xor.4 rg4 rg4
  "4889f7e9028bd8fe", // 0.09 % mov.8 rg8 rg8 + jmp.8 j8
  "4889f74881e200feffff", // 0.08 % mov.8 rg8 rg8 + and.8 rg8 i8
  "4889f748c1ef0c", // 0.08 % mov.8 rg8 rg8 + shr.8 rg8 i1
  "8b4030488b250020b8ff", // 0.08 % mov.4 rg4 m4[b] + mov.8 rg8 m8[b]
  "415b415be9028bd8fe", // 0.08 % pop.8 rg8 + pop.8 rg8 + jmp.8 j8
  "488b250020b8ffb9010100c0", // 0.08 % mov.8 rg8 m8[b] + mov.4 rg4 i4
  "41544881eca8000000", // 0.08 % push.8 rg8 + sub.8 rg8 i8
  "85c07e02", // 0.08 % test.4 rg4 rg4 + jcc.8.14 j8
  "31c031c031c031c0", // 0.08 % xor.4 rg4 rg4 + xor.4 rg4 rg4 + xor.4 rg4 rg4 + xor.4 rg4 rg4
  "89d04889f7", // 0.08 % mov.4 rg4 rg4 + mov.8 rg8 rg8
  "4881e200feffff48f7d24821c8", // 0.07 % and.8 rg8 i8 + not.8 rg8 + and.8 rg8 rg8
  "4801d748892de4592900", // 0.07 % add.8 rg8 rg8 + mov.8 m8 rg8[b]
  "39c2753c", // 0.07 % cmp.4 rg4 rg4 + jcc.8.5 j8
  "31c0e9028bd8fe", // 0.07 % xor.4 rg4 rg4 + jmp.8 j8
  "81fa000000800f8f52010000", // 0.07 % cmp.4 rg4 i4 + jcc.8.15 j8
  "4889f789d048c1ef0c", // 0.07 % mov.8 rg8 rg8 + mov.4 rg4 rg4 + shr.8 rg8 i1
  "41544889f74881eca8000000", // 0.07 % push.8 rg8 + mov.8 rg8 rg8 + sub.8 rg8 i8
  "85c07822", // 0.07 % test.4 rg4 rg4 + jcc.8.8 j8
  "488b250020b8ffe9028bd8fe", // 0.07 % mov.8 rg8 m8[b] + jmp.8 j8
  "48892de45929008b4030", // 0.07 % mov.8 m8 rg8[b] + mov.4 rg4 m4[b]
  "48f7d24821c8", // 0.07 % not.8 rg8 + and.8 rg8 rg8
  "0f1f440000488b250020b8ff", // 0.07 % nop.4 m4[bi] + mov.8 rg8 m8[b]
  "0f1f4400008b4030", // 0.07 % nop.4 m4[bi] + mov.4 rg4 m4[b]
  "83e2018905054e0b00", // 0.07 % and.4 rg4 i4 + mov.4 m4 rg4[b]
  "488b250020b8ff4839d0753c", // 0.07 % mov.8 rg8 m8[b] + cmp.8 rg8 rg8 + jcc.8.5 j8
  "48c1e0064803057e7ca001", // 0.07 % shl.8 rg8 i1 + add.8 rg8 m8[b]
  "4889f7415b", // 0.06 % mov.8 rg8 rg8 + pop.8 rg8
  "4c393424753c", // 0.06 % cmp.8 m8 rg8[b] + jcc.8.5 j8
  "488b250020b8ff4885ff753c", // 0.06 % mov.8 rg8 m8[b] + test.8 rg8 rg8 + jcc.8.5 j8
  "488b250020b8ff4839d00f841f060000", // 0.06 % mov.8 rg8 m8[b] + cmp.8 rg8 rg8 + jcc.8.4 j8
  "8905054e0b00e8bfa40000", // 0.06 % mov.4 m4 rg4[b] + call.8 j8
  "31c04889f7", // 0.06 % xor.4 rg4 rg4 + mov.8 rg8 rg8
  "4889f74889f74889f7e8bfa40000", // 0.06 % mov.8 rg8 rg8 + mov.8 rg8 rg8 + mov.8 rg8 rg8 + call.8 j8
  "488b250020b8ffa8010f841f060000", // 0.06 % mov.8 rg8 m8[b] + test.1 rg1 i1 + jcc.8.4 j8
  "488d4805488d4805", // 0.06 % lea.8 rg8 m0[b] + lea.8 rg8 m0[b]
  "0f1f440000415489d0", // 0.06 % nop.4 m4[bi] + push.8 rg8 + mov.4 rg4 rg4
  "4889f748c1e006", // 0.06 % mov.8 rg8 rg8 + shl.8 rg8 i1
  "488b250020b8ff488b250020b8ff4885ff0f841f060000", // 0.06 % mov.8 rg8 m8[b] + mov.8 rg8 m8[b] + test.8 rg8 rg8 + jcc.8.4 j8
  "488b250020b8ff4889f7e8bfa40000", // 0.06 % mov.8 rg8 m8[b] + mov.8 rg8 rg8 + call.8 j8
  "81fa000000800f841f06000081fa000000800f841f060000", // 0.06 % cmp.4 rg4 i4 + jcc.8.4 j8 + cmp.4 rg4 i4 + jcc.8.4 j8
  "48892de45929004883c101", // 0.06 % mov.8 m8 rg8[b] + add.8 rg8 i8
  "48892de459290048892de459290048892de459290048892de4592900", // 0.06 % mov.8 m8 rg8[b] + mov.8 m8 rg8[b] + mov.8 m8 rg8[b] + mov.8 m8 rg8[b]
  "41544889f7e8bfa40000", // 0.06 % push.8 rg8 + mov.8 rg8 rg8 + call.8 j8
  "4889f74829ca", // 0.06 % mov.8 rg8 rg8 + sub.8 rg8 rg8
  "4889f7b9010100c0", // 0.06 % mov.8 rg8 rg8 + mov.4 rg4 i4
  "48892de4592900e9028bd8fe", // 0.06 % mov.8 m8 rg8[b] + jmp.8 j8
  "488b250020b8ff4889f74881e200feffff", // 0.06 % mov.8 rg8 m8[b] + mov.8 rg8 rg8 + and.8 rg8 i8
  "415441544889f74881eca8000000", // 0.06 % push.8 rg8 + push.8 rg8 + mov.8 rg8 rg8 + sub.8 rg8 i8
  "8d57ff8905054e0b00", // 0.06 % lea.4 rg4 m0[b] + mov.4 m4 rg4[b]
  "31c031c0", // 0.06 % xor.4 rg4 rg4 + xor.4 rg4 rg4
  "483b3d0164c1010f841f060000", // 0.06 % cmp.8 rg8 m8[b] + jcc.8.4 j8
  "48f7c29fffffff0f841f060000", // 0.06 % test.8 rg8 i8 + jcc.8.4 j8
  "89d0b9010100c0", // 0.06 % mov.4 rg4 rg4 + mov.4 rg4 i4
  "4530ed4839d00f841f060000", // 0.05 % xor.1 rg1 rg1 + cmp.8 rg8 rg8 + jcc.8.4 j8
  "4801d74839d0", // 0.05 % add.8 rg8 rg8 + cmp.8 rg8 rg8
  "0f1f440000415441544889f7", // 0.05 % nop.4 m4[bi] + push.8 rg8 + push.8 rg8 + mov.8 rg8 rg8
  "415441544881eca8000000", // 0.05 % push.8 rg8 + push.8 rg8 + sub.8 rg8 i8
  "31c0c3", // 0.05 % xor.4 rg4 rg4 + ret.8
  "4b8d4437014b8d443701", // 0.05 % lea.8 rg8 m0[bi] + lea.8 rg8 m0[bi]
  "488d480548892de4592900", // 0.05 % lea.8 rg8 m0[b] + mov.8 m8 rg8[b]
  "89d0c1ed03", // 0.05 % mov.4 rg4 rg4 + shr.4 rg4 i1
  "8a05e1c7baff403879ff753c", // 0.05 % mov.1 rg1 m1[b] + cmp.1 m1 rg1[b] + jcc.8.5 j8
  "4801d748c1ef0c", // 0.05 % add.8 rg8 rg8 + shr.8 rg8 i1
  "488b04f84883f9200f841f060000", // 0.05 % mov.8 rg8 m8[bi] + cmp.8 rg8 i8 + jcc.8.4 j8
  "4883ba40dda48200753c", // 0.05 % cmp.8 m8 i8[b] + jcc.8.5 j8
  "6690e8bfa40000", // 0.05 % nop.2 + call.8 j8
  "39c20f841f060000", // 0.05 % cmp.4 rg4 rg4 + jcc.8.4 j8
  "8905054e0b008905054e0b00", // 0.05 % mov.4 m4 rg4[b] + mov.4 m4 rg4[b]
  "488b250020b8ff65482b042528000000", // 0.05 % mov.8 rg8 m8[b] + sub.8 rg8 m8[s]
  "4c0faff24c0faff2", // 0.04 % imul.8 rg8 rg8 + imul.8 rg8 rg8
  "65488b04252800000048892de4592900", // 0.04 % mov.8 rg8 m8[s] + mov.8 m8 rg8[b]
  "753c4883c101", // 0.04 % jcc.8.5 j8 + add.8 rg8 i8
  "0f1f4400000f1f440000", // 0.04 % nop.4 m4[bi] + nop.4 m4[bi]
  "8a05e1c7baff403879ff", // 0.03 % mov.1 rg1 m1[b] + cmp.1 m1 rg1[b]
];

/** Forms whose functions come with the first module: all others that have been decoded. */
export const KNOWN_FORMS: readonly string[] = [
  "c1e208", // shl.4 rg4 i1
  "790d", // jcc.8.9 j8
  "21e8", // and.4 rg4 rg4
  "3b5d08", // cmp.4 rg4 m4[b]
  "f7d8", // neg.4 rg4
  "81c9ffff0000", // or.4 rg4 i4
  "660f74e0", // pcmpeqb rx16 rx16
  "48233de55ebbff", // and.8 rg8 m8[b]
  "660fd7d4", // pmovmskb rg4 rx16
  "f348ab", // stos.8.rep
  "480facd020", // shrd.8 rg8 rg8 i1
  "480f43c3", // cmovcc.8.3 rg8 rg8
  "83a81814000001", // sub.4 m4 i4[b]
  "480f42c1", // cmovcc.8.2 rg8 rg8
  "4883ca02", // or.8 rg8 i8
  "4038fe", // cmp.1 rg1 rg1
  "4438143a", // cmp.1 m1 rg1[bi]
  "f00fb117", // cmpxchg.4 m4 rg4[b]
  "48c1c010", // rol.8 rg8 i1
  "7d0f", // jcc.8.13 j8
  "658a02", // mov.1 rg1 m1[bs]
  "428a0423", // mov.1 rg1 m1[bi]
  "8025281e290001", // and.1 m1 i1[b]
  "48f7d8", // neg.8 rg8
  "d3ed", // shr.4 rg4 rg1
  "8325a768b7fffe", // and.4 m4 i4[b]
  "0f05", // syscall.4
  "015d70", // add.4 m4 rg4[b]
  "660fefd8", // pxor rx16 rx16
  "41ffcd", // dec.4 rg4
  "8b04bd40141682", // mov.4 rg4 m4[i]
  "664189740ffe", // mov.2 m2 rg2[bi]
  "480304fd60cb4182", // add.8 rg8 m8[i]
  "ffe0", // jmp.8 rg8
  "684160a481", // push.8 i8
  "f30f6f07", // movdqu rx16 m16[b]
  "0f45f7", // cmovcc.4.5 rg4 rg4
  "f0800d5e55bbff01", // or.1 m1 i1[b]
  "0f1105f09c1d00", // movups m16 rx16[b]
  "4883042408", // add.8 m8 i8[b]
  "65f60425c1130300ff", // test.1 m1 i1[s]
  "c1ce0c", // ror.4 rg4 i1
  "48f7009fffffff", // test.8 m8 i8[b]
  "65c60425c113030001", // mov.1 m1 i1[s]
  "48f7f1", // div.8 rg8
  "66440f6f25a54a2b01", // movdqa rx16 m16[b]
  "480fca", // bswap.8 rg8
  "480b3d55349dff", // or.8 rg8 m8[b]
  "480fbec0", // movsx.8 rg8 rg1
  "4c0f47fa", // cmovcc.8.7 rg8 rg8
  "664585d2", // test.2 rg2 rg2
  "48633402", // movsxd.8 rg8 m4[bi]
  "0f2900", // movaps m16 rx16[b]
  "46330c85c0d10a82", // xor.4 rg4 m4[i]
  "c1f908", // sar.4 rg4 i1
  "6548891d91b0ff7e", // mov.8 m8 rg8[bs]
  "4811ce", // adc.8 rg8 rg8
  "8b0402", // mov.4 rg4 m4[bi]
  "19c0", // sbb.4 rg4 rg4
  "66448b5416fe", // mov.2 rg2 m2[bi]
  "0fbe5001", // movsx.4 rg4 m1[b]
  "f3480fbcc9", // bsf.8 rg8 rg8
  "f744241800030000", // test.4 m4 i4[b]
  "0f31", // rdtsc.4
  "654c012d17a6d37e", // add.8 m8 rg8[bs]
  "0fba64240c0a", // bt.4 m4 i1[b]
  "6681e28000", // and.2 rg2 i2
  "410f42f5", // cmovcc.4.2 rg4 rg4
  "830d5d90a8ff01", // or.4 m4 i4[b]
  "231dea4b9401", // and.4 rg4 m4[b]
  "493386b8000000", // xor.8 rg8 m8[b]
  "6548ff4218", // inc.8 m8[bs]
  "4819c0", // sbb.8 rg8 rg8
  "41c1c010", // rol.4 rg4 i1
  "48f7742408", // div.8 m8[b]
  "2b150a02ec00", // sub.4 rg4 m4[b]
  "294504", // sub.4 m4 rg4[b]
  "f04c018c0288000000", // add.8 m8 rg8[bi]
  "83f101", // xor.4 rg4 i4
  "ffc5", // inc.4 rg4
  "f0ff4d00", // dec.4 m4[b]
  "034f04", // add.4 rg4 m4[b]
  "f0ff4360", // inc.4 m4[b]
  "ff25ba0d1e00", // jmp.8 m8[b]
  "48397c0b10", // cmp.8 m8 rg8[bi]
  "0faee8", // lfence
  "44880c17", // mov.1 m1 rg1[bi]
  "658802", // mov.1 m1 rg1[bs]
  "480fba2e05", // bts.8 m8 i1[b]
  "660f740f", // pcmpeqb rx16 m16[b]
  "0f43c2", // cmovcc.4.3 rg4 rg4
  "00e4", // add.1 rg1 rg1
  "08d0", // or.1 rg1 rg1
  "660ff8c8", // psubb rx16 rx16
  "450fb7f6", // movzx.4 rg4 rg2
  "480fbae039", // bt.8 rg8 i1
  "480fa30424", // bt.8 m8 rg8[b]
  "c0e805", // shr.1 rg1 i1
  "0f01f9", // rdtscp.4
  "440f47e8", // cmovcc.4.7 rg4 rg4
  "480fba70c00c", // btr.8 m8 i1[b]
  "f7d0", // not.4 rg4
  "480f4cf0", // cmovcc.8.12 rg8 rg8
  "66833b00", // cmp.2 m2 i2[b]
  "f0480fb113", // cmpxchg.8 m8 rg8[b]
  "0f9581802cc482", // setcc.1.5 m1[b]
  "660f70c093", // pshufd rx16 rx16 i1
  "66662e0f1f840000000000", // nop.2 m2[bi]
  "0f48d0", // cmovcc.4.8 rg4 rg4
  "480f4fc8", // cmovcc.8.15 rg8 rg8
  "480304f1", // add.8 rg8 m8[bi]
  "48295310", // sub.8 m8 rg8[b]
  "650fc105f9fa937e", // xadd.4 m4 rg4[bs]
  "660f73fa0b", // pslldq rx16 i1
  "c9", // leave.8
  "480fa3d0", // bt.8 rg8 rg8
  "66440f6ef9", // movd rx16 rg4
  "440f4de2", // cmovcc.4.13 rg4 rg4
  "49837c110800", // cmp.8 m8 i8[bi]
  "f0480fc1054de79901", // xadd.8 m8 rg8[b]
  "f7f1", // div.4 rg4
  "f3a4", // movs.1.rep
  "44890402", // mov.4 m4 rg4[bi]
  "6581055062f77e00000100", // add.4 m4 i4[bs]
  "0f44c6", // cmovcc.4.4 rg4 rg4
  "f3aa", // stos.1.rep
  "20d1", // and.1 rg1 rg1
  "80cd10", // or.1 rg1 i1
  "65c7059fbaf77cec000000", // mov.4 m4 i4[bs]
  "83d9ff", // sbb.4 rg4 i4
  "42f684217806000002", // test.1 m1 i1[bi]
  "660fd605489f1d00", // movq m8 rx8[b]
  "4883ac248800000001", // sub.8 m8 i8[b]
  "3342e0", // xor.4 rg4 m4[b]
  "66410febc8", // por rx16 rx16
  "8710", // xchg.4 m4 rg4[b]
  "0f4fd0", // cmovcc.4.15 rg4 rg4
  "65480fc70f", // cmpxchg16b.8 m16[bs]
  "8d0cdd00000000", // lea.4 rg4 m0[i]
  "6566448b3504bcff7e", // mov.2 rg2 m2[bs]
  "f348a5", // movs.8.rep
  "486bee18", // imul.8 rg8 rg8 i8
  "410f96c5", // setcc.1.6 rg1
  "410f9fc7", // setcc.1.15 rg1
  "66440f6fd0", // movdqa rx16 rx16
  "480faf157fc8e602", // imul.8 rg8 m8[b]
  "480f4dd3", // cmovcc.8.13 rg8 rg8
  "0fbcdd", // bsf.4 rg4 rg4
  "0f93c2", // setcc.1.3 rg1
  "f0490fb36c2428", // btr.8 m8 rg8[b]
  "480f4ed1", // cmovcc.8.14 rg8 rg8
  "668cc0", // mov.2 rg2 rs2
  "ff15bf259cff", // call.8 m8[b]
  "66ff84b084040000", // inc.2 m2[bi]
  "480f49ca", // cmovcc.8.9 rg8 rg8
  "480f442d3fabe902", // cmovcc.8.4 rg8 m8[b]
  "4983d400", // adc.8 rg8 i8
  "668b0579b42aff", // mov.2 rg2 m2[b]
  "66463924a9", // cmp.2 m2 rg2[bi]
  "f20f11442408", // movsd_x m8 rx8[b]
  "66c705b9819bff33e0", // mov.2 m2 i2[b]
  "0f280e", // movaps rx16 m16[b]
  "410f49c1", // cmovcc.4.9 rg4 rg4
  "f20f1005dbc50300", // movsd_x rx8 m8[b]
  "83ac84a800000001", // sub.4 m4 i4[bi]
  "f00fc18504010000", // xadd.4 m4 rg4[b]
  "480f46c1", // cmovcc.8.6 rg8 rg8
  "6448833c2598ffffff00", // cmp.8 m8 i8[s]
  "660b8d20150000", // or.2 rg2 m2[b]
  "4883daff", // sbb.8 rg8 i8
  "6639442430", // cmp.2 m2 rg2[b]
  "65480114c5c0df0200", // add.8 m8 rg8[is]
  "0f107c16f0", // movups rx16 m16[bi]
  "480faf1401", // imul.8 rg8 m8[bi]
  "440920", // or.4 m4 rg4[b]
  "660f60c0", // punpcklbw rx16 rx16
  "d3f8", // sar.4 rg4 rg1
  "403a7101", // cmp.1 rg1 m1[b]
  "660fda2f", // pminub rx16 m16[b]
  "66050077", // add.2 rg2 i2
  "0f28c8", // movaps rx16 rx16
  "6bd2c0", // imul.4 rg4 rg4 i4
  "0f4ec3", // cmovcc.4.14 rg4 rg4
  "664139c5", // cmp.2 rg2 rg2
  "480fbdc3", // bsr.8 rg8 rg8
  "660f61c0", // punpcklwd rx16 rx16
  "0f44442418", // cmovcc.4.4 rg4 m4[b]
  "4188d9", // mov.1 rg1 rg1
  "0f1006", // movups rx16 m16[b]
  "480fae4b40", // fxrstor64.8 m0[b]
  "0b82a0d23183", // or.4 rg4 m4[b]
  "0fb3c1", // btr.4 rg4 rg4
  "019488f4080000", // add.4 m4 rg4[bi]
  "660f6f0417", // movdqa rx16 m16[bi]
  "66a9fdff", // test.2 rg2 i2
  "0f0d0c03", // prefetchw.4 m0[bi]
  "654c012402", // add.8 m8 rg8[bis]
  "fc", // cld.4
  "0f117c17f0", // movups m16 rx16[bi]
  "8344930401", // add.4 m4 i4[bi]
  "0faffd", // imul.4 rg4 rg4
  "48237cc500", // and.8 rg8 m8[bi]
  "0f46d8", // cmovcc.4.6 rg4 rg4
  "65c6056365fa7e01", // mov.1 m1 i1[bs]
  "0f9ec2", // setcc.1.14 rg1
  "48330cc6", // xor.8 rg8 m8[bi]
  "3401", // xor.1 rg1 i1
  "803c130a", // cmp.1 m1 i1[bi]
  "66d17d10", // sar.2 m2 i1[b]
  "480f436c2460", // cmovcc.8.3 rg8 m8[b]
  "4899", // cwd.8
  "49f7fa", // idiv.8 rg8
  "45396c0214", // cmp.4 m4 rg4[bi]
  "0fbf00", // movsx.4 rg4 m2[b]
  "0fc8", // bswap.4 rg4
  "83d600", // adc.4 rg4 i4
  "6589050d3ffe7e", // mov.4 m4 rg4[bs]
  "41c6040700", // mov.1 m1 i1[bi]
  "48d3f8", // sar.8 rg8 rg1
  "f30f7e442408", // movq rx8 m8[b]
  "0f0d8f80050000", // prefetchw.4 m0[b]
  "40087c243a", // or.1 m1 rg1[b]
  "660f3a0fda04", // palignr rx16 rx16 i1
  "0f4cd0", // cmovcc.4.12 rg4 rg4
  "0f290431", // movaps m16 rx16[bi]
  "6501356168f77e", // add.4 m4 rg4[bs]
  "4983acc65001000001", // sub.8 m8 i8[bi]
  "498384c15001000001", // add.8 m8 i8[bi]
  "d0a0f12a0000", // shl.1 m1 i1[b]
  "48871f", // xchg.8 m8 rg8[b]
  "0fbae008", // bt.4 rg4 i1
  "99", // cwd.4
  "41f7fc", // idiv.4 rg4
  "432b04ae", // sub.4 rg4 m4[bi]
  "4887f7", // xchg.8 rg8 rg8
  "480fae4040", // fxsave64.8 m0[b]
  "6548891c2528000000", // mov.8 m8 rg8[s]
  "4233048a", // xor.4 rg4 m4[bi]
  "66480f6ec0", // movq rx16 rg8
  "48690570a49c0100093d00", // imul.8 rg8 m8 i8[b]
  "0f45442410", // cmovcc.4.5 rg4 m4[b]
  "644803042500000000", // add.8 rg8 m8[s]
  "4881252e5bbbfffffeffff", // and.8 m8 i8[b]
  "0f57c9", // xorps rx16 rx16
  "4c0fbd35b0bde702", // bsr.8 rg8 m8[b]
  "f20f2ac6", // cvtsi2sd rx8 rg4
  "0f97c0", // setcc.1.7 rg1
  "48c704c2ffffffff", // mov.8 m8 i8[bi]
  "6641f745000004", // test.2 m2 i2[b]
  "f735b40d9e01", // div.4 m4[b]
  "8ee8", // mov.4 rs2 rg2
  "23449418", // and.4 rg4 m4[bi]
  "0f2b4710", // movntps m16 rx16[b]
  "48ff0b", // dec.8 m8[b]
  "0fbec0", // movsx.4 rg4 rg1
  "6681a7a80200007ffc", // and.2 m2 i2[b]
  "0f9444241b", // setcc.1.4 m1[b]
  "0fa2", // cpuid.4
  "f3480faec0", // rdfsbase.8 rg8
  "0f93051a241300", // setcc.1.3 m1[b]
  "91", // xchg.4 rg4 rg4
  "65810decd55c7e00000080", // or.4 m4 i4[bs]
  "3e480fc10439", // xadd.8 m8 rg8[bi]
  "42ff849b78140000", // inc.4 m4[bi]
  "66480f7ec0", // movq rg8 rx16
  "65660905d479f87e", // or.2 m2 rg2[bs]
  "0f32", // rdmsr.4
  "0f4e442470", // cmovcc.4.14 rg4 m4[b]
  "660f6e05f0d41600", // movd rx16 m4[b]
  "f3480faed0", // wrfsbase.8 rg8
  "480fbf474a", // movsx.8 rg8 m2[b]
  "660f3a63c802", // pcmpistri rx16 rx16 i1
  "f0480fab5028", // bts.8 m8 rg8[b]
  "86435f", // xchg.1 m1 rg1[b]
  "660306", // add.2 rg2 m2[b]
  "660f3a0f4417f005", // palignr rx16 m16 i1[bi]
  "660f3a6304161a", // pcmpistri rx16 m16 i1[bi]
  "4c096b20", // or.8 m8 rg8[b]
  "48d3c0", // rol.8 rg8 rg1
  "482110", // and.8 m8 rg8[b]
  "dbe2", // fnclex.4
  "0f77", // emms
  "db07", // fild.4 m4[b]
  "f20f58442410", // addsd rx8 m8[b]
  "660ffac3", // psubd rx16 rx16
  "662b6c2414", // sub.2 rg2 m2[b]
  "f0480fc74e20", // cmpxchg16b.8 m16[b]
  "660f2fe9", // comisd rx8 rx8
  "660f2e0dee710c00", // ucomisd rx8 m8[b]
  "0f9ac0", // setcc.1.10 rg1
  "660f6ce6", // punpcklqdq rx16 rx16
  "644833142530000000", // xor.8 rg8 m8[s]
  "48873cc2", // xchg.8 m8 rg8[bi]
  "f20f5cc1", // subsd rx8 rx8
  "f20f2a43d4", // cvtsi2sd rx8 m4[b]
  "f20f58c1", // addsd rx8 rx8
  "f2440f2cf0", // cvttsd2si rg4 rx8
  "6681cdf540", // or.2 rg2 i2
  "0f9cc0", // setcc.1.12 rg1
  "0fbfea", // movsx.4 rg4 rg2
  "6548c705e963fa7e01000000", // mov.8 m8 i8[bs]
  "660fdaea", // pminub rx16 rx16
  "6542ff04bd28020200", // inc.4 m4[is]
  "80450501", // add.1 m1 i1[b]
  "48810d7ab9b9ff00010000", // or.8 m8 i8[b]
  "4180d700", // adc.1 rg1 i1
  "440faf6b18", // imul.4 rg4 m4[b]
  "f3a5", // movs.4.rep
  "03540500", // add.4 rg4 m4[bi]
  "ff24c6", // jmp.8 m8[bi]
  "658125e330ee7effffff7f", // and.4 m4 i4[bs]
  "f30f6f140e", // movdqu rx16 m16[bi]
  "66410f3800dc", // pshufb rx16 rx16
  "6566448935536afa7e", // mov.2 m2 rg2[bs]
  "660905d010b9ff", // or.2 m2 rg2[b]
  "48ff03", // inc.8 m8[b]
  "41c7048000200000", // mov.4 m4 i4[bi]
  "b0ff", // mov.1 rg1 i1
  "6566c705e763fa7e0000", // mov.2 m2 i2[bs]
  "2106", // and.4 m4 rg4[b]
  "480f450d3ffb7101", // cmovcc.8.5 rg8 m8[b]
  "0fbdfa", // bsr.4 rg4 rg4
  "2c01", // sub.1 rg1 i1
  "802b01", // sub.1 m1 i1[b]
  "64c7042524090000ffffffff", // mov.4 m4 i4[s]
  "11d0", // adc.4 rg4 rg4
  "9b", // fwait.4
  "6548ff04ca", // inc.8 m8[bis]
  "2047ff", // and.1 m1 rg1[b]
  "84542407", // test.1 m1 rg1[b]
  "0f465c2430", // cmovcc.4.6 rg4 m4[b]
  "0f16842498000000", // movhps rx8 m8[b]
  "8374241001", // xor.4 m4 i4[b]
  "492b14f9", // sub.8 rg8 m8[bi]
  "40006b44", // add.1 m1 rg1[b]
  "6548ff0df66eca7e", // dec.8 m8[bs]
  "0f188e40010000", // prefetcht0 m0[b]
  "66443ba20a010000", // cmp.2 rg2 m2[b]
  "480fbe10", // movsx.8 rg8 m1[b]
  "48ffc9", // dec.8 rg8
  "f604cd0081048401", // test.1 m1 i1[i]
  "488914c50030a182", // mov.8 m8 rg8[i]
  "093487", // or.4 m4 rg4[bi]
  "4b3b44cd00", // cmp.8 rg8 m8[bi]
  "dd5f20", // fstp.4 m8[b]
  "dd4220", // fld.4 m8[b]
  "0fbe0c16", // movsx.4 rg4 m1[bi]
  "0a87ef010000", // or.1 rg1 m1[b]
  "65480fb11db50dd47e", // cmpxchg.8 m8 rg8[bs]
  "48d36c2408", // shr.8 m8 rg1[b]
  "6488042511060000", // mov.1 m1 rg1[s]
  "6448c704252809000000000000", // mov.8 m8 i8[s]
  "42ff54f500", // call.8 m8[bi]
  "f30f1efa", // endbr64.4
  "482104d7", // and.8 m8 rg8[bi]
  "483500000000", // xor.8 rg8 i8
  "6643230466", // and.2 rg2 m2[bi]
  "f3ab", // stos.4.rep
  "66c78402000100000100", // mov.2 m2 i2[bi]
  "f2480f2ac0", // cvtsi2sd rx8 rg8
  "f20f59442408", // mulsd rx8 m8[b]
  "410f90c4", // setcc.1 rg1
  "48834c190801", // or.8 m8 i8[bi]
  "df2c24", // fild.4 m8[b]
  "d80511b00b00", // fadd.4 m4[b]
  "d9e0", // fchs.4
  "db7f20", // fstp.4 m10[b]
  "db2a", // fld.4 m10[b]
  "d9c9", // fxch.4 rf10 rf10
  "dd542408", // fst.4 m8[b]
  "dee9", // fsubp.4 rf10 rf10
  "660f62e5", // punpckldq rx16 rx16
  "480fadd0", // shrd.8 rg8 rg8 rg1
  "48854740", // test.8 m8 rg8[b]
  "85702c", // test.4 m4 rg4[b]
  "ff742420", // push.8 m8[b]
  "8354246000", // adc.4 m4 i4[b]
  "4180c110", // add.1 rg1 i1
  "0210", // add.1 rg1 m1[b]
  "021403", // add.1 rg1 m1[bi]
  "02148540a60082", // add.1 rg1 m1[i]
  "664183461801", // add.2 m2 i2[b]
  "66838491bc00000001", // add.2 m2 i2[bi]
  "66016810", // add.2 m2 rg2[b]
  "6642018487a40a0000", // add.2 m2 rg2[bi]
  "6603040a", // add.2 rg2 m2[bi]
  "830485001ffe8301", // add.4 m4 i4[i]
  "46033cad001ffe83", // add.4 rg4 m4[i]
  "6548814010c8000000", // add.8 m8 i8[bs]
  "48012cfd807df683", // add.8 m8 rg8[i]
  "8064034901", // and.1 m1 i1[bi]
  "220d985d1b01", // and.1 rg1 m1[b]
  "4322043c", // and.1 rg1 m1[bi]
  "662103", // and.2 m2 rg2[b]
  "6643211478", // and.2 m2 rg2[bi]
  "662317", // and.2 rg2 m2[b]
  "660f540dd6680c00", // andpd rx16 m16[b]
  "f3480fbc8748020000", // bsf.8 rg8 m8[b]
  "0fbd742408", // bsr.4 rg4 m4[b]
  "480fbd04d6", // bsr.8 rg8 m8[bi]
  "0fa3f8", // bt.4 rg4 rg4
  "480fa3043a", // bt.8 m8 rg8[bi]
  "480fbaf03f", // btr.8 rg8 i1
  "4c0fb3ed", // btr.8 rg8 rg8
  "3e480fba2cc50081048400", // bts.8 m8 i1[i]
  "480fbae83f", // bts.8 rg8 i1
  "480fabea", // bts.8 rg8 rg8
  "67e8ef160000", // call.8.a4 j8
  "fa", // cli.4
  "0f4205ba419101", // cmovcc.4.2 rg4 m4[b]
  "0f47442404", // cmovcc.4.7 rg4 m4[b]
  "480f41d0", // cmovcc.8.1 rg8 rg8
  "803cd5cd7d108200", // cmp.1 m1 i1[i]
  "64803c25a0ffffff00", // cmp.1 m1 i1[s]
  "3a1406", // cmp.1 rg1 m1[bi]
  "664183bc94a60a000000", // cmp.2 m2 i2[bi]
  "663b841248492783", // cmp.2 rg2 m2[bi]
  "833c021f", // cmp.4 m4 i4[bi]
  "833c85e084bb82ff", // cmp.4 m4 i4[i]
  "44392495a01d2083", // cmp.4 m4 rg4[i]
  "423b540f14", // cmp.4 rg4 m4[bi]
  "423b048d3868ad82", // cmp.4 rg4 m4[i]
  "48833cc54020218300", // cmp.8 m8 i8[i]
  "4a391cc540202183", // cmp.8 m8 rg8[i]
  "65483b06", // cmp.8 rg8 m8[bs]
  "4c3b34f560f61583", // cmp.8 rg8 m8[i]
  "f3a6", // cmps.1.rep
  "650fb00f", // cmpxchg.1 m1 rg1[bs]
  "650fb1153bbeec7e", // cmpxchg.4 m4 rg4[bs]
  "3e480fb13cf54052c482", // cmpxchg.8 m8 rg8[i]
  "f2480f2a00", // cvtsi2sd rx8 m8[b]
  "f24c0f2cc8", // cvttsd2si rg8 rx8
  "fe4b44", // dec.1 m1[b]
  "fec8", // dec.1 rg1
  "65ff4c9004", // dec.4 m4[bis]
  "3e4aff0c10", // dec.8 m8[bi]
  "d9e1", // fabs.4
  "dec1", // faddp.4 rf10 rf10
  "dbf1", // fcomi.4 rf10 rf10
  "df7c2408", // fistp.4 m8[b]
  "d90540ae0b00", // fld.4 m4[b]
  "d9c0", // fld.4 rf10
  "d96c241c", // fldcw.4 m2[b]
  "d9ee", // fldz.4
  "dbe3", // fninit.4
  "d97c2406", // fnstcw.4 m2[b]
  "dd7c2404", // fnstsw.4 m2[b]
  "dfe0", // fnstsw.4 rg2
  "ddd8", // fstp.4 rf10
  "dbe8", // fucomi.4 rf10 rf10
  "dfe9", // fucomip.4 rf10 rf10
  "d9e5", // fxam.4
  "0fae053ff61200", // fxsave.4 m0[b]
  "f4", // hlt.4
  "f77c2408", // idiv.4 m4[b]
  "6b0d2070b6ff0a", // imul.4 rg4 m4 i4[b]
  "697cc304a0860100", // imul.4 rg4 m4 i4[bi]
  "460faf6c8c18", // imul.4 rg4 m4[bi]
  "48f7ea", // imul.8 rg8
  "e461", // in.1 rg1 i1
  "ec", // in.1 rg1 rg2
  "66ed", // in.2 rg2 rg2
  "ed", // in.4 rg4 rg2
  "fe0558f20b00", // inc.1 m1[b]
  "fec0", // inc.1 rg1
  "66ff81a4130000", // inc.2 m2[b]
  "65ff449004", // inc.4 m4[bis]
  "42ff04a5a09d1f83", // inc.4 m4[i]
  "cc", // int3.4
  "48cf", // iret.8
  "7053", // jcc.8 j8
  "0f8a87210000", // jcc.8.10 j8
  "0f02c0", // lar.4 rg4 rg2
  "0fae542404", // ldmxcsr m4[b]
  "0faef0", // mfence
  "648a042512060000", // mov.1 rg1 m1[s]
  "664489148542050784", // mov.2 m2 rg2[i]
  "890485a01ff883", // mov.4 m4 rg4[i]
  "0f22e7", // mov.4 rc8 rg8
  "8b042510000000", // mov.4 rg4 m4[]
  "648b0425d0020000", // mov.4 rg4 m4[s]
  "8cd0", // mov.4 rg4 rs2
  "0f20e0", // mov.4 rg8 rc8
  "48c704c5a06dfd833039b382", // mov.8 m8 i8[i]
  "660f28c8", // movapd rx16 rx16
  "0f28540e10", // movaps rx16 m16[bi]
  "660f7ec0", // movd rg4 rx16
  "660f6e2486", // movd rx16 m4[bi]
  "f30f7f07", // movdqu m16 rx16[b]
  "f30f7f0c0f", // movdqu m16 rx16[bi]
  "66440f50e0", // movmskpd rg4 rx16
  "a4", // movs.1
  "66a5", // movs.2
  "48a5", // movs.8
  "66410fbe451a", // movsx.2 rg2 m1[b]
  "0fbf840060c6a382", // movsx.4 rg4 m2[bi]
  "480fbfc2", // movsx.8 rg8 rg2
  "48630485e00afe83", // movsxd.8 rg8 m4[i]
  "0fb604b540a60082", // movzx.4 rg4 m1[i]
  "0fb70ccdc87d1082", // movzx.4 rg4 m2[i]
  "4c0fb64601", // movzx.8 rg8 m1[b]
  "4c0fb60c16", // movzx.8 rg8 m1[bi]
  "41f7e2", // mul.4 rg4
  "48f725f7aaf200", // mul.8 m8[b]
  "f20f59c1", // mulsd rx8 rx8
  "f6d8", // neg.1 rg1
  "40082c30", // or.1 m1 rg1[bi]
  "66834f4820", // or.2 m2 i2[b]
  "65093dc849f07e", // or.4 m4 rg4[bs]
  "48097cc500", // or.8 m8 rg8[bi]
  "4c0b04c2", // or.8 rg8 m8[bi]
  "e661", // out.1 i1 rg1
  "ee", // out.1 rg2 rg1
  "ef", // out.4 rg2 rg4
  "660ffcf9", // paddb rx16 rx16
  "660ffec4", // paddd rx16 rx16
  "66450fd4f7", // paddq rx16 rx16
  "660fdb05266d0c00", // pand rx16 m16[b]
  "660fdb0431", // pand rx16 m16[bi]
  "660fdbc1", // pand rx16 rx16
  "660fdffe", // pandn rx16 rx16
  "f390", // pause.4
  "660f76c0", // pcmpeqd rx16 rx16
  "660f64fd", // pcmpgtb rx16 rx16
  "660f3a632702", // pcmpistri rx16 m16 i1[b]
  "f3480fb8c7", // popcnt.8 rg8 rg8
  "9d", // popf.8
  "660feb842490000000", // por rx16 m16[b]
  "66420feb84b490280000", // por rx16 m16[bi]
  "0f180c03", // prefetcht0 m0[bi]
  "66410f72f014", // pslld rx16 i1
  "660f72d10c", // psrld rx16 i1
  "660f73d808", // psrldq rx16 i1
  "660f6ac0", // punpckhdq rx16 rx16
  "42ff34e5c01f2183", // push.8 m8[i]
  "9c", // pushf.8
  "660fef1d4c4a2b01", // pxor rx16 m16[b]
  "480fc7f0", // rdrand.8 rg8
  "480fc7f8", // rdseed.8 rg8
  "c0c004", // rol.1 rg1 i1
  "66c1c208", // rol.2 rg2 i1
  "d3c0", // rol.4 rg4 rg1
  "48c1c813", // ror.8 rg8 i1
  "d07b02", // sar.1 m1 i1[b]
  "80daff", // sbb.1 rg1 i1
  "18c9", // sbb.1 rg1 rg1
  "6683d9ff", // sbb.2 rg2 i2
  "664519e4", // sbb.2 rg2 rg2
  "0f9dc0", // setcc.1.13 rg1
  "0f9f430f", // setcc.1.15 m1[b]
  "0f92442407", // setcc.1.2 m1[b]
  "410f94441f0e", // setcc.1.4 m1[bi]
  "400f98c5", // setcc.1.8 rg1
  "0faef8", // sfence
  "4c0fa5d0", // shld.8 rg8 rg8 rg1
  "66d1e8", // shr.2 rg2 i1
  "f366ab", // stos.2.rep
  "28d1", // sub.1 rg1 rg1
  "66836d0c01", // sub.2 m2 i2[b]
  "6642836c5b0801", // sub.2 m2 i2[bi]
  "662d1f02", // sub.2 rg2 i2
  "442b24adc0010784", // sub.4 rg4 m4[i]
  "0f01f8", // swapgs.4
  "f7048201080000", // test.4 m4 i4[bi]
  "660f2ec0", // ucomisd rx8 rx8
  "0f0b", // ud2.4
  "0f30", // wrmsr.4
  "6566410fc14012", // xadd.2 m2 rg2[bs]
  "86e0", // xchg.1 rg1 rg1
  "488714c55074f883", // xchg.8 m8 rg8[i]
  "80755006", // xor.1 m1 i1[b]
  "80340236", // xor.1 m1 i1[bi]
  "44328f8b010000", // xor.1 rg1 m1[b]
  "32140e", // xor.1 rg1 m1[bi]
  "6683703001", // xor.2 m2 i2[b]
  "663306", // xor.2 rg2 m2[b]
  "6631d2", // xor.2 rg2 rg2
];
