/** Sets of objects: closed under intersection and complement. */

import { refusal } from "../refuse.ts";
import { anyString, dfaOf, subtractDfa } from "../sets/dfa.ts";
import { anyText, complementStrings, hasText, intersectStrings, matching, type StringSet } from "../sets/string-set.ts";
import type { Demand, Demands } from "./demand.ts";

/** The objects that meet all of this. */
export interface ObjectSet {
  /** Properties known by name, in the order in which they are written. */
  named: ReadonlyMap<string, Property>;
  /** All other keys belong to one of these kinds; a key of no kind must not be there. Named keys belong to none. */
  kinds: readonly Kind[];
  /** How many properties there are. */
  min: number;
  /** Infinity: unbounded. */
  max: number;
  /** Where `min` is asked for. */
  minPath: string;
  /** At least one property without a name of its own is like this. */
  some: { keys: StringSet; value: Demand; path: string } | null;
}

export interface Property {
  value: Demand;
  required: boolean;
}

export interface Kind {
  keys: StringSet;
  value: Demand;
  /** Allowed because nothing forbids it, not because anything mentions it. */
  implicit: boolean;
}

export function anyObject(demands: Demands): ObjectSet {
  return {
    named: new Map(),
    kinds: [{ keys: anyText, value: demands.any, implicit: true }],
    min: 0,
    max: Number.POSITIVE_INFINITY,
    minPath: "#",
    some: null,
  };
}

/** Objects that have `names`, each with any value. */
export function requiring(names: Iterable<string>, demands: Demands): ObjectSet {
  return withNamed(anyObject(demands), [...names], () => ({ value: demands.any, required: true }));
}

/** Objects without the property `name`. */
export function lacking(name: string, demands: Demands): ObjectSet {
  return withNamed(anyObject(demands), [name], () => ({ value: demands.none, required: false }));
}

/** Gives names of their own to keys that belonged to a kind before. */
function withNamed(set: ObjectSet, names: readonly string[], property: (name: string) => Property): ObjectSet {
  return {
    ...set,
    named: new Map([...set.named, ...names.map((name) => [name, property(name)] as const)]),
    kinds: withoutNames(set.kinds, names),
  };
}

function withoutNames(kinds: readonly Kind[], names: readonly string[]): readonly Kind[] {
  if (names.length === 0 || kinds.length === 0) return kinds;
  return restrict(kinds, matching(subtractDfa(anyString, dfaOf(names))));
}

/** What is asked of the value of a property, should there be one. */
function demandFor({ named, kinds }: ObjectSet, name: string, demands: Demands): Demand {
  return named.get(name)?.value ?? kinds.find(({ keys }) => hasText(keys, name))?.value ?? demands.none;
}

/** The kinds of those of their keys that are in `keys`. */
export function restrict(kinds: readonly Kind[], keys: StringSet): Kind[] {
  return kinds
    .map((kind) => ({ ...kind, keys: intersectStrings(kind.keys, keys) }))
    .filter((kind) => kind.keys.length > 0);
}

/** The objects in both: none, one or several sets. */
export function intersectObjects(a: ObjectSet, b: ObjectSet, demands: Demands): ObjectSet[] {
  if (isAny(a, demands)) return [b];
  if (isAny(b, demands)) return [a];
  const names = [...new Set([...a.named.keys(), ...b.named.keys()])];
  const named = new Map(
    names.map((name): [string, Property] => [
      name,
      {
        value: demands.both(demandFor(a, name, demands), demandFor(b, name, demands)),
        required: Boolean(a.named.get(name)?.required || b.named.get(name)?.required),
      },
    ]),
  );
  const kinds = a.kinds
    .flatMap((kind) =>
      restrict(b.kinds, kind.keys).map((other) => ({
        keys: other.keys,
        value: demands.both(kind.value, other.value),
        implicit: kind.implicit && other.implicit,
      })),
    )
    .filter(({ value }) => value !== demands.none);
  const set: ObjectSet = {
    named,
    kinds: withoutNames(kinds, names),
    min: Math.max(a.min, b.min),
    max: Math.min(a.max, b.max),
    minPath: a.min >= b.min ? a.minPath : b.minPath,
    some: null,
  };
  return withSome(set, bothSome(a, b), demands).filter((result) => isPossible(result, demands));
}

/** Most keywords say nothing about objects. */
function isAny({ named, kinds, min, max, some }: ObjectSet, demands: Demands): boolean {
  const [kind] = kinds;
  const isOpen = kind?.keys === anyText && kind.value === demands.any && kind.implicit;
  return isOpen && named.size === 0 && min === 0 && max === Number.POSITIVE_INFINITY && some === null;
}

/** The objects that miss at least one condition, condition by condition. */
export function complementObject(set: ObjectSet, demands: Demands): ObjectSet[] {
  const { named, kinds, min, max, some } = set;
  const any = anyObject(demands);
  const unnamed = matching(subtractDfa(anyString, dfaOf(named.keys())));
  const withSomething = (keys: StringSet, value: Demand): ObjectSet[] => {
    if (keys.length === 0 || value === demands.none) return [];
    return [{ ...any, some: { keys, value, path: set.minPath } }];
  };
  const strangers = kinds.reduce((left, kind) => intersectStrings(left, complementStrings(kind.keys)), unnamed);
  return [
    ...(min > 0 ? [{ ...any, max: min - 1 }] : []),
    ...(max < Number.POSITIVE_INFINITY ? [{ ...any, min: max + 1, minPath: set.minPath }] : []),
    ...[...named].flatMap(([name, { value, required }]) => [
      ...(required ? [lacking(name, demands)] : []),
      ...(value === demands.any ? [] : [withNamed(any, [name], () => ({ value: demands.not(value), required: true }))]),
    ]),
    ...kinds.flatMap((kind) => withSomething(kind.keys, demands.not(kind.value))),
    ...withSomething(strangers, demands.any),
    ...(some ? [withoutSome(any, some, demands)] : []),
  ];
}

/** Objects in which no property is like `some`; its keys are none that had names. */
function withoutSome(any: ObjectSet, { keys, value }: NonNullable<ObjectSet["some"]>, demands: Demands): ObjectSet {
  const inside = restrict(any.kinds, keys).map((kind) => ({ ...kind, value: demands.not(value) }));
  return { ...any, kinds: [...inside, ...restrict(any.kinds, complementStrings(keys))] };
}

function bothSome(a: ObjectSet, b: ObjectSet): ObjectSet["some"] {
  if (!a.some || !b.some || a.some === b.some) return a.some ?? b.some;
  throw refusal("Two properties that are asked for without their names cannot be enforced together.", {
    path: a.some.path,
    hint: "Name the properties under properties and required.",
  });
}

/** The one that `some` asks for is either among the properties that have names now, or not. */
function withSome(set: ObjectSet, some: ObjectSet["some"], demands: Demands): ObjectSet[] {
  if (!some) return [set];
  const named = [...set.named].filter(([name]) => hasText(some.keys, name));
  return [
    ...named.map(([name, { value }]) => ({
      ...set,
      named: new Map([...set.named, [name, { value: demands.both(value, some.value), required: true }] as const]),
    })),
    { ...set, some },
  ];
}

/** False only where it is plain that no object is in the set. */
function isPossible({ named, kinds, min, max, some }: ObjectSet, demands: Demands): boolean {
  const properties = [...named.values()];
  const required = properties.filter((property) => property.required);
  const most = kinds.length > 0 ? Number.POSITIVE_INFINITY : properties.length;
  const missing = some !== null && restrict(kinds, some.keys).length === 0;
  return (
    !missing &&
    min <= Math.min(max, most) &&
    required.length <= max &&
    !required.some(({ value }) => value === demands.none)
  );
}
