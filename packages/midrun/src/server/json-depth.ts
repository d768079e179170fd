/** How deep JSON is nested: JavaScript parses any depth, and then fails wherever the value is walked through or sent on. */

const quote = 0x22;
const backslash = 0x5c;
const opening = [0x5b, 0x7b];
const closing = [0x5d, 0x7d];

/** Arrays and objects inside each other at the deepest place of a valid JSON text. */
export function jsonDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at);
    else if (opening.includes(code)) deepest = Math.max(deepest, ++depth);
    else if (closing.includes(code)) depth--;
  }
  return deepest;
}

/** Where the string that begins at `start` ends: the next quote that an even number of backslashes stands before. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); ; at = text.indexOf('"', at + 1)) {
    let before = at;
    while (text.charCodeAt(before - 1) === backslash) before--;
    if ((at - before) % 2 === 0) return at;
  }
}
