import { describe, expect, it } from "vitest";
import { ApiError } from "./api-error.ts";
import { readDeltas, readMessage, readText } from "./read.ts";
import { collect, json, refuse, stream } from "./scripted-fetch.ts";

const request = new Request("http://server/");
const chunk = (delta: object, rest: object = {}) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta }], ...rest })}\n\n`;
const hello =
  chunk({ role: "assistant", content: "" }) +
  chunk({ content: "Hel" }) +
  ": still here\n\n" +
  chunk({ content: "lo 😀" }) +
  chunk({}) +
  `data: ${JSON.stringify({ choices: [], usage: {} })}\n\n`;

describe("readText", () => {
  it("reads a stream", async () => {
    expect(await readText(await stream(`${hello}data: [DONE]\n\n`)(request))).toBe("Hello 😀");
  });

  it("reads a document", async () => {
    const document = { choices: [{ message: { role: "assistant", content: "Hi" } }] };
    expect(await readText(await json(document)(request))).toBe("Hi");
  });

  it("gives nothing for an answer of tool calls alone", async () => {
    const message = { role: "assistant", content: null, tool_calls: [] };
    expect(await readText(await json({ choices: [{ message }] })(request))).toBe("");
  });

  it("throws for a stream that ended early: half an answer is none", async () => {
    await expect(readText(await stream(hello)(request))).rejects.toMatchObject({ code: "network" });
    await expect(readText(await stream(hello, "break")(request))).rejects.toMatchObject({ code: "network" });
  });

  it("throws an error told inside the stream", async () => {
    const error = { message: "out of memory", code: "worker_crashed", param: null, type: "server_error" };
    const response = await stream(`${hello}data: ${JSON.stringify({ error })}\n\ndata: [DONE]\n\n`)(request);
    await expect(readText(response)).rejects.toMatchObject({ message: "out of memory", code: "worker_crashed" });
  });

  it("throws for a frame that is no JSON, and for a refusal", async () => {
    await expect(readText(await stream("data: {oops\n\n")(request))).rejects.toMatchObject({ code: "network" });
    await expect(readText(await refuse(404, "model_not_found")(request))).rejects.toBeInstanceOf(ApiError);
  });
});

describe("readMessage", () => {
  const call = (id: string, name: string, args: string) => ({
    id,
    type: "function" as const,
    function: { name, arguments: args },
  });

  it("puts calls together from a stream", async () => {
    const pieces = [
      chunk({ role: "assistant", content: "" }),
      chunk({ tool_calls: [{ index: 0, ...call("call_a", "clock", "") }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"zone": ' } }] }),
      chunk({
        tool_calls: [
          { index: 0, function: { arguments: "1}" } },
          { index: 1, ...call("call_b", "list", "{}") },
        ],
      }),
      "data: [DONE]\n\n",
    ];
    expect(await readMessage(await stream(pieces.join(""))(request))).toEqual({
      role: "assistant",
      content: null,
      tool_calls: [call("call_a", "clock", '{"zone": 1}'), call("call_b", "list", "{}")],
    });
  });

  it("reads a document, with words, calls or both", async () => {
    const tool_calls = [call("call_a", "clock", "{}")];
    for (const [content, calls] of [
      ["Hi", undefined],
      ["Wait.", tool_calls],
      [null, tool_calls],
    ] as const) {
      const message = { role: "assistant", content, ...(calls && { tool_calls: calls }) };
      expect(await readMessage(await json({ choices: [{ message }] })(request))).toEqual(message);
    }
  });

  it("reads words from a stream, and throws for half of one and for a refusal", async () => {
    const whole = await stream(`${hello}data: [DONE]\n\n`)(request);
    expect(await readMessage(whole)).toEqual({ role: "assistant", content: "Hello 😀" });
    await expect(readMessage(await stream(hello)(request))).rejects.toMatchObject({ code: "network" });
    await expect(readMessage(await refuse(400, "tool_calling_not_configured")(request))).rejects.toBeInstanceOf(
      ApiError,
    );
  });
});

describe("readDeltas", () => {
  it("gives each piece as it comes", async () => {
    const pieces = await collect(readDeltas(await stream(`${hello}data: [DONE]\n\n`)(request)));
    expect(pieces).toEqual(["Hel", "lo 😀"]);
  });

  it("gives the first of several answers", async () => {
    const choice = (index: number, content: string) =>
      `data: ${JSON.stringify({ choices: [{ index, delta: { content } }] })}\n\n`;
    const two = choice(0, "a") + choice(1, "x") + choice(0, "b") + choice(1, "y");
    expect(await collect(readDeltas(await stream(`${two}data: [DONE]\n\n`)(request)))).toEqual(["a", "b"]);
  });

  it("ends the generation when the loop is left", async () => {
    let cancelled = false;
    const onCancel = () => {
      cancelled = true;
    };
    for await (const _ of readDeltas(await stream(hello, "hang", onCancel)(request))) break;
    expect(cancelled).toBe(true);
  });
});
