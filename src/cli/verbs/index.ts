/** All verbs that talk to a machine, in the order of the help. */
import { addConsoleVerb } from "./console.ts";
import { addCreateVerb } from "./create.ts";
import { addDomainVerbs } from "./domains.ts";
import { addListVerbs } from "./list.ts";
import { addMachineVerbs } from "./machine.ts";
import { addResourceVerbs } from "./resources.ts";
import { addSchedulingVerbs } from "./scheduling.ts";
import { addServeVerbs } from "./serve.ts";
import { addTopVerb } from "./top.ts";
import type { VerbContext } from "./verb.ts";
import { addXenstoreVerbs } from "./xenstore.ts";

export { GROUPS } from "./verb.ts";

export function addVerbs(context: VerbContext): void {
  addServeVerbs(context);
  addCreateVerb(context);
  addConsoleVerb(context);
  addListVerbs(context);
  addDomainVerbs(context);
  addResourceVerbs(context);
  addSchedulingVerbs(context);
  addMachineVerbs(context);
  addTopVerb(context);
  addXenstoreVerbs(context);
}
