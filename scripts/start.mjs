/** `npm start`: installs and compiles what is missing, then `typervisor run` with the arguments given. */
import { pathToFileURL } from "node:url";
import { build, installPackages } from "./prepare.mjs";

installPackages();
const main = build();
process.argv = [process.execPath, main, "run", ...process.argv.slice(2)];
await import(pathToFileURL(main).href);
