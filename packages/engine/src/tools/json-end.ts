/** Finds the end of a JSON object in text that arrives in pieces. */

/** Give it the pieces in order: the length of the part of this piece that belongs to the object; null when all does and it goes on. */
export type JsonEnd = (piece: string) => number | null;

/** What does not begin with a bracket has no length. What is between the brackets is not checked. */
export function createJsonEnd(): JsonEnd {
  let depth = 0;
  let inString = false;
  let isEscaped = false;

  return (piece) => {
    for (let at = 0; at < piece.length; at++) {
      const char = piece[at]!;
      if (inString) {
        if (isEscaped) isEscaped = false;
        else if (char === "\\") isEscaped = true;
        else if (char === '"') inString = false;
        continue;
      }
      if (char === "{" || char === "[") depth++;
      else if (char === "}" || char === "]") depth--;
      else if (depth === 0) return at;
      if (char === '"') inString = true;
      if (depth <= 0) return depth < 0 ? at : at + 1;
    }
    return null;
  };
}
