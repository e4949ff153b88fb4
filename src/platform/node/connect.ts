/** Reaching a machine that lives, by its socket. */
import { ControlClient } from "../../toolstack/control/client.ts";
import type { Transport } from "../../toolstack/control/transport.ts";
import { connectToSocket, type Receiver } from "./control-socket.ts";

/** Connects, and waits for the machine's greeting. @throws NoDaemon, FileError, ControlError, ConnectionLost */
export async function connectToMachine(socket: string): Promise<ControlClient> {
  let client: ControlClient | undefined;
  const early: Uint8Array[] = [];
  const receiver: Receiver = {
    receive: (bytes) => (client === undefined ? early.push(bytes) : client.receive(bytes)),
    closed: () => client?.closed(),
  };
  const transport: Transport = await connectToSocket(socket, receiver);
  client = new ControlClient(transport);
  for (const bytes of early) client.receive(bytes);
  await client.greeting;
  return client;
}
