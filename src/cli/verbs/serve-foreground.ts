/** The machine of `typervisor serve`, in this process: until it is stopped, by a signal or by `typervisor stop`. */
import { formatSize, reportReady, type ServedMachine, type ServeOptions, serveMachine } from "../../node.ts";
import { output } from "../output.ts";

export async function foreground(options: ServeOptions & { machine: { memory: number } }): Promise<void> {
  // Before anybody can know that there is a machine.
  const signals = watchSignals();
  const machine = await serveMachine(options).catch((error: unknown) => {
    signals.unwatch();
    throw error;
  });
  signals.stops(machine);
  if (process.send === undefined) {
    const { paths, machine: config } = options;
    say(`machine ${paths.name} with ${formatSize(config.memory)} is running on ${paths.socket}`);
    say("Ctrl-C stops it. In another terminal: typervisor create, list, console... (typervisor --help)");
  }
  reportReady();
  try {
    await machine.stopped;
  } finally {
    signals.unwatch();
  }
}

/** Signals stop the machine, once there is one. */
function watchSignals(): { stops(machine: ServedMachine): void; unwatch(): void } {
  let machine: ServedMachine | undefined;
  let count = 0;
  const onSignal = (): void => {
    if (++count === 1 && process.stderr.isTTY) say("stopping: guests are asked to shut down; once more stops at once");
    machine?.stop();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    stops: (started) => {
      machine = started;
      if (count > 0) machine.stop(count > 1);
    },
    unwatch: () => {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

function say(text: string): void {
  output.error(`typervisor: ${text}\n`);
}
