/**
 * Forms in the order of how often they are executed, as example encodings: measured over a boot of
 * the Debian kernel by bench/forms.ts, which prints this file.
 */

/** Forms with a case in the interpreter's switch; entries of two instructions are fused pairs. */
export const INLINE_FORMS: readonly string[] = [
  "753c", // 11.04 % jcc.8.5 j8
  "39c2", // 9.41 % cmp.4 rg4 rg4
  "4889f7", // 6.87 % mov.8 rg8 rg8
  "4839d0", // 6.59 % cmp.8 rg8 rg8
  "31c0", // 5.31 % xor.4 rg4 rg4
  "e9028bd8fe", // 5.05 % jmp.8 j8
  "4801d7", // 5.03 % add.8 rg8 rg8
  "7314", // 4.83 % jcc.8.3 j8
  "ffc5", // 4.56 % inc.4 rg4
  "48ffc0", // 4.55 % inc.8 rg8
  "4c0faff2", // 2.72 % imul.8 rg8 rg8
  "48c1ef0c", // 2.23 % shr.8 rg8 i1
  "4154", // 2.17 % push.8 rg8
  "415b", // 2.16 % pop.8 rg8
  "89d0", // 1.89 % mov.4 rg4 rg4
  "488b250020b8ff", // 1.85 % mov.8 rg8 m8[b]
  "4829ca", // 1.36 % sub.8 rg8 rg8
  "0f841f060000", // 1.24 % jcc.8.4 j8
  "83c301", // 1.19 % add.4 rg4 i4
  "4863ff", // 1.14 % movsxd.8 rg8 rg4
  "48892de4592900", // 0.99 % mov.8 m8 rg8[b]
  "488b04f8", // 0.93 % mov.8 rg8 m8[bi]
  "48c1e006", // 0.86 % shl.8 rg8 i1
  "c3", // 0.79 % ret.8
  "400f92c5", // 0.78 % setcc.1.2 rg1
  "0fb6d3", // 0.75 % movzx.4 rg4 rg1
  "480f43c3", // 0.70 % cmovcc.8.3 rg8 rg8
  "4883c101", // 0.63 % add.8 rg8 i8
  "488d04d590520883", // 0.63 % lea.8 rg8 m0[i]
  "e8bfa40000", // 0.63 % call.8 j8
  "4811ce", // 0.62 % adc.8 rg8 rg8
  "0f1f440000", // 0.50 % nop.4 m4[bi]
  "0fb65302", // 0.44 % movzx.4 rg4 m1[b]
  "84c0", // 0.42 % test.1 rg1 rg1
  "8b4030", // 0.42 % mov.4 rg4 m4[b]
  "01c6", // 0.37 % add.4 rg4 rg4
  "85c0", // 0.37 % test.4 rg4 rg4
  "4821c8", // 0.32 % and.8 rg8 rg8
  "83e201", // 0.28 % and.4 rg4 i4
  "4803057e7ca001", // 0.27 % add.8 rg8 m8[b]
  "4885ff", // 0.27 % test.8 rg8 rg8
  "b9010100c0", // 0.26 % mov.4 rg4 i4
  "720e", // 0.25 % jcc.8.2 j8
  "48c7c000400483", // 0.24 % mov.8 rg8 i8
  "4889040a", // 0.24 % mov.8 m8 rg8[bi]
  "4883f920", // 0.24 % cmp.8 rg8 i8
  "488d4805", // 0.23 % lea.8 rg8 m0[b]
  "4881e200feffff", // 0.23 % and.8 rg8 i8
  "48f7d2", // 0.22 % not.8 rg8
  "790d", // 0.21 % jcc.8.9 j8
  "4809c7", // 0.21 % or.8 rg8 rg8
  "81fa00000080", // 0.19 % cmp.4 rg4 i4
  "480304f1", // 0.18 % add.8 rg8 m8[bi]
  "c1ce0c", // 0.16 % ror.4 rg4 i1
  "803dfbc1f50000", // 0.16 % cmp.1 m1 i1[b]
  "0f1f00", // 0.16 % nop.4 m4[b]
  "4881eca8000000", // 0.16 % sub.8 rg8 i8
  "4b8d443701", // 0.16 % lea.8 rg8 m0[bi]
  "41ffd4", // 0.15 % call.8 rg8
  "8905054e0b00", // 0.15 % mov.4 m4 rg4[b]
  "3c0e", // 0.14 % cmp.1 rg1 i1
  "90", // 0.12 % nop.4
  "f605b20bb5ff40", // 0.12 % test.1 m1 i1[b]
  "4983d400", // 0.11 % adc.8 rg8 i8
  "41c1c010", // 0.11 % rol.4 rg4 i1
  "0f95c0", // 0.11 % setcc.1.5 rg1
  "483b3d0164c101", // 0.11 % cmp.8 rg8 m8[b]
  "8d57ff", // 0.10 % lea.4 rg4 m0[b]
  "48c705c8279affb042a481", // 0.08 % mov.8 m8 i8[b]
  "48c1f83f", // 0.08 % sar.8 rg8 i1
  "771e", // 0.07 % jcc.8.7 j8
  "7e02", // 0.07 % jcc.8.14 j8
  "c600e9", // 0.07 % mov.1 m1 i1[b]
  "0f86aefdffff", // 0.07 % jcc.8.6 j8
  "0fb61407", // 0.06 % movzx.4 rg4 m1[bi]
  "7822", // 0.06 % jcc.8.8 j8
  "f7d8", // 0.05 % neg.4 rg4
  "a801", // 0.05 % test.1 rg1 i1
  "486333", // 0.05 % movsxd.8 rg8 m4[b]
  "3a1406", // 0.05 % cmp.1 rg1 m1[bi]
  "4c393424", // 0.05 % cmp.8 m8 rg8[b]
  "88831c010000", // 0.05 % mov.1 m1 rg1[b]
  "08d0", // 0.05 % or.1 rg1 rg1
  "29c2", // 0.05 % sub.4 rg4 rg4
  "480f44e8", // 0.04 % cmovcc.8.4 rg8 rg8
  "83ea01", // 0.04 % sub.4 rg4 i4
  "397714", // 0.04 % cmp.4 m4 rg4[b]
  "65488b042528000000", // 0.03 % mov.8 rg8 m8[s]
  "c705c47a39ff01000000", // 0.03 % mov.4 m4 i4[b]
  "a900000004", // 0.03 % test.4 rg4 i4
  "c1ed03", // 0.03 % shr.4 rg4 i1
  "3b5d08", // 0.03 % cmp.4 rg4 m4[b]
  "48f7742408", // 0.03 % div.8 m8[b]
  "48630485e00afe83", // 0.03 % movsxd.8 rg8 m4[i]
  "480f42c1", // 0.03 % cmovcc.8.2 rg8 rg8
  "4883ba40dda48200", // 0.03 % cmp.8 m8 i8[b]
  "19c0", // 0.02 % sbb.4 rg4 rg4
  "65482b042528000000", // 0.02 % sub.8 rg8 m8[s]
  "0f8f52010000", // 0.02 % jcc.8.15 j8
  "65ff05edd4ff7e", // 0.02 % inc.4 m4[bs]
  "658b055183ff7e", // 0.02 % mov.4 rg4 m4[bs]
  "65ff0daad4ff7e", // 0.02 % dec.4 m4[bs]
  "21e8", // 0.02 % and.4 rg4 rg4
  "6690", // 0.02 % nop.2
  "81c9ffff0000", // 0.02 % or.4 rg4 i4
  "0fb7740dfe", // 0.02 % movzx.4 rg4 m2[bi]
  "0f94c0", // 0.02 % setcc.1.4 rg1
  "0fbec0", // 0.02 % movsx.4 rg4 rg1
  "438d042c", // 0.02 % lea.4 rg4 m0[bi]
  "8b04bd40141682", // 0.02 % mov.4 rg4 m4[i]
  "4831d8", // 0.01 % xor.8 rg8 rg8
  "3342e0", // 0.01 % xor.4 rg4 m4[b]
  "482b0527c539ff", // 0.01 % sub.8 rg8 m8[b]
  "65c60425c113030001", // 0.01 % mov.1 m1 i1[s]
  "8b0402", // 0.01 % mov.4 rg4 m4[bi]
  "65f60425c1130300ff", // 0.01 % test.1 m1 i1[s]
  "f348ab", // 0.01 % stos.8.rep
  "41ffcd", // 0.01 % dec.4 rg4
  "ff15bf259cff", // 0.01 % call.8 m8[b]
  "034f04", // 0.01 % add.4 rg4 m4[b]
  "488b14fd60cb4182", // 0.01 % mov.8 rg8 m8[i]
  "09fe", // 0.01 % or.4 rg4 rg4
  "833d7cb7db0001", // 0.01 % cmp.4 m4 i4[b]
  "6548032d0022ff7e", // 0.01 % add.8 rg8 m8[bs]
  "0f9581802cc482", // 0.01 % setcc.1.5 m1[b]
  "0fb713", // 0.01 % movzx.4 rg4 m2[b]
  "48d3e2", // 0.01 % shl.8 rg8 rg1
  "00e4", // 0.01 % add.1 rg1 rg1
  "4038fe", // 0.01 % cmp.1 rg1 rg1
  "c1e208", // 0.01 % shl.4 rg4 i1
  "f00fb117", // 0.01 % cmpxchg.4 m4 rg4[b]
  "8cd0", // 0.01 % mov.4 rg4 rs2
  "44890402", // 0.01 % mov.4 m4 rg4[bi]
  "48f7009fffffff", // 0.01 % test.8 m8 i8[b]
  "48d3e8", // 0.01 % shr.8 rg8 rg1
  "48233de55ebbff", // 0.01 % and.8 rg8 m8[b]
  "480b3d55349dff", // 0.01 % or.8 rg8 m8[b]
  "83430401", // 0.01 % add.4 m4 i4[b]
  "4883042408", // 0.01 % add.8 m8 i8[b]
  "490f48cc", // 0.01 % cmovcc.8.8 rg8 rg8
  "48f7d8", // 0.01 % neg.8 rg8
  "654c8b3d0fbcff7e", // 0.01 % mov.8 rg8 m8[bs]
  "83f101", // 0.01 % xor.4 rg4 i4
  "6548891d91b0ff7e", // 0.01 % mov.8 m8 rg8[bs]
  "48f7c29fffffff", // 0.00 % test.8 rg8 i8
  "6683f801", // 0.00 % cmp.2 rg2 i2
  "6689442406", // 0.00 % mov.2 m2 rg2[b]
  "403879ff", // 0.00 % cmp.1 m1 rg1[b]
  "480fca", // 0.00 % bswap.8 rg8
  "684160a481", // 0.00 % push.8 i8
  "39c2753c", // 9.29 % cmp.4 rg4 rg4 + jcc.8.5 j8
  "4839d07314", // 4.72 % cmp.8 rg8 rg8 + jcc.8.3 j8
  "753c4839d0", // 4.65 % jcc.8.5 j8 + cmp.8 rg8 rg8
  "31c0e9028bd8fe", // 4.60 % xor.4 rg4 rg4 + jmp.8 j8
  "731431c0", // 4.55 % jcc.8.3 j8 + xor.4 rg4 rg4
  "753cffc5", // 4.55 % jcc.8.5 j8 + inc.4 rg4
  "ffc548ffc0", // 4.55 % inc.4 rg4 + inc.8 rg8
  "48ffc039c2", // 4.55 % inc.8 rg8 + cmp.4 rg4 rg4
  "415b415b", // 1.56 % pop.8 rg8 + pop.8 rg8
  "4889f789d0", // 1.41 % mov.8 rg8 rg8 + mov.4 rg4 rg4
  "4801d74839d0", // 1.37 % add.8 rg8 rg8 + cmp.8 rg8 rg8
  "4c0faff24c0faff2", // 1.36 % imul.8 rg8 rg8 + imul.8 rg8 rg8
  "89d048c1ef0c", // 1.34 % mov.4 rg4 rg4 + shr.8 rg8 i1
  "4c0faff24889f7", // 1.34 % imul.8 rg8 rg8 + mov.8 rg8 rg8
  "4889f74c0faff2", // 1.33 % mov.8 rg8 rg8 + imul.8 rg8 rg8
  "41544154", // 1.10 % push.8 rg8 + push.8 rg8
  "83c301753c", // 0.77 % add.4 rg4 i4 + jcc.8.5 j8
  "753c4863ff", // 0.72 % jcc.8.5 j8 + movsxd.8 rg8 rg4
  "4863ff4829ca", // 0.72 % movsxd.8 rg8 rg4 + sub.8 rg8 rg8
  "4801d74801d7", // 0.71 % add.8 rg8 rg8 + add.8 rg8 rg8
  "48c1ef0c4801d7", // 0.69 % shr.8 rg8 i1 + add.8 rg8 rg8
  "48c1e0064801d7", // 0.68 % shl.8 rg8 i1 + add.8 rg8 rg8
  "4889f74801d7", // 0.68 % mov.8 rg8 rg8 + add.8 rg8 rg8
  "4801d74889f7", // 0.68 % add.8 rg8 rg8 + mov.8 rg8 rg8
  "4839d04889f7", // 0.67 % cmp.8 rg8 rg8 + mov.8 rg8 rg8
  "4889f7480f43c3", // 0.67 % mov.8 rg8 rg8 + cmovcc.8.3 rg8 rg8
  "48c1ef0c4889f7", // 0.66 % shr.8 rg8 i1 + mov.8 rg8 rg8
  "4829ca488b04f8", // 0.66 % sub.8 rg8 rg8 + mov.8 rg8 m8[bi]
  "4801d748c1e006", // 0.66 % add.8 rg8 rg8 + shl.8 rg8 i1
  "480f43c34801d7", // 0.66 % cmovcc.8.3 rg8 rg8 + add.8 rg8 rg8
  "4801d783c301", // 0.66 % add.8 rg8 rg8 + add.4 rg4 i4
  "48892de45929004801d7", // 0.63 % mov.8 m8 rg8[b] + add.8 rg8 rg8
  "4839d0400f92c5", // 0.62 % cmp.8 rg8 rg8 + setcc.1.2 rg1
  "4801d748c1ef0c", // 0.62 % add.8 rg8 rg8 + shr.8 rg8 i1
  "488d04d5905208834889f7", // 0.62 % lea.8 rg8 m0[i] + mov.8 rg8 rg8
  "488b04f8488d04d590520883", // 0.62 % mov.8 rg8 m8[bi] + lea.8 rg8 m0[i]
  "400f92c54801d7", // 0.62 % setcc.1.2 rg1 + add.8 rg8 rg8
  "4811ce48892de4592900", // 0.62 % adc.8 rg8 rg8 + mov.8 m8 rg8[b]
  "41544889f7", // 0.62 % push.8 rg8 + mov.8 rg8 rg8
  "4889f74889f7", // 0.49 % mov.8 rg8 rg8 + mov.8 rg8 rg8
  "415bc3", // 0.47 % pop.8 rg8 + ret.8
  "488b250020b8ff0fb6d3", // 0.41 % mov.8 rg8 m8[b] + movzx.4 rg4 rg1
  "48c1ef0c488b250020b8ff", // 0.41 % shr.8 rg8 i1 + mov.8 rg8 m8[b]
  "4829ca4811ce", // 0.41 % sub.8 rg8 rg8 + adc.8 rg8 rg8
  "0fb6d34829ca", // 0.41 % movzx.4 rg4 rg1 + sub.8 rg8 rg8
  "4889f74154", // 0.34 % mov.8 rg8 rg8 + push.8 rg8
  "488b250020b8ff488b250020b8ff", // 0.29 % mov.8 rg8 m8[b] + mov.8 rg8 m8[b]
  "753c0fb65302", // 0.29 % jcc.8.5 j8 + movzx.4 rg4 m1[b]
  "0f1f4400004154", // 0.28 % nop.4 m4[bi] + push.8 rg8
  "4889f7e8bfa40000", // 0.25 % mov.8 rg8 rg8 + call.8 j8
  "48c1ef0c0fb6d3", // 0.24 % shr.8 rg8 i1 + movzx.4 rg4 rg1
  "488b250020b8ff4889f7", // 0.24 % mov.8 rg8 m8[b] + mov.8 rg8 rg8
  "0fb6530284c0", // 0.23 % movzx.4 rg4 m1[b] + test.1 rg1 rg1
  "4885ff0f841f060000", // 0.22 % test.8 rg8 rg8 + jcc.8.4 j8
  "4889f7415b", // 0.21 % mov.8 rg8 rg8 + pop.8 rg8
  "4803057e7ca0014811ce", // 0.21 % add.8 rg8 m8[b] + adc.8 rg8 rg8
  "0fb6d34803057e7ca001", // 0.21 % movzx.4 rg4 rg1 + add.8 rg8 m8[b]
  "48f7d24821c8", // 0.19 % not.8 rg8 + and.8 rg8 rg8
  "83c3014863ff", // 0.18 % add.4 rg4 i4 + movsxd.8 rg8 rg4
  "4863ff4801d7", // 0.18 % movsxd.8 rg8 rg4 + add.8 rg8 rg8
];

/** Forms whose functions come with the first module. */
export const KNOWN_FORMS: readonly string[] = [
  "7c35", // jcc.8.12 j8
  "4c016310", // add.8 m8 rg8[b]
  "4233048a", // xor.4 rg4 m4[bi]
  "46330c85c0d10a82", // xor.4 rg4 m4[i]
  "9c", // pushf.8
  "480fbe10", // movsx.8 rg8 m1[b]
  "480fbae039", // bt.8 rg8 i1
  "48cf", // iret.8
  "0f93c2", // setcc.1.3 rg1
  "83a81814000001", // sub.4 m4 i4[b]
  "0f05", // syscall.4
  "0f4fd0", // cmovcc.4.15 rg4 rg4
  "450fb7f6", // movzx.4 rg4 rg2
  "4898", // cbw.8
  "480fa30424", // bt.8 m8 rg8[b]
  "480fba70c00c", // btr.8 m8 i1[b]
  "f744241800030000", // test.4 m4 i4[b]
  "0fbe5001", // movsx.4 rg4 m1[b]
  "4188d9", // mov.1 rg1 rg1
  "0f44c6", // cmovcc.4.4 rg4 rg4
  "480fba2e05", // bts.8 m8 i1[b]
  "7d0f", // jcc.8.13 j8
  "f0480fb113", // cmpxchg.8 m8 rg8[b]
  "f3aa", // stos.1.rep
  "f3a4", // movs.1.rep
  "493386b8000000", // xor.8 rg8 m8[b]
  "220d985d1b01", // and.1 rg1 m1[b]
  "c1f908", // sar.4 rg4 i1
  "830d5d90a8ff01", // or.4 m4 i4[b]
  "48f7e2", // mul.8 rg8
  "0f48d0", // cmovcc.4.8 rg4 rg4
  "66833b00", // cmp.2 m2 i2[b]
  "664139c5", // cmp.2 rg2 rg2
  "03540500", // add.4 rg4 m4[bi]
  "890485a01ff883", // mov.4 m4 rg4[i]
  "0f188e40010000", // prefetcht0.4 m0[b]
  "658a02", // mov.1 rg1 m1[bs]
  "65480fc70f", // cmpxchg16b.8 m16[bs]
  "664585d2", // test.2 rg2 rg2
  "d3e0", // shl.4 rg4 rg1
  "4883ca02", // or.8 rg8 i8
  "0f0d0c03", // prefetchw.4 m0[bi]
  "480f45d6", // cmovcc.8.5 rg8 rg8
  "480facd020", // shrd.8 rg8 rg8 i1
  "48c1c010", // rol.8 rg8 i1
  "8d0cdd00000000", // lea.4 rg4 m0[i]
  "0fc8", // bswap.4 rg4
  "f0480fc1054de79901", // xadd.8 m8 rg8[b]
  "f0490fb36c2428", // btr.8 m8 rg8[b]
  "80e702", // and.1 rg1 i1
  "4883daff", // sbb.8 rg8 i8
  "4c0f47fa", // cmovcc.8.7 rg8 rg8
  "015d70", // add.4 m4 rg4[b]
  "8a05e1c7baff", // mov.1 rg1 m1[b]
  "48d3f8", // sar.8 rg8 rg1
  "480304fd60cb4182", // add.8 rg8 m8[i]
  "8325a768b7fffe", // and.4 m4 i4[b]
  "6681e28000", // and.2 rg2 i2
  "6548ff4218", // inc.8 m8[bs]
  "48295310", // sub.8 m8 rg8[b]
  "d3ed", // shr.4 rg4 rg1
  "480f442d3fabe902", // cmovcc.8.4 rg8 m8[b]
  "0f46d8", // cmovcc.4.6 rg4 rg4
  "423b540f14", // cmp.4 rg4 m4[bi]
  "f7d0", // not.4 rg4
  "2b150a02ec00", // sub.4 rg4 m4[b]
  "c0e805", // shr.1 rg1 i1
  "f0ff4360", // inc.4 m4[b]
  "f0800d5e55bbff01", // or.1 m1 i1[b]
  "0f01f9", // rdtscp.4
  "480f4ed1", // cmovcc.8.14 rg8 rg8
  "6bd2c0", // imul.4 rg4 rg4 i4
  "480fbcc9", // bsf.8 rg8 rg8
  "486bee18", // imul.8 rg8 rg8 i8
  "4883ac248800000001", // sub.8 m8 i8[b]
  "48237cc500", // and.8 rg8 m8[bi]
  "231dea4b9401", // and.4 rg4 m4[b]
  "403a7101", // cmp.1 rg1 m1[b]
  "6566448b3504bcff7e", // mov.2 rg2 m2[bs]
  "480f4dd3", // cmovcc.8.13 rg8 rg8
  "c9", // leave.8
  "80755006", // xor.1 m1 i1[b]
  "80340236", // xor.1 m1 i1[bi]
  "48397c0b10", // cmp.8 m8 rg8[bi]
  "0f31", // rdtsc.4
  "f04c018c0288000000", // add.8 m8 rg8[bi]
  "664189740ffe", // mov.2 m2 rg2[bi]
  "0f45f7", // cmovcc.4.5 rg4 rg4
  "480f4fc8", // cmovcc.8.15 rg8 rg8
  "48f7f1", // div.8 rg8
  "8354246000", // adc.4 m4 i4[b]
  "480fbec0", // movsx.8 rg8 rg1
  "48ffc9", // dec.8 rg8
  "6548c705e963fa7e01000000", // mov.8 m8 i8[bs]
  "6566448935536afa7e", // mov.2 m2 rg2[bs]
  "f7f1", // div.4 rg4
  "41c6040700", // mov.1 m1 i1[bi]
  "0f9444241b", // setcc.1.4 m1[b]
  "49837c110800", // cmp.8 m8 i8[bi]
  "8025281e290001", // and.1 m1 i1[b]
  "488914c50030a182", // mov.8 m8 rg8[i]
  "f0ff4d00", // dec.4 m4[b]
  "480f4cc2", // cmovcc.8.12 rg8 rg8
  "f0480fab5028", // bts.8 m8 rg8[b]
  "4819c0", // sbb.8 rg8 rg8
  "65483b06", // cmp.8 rg8 m8[bs]
  "0f0d8f80050000", // prefetchw.4 m0[b]
  "80cd10", // or.1 rg1 i1
  "f604cd0081048401", // test.1 m1 i1[i]
  "3e480fba2cc50081048400", // bts.8 m8 i1[i]
  "66834f4820", // or.2 m2 i2[b]
  "0f4cd0", // cmovcc.4.12 rg4 rg4
  "44880c17", // mov.1 m1 rg1[bi]
  "f3a5", // movs.4.rep
  "440faf6b18", // imul.4 rg4 m4[b]
  "ffe0", // jmp.8 rg8
  "440f4de2", // cmovcc.4.13 rg4 rg4
  "294504", // sub.4 m4 rg4[b]
  "6681cdf540", // or.2 rg2 i2
  "654c012d17a6d37e", // add.8 m8 rg8[bs]
  "66662e0f1f840000000000", // nop.2 m2[bi]
  "6581055062f77e00000100", // add.4 m4 i4[bs]
  "83d9ff", // sbb.4 rg4 i4
  "440f47e8", // cmovcc.4.7 rg4 rg4
  "8710", // xchg.4 m4 rg4[b]
  "480fbdc3", // bsr.8 rg8 rg8
  "410f42f5", // cmovcc.4.2 rg4 rg4
  "65c6056365fa7e01", // mov.1 m1 i1[bs]
  "0faee8", // lfence.4
  "658802", // mov.1 m1 rg1[bs]
  "480f46c1", // cmovcc.8.6 rg8 rg8
  "b0ff", // mov.1 rg1 i1
  "65c7059fbaf77cec000000", // mov.4 m4 i4[bs]
  "65480114c5c0df0200", // add.8 m8 rg8[is]
  "4530ed", // xor.1 rg1 rg1
  "48633402", // movsxd.8 rg8 m4[bi]
  "0fb3c1", // btr.4 rg4 rg4
  "480f49ca", // cmovcc.8.9 rg8 rg8
  "d3f8", // sar.4 rg4 rg1
  "668cc0", // mov.2 rg2 rs2
  "66d1e8", // shr.2 rg2 i1
  "83d600", // adc.4 rg4 i4
  "f00fc18504010000", // xadd.4 m4 rg4[b]
  "660b8d20150000", // or.2 rg2 m2[b]
  "f348a5", // movs.8.rep
  "480faf1401", // imul.8 rg8 m8[bi]
  "fa", // cli.4
  "9d", // popf.8
  "0f180c03", // prefetcht0.4 m0[bi]
  "f0480fc74e20", // cmpxchg16b.8 m16[b]
  "4983acc65001000001", // sub.8 m8 i8[bi]
  "498384c15001000001", // add.8 m8 i8[bi]
  "480faf157fc8e602", // imul.8 rg8 m8[b]
  "8374241001", // xor.4 m4 i4[b]
  "48c704c2ffffffff", // mov.8 m8 i8[bi]
  "410f9fc7", // setcc.1.15 rg1
  "20d1", // and.1 rg1 rg1
  "440920", // or.4 m4 rg4[b]
  "fc", // cld.4
  "86435f", // xchg.1 m1 rg1[b]
  "f3ab", // stos.4.rep
  "48690570a49c0100093d00", // imul.8 rg8 m8 i8[b]
  "f390", // pause.4
  "4c0fbd35b0bde702", // bsr.8 rg8 m8[b]
  "480fa3d0", // bt.8 rg8 rg8
  "0b82a0d23183", // or.4 rg4 m4[b]
  "48810d7ab9b9ff00010000", // or.8 m8 i8[b]
  "66d17d10", // sar.2 m2 i1[b]
  "48c1c813", // ror.8 rg8 i1
  "662b6c2414", // sub.2 rg2 m2[b]
  "650fc105f9fa937e", // xadd.4 m4 rg4[bs]
  "48ff03", // inc.8 m8[b]
  "66838491bc00000001", // add.2 m2 i2[bi]
  "480f450d3ffb7101", // cmovcc.8.5 rg8 m8[b]
  "85702c", // test.4 m4 rg4[b]
  "650fb00f", // cmpxchg.1 m1 rg1[bs]
  "410f49c1", // cmovcc.4.9 rg4 rg4
  "803c130a", // cmp.1 m1 i1[bi]
  "4c0fb64601", // movzx.8 rg8 m1[b]
  "4c0fb60c16", // movzx.8 rg8 m1[bi]
  "664183bc94a60a000000", // cmp.2 m2 i2[bi]
  "0faffd", // imul.4 rg4 rg4
  "0f97c0", // setcc.1.7 rg1
  "0fbdfa", // bsr.4 rg4 rg4
  "0fbf00", // movsx.4 rg4 m2[b]
  "ff742420", // push.8 m8[b]
  "45396c0214", // cmp.4 m4 rg4[bi]
  "432b04ae", // sub.4 rg4 m4[bi]
  "0f43c2", // cmovcc.4.3 rg4 rg4
  "48330cc6", // xor.8 rg8 m8[bi]
  "4881f300000000", // xor.8 rg8 i8
  "0f32", // rdmsr.4
  "f3480faec0", // rdfsbase.8 rg8
  "8ee8", // mov.4 rs2 rg2
  "65810decd55c7e00000080", // or.4 m4 i4[bs]
  "42f684217806000002", // test.1 m1 i1[bi]
  "6548891c2528000000", // mov.8 m8 rg8[s]
  "f3480faed0", // wrfsbase.8 rg8
  "410f96c5", // setcc.1.6 rg1
  "66a9fdff", // test.2 rg2 i2
  "48871f", // xchg.8 m8 rg8[b]
  "6639442430", // cmp.2 m2 rg2[b]
  "6501356168f77e", // add.4 m4 rg4[bs]
  "480fadd0", // shrd.8 rg8 rg8 rg1
  "66c1c208", // rol.2 rg2 i1
  "0fbcdd", // bsf.4 rg4 rg4
  "80450501", // add.1 m1 i1[b]
  "0f4ec3", // cmovcc.4.14 rg4 rg4
  "8344930401", // add.4 m4 i4[bi]
  "6641f745000004", // test.2 m2 i2[b]
  "f3480fb8c7", // popcnt.8 rg8 rg8
  "80daff", // sbb.1 rg1 i1
  "654c012402", // add.8 m8 rg8[bis]
  "66c705b9819bff33e0", // mov.2 m2 i2[b]
  "4438143a", // cmp.1 m1 rg1[bi]
  "658125e330ee7effffff7f", // and.4 m4 i4[bs]
  "4c3b34f560f61583", // cmp.8 rg8 m8[i]
  "48d3c0", // rol.8 rg8 rg1
  "ef", // out.4 rg2 rg4
  "41c7048000200000", // mov.4 m4 i4[bi]
  "480fbae83f", // bts.8 rg8 i1
  "0f9ec2", // setcc.1.14 rg1
  "48ff0b", // dec.8 m8[b]
  "6542ff04bd28020200", // inc.4 m4[is]
  "65660905d479f87e", // or.2 m2 rg2[bs]
  "66ed", // in.2 rg2 rg2
  "6603040a", // add.2 rg2 m2[bi]
  "99", // cwd.4
  "668b0579b42aff", // mov.2 rg2 m2[b]
  "4c096b20", // or.8 m8 rg8[b]
  "2106", // and.4 m4 rg4[b]
  "0f0b", // ud2.4
  "6566c705e763fa7e0000", // mov.2 m2 i2[bs]
  "0fbd742408", // bsr.4 rg4 m4[b]
  "802b01", // sub.1 m1 i1[b]
  "48854740", // test.8 m8 rg8[b]
  "482110", // and.8 m8 rg8[b]
  "480f436c2460", // cmovcc.8.3 rg8 m8[b]
  "6548ff0df66eca7e", // dec.8 m8[bs]
  "6642836c5b0801", // sub.2 m2 i2[bi]
  "480fae07", // fxsave64 m0[b]
  "480fae0f", // fxrstor64 m0[b]
];
