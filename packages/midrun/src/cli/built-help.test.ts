/** The help of every command, from the built one in an empty folder. */
import { readdir } from "node:fs/promises";
import { beforeAll, expect, it } from "vitest";
import { commands, groups } from "./program.ts";
import { buildPackages, emptyProject, midrun } from "./testing-built.ts";

beforeAll(buildPackages, 240_000);

it("explains every command and every group, and leaves nothing behind", { timeout: 240_000 }, async () => {
  const directory = await emptyProject();
  for (const name of ["", ...Object.keys(groups), ...commands.map((command) => command.name)]) {
    const { code, out, err } = await midrun(directory, [...name.split(" "), "--help"].filter(Boolean));
    expect({ code, err }, name).toEqual({ code: 0, err: "" });
    expect(out).toMatch(new RegExp(`^Usage: midrun ${name}`.trimEnd()));
    expect(out).toContain("Options:");
  }
  expect(await readdir(directory)).toEqual(["node_modules"]);
});
