/** A process of its own that follows one job on many connections: `server-streams.ts URL JOB STREAMS`. Tells its parent how it goes. */
import { Agent, get, type IncomingMessage } from "node:http";

export type StreamsMessage =
  /** Every connection has had its first event. */
  | { type: "listening" }
  /** Every connection has had its last event, and `events` is what each got. */
  | { type: "done"; events: number };

const [url, jobId, count] = process.argv.slice(2) as [string, string, string];
const streams = Number(count);
const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });
const tell = (message: StreamsMessage) => process.send!(message);

const open = () =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { accept: "text/event-stream" };
    get(`${url}/v1/jobs/${jobId}/events`, { agent, headers }, resolve).on("error", reject);
  });

let begun = 0;

/** Resolves with the number of events; throws when one is missing or comes twice. */
async function follow(): Promise<number> {
  let last = 0;
  let rest = "";
  for await (const chunk of (await open()).setEncoding("utf8")) {
    const frames = (rest + chunk).split("\n\n");
    rest = frames.pop()!;
    for (const frame of frames) {
      if (!frame.startsWith("id: ")) continue;
      const id = Number.parseInt(frame.slice(4), 10);
      if (id !== last + 1) throw new Error(`Event ${id} came after event ${last}.`);
      last = id;
      if (id === 1 && ++begun === streams) tell({ type: "listening" });
    }
  }
  return last;
}

const events = await Promise.all(Array.from({ length: streams }, follow));
if (events.some((each) => each !== events[0])) throw new Error("Some streams got fewer events than others.");
tell({ type: "done", events: events[0]! });
process.disconnect();
