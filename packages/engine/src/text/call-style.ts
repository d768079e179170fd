/** Finds out by trying how a template takes tool calls, and whether it prints them and the definitions of tools. */
import type { ChatMessage, ToolDefinition } from "../spec.ts";
import type { CallStyle } from "./conversation.ts";

export interface CallSupport {
  style: CallStyle;
  /** The template prints tool calls with name and arguments. */
  printsCalls: boolean;
  /** It prints tool definitions. */
  printsTools: boolean;
}

/** Renders with a style; null when the template refuses. */
type TryRender = (messages: ChatMessage[], tools: ToolDefinition[], style: CallStyle) => string | null;

/** transformers' own convention first: arguments as an object, no content key. */
const styles: CallStyle[] = (["absent", "null", "empty"] as const).flatMap((noContent) =>
  (["object", "string"] as const).map((form) => ({ arguments: form, noContent })),
);

// Definition and call share no word: what is found of the one cannot come from the other.
const defined = { name: "probe_definition", key: "probe_parameter" };
const called = { name: "probe_call", key: "probe_argument", value: "probe value" };

const tool: ToolDefinition = {
  type: "function",
  function: {
    name: defined.name,
    description: "description",
    parameters: {
      type: "object",
      properties: { [defined.key]: { type: "string", description: "text" } },
      required: [],
    },
  },
};
const question: ChatMessage = { role: "user", content: "hello" };
const call: ChatMessage = {
  role: "assistant",
  content: null,
  tool_calls: [
    {
      id: "probe0001", // Nine letters and digits: Mistral's templates refuse every other id.
      type: "function",
      function: { name: called.name, arguments: JSON.stringify({ [called.key]: called.value }) },
    },
  ],
};

export function findCallStyle(render: TryRender): CallSupport {
  const found = styles.find((candidate) => printsCall(render([question, call], [tool], candidate)));
  const style = found ?? styles[0]!;
  const withTool = render([question], [tool], style);
  const printsTools = Object.values(defined).every((part) => withTool?.includes(part));
  return { style, printsCalls: found !== undefined, printsTools };
}

/** Name, key and value are there, and not as JSON inside a JSON string. */
function printsCall(text: string | null): boolean {
  return Object.values(called).every((part) => text?.includes(part)) && !text?.includes(`\\"${called.key}`);
}
