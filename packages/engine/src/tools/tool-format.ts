/** How models write tool calls: one row for each notation. A model's row is found by trying, see `find-format.ts`. */

/** An answer with calls is: text (if any), one of `opens`, calls with `separator` between them, `close`. */
export interface ToolFormat {
  name: string;
  /** The first one is what we write; all are read. */
  opens: readonly string[];
  /** Begins every one of `opens` and occurs in no text before the calls. Null: an answer with calls has nothing before them. */
  trigger: string | null;
  /** A call: the first part, the name, the second part, the arguments as JSON, the third part. */
  call: readonly [before: string, middle: string, after: string];
  /** Null: there is one call in an answer. */
  separator: string | null;
  close: string;
  /** Calls may carry an id of nine letters and digits behind their arguments, and ids must be such ones. */
  hasShortIds?: boolean;
}

const json = ['{"name": "', '", "arguments": ', "}"] as const;

const hermes: ToolFormat = {
  name: "hermes", // Hermes, Qwen, Granite 4, SmolLM3
  opens: ["<tool_call>\n"],
  trigger: "<tool_call>",
  call: json,
  separator: "\n</tool_call>\n<tool_call>\n",
  close: "\n</tool_call>",
};

const llama: ToolFormat = {
  name: "llama", // Llama 3.1, 3.2, 3.3
  opens: ["", "<|python_tag|>"],
  trigger: null,
  call: ['{"name": "', '", "parameters": ', "}"],
  separator: null,
  close: "",
};

const mistral: ToolFormat = {
  name: "mistral", // Mistral 7B v0.3, Nemo, Small 3.1
  opens: ["[TOOL_CALLS][", "[TOOL_CALLS] ["],
  trigger: "[TOOL_CALLS]",
  call: json,
  separator: ", ",
  close: "]",
  hasShortIds: true,
};

const mistralArguments: ToolFormat = {
  name: "mistral-args", // Mistral Small 3.2, Devstral, Magistral
  opens: ["[TOOL_CALLS]"],
  trigger: "[TOOL_CALLS]",
  call: ["", "[ARGS]", ""],
  separator: "[TOOL_CALLS]",
  close: "",
  hasShortIds: true,
};

const granite: ToolFormat = {
  name: "granite", // Granite 3
  opens: ["<|tool_call|>["],
  trigger: "<|tool_call|>",
  call: json,
  separator: ", ",
  close: "]",
};

const phi: ToolFormat = {
  name: "phi", // Phi-4-mini
  opens: ["<|tool_call|>"],
  trigger: "<|tool_call|>",
  call: json,
  separator: "<|/tool_call|><|tool_call|>",
  close: "<|/tool_call|>",
};

const phiList: ToolFormat = {
  name: "phi-list",
  opens: ["<|tool_call|>["],
  trigger: "<|tool_call|>",
  call: json,
  separator: ", ",
  close: "]<|/tool_call|>",
};

const functools: ToolFormat = {
  name: "functools",
  opens: ["functools["],
  trigger: "functools[",
  call: json,
  separator: ", ",
  close: "]",
};

const jsonObject: ToolFormat = { ...llama, name: "json", opens: [""], call: json };

/** What models are made to write that have no notation of their own. */
export const jsonList: ToolFormat = {
  name: "json-list",
  opens: ["["],
  trigger: null,
  call: json,
  separator: ", ",
  close: "]",
};

export const toolFormats: readonly ToolFormat[] = [
  hermes,
  llama,
  mistral,
  mistralArguments,
  granite,
  phi,
  phiList,
  functools,
  jsonObject,
  jsonList,
];

/** The id that a call may carry behind its arguments, see `hasShortIds`. */
export const shortId = { before: ', "id": "', length: 9, after: '"' } as const;

/** What begins the first call of an answer, up to its arguments. */
export function firstBegins({ opens, call: [before, middle] }: ToolFormat, name: string): string[] {
  return opens.map((open) => open + before + name + middle);
}

/** What lies between one call's end and the arguments of the next; null where there is no next. */
export function nextBegin({ separator, call: [before, middle] }: ToolFormat, name: string): string | null {
  return separator === null ? null : separator + before + name + middle;
}

/** Calls as the model itself would write them. */
export function printCalls(format: ToolFormat, calls: readonly { name: string; arguments: string }[]): string {
  const [before, middle, after] = format.call;
  const texts = calls.map((call) => before + call.name + middle + call.arguments + after);
  return format.opens[0]! + texts.join(format.separator ?? "\n") + format.close;
}
