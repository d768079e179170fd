/** A constraint made ready: its grammar, its masks, and the check of the finished text. */

import type { Constraint, ConstraintOptions } from "./constraint.ts";
import { withEffort } from "./effort.ts";
import { createMatching, type Matcher } from "./engine/matcher.ts";
import { buildNetwork } from "./engine/network.ts";
import type { TokenSource, Vocabulary } from "./engine/vocabulary.ts";
import { parseEbnf } from "./grammar/ebnf.ts";
import { alt, type Expr, literal } from "./grammar/expr.ts";
import { regexExpr } from "./grammar/regex-expr.ts";
import { atPath, refusal } from "./refuse.ts";
import { schemaExpr } from "./schema/compile.ts";
import { checkSchema, createValidator, type Violation } from "./schema/validator.ts";
import { structuralTagExpr } from "./structural-tag.ts";

export interface CompiledConstraint {
  /** Begins an answer. */
  start(): Matcher;
  /** Looks at a finished answer once more, JSON by other means than the grammar: null when it is as it should be. */
  validate(text: string): Violation | null;
  /** Would the masks let exactly this text through? */
  accepts(text: string): boolean;
}

interface Recipe {
  grammar: Expr;
  /** A check that does not use the grammar. */
  validate?(text: string): Violation | null;
}

type Recipes = {
  [T in Constraint["type"]]: (constraint: Extract<Constraint, { type: T }>, options: ConstraintOptions) => Recipe;
};

const recipes: Recipes = {
  json_object: (_constraint, options) => jsonRecipe({ type: "object" }, options),
  json_schema: ({ schema }, options) => jsonRecipe(schema, options),
  regex: ({ pattern }) => ({ grammar: atPath("pattern", () => regexExpr(pattern)) }),
  choice: ({ choices }) => ({ grammar: alt(choices.map(literal)) }),
  grammar: ({ ebnf }) => ({ grammar: parseEbnf(ebnf) }),
  structural_tag: ({ tag }, options) => ({ grammar: structuralTagExpr(tag, options) }),
};

/** Two seconds or so. An object of 5,000 properties takes a quarter of it. */
const mostSteps = 5_000_000;

/** @throws EngineError `invalid_request`, see `createConstrainer`. */
export function compileConstraint(
  constraint: Constraint,
  options: ConstraintOptions,
  vocabulary: Vocabulary,
  tokens: TokenSource,
): CompiledConstraint {
  const { validate, network } = bounded(constraint.type, () => {
    const recipe = recipes[constraint.type](constraint as never, options);
    return { ...recipe, network: buildNetwork(recipe.grammar) };
  });
  const matching = createMatching(network, vocabulary, tokens);
  const byGrammar = (text: string) =>
    matching.accepts(text) ? null : { message: "does not match the constraint", path: "" };
  return { ...matching, validate: validate ?? byGrammar };
}

function bounded<T>(path: string, work: () => T): T {
  return atPath(path, () => {
    try {
      return withEffort(mostSteps, work);
    } catch (cause) {
      // The parts of a constraint are walked through by functions that call themselves.
      if (!(cause instanceof RangeError)) throw cause;
      throw refusal("It is nested too deep.", { cause });
    }
  });
}

function jsonRecipe(schema: unknown, options: ConstraintOptions): Recipe {
  checkSchema(schema);
  const grammar = schemaExpr(schema, options);
  const check = createValidator(schema);
  return {
    grammar,
    validate(text) {
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch (error) {
        return { message: `is not JSON: ${(error as Error).message}`, path: "" };
      }
      return check(value);
    },
  };
}
