/** For tests: the slow and obvious twin of the call reader, which looks at a whole answer at once. */
import type { CallsSyntax } from "./call-reader.ts";

export interface WholeAnswer {
  content: string;
  calls: { name: string; arguments: string }[];
}

const exactly = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/** Of an answer that the model ended itself and that is as the format has it. */
export function readWhole({ format, names }: CallsSyntax, text: string): WholeAnswer {
  const [before, middle, after] = format.call;
  const name = `${exactly(before)}(${names.join("|")})${exactly(middle)}`;
  const opening = new RegExp(`${format.trigger === null ? "^" : ""}(?:${format.opens.map(exactly).join("|")})${name}`);
  const first = opening.exec(text);
  if (!first) return { content: text, calls: [] };
  const separated = new RegExp(`^(?:, "id": "\\w{9}")?${exactly(after)}${exactly(format.separator ?? "§")}${name}`);
  const closed = new RegExp(`^(?:, "id": "\\w{9}")?${exactly(after)}${exactly(format.close)}$`);

  const calls: WholeAnswer["calls"] = [];
  let rest = text.slice(first.index);
  for (let found: RegExpExecArray | null = first; found; found = separated.exec(rest)) {
    const behind = rest.slice(found[0].length);
    const json = shortestObject(behind);
    calls.push({ name: found[1]!, arguments: json });
    rest = behind.slice(json.length);
  }
  if (!closed.test(rest)) throw new Error(`not as the format has it: ${rest}`);
  return { content: text.slice(0, first.index).trimEnd(), calls };
}

function shortestObject(text: string): string {
  for (let end = text.indexOf("}"); end >= 0; end = text.indexOf("}", end + 1)) {
    try {
      JSON.parse(text.slice(0, end + 1));
      return text.slice(0, end + 1);
    } catch {
      // Not whole yet.
    }
  }
  throw new Error(`no JSON: ${text}`);
}
