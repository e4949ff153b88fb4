/**
 * What a domain finds in xenstore: its own directory, as libxl writes it, and
 * those of its devices.
 */
import { XenbusState } from "../abi/io/xenbus.ts";
import { backendPath, type DeviceAddress, frontendPath } from "../backends/xenbus.ts";
import { requestVcpus } from "./scheduling.ts";
import { domainPath } from "./xenstore/path.ts";
import type { StoreAccess, Xenstore } from "./xenstore/xenstore.ts";

/** A ring page and event channel that the domain has had from birth. */
export interface BirthRing {
  readonly mfn: number;
  /** The guest's port. */
  readonly port: number;
}

export interface DomainDirectory {
  readonly domid: number;
  readonly name: string;
  readonly uuid: string;
  readonly memoryBytes: number;
  /** Up to which it can balloon. */
  readonly maxMemoryBytes: number;
  /** vCPUs that it is to have online, and the most that it can have. */
  readonly vcpus: number;
  readonly maxVcpus: number;
  readonly console: BirthRing;
  readonly store: BirthRing;
}

/** Nodes that a guest may write, though their directory is ours. */
const GUEST_WRITABLE = [
  "control/shutdown",
  "control/feature-poweroff",
  "control/feature-reboot",
  "control/feature-suspend",
  "control/sysrq",
  "device/suspend/event-channel",
  "data",
  "drivers",
  "feature",
  "attr",
  "error",
];

/** Writes domain 0's own directory, once a machine. */
export function writeHostDirectory(xenstore: Xenstore): void {
  xenstore.transaction((content) => {
    content.write("/local/domain/0/domid", "0");
    content.write("/local/domain/0/name", "Domain-0");
  });
}

/** Writes the directory of a domain that was just built. */
export function writeDomainDirectory(xenstore: Xenstore, domain: DomainDirectory): void {
  const { domid } = domain;
  const home = domainPath(domid);
  xenstore.transaction((content) => {
    // Children inherit: the guest may read all of its directory and write none of it, but for what follows.
    directory(content, home, ["n0", `r${domid}`]);
    directory(content, `/vm/${domain.uuid}`, ["n0", `r${domid}`]);
    content.write(`/vm/${domain.uuid}/name`, domain.name);
    content.write(`/vm/${domain.uuid}/uuid`, domain.uuid);

    content.write(`${home}/vm`, `/vm/${domain.uuid}`);
    content.write(`${home}/name`, domain.name);
    content.write(`${home}/domid`, String(domid));
    requestVcpus(content, domid, domain.vcpus, domain.maxVcpus);
    content.write(`${home}/memory/static-max`, String(domain.maxMemoryBytes / 1024));
    content.write(`${home}/memory/target`, String(domain.memoryBytes / 1024));
    // A PV domain has no memory for a graphics card: libxl writes its "unknown".
    content.write(`${home}/memory/videoram`, "-1");
    content.write(`${home}/control/platform-feature-multiprocessor-suspend`, "1");
    content.write(`${home}/control/platform-feature-xs_reset_watches`, "1");
    for (const path of GUEST_WRITABLE) directory(content, `${home}/${path}`, [`n${domid}`]);

    content.write(`${home}/store/port`, String(domain.store.port));
    content.write(`${home}/store/ring-ref`, String(domain.store.mfn));
    writePrimaryConsole(content, domain);
  });
}

/** The first console has its frontend keys in the domain's directory itself. */
function writePrimaryConsole(content: StoreAccess, { domid, console }: DomainDirectory): void {
  const front = `${domainPath(domid)}/console`;
  const back = `/local/domain/0/backend/console/${domid}/0`;
  writeAll(content, front, {
    backend: back,
    "backend-id": "0",
    limit: "1048576",
    type: "xenconsoled",
    output: "pty",
    tty: "",
    port: String(console.port),
    "ring-ref": String(console.mfn),
  });
  directory(content, back, ["n0", `r${domid}`]);
  writeAll(content, back, {
    frontend: front,
    "frontend-id": String(domid),
    online: "1",
    state: String(XenbusState.Initialising),
    protocol: "vt100",
  });
}

/** Writes the two directories of a device, which makes the guest's driver look at it. */
export function writeDeviceDirectories(
  xenstore: Xenstore,
  address: DeviceAddress,
  keys: { frontend?: Readonly<Record<string, string>>; backend?: Readonly<Record<string, string>> },
): void {
  const front = frontendPath(address);
  const back = backendPath(address);
  const initialising = String(XenbusState.Initialising);
  xenstore.transaction((content) => {
    directory(content, back, ["n0", `r${address.domid}`]);
    writeAll(content, back, {
      frontend: front,
      "frontend-id": String(address.domid),
      online: "1",
      ...keys.backend,
      state: initialising,
    });
    directory(content, front, [`n${address.domid}`, "r0"]);
    writeAll(content, front, { backend: back, "backend-id": "0", ...keys.frontend, state: initialising });
  });
}

/** Removes what the above wrote for a domain. (What the guest owns goes when the store forgets it.) */
export function removeDomainDirectory(xenstore: Xenstore, domid: number, uuid: string): void {
  xenstore.transaction((content) => {
    content.remove(domainPath(domid));
    content.remove(`/vm/${uuid}`);
    for (const type of content.directory("/local/domain/0/backend")) {
      content.remove(`/local/domain/0/backend/${type}/${domid}`);
    }
  });
}

function directory(content: StoreAccess, path: string, permissions: readonly string[]): void {
  content.mkdir(path);
  content.setPermissions(path, permissions);
}

function writeAll(content: StoreAccess, path: string, values: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(values)) content.write(`${path}/${key}`, value);
}
