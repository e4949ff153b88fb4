/**
 * A profile in the format of Chrome's DevTools (`.cpuprofile`: type Profile of the domain Profiler
 * of the DevTools protocol), which Firefox's profiler and others import.
 *
 * A stack is: domain and vCPU where there are several; "kernel", or "user" and the process; the
 * symbol; and, where the hypervisor worked for the guest there, what it did. Frames have as their
 * "script" where they belong: `kernel/jit`, `user/interpreter`, `hypervisor/hypercall`... so that a
 * viewer that groups by script shows tiers and kinds of exits.
 */
import { NO_DOMAIN, type Sample, type SampleLog } from "../hypervisor/profile-samples.ts";
import type { Activity } from "../hypervisor/profiler.ts";

export interface CpuProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly scriptId: string;
    readonly url: string;
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
  /** Samples in which this node was the innermost. */
  hitCount: number;
  readonly children: number[];
}

/** Ready for JSON.stringify. */
export interface CpuProfile {
  /** Parents come before their children; the first is the root. */
  readonly nodes: readonly CpuProfileNode[];
  /** Microseconds. Time in which no guest could run is left out. */
  readonly startTime: number;
  readonly endTime: number;
  /** Ids of nodes. */
  readonly samples: readonly number[];
  /** Microseconds between a sample and the one before it. */
  readonly timeDeltas: readonly number[];
  /** What no viewer asks for: the exact host time of each activity, the most expensive first. */
  readonly activities: readonly Activity[];
}

/** What a profile's addresses mean. */
export interface ProfiledDomain {
  readonly name: string;
  /** Name of the symbol that holds an address. */
  symbol(address: bigint): string | undefined;
}

export interface ProfileSource {
  readonly samples: SampleLog;
  readonly activities: readonly Activity[];
  readonly domains: ReadonlyMap<number, ProfiledDomain>;
  /** Microseconds of the host's clock. */
  readonly startTime: number;
}

interface Frame {
  readonly name: string;
  readonly script: string;
}

/** No script: a frame that groups others. */
const GROUP = "";
const PAGE_MASK = 0xfffn;

class Tree {
  readonly nodes: CpuProfileNode[] = [];
  readonly #children: Map<string, CpuProfileNode>[] = [];
  readonly #scripts = new Map<string, string>([[GROUP, "0"]]);

  constructor() {
    this.#add({ name: "(root)", script: GROUP });
  }

  /** The node of a stack, outermost frame first. */
  find(stack: readonly Frame[]): CpuProfileNode {
    let node = this.nodes[0] as CpuProfileNode;
    for (const frame of stack) {
      const children = this.#children[node.id] as Map<string, CpuProfileNode>;
      const key = `${frame.script}\0${frame.name}`;
      let child = children.get(key);
      if (child === undefined) {
        child = this.#add(frame);
        children.set(key, child);
        node.children.push(child.id);
      }
      node = child;
    }
    return node;
  }

  #add({ name, script }: Frame): CpuProfileNode {
    const scriptId = this.#scripts.get(script) ?? String(this.#scripts.size);
    this.#scripts.set(script, scriptId);
    const id = this.nodes.length + 1;
    const callFrame = { functionName: name, scriptId, url: script, lineNumber: -1, columnNumber: -1 };
    const node = { id, callFrame, hitCount: 0, children: [] };
    this.nodes.push(node);
    this.#children[id] = new Map();
    return node;
  }
}

const hex = (n: number | bigint): string => `0x${n.toString(16)}`;

/** The name of where a sample was taken; unknown addresses by their page. */
function placeName({ domain, low, high }: Sample, domains: ReadonlyMap<number, ProfiledDomain>): string {
  const address = (BigInt(high) << 32n) | BigInt(low);
  return domains.get(domain)?.symbol(address) ?? `page ${hex(address & ~PAGE_MASK)}`;
}

/** Frames of a sample, outermost first. */
function stackOf(sample: Sample, activity: Activity, place: string, groups: readonly Frame[]): Frame[] {
  if (activity.kind === "hypervisor" || sample.domain === NO_DOMAIN) {
    return [
      { name: "hypervisor", script: GROUP },
      { name: activity.name, script: "hypervisor" },
    ];
  }
  const mode = sample.user ? "user" : "kernel";
  const stack: Frame[] = [...groups, { name: mode, script: GROUP }];
  if (sample.user) stack.push({ name: `process ${hex(sample.root)}`, script: GROUP });
  if (activity.kind === "guest") {
    stack.push({ name: place, script: `${mode}/${activity.name}` });
  } else {
    stack.push({ name: place, script: mode });
    stack.push({ name: activity.name, script: `hypervisor/${activity.kind}` });
  }
  return stack;
}

/** Frames that tell domains and vCPUs apart, where there are several. */
function groupsOf(samples: SampleLog, domains: ReadonlyMap<number, ProfiledDomain>): (sample: Sample) => Frame[] {
  const vcpus = new Map<number, Set<number>>();
  for (const { domain, vcpu } of samples) {
    if (domain === NO_DOMAIN) continue;
    const seen = vcpus.get(domain);
    if (seen) seen.add(vcpu);
    else vcpus.set(domain, new Set([vcpu]));
  }
  return ({ domain, vcpu }) => {
    const frames: Frame[] = [];
    if (vcpus.size > 1) frames.push({ name: domains.get(domain)?.name ?? `domain ${domain}`, script: GROUP });
    if ((vcpus.get(domain)?.size ?? 0) > 1) frames.push({ name: `vCPU ${vcpu}`, script: GROUP });
    return frames;
  };
}

export function makeCpuProfile({ samples, activities, domains, startTime }: ProfileSource): CpuProfile {
  const tree = new Tree();
  const groups = groupsOf(samples, domains);
  const ids: number[] = [];
  for (const sample of samples) {
    const activity = activities[sample.activity];
    if (activity === undefined) continue;
    const node = tree.find(stackOf(sample, activity, placeName(sample, domains), groups(sample)));
    node.hitCount++;
    ids.push(node.id);
  }
  const interval = Math.round(samples.interval / 1000);
  return {
    nodes: tree.nodes,
    startTime,
    endTime: startTime + ids.length * interval,
    samples: ids,
    timeDeltas: ids.map((_, i) => (i === 0 ? 0 : interval)),
    activities: activities
      .map(({ name, kind, count, nanoseconds }) => ({ name, kind, count, nanoseconds: Math.round(nanoseconds) }))
      .sort((a, b) => b.nanoseconds - a.nanoseconds),
  };
}
