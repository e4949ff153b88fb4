/** Typervisor for Node: all of `typervisor`, and files, terminals, machines that live, and the default guest. */
export * from "./client.ts";
export * from "./guest.ts";
export * from "./index.ts";
export { type ServedMachine, type ServeOptions, serveMachine } from "./platform/node/serve.ts";
