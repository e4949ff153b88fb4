#!/usr/bin/env node
/** The `typervisor` command: sees to a quick start, and loads the rest. */
import module from "node:module";
import { join } from "node:path";
import { defaultCacheDirectory } from "../client.ts";

/** Node 22.1 and later keep compiled code, if they are told where. In a directory of the user's own: it is executed. */
const { enableCompileCache } = module as { enableCompileCache?: (directory: string) => unknown };
enableCompileCache?.(join(defaultCacheDirectory(), "compiled"));

const { command } = await import("./command.ts");
await command();
