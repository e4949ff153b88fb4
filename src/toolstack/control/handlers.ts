/** What the daemon does for each request of the control protocol. */
import { XEN_MAJOR, XEN_MINOR } from "../../hypervisor/misc/xen-version.ts";
import * as control from "../domain-control.ts";
import type { ShutdownStatus } from "../shutdown-request.ts";
import { ControlError } from "./protocol.ts";
import type { Handlers } from "./server.ts";
import { type DomainOutcome, type MachineStatus, nameProblem } from "./shapes.ts";
import { chosen, domainStatus, vcpuStatuses } from "./status.ts";
import { storeHandlers } from "./store-handlers.ts";
import type { Supervised, Supervisor } from "./supervisor.ts";

/** What the program around the machine adds. */
export interface ServedMachine {
  readonly supervisor: Supervisor;
  /** Of Typervisor. */
  readonly version: string;
  /** What is known of the host, for `info`. */
  readonly host: Pick<MachineStatus, "host" | "system" | "pid" | "stateDirectory">;
  after(milliseconds: number, callback: () => void): () => void;
  /** Ends the machine and the program. */
  stop(now: boolean): void;
}

const DONE = {};
/** Who waits for the end of a domain hears this often of what keeps it: a bit longer than it takes to be asked again. */
const TELL_MS = 6000;

export function controlHandlers(served: ServedMachine): Handlers {
  const { supervisor } = served;
  const { machine } = supervisor;
  const now = (): number => machine.hypervisor.clock.now() / 1e6;
  const find = (domain: string): Supervised => supervisor.find(domain);
  const list = (domain?: string) => chosen(supervisor, domain).map((one) => domainStatus(one, now()));

  return {
    ...storeHandlers(machine.xenstore),

    info: () => machineStatus(served),
    list: ({ domain }) => ({ domains: list(domain) }),
    top: async ({ milliseconds }, call) => {
      while (!call.cancelled) {
        await call.event({ machine: machineStatus(served), domains: list() });
        await pause(served, milliseconds, call);
      }
      return DONE;
    },
    vcpus: ({ domain }) => ({
      domains: chosen(supervisor, domain).map(({ domain }) => ({
        id: domain.id,
        name: domain.name,
        vcpus: vcpuStatuses(domain),
      })),
    }),
    messages: ({ clear }) => {
      const text = supervisor.messages.toString();
      if (clear) supervisor.messages.clear();
      return { text };
    },

    create: async ({ spec, paused }, call) => {
      const { domain } = await supervisor.create(spec, { paused, onProgress: (progress) => void call.event(progress) });
      return { id: domain.id, name: domain.name };
    },
    destroy: ({ domain }) => {
      supervisor.destroy(find(domain));
      return DONE;
    },
    pause: ({ domain }) => {
      alive(find(domain)).pause();
      return DONE;
    },
    unpause: ({ domain }) => {
      alive(find(domain)).unpause();
      return DONE;
    },
    shutdown: ({ domain, how }) => {
      alive(find(domain)).shutdown(how);
      return DONE;
    },
    wait: async ({ domain }, call) => {
      const found = find(domain);
      const stop = tellOfShutdown(served, found, (status) => void call.event(status));
      return await outcomeOf(found, call).finally(stop);
    },
    rename: ({ domain, name }) => {
      const found = find(domain);
      const problem = nameProblem(name);
      if (problem !== undefined) throw new ControlError("invalid", problem);
      if (name !== found.domain.name) {
        supervisor.checkName(name);
        found.domain.rename(name);
      }
      return DONE;
    },
    sysrq: ({ domain, letter }) => {
      const target = alive(find(domain));
      attempt(() => target.sysrq(letter));
      return DONE;
    },
    trigger: ({ domain, vcpu }) => {
      const target = alive(find(domain));
      attempt(() => target.triggerNmi(vcpu));
      return DONE;
    },

    setVcpus: ({ domain, vcpus }) => {
      const target = alive(find(domain));
      attempt(() => control.setVcpus(target, vcpus));
      return DONE;
    },
    setMemoryTarget: ({ domain, bytes }) => {
      const target = alive(find(domain));
      attempt(() => control.setMemoryTarget(target, bytes));
      return DONE;
    },
    setMaximumMemory: ({ domain, bytes }) => {
      const target = alive(find(domain));
      attempt(() => control.setMaximumMemory(target, bytes));
      return DONE;
    },
    credit2: ({ domain }) => ({
      rateLimit: machine.schedulerRateLimit,
      domains: scheduled(supervisor, domain, control.credit2),
    }),
    setCredit2: ({ domain, ...parameters }) => {
      const target = alive(find(domain));
      attempt(() => control.setCredit2(target, parameters));
      return DONE;
    },
    setRateLimit: ({ microseconds }) => {
      attempt(() => {
        machine.schedulerRateLimit = microseconds;
      });
      return DONE;
    },
    rtds: ({ domain }) => ({ domains: scheduled(supervisor, domain, control.rtds) }),
    setRtds: ({ domain, changes }) => {
      const target = alive(find(domain));
      attempt(() => control.setRtds(target, changes));
      return DONE;
    },

    console: async ({ domain, console }, call) => {
      const found = find(domain);
      await consoleOf(found, console).follow({
        show: (data, lost) => call.event({ data, ...(lost > 0 && { lost }) }),
        get cancelled() {
          return call.cancelled;
        },
        onCancel: (listener) => call.onCancel(listener),
      });
      return outcomeOf(found, call);
    },
    consoleInput: async ({ domain, console, data }) => {
      await consoleOf(find(domain), console).type(data);
      return DONE;
    },

    stop: ({ now }) => {
      served.stop(now);
      return DONE;
    },
  };
}

function machineStatus({ supervisor, version, host }: ServedMachine): MachineStatus {
  const { machine } = supervisor;
  return {
    version,
    processors: 1,
    totalMemoryBytes: machine.memory.total,
    freeMemoryBytes: machine.memory.free,
    domains: machine.domains.length,
    upSeconds: machine.hypervisor.clock.now() / 1e9,
    xenMajor: XEN_MAJOR,
    xenMinor: XEN_MINOR,
    scheduler: control.SCHEDULER,
    ...host,
  };
}

/** The domain, if it has not ended. */
function alive({ domain }: Supervised): Supervised["domain"] {
  if (domain.end === undefined) return domain;
  throw new ControlError("unavailable", `domain ${domain.name} has ended (${domain.end.reason}) and is kept as it was`);
}

/** @throws ControlError unsupported */
function consoleOf({ domain, console }: Supervised, number = 0): Supervised["console"] {
  if (number === 0) return console;
  throw new ControlError("unsupported", `domain ${domain.name} has no console ${number}: it has one, number 0`);
}

/** Tells what has become of a request to shut down that is not followed soon, and when that changes. Returns how to stop. */
function tellOfShutdown(
  served: ServedMachine,
  { domain }: Supervised,
  tell: (status: ShutdownStatus) => void,
): () => void {
  let told: ShutdownStatus | undefined;
  let cancel = (): void => {};
  const look = (): void => {
    const status = domain.shutdownStatus;
    if (status !== undefined && (status.taken !== told?.taken || status.requests !== told.requests)) tell(status);
    told = status;
    cancel = served.after(TELL_MS, look);
  };
  cancel = served.after(TELL_MS, look);
  return () => cancel();
}

interface Cancellable {
  readonly cancelled: boolean;
  onCancel(listener: () => void): () => void;
}

/** The end of a domain, or of the wish to know it. */
async function outcomeOf(supervised: Supervised, call: Cancellable): Promise<DomainOutcome> {
  let forget = (): unknown => undefined;
  const gone = new Promise<"gone">((resolve) => {
    forget = call.onCancel(() => resolve("gone"));
  });
  const outcome = await Promise.race([supervised.outcome, gone]);
  forget();
  return outcome === "gone" ? { reason: "destroyed" } : outcome;
}

/** Waits, but no longer than anybody wants the result. */
async function pause(served: ServedMachine, milliseconds: number, call: Cancellable): Promise<void> {
  let undo = (): unknown => undefined;
  await new Promise<void>((resolve) => {
    const cancel = served.after(milliseconds, resolve);
    undo = call.onCancel(() => {
      cancel();
      resolve();
    });
  });
  undo();
}

/** A scheduler's parameters of the domains that are under it. */
function scheduled<T extends object>(
  supervisor: Supervisor,
  domain: string | undefined,
  parameters: (domain: Supervised["domain"]) => T | undefined,
): ({ id: number; name: string } & T)[] {
  return chosen(supervisor, domain).flatMap(({ domain }) => {
    const found = parameters(domain);
    return found === undefined ? [] : [{ id: domain.id, name: domain.name, ...found }];
  });
}

/** What the library refuses is the client's mistake. */
function attempt(operation: () => void): void {
  try {
    operation();
  } catch (error) {
    if (error instanceof RangeError) throw new ControlError("invalid", error.message);
    throw error;
  }
}
