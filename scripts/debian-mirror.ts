/** The mirrors that this system's apt uses, for scripts that keep an apt of their own. */
import { execFileSync } from "node:child_process";

/** Where a release ("bookworm", "bookworm-security") is fetched from. @throws if apt has no such source */
export function mirrorOf(release: string): string {
  const format = "$(SITE)|$(RELEASE)|$(COMPONENT)";
  const targets = execFileSync("apt-get", ["indextargets", "--format", format, "Created-By: Packages"], {
    encoding: "utf8",
  });
  for (const line of targets.split("\n")) {
    const [site, name, component] = line.split("|");
    if (site && name === release && component === "main") return site;
  }
  throw new Error(`apt's sources have no ${release} main: add it, or run this on Debian 12`);
}
