/** `midrun keys`: the API keys of a data directory. A server that runs over it sees every change at its next request. */
import { Option } from "commander";
import { MidrunError } from "../../errors.ts";
import type { ApiKey, OpenKeys } from "../../server/index.ts";
import { type AnyCommand, defineCommand } from "../command.ts";
import { type CliIo, exitCodes } from "../io.ts";
import { type JsonOption, jsonOption } from "../options.ts";
import { formatJson, formatTable } from "../table.ts";

interface CreateOptions extends JsonOption {
  name?: string;
  project?: string;
}

export const keyCommands: readonly AnyCommand[] = [
  defineCommand<CreateOptions>({
    name: "keys create",
    description: "make a key, and show it this once; from the first one on the server asks for a key",
    options: [
      new Option("--name <text>", "what it is for"),
      new Option("--project <name>", "whose jobs, files and models it reaches (default: default)"),
      jsonOption(),
    ],
    examples: ["keys create --name laptop", "keys create --project acme --json"],
    run: createKey,
  }),
  defineCommand<JsonOption>({
    name: "keys list",
    description: "oldest first, revoked ones too",
    options: [jsonOption()],
    examples: ["keys list"],
    run: listKeys,
  }),
  defineCommand<JsonOption, [id: string]>({
    name: "keys revoke",
    description: "let nobody in with it any more, from the next request on",
    arguments: [{ name: "<key>", description: "the key's id" }],
    options: [jsonOption()],
    examples: ["keys revoke key_0123456789abcdef"],
    run: revokeKey,
  }),
];

async function createKey(io: CliIo, { json, name, project }: CreateOptions): Promise<number> {
  const made = await withKeys(io, (keys) =>
    keys.create({ ...(name === undefined ? {} : { name }), ...(project === undefined ? {} : { project }) }),
  );
  if (json) io.out(formatJson({ ...made.key, secret: made.secret }));
  else {
    io.out(`${made.secret}\n`);
    io.err(`Keep it: it is not shown again. Its id is ${made.key.id}. Programs use it as MIDRUN_API_KEY.\n`);
  }
  return exitCodes.done;
}

async function listKeys(io: CliIo, { json }: JsonOption): Promise<number> {
  const keys = await withKeys(io, (open) => open.list());
  if (json) io.out(formatJson(keys));
  else if (keys.length === 0) io.out("No keys: the server asks nobody for one.\n");
  else io.out(formatTable([["ID", "NAME", "PROJECT", "KEY", "CREATED", "LAST USED", ""], ...keys.map(rowOf)]));
  return exitCodes.done;
}

const day = (timestamp: string | null) => timestamp?.slice(0, 10) ?? "";

function rowOf({ id, name, project, hint, createdAt, lastUsedAt, revokedAt }: ApiKey): string[] {
  return [
    id,
    name,
    project,
    hint,
    day(createdAt),
    day(lastUsedAt),
    revokedAt === null ? "" : `revoked ${day(revokedAt)}`,
  ];
}

async function revokeKey(io: CliIo, { json }: JsonOption, id: string): Promise<number> {
  const key = await withKeys(io, (keys) => keys.revoke(id));
  io.out(json ? formatJson(key) : `${id} is revoked.\n`);
  return exitCodes.done;
}

async function withKeys<T>({ settings, client }: CliIo, work: (keys: OpenKeys) => Promise<T>): Promise<T> {
  if (!client.local) {
    throw new MidrunError("not_supported", `The keys of ${settings.baseURL} are made on its own machine.`, {
      hint: "Run midrun keys there, with the server's data directory.",
    });
  }
  const { openKeys } = await import("../../server/index.ts");
  const keys = openKeys(settings.dataDir);
  try {
    return await work(keys);
  } finally {
    keys.close();
  }
}
