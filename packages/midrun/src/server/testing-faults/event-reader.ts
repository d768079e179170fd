/** A reader of a job's event stream that can be cut off anywhere, and comes back. */
import { request } from "node:http";
import { isTerminalEvent, type JobEvent } from "../../protocol/event.ts";

export interface Reading {
  /** Events of this connection, in order. */
  events: JobEvent[];
  /** Why it ended: the server said that nothing more comes, or the connection broke or was cut. */
  end: "over" | "cut";
}

/** Reads events after `last` until the stream is over, the connection breaks, or `cut` says so after an event. */
export function readEvents(
  url: string,
  jobId: string,
  last: number,
  cut: (event: JobEvent) => boolean,
): Promise<Reading> {
  return new Promise((resolve) => {
    const events: JobEvent[] = [];
    let text = "";
    const headers = { accept: "text/event-stream", "last-event-id": `${last}` };
    const call = request(`${url}/v1/jobs/${jobId}/events`, { headers, agent: false }, (response) => {
      const finish = (end: Reading["end"]) => {
        resolve({ events, end });
        call.destroy();
      };
      if (response.statusCode !== 200) return finish("cut");
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        const frames = (text + chunk).split("\n\n");
        text = frames.pop()!;
        for (const frame of frames) {
          if (frame.startsWith("event: end")) return finish("over");
          const data = /^id: \d+\n(?:event: .*\n)?data: (.*)$/m.exec(frame)?.[1];
          if (data === undefined) continue;
          const event = JSON.parse(data) as JobEvent;
          events.push(event);
          if (cut(event)) return finish("cut");
        }
      });
      response.on("close", () => finish(events.some(isTerminalEvent) ? "over" : "cut"));
      response.on("error", () => finish("cut"));
    });
    call.on("error", () => resolve({ events, end: "cut" }));
    call.end();
  });
}
