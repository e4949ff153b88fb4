/** States of a split device, as both ends write them into xenstore (public/io/xenbus.h). */
export const XenbusState = {
  Unknown: 0,
  Initialising: 1,
  /** The backend has written its features and waits for the frontend's rings. */
  InitWait: 2,
  /** The frontend has written its rings and ports. */
  Initialised: 3,
  Connected: 4,
  Closing: 5,
  Closed: 6,
  Reconfiguring: 7,
  Reconfigured: 8,
} as const;
export type XenbusState = (typeof XenbusState)[keyof typeof XenbusState];
