/** What runs guests: most of the program, loaded only where it is needed. */
export { createMachine } from "../node.ts";
