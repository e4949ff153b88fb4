/** What the process ends with, apart from 0 and the status of a command. */
export const ExitStatus = {
  /** Something outside is not as it must be: a file, an image, the network. */
  Failure: 1,
  /** The command line makes no sense. */
  Usage: 2,
  /** The guest crashed, or we did (EX_SOFTWARE of sysexits.h). */
  Crash: 70,
  /** --timeout is over, as timeout(1) has it. */
  Timeout: 124,
} as const;

/** Status of a process that a signal ended, as shells have it. */
export function signalStatus(number: number): number {
  return 128 + number;
}

/** A mistake of the user, or something that he has to know: shown as one line, with no stack. */
export class UserError extends Error {
  readonly status: number;
  constructor(message: string, status: number = ExitStatus.Failure) {
    super(message);
    this.status = status;
  }
}

/** A nonsensical command line. */
export function usageError(message: string): UserError {
  return new UserError(`${message} (see typervisor run --help)`, ExitStatus.Usage);
}
