/** Typervisor for Node: all of `typervisor`, and files, terminals, machines that live, and the default guest. */
export * from "./client.ts";
export * from "./index.ts";
export {
  type GuestImage,
  type GuestImageOptions,
  type ImageProgress,
  obtainGuestImage,
} from "./platform/node/guest-image.ts";
export { type ServedMachine, type ServeOptions, serveMachine } from "./platform/node/serve.ts";
