import { afterEach, describe, expect, it } from "vitest";
import { createTestApp, type TestApp } from "../testing.ts";
import { createKeyService } from "./keys.ts";

const apps: TestApp[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

function setUp(requestsPerMinute?: number) {
  const app = createTestApp(requestsPerMinute === undefined ? {} : { requestsPerMinute });
  apps.push(app);
  const ask = (key?: string, path = "/v1/jobs") =>
    app.fetch(path, { headers: key === undefined ? {} : { authorization: `Bearer ${key}` } });
  return { ...app, ask };
}

const limitsOf = ({ headers }: Response) =>
  ["limit", "remaining", "reset"].map((name) => headers.get(`x-ratelimit-${name}-requests`));

describe("a limit on requests", () => {
  it("is off by default", async () => {
    const { ask } = setUp();
    const response = await ask();
    expect([response.status, ...limitsOf(response)]).toEqual([200, null, null, null]);
  });

  it("tells how many are left, refuses the next one with the time to wait, and lets it in after that", async () => {
    const { ask, clock } = setUp(6);
    expect(limitsOf(await ask())).toEqual(["6", "5", "10s"]);
    for (let i = 0; i < 5; i++) expect((await ask()).status).toBe(200);
    const refused = await ask();
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("10");
    expect(refused.headers.get("x-request-id")).toMatch(/^req_/);
    expect(limitsOf(refused)).toEqual(["6", "0", "60s"]);
    expect(await refused.json()).toMatchObject({
      error: { type: "requests", code: "rate_limit_exceeded", param: null, message: expect.stringContaining("10s") },
    });
    clock.advance(9_999);
    expect((await ask()).status).toBe(429);
    clock.advance(1);
    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(429);
    clock.advance(3_600_000);
    expect(limitsOf(await ask())).toEqual(["6", "5", "10s"]);
  });

  it("is each key's own, and does not count whoever has none, or only looks whether the server is up", async () => {
    const { ask, store } = setUp(2);
    const keys = createKeyService({ records: store });
    const [a, b] = [(await keys.create()).secret, (await keys.create()).secret];
    const statuses = async (key: string) => [(await ask(key)).status, (await ask(key)).status, (await ask(key)).status];
    expect(await statuses(a)).toEqual([200, 200, 429]);
    expect(await statuses(b)).toEqual([200, 200, 429]);
    for (let i = 0; i < 5; i++) expect((await ask(undefined, "/healthz")).status).toBe(200);
    expect((await ask("sk-wrong")).status).toBe(401);
  });
});
