/** What becomes of a domain that has shut down: values of xl.cfg's on_poweroff, on_reboot, on_watchdog and on_crash. */
export const ACTIONS = ["destroy", "restart", "rename-restart", "preserve"] as const;
export type Action = (typeof ACTIONS)[number];

/** Values that xl knows and this toolstack does not have. */
export const UNSUPPORTED_ACTIONS = ["coredump-destroy", "coredump-restart", "soft-reset"] as const;
