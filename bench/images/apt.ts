/**
 * Debian packages for the benchmarks, of both architectures, unpacked and never installed: apt with
 * lists, sources and caches of its own, so that the host's stay as they are.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mirrorOf } from "../../scripts/debian-mirror.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const sources = (): string => `\
deb [signed-by=${KEYRING}] ${mirrorOf("bookworm")} bookworm main
deb-src [signed-by=${KEYRING}] ${mirrorOf("bookworm")} bookworm main
deb [arch=amd64 signed-by=${KEYRING}] ${mirrorOf("bookworm-security")} bookworm-security main
`;

export class PrivateApt {
  readonly #folder: string;
  readonly #config: string;
  #updated = false;

  /** @param folder everything is kept below it */
  constructor(folder: string) {
    this.#folder = folder;
    const apt = join(folder, "apt");
    for (const path of ["state/lists/partial", "cache/archives/partial"]) {
      mkdirSync(join(apt, path), { recursive: true });
    }
    this.#config = join(apt, "apt.conf");
    writeFileSync(join(apt, "status"), "");
    writeFileSync(join(apt, "sources.list"), sources());
    writeFileSync(
      this.#config,
      `Dir::State "${apt}/state";
Dir::State::status "${apt}/status";
Dir::Cache "${apt}/cache";
Dir::Etc::sourcelist "${apt}/sources.list";
Dir::Etc::sourceparts "/dev/null";
APT::Architecture "amd64";
APT::Architectures { "amd64"; "i386"; };
APT::Install-Recommends "false";
${process.getuid?.() === 0 ? 'APT::Sandbox::User "root";' : ""}
Debug::NoLocking "true";
Acquire::Languages "none";
`,
    );
  }

  /** Unpacks packages, "name" or "name:architecture" or "name=version", into one folder. Does nothing the second time. */
  unpack(name: string, packages: readonly string[], only?: string): string {
    return this.#once(
      name,
      JSON.stringify([packages, only ?? ""]),
      (archives) => {
        this.#apt("apt-get", ["-q", "download", ...packages], archives);
        return debs(archives);
      },
      only,
    );
  }

  /** Unpacks a package and all that it needs, the C library included. */
  unpackWithDependencies(name: string, packageName: string): string {
    return this.#once(name, packageName, (archives) => {
      const cache = `Dir::Cache::archives=${archives}`;
      mkdirSync(join(archives, "partial"));
      this.#apt("apt-get", ["-q", "-y", "-o", cache, "--download-only", "install", packageName], archives);
      return debs(archives);
    });
  }

  /** The original source of a package, as its authors released it. */
  unpackSource(name: string, packageName: string): string {
    return this.#once(name, packageName, (archives, root) => {
      this.#apt("apt-get", ["-q", "--download-only", "source", packageName], archives);
      const archive = readdirSync(archives).find((file) => /\.orig\.tar\.\w+$/.test(file));
      if (archive === undefined) throw new Error(`the source package ${packageName} has no archive`);
      execFileSync("tar", ["-x", "-f", join(archives, archive), "-C", root, "--strip-components=1"]);
      return [];
    });
  }

  /** The version that would be downloaded. */
  version(packageName: string): string {
    return field(this.#apt("apt-cache", ["--no-all-versions", "show", packageName]), "Version");
  }

  /** The package that a metapackage of the kernel stands for, with its architecture. */
  kernelPackage(metapackage: string): string {
    const architecture = /:\w+$/.exec(metapackage)?.[0] ?? "";
    const depends = field(this.#apt("apt-cache", ["--no-all-versions", "show", metapackage]), "Depends");
    const name = /\blinux-image-[0-9][^\s,(|]*/.exec(depends)?.[0];
    if (name === undefined) throw new Error(`${metapackage} depends on no kernel`);
    return name + architecture;
  }

  #once(
    name: string,
    key: string,
    fetch: (archives: string, root: string) => readonly string[],
    only?: string,
  ): string {
    const root = join(this.#folder, name);
    const stamp = join(this.#folder, `${name}.stamp`);
    if (existsSync(stamp) && readFileSync(stamp, "utf8") === key) return root;
    const archives = join(this.#folder, `${name}.archives`);
    for (const path of [root, archives]) {
      rmSync(path, { recursive: true, force: true });
      mkdirSync(path);
    }
    for (const deb of fetch(archives, root)) {
      if (only === undefined) execFileSync("dpkg-deb", ["-x", deb, root]);
      else execFileSync("sh", ["-c", 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" "$3"', "sh", deb, root, only]);
    }
    rmSync(archives, { recursive: true });
    writeFileSync(stamp, key);
    return root;
  }

  #apt(program: "apt-get" | "apt-cache", words: readonly string[], cwd = this.#folder): string {
    const options = { cwd, env: { ...process.env, APT_CONFIG: this.#config }, encoding: "utf8" } as const;
    if (!this.#updated) {
      this.#updated = true;
      execFileSync("apt-get", ["-q", "update"], { ...options, stdio: ["ignore", "ignore", "inherit"] });
    }
    return execFileSync(program, words, { ...options, stdio: ["ignore", "pipe", "inherit"] });
  }
}

function debs(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".deb"))
    .map((file) => join(folder, file));
}

function field(control: string, name: string): string {
  const value = new RegExp(`^${name}: (.*)$`, "m").exec(control)?.[1];
  if (value === undefined) throw new Error(`apt knows no ${name} of the package`);
  return value;
}
