import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { JobEvent } from "../../protocol/event.ts";
import type { JobSpecInput } from "../../protocol/job.ts";
import { createTestApp, type TestApp, type TestAppOptions } from "../../testing.ts";

const spec: JobSpecInput = { name: "run", model: "base", dataset: { type: "inline", rows: [{ text: "a" }] } };

interface Frame {
  id?: string;
  event?: string;
  data?: string;
  retry?: string;
}

/** By the standard's rules, and nothing of our own: fields by line, frames by empty line. */
function parseFrames(text: string): Frame[] {
  return text
    .split("\n\n")
    .filter((block) => block !== "")
    .map((block) =>
      Object.fromEntries(
        block.split("\n").map((line) => {
          const [, name, value] = /^(id|event|data|retry): (.*)$/.exec(line) ?? [];
          if (name === undefined) throw new Error(`no field: ${JSON.stringify(line)}`);
          return [name, value];
        }),
      ),
    );
}

const eventFrames = (frames: Frame[]) => frames.filter(({ id }) => id !== undefined);
const idsOf = (frames: Frame[]) => eventFrames(frames).map(({ id }) => Number(id));

const apps: TestApp[] = [];
afterEach(async () => {
  for (const { close, errors } of apps.splice(0)) {
    await close();
    expect(errors).toEqual([]);
  }
});

function setUp(options?: TestAppOptions) {
  const test = createTestApp(options);
  apps.push(test);
  const create = async (overrides: Partial<JobSpecInput> = {}): Promise<string> => {
    const response = await test.fetch("/v1/jobs", { method: "POST", body: JSON.stringify({ ...spec, ...overrides }) });
    return ((await response.json()) as { id: string }).id;
  };
  const open = (id: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
    test.fetch(`/v1/jobs/${id}/events`, { ...init, headers: { accept: "text/event-stream", ...headers } });
  return { ...test, create, open };
}

/** Reads whole frames from a response, as many as wanted; `leave` cuts the connection. */
function reader(response: Response) {
  const stream = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    async frames(count: number): Promise<Frame[]> {
      while (text.split("\n\n").length <= count) {
        const { done, value } = await stream.read();
        if (done) break;
        text += value;
      }
      const blocks = text.split("\n\n");
      text = blocks.slice(count).join("\n\n");
      return parseFrames(blocks.slice(0, count).join("\n\n"));
    },
    leave: () => stream.cancel(),
  };
}

describe("GET /v1/jobs/:id/events as a stream", () => {
  it("is one frame an event, then `end`: id, event = type, data = the stored event", async () => {
    const { create, open, store } = setUp({ fake: { steps: 2, saveSteps: 1 } });
    const id = await create();
    const response = await open(id);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("cache-control")).toContain("no-cache");
    expect(response.headers.get("x-request-id")).toMatch(/^req_/);
    const [retry, ...frames] = parseFrames(await response.text());
    expect(retry).toEqual({ retry: "1000" });
    expect(frames.pop()).toEqual({ event: "end", data: "{}" });
    const events = await store.listEvents(id, { after: 0, limit: 100 });
    expect(events.at(-1)?.type).toBe("training.completed");
    expect(frames).toEqual(
      events.map((event) => ({ id: `${event.id}`, event: event.type, data: JSON.stringify(event) })),
    );
    for (const event of events) expect(event).toMatchObject({ jobId: id, timestamp: expect.stringMatching(/^2026/) });
  });

  it("follows live: an event is there before the next one happens", async () => {
    const { create, open, runner } = setUp({ fake: { manual: true, steps: 3, saveSteps: 10 } });
    const { frames } = reader(await open(await create()));
    expect((await frames(3)).map(({ event }) => event)).toEqual([undefined, "training.queued", "training.started"]);
    for (let step = 1; step <= 2; step++) {
      await runner.advance();
      const [frame] = await frames(1);
      expect(JSON.parse(frame!.data!)).toMatchObject({ type: "training.log", step });
    }
    await runner.advance();
    const rest = (await frames(4)).map(({ event }) => event);
    expect(rest).toEqual(["training.log", "checkpoint.saved", "training.completed", "end"]);
  });

  it("goes on through a pause, and ends only after the terminal event", async () => {
    const { create, open, runner, fetch } = setUp({ fake: { manual: true, steps: 3, saveSteps: 10 } });
    const id = await create();
    const { frames } = reader(await open(id, { "last-event-id": "2" }));
    await runner.advance();
    expect((await frames(2)).at(-1)?.event).toBe("training.log");
    await fetch(`/v1/jobs/${id}/pause`, { method: "POST" });
    await runner.advance();
    expect((await frames(3)).at(-1)?.event).toBe("training.paused");
    await fetch(`/v1/jobs/${id}/cancel`, { method: "POST" });
    expect((await frames(2)).map(({ event }) => event)).toEqual(["training.cancelled", "end"]);
  });

  it("pings while nothing happens, and not once too often for a reader that stalls", async () => {
    const { create, open, clock } = setUp({ pingMs: 100, fake: { manual: true } });
    const { frames } = reader(await open(await create()));
    await frames(3);
    for (let i = 0; i < 3; i++) {
      clock.advance(100);
      expect(await frames(1)).toEqual([{ event: "ping", data: "{}" }]);
      await nextTurn();
    }
    clock.advance(100_000);
    clock.advance(100_000);
    const stalled = reader(await open(await create()));
    clock.advance(100_000);
    const [first, second] = [await stalled.frames(1), await stalled.frames(1)];
    expect([first, second].flat().filter(({ event }) => event === "ping").length).toBeLessThanOrEqual(1);
  });

  it.each([
    ["Last-Event-ID", { "last-event-id": "3" }, ""],
    ["after", {}, "?after=3"],
    ["Last-Event-ID before after", { "last-event-id": "3" }, "?after=1"],
  ])("continues after %s", async (_, headers, query) => {
    const { create, open, fetch } = setUp({ fake: { steps: 2, saveSteps: 10 } });
    const id = await create();
    await (await open(id)).text();
    const response = await fetch(`/v1/jobs/${id}/events${query}`, {
      headers: { accept: "text/event-stream", ...headers } as Record<string, string>,
    });
    expect(idsOf(parseFrames(await response.text()))).toEqual([4, 5, 6]);
  });

  it("of a finished job gives the history and ends, also when there is nothing left to give", async () => {
    const { create, open } = setUp({ fake: { steps: 1 } });
    const id = await create();
    const all = idsOf(parseFrames(await (await open(id)).text()));
    for (const after of [all.length, 999]) {
      const frames = parseFrames(await (await open(id, { "last-event-id": `${after}` })).text());
      expect(frames).toEqual([{ retry: "1000" }, { event: "end", data: "{}" }]);
    }
  });

  it("of a finished job tells the times at which things happened, however much later it is read", async () => {
    const { create, open, runner, clock } = setUp({ fake: { manual: true, steps: 3 } });
    const id = await create();
    const live = open(id).then((response) => response.text());
    for (let step = 0; step < 3; step++) {
      clock.advance(60_000);
      await runner.advance(1);
    }
    const seen = eventFrames(parseFrames(await live));
    clock.advance(3_600_000);
    const replayed = eventFrames(parseFrames(await (await open(id)).text()));
    expect(replayed).toEqual(seen);
    const times = replayed.map(({ data }) => Date.parse((JSON.parse(data!) as JobEvent).timestamp));
    expect(times.at(-1)! - times[0]!).toBe(3 * 60_000);
  });

  it("refuses a Last-Event-ID that is none of ours", async () => {
    const { create, open } = setUp();
    const response = await open(await create(), { "last-event-id": "abc" });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: "Last-Event-ID" } });
  });

  it("breaks off without `end` when the server ends, so that the reader comes back", async () => {
    const { create, open, close } = setUp({ fake: { manual: true } });
    const response = await open(await create());
    const text = response.text();
    await nextTurn();
    await close();
    expect(parseFrames(await text).some(({ event }) => event === "end")).toBe(false);
  });

  it("ends with the reader: by leaving, or by its signal", async () => {
    const { create, open } = setUp({ fake: { manual: true } });
    const id = await create();
    const left = reader(await open(id));
    await left.frames(3);
    await left.leave();
    const controller = new AbortController();
    const response = await open(id, {}, { signal: controller.signal });
    const reading = response.text();
    await nextTurn();
    controller.abort(new Error("enough"));
    await expect(reading).rejects.toThrow("enough");
  });

  it("breaks when the store fails, and the server's log has the reason", async () => {
    const { create, open, store, errors } = setUp({ fake: { manual: true } });
    const id = await create();
    store.listEvents = () => Promise.reject(new Error("disk on fire"));
    await expect((await open(id)).text()).rejects.toThrow();
    expect(errors.splice(0)).toMatchObject([{ message: "disk on fire" }]);
  });

  it("is exact for readers that come and go at any event", async () => {
    const stays = fc.array(fc.nat({ max: 5 }), { maxLength: 8 });
    const advances = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(stays, advances, async (frameCounts, stepCounts) => {
        const { create, open, runner, store } = setUp({ fake: { manual: true, steps: 12, saveSteps: 3 } });
        const id = await create();
        const seen: number[] = [];
        const lengthOfHistory = async () => (await store.listEvents(id, { after: 0, limit: 1000 })).length;
        const openAgain = () => open(id, seen.length > 0 ? { "last-event-id": `${seen.at(-1)}` } : {});
        const advance = async () => {
          if (runner.training.length > 0) await runner.advance(stepCounts.shift() ?? 1);
        };
        for (const count of frameCounts) {
          const { frames, leave } = reader(await openAgain());
          await advance();
          // Besides `retry:`, only as many as are sure to come.
          const there = (await lengthOfHistory()) - seen.length;
          seen.push(...idsOf(await frames(1 + Math.min(count, there))));
          await leave();
        }
        while (runner.training.length > 0) await advance();
        seen.push(...idsOf(parseFrames(await (await openAgain()).text())));
        expect(seen).toEqual(Array.from({ length: await lengthOfHistory() }, (_, i) => i + 1));
      }),
      { numRuns: 60 },
    );
  });
});

describe("GET /v1/jobs/:id/events as a list", () => {
  it("gives pages, oldest first", async () => {
    const { create, open, fetch } = setUp({ fake: { steps: 2, saveSteps: 10 } });
    const id = await create();
    await (await open(id)).text();
    const page = async (query: string) => {
      const body = (await (await fetch(`/v1/jobs/${id}/events${query}`)).json()) as {
        data: JobEvent[];
        hasMore: boolean;
      };
      return [body.data.map((event) => event.id), body.hasMore];
    };
    expect(await page("?limit=4")).toEqual([[1, 2, 3, 4], true]);
    expect(await page("?limit=4&after=4")).toEqual([[5, 6], false]);
    expect(await page("?after=6")).toEqual([[], false]);
  });
});
