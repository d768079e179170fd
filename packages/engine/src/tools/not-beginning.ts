/** A grammar of texts that do not begin with any of a few strings. */

interface Branch {
  next: Map<string, Branch>;
  /** One of the strings ends here. */
  isEnd: boolean;
}

/** EBNF with one rule for each place in the tree of the strings; beyond the tree, everything goes. */
export function notBeginningWith(strings: readonly string[]): string {
  const root = treeOf(strings);
  const branches = [root];
  const names = new Map([[root, "root"]]);
  const rules: string[] = [];
  for (const branch of branches) {
    const ways = [...branch.next].flatMap(([char, after]) => {
      if (after.isEnd) return [];
      names.set(after, `after_${branches.length}`);
      branches.push(after);
      return [`[${escaped(char)}] ${names.get(after)}`];
    });
    const others = branch.next.size === 0 ? "rest" : `[^${[...branch.next.keys()].map(escaped).join("")}] rest`;
    rules.push(`${names.get(branch)} ::= ${['""', others, ...ways].join(" | ")}`);
  }
  return [...rules, "rest ::= [\\u0000-\\U0010FFFF]*"].join("\n");
}

function treeOf(strings: readonly string[]): Branch {
  const root: Branch = { next: new Map(), isEnd: false };
  for (const text of strings) {
    let at = root;
    for (const char of text) {
      const after = at.next.get(char) ?? { next: new Map(), isEnd: false };
      at.next.set(char, after);
      at = after;
    }
    at.isEnd = true;
  }
  return root;
}

const escaped = (char: string) => `\\U${char.codePointAt(0)!.toString(16).padStart(8, "0")}`;
