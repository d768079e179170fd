/** What an answer can be held to. */

export type Constraint =
  /** One JSON object. */
  | { type: "json_object" }
  /** One JSON value that satisfies the schema, of draft 2020-12 unless `$schema` says draft-07. */
  | { type: "json_schema"; schema: unknown }
  /** A text that an ECMAScript regular expression (flag `u`) matches from beginning to end. */
  | { type: "regex"; pattern: string }
  /** One of these texts. */
  | { type: "choice"; choices: readonly string[] }
  /** A text of the rule `root` of an EBNF grammar. */
  | { type: "grammar"; ebnf: string }
  /** Free text with constrained parts: the tag, or its JSON. */
  | { type: "structural_tag"; tag: string | Readonly<Record<string, unknown>> };

/** About the JSON in an answer. */
export interface ConstraintOptions {
  /** No blanks between JSON tokens. */
  disableAnyWhitespace?: boolean;
  /** Objects that name properties hold no others, where the schema leaves that open. */
  disableAdditionalProperties?: boolean;
  /** A regular expression for the blanks between JSON tokens. */
  whitespacePattern?: string;
}
