/** `midrun models`: what can be trained and asked by name. */
import { defineCommand } from "../command.ts";
import { type CliIo, exitCodes } from "../io.ts";
import { type JsonOption, jsonOption } from "../options.ts";
import { formatJson, formatTable } from "../table.ts";

export const modelCommands = [
  defineCommand<JsonOption>({
    name: "models list",
    description: "what can be asked by name",
    options: [jsonOption()],
    examples: ["models list"],
    run: listModels,
  }),
];

async function listModels(io: CliIo, { json }: JsonOption): Promise<number> {
  const models = await io.client.models.list();
  if (json) io.out(formatJson(models));
  else if (models.length === 0) io.out("No models yet: they appear with the first job.\n");
  else io.out(formatTable([["ID", "OWNED BY", "CREATED"], ...models.map((m) => [m.id, m.ownedBy, m.createdAt])]));
  return exitCodes.done;
}
