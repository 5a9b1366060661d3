/** @file What scripts in JavaScript may give: fields that do not exist and values that mean nothing are refused by name. */
import { AutoCircuitError } from '../errors/error.js';
import { nearestNames, unknownName } from '../errors/names.js';
import { RANKINGS, SELECTIONS } from '../graph/edge-ranking-names.js';
import type { GraphOptions } from '../graph/types.js';
import { OBJECTIVES } from '../objectives/names.js';
import { ABLATIONS } from '../patch/requests/ablations.js';
import type { OpenTaskRequest, PatchEdgesOptions } from './requests.js';

/** What a field may be: any value, one of some names (or an object in their place), a whole number from a smallest one, or true and false. */
type Rule =
  | 'any'
  | 'boolean'
  | readonly string[]
  | { readonly names: readonly string[] }
  | { readonly from: number; readonly or?: string };
type Rules<T> = Readonly<Record<keyof T, Rule>>;

const SIDES = ['clean', 'corrupt'] as const;

export const OPEN_RULES = {
  data: 'any',
  model: 'any',
  tokenizer: 'any',
  folder: 'any',
  backend: 'any',
  ablation: { names: Object.keys(ABLATIONS) },
  ablateFrom: SIDES,
  patchType: ['tree', 'edge'],
  reverse: 'boolean',
  objective: { names: Object.keys(OBJECTIVES) },
  graph: 'any',
  spans: 'any',
  bos: 'boolean',
  skipUnfit: 'boolean',
  length: { from: 1 },
  limit: { from: 1 },
  train: { from: 1 },
  test: { from: 1, or: 'same' },
  batchSize: { from: 1 },
  seed: { from: 0 },
  memoryBytes: { from: 1 },
  onWarning: 'any',
} satisfies Rules<OpenTaskRequest>;

export const GRAPH_RULES = {
  factorized: 'boolean',
  splitQkv: 'boolean',
  kvInputs: ['query-head', 'kv-head'],
  positions: ['each'],
} satisfies Rules<GraphOptions>;

export const PATCH_RULES = {
  ablation: { names: Object.keys(ABLATIONS) },
  input: SIDES,
} satisfies Rules<PatchEdgesOptions>;

export const SELECT_RULES = {
  select: { names: Object.keys(SELECTIONS) },
  rankBy: Object.keys(RANKINGS),
} as const;
export const COUNT_RULES = { count: { from: 0 } } as const;

/** @throws AutoCircuitError `unknown-name` for a field or a name that is not there, `invalid-option` for other values */
export function checkSettings(
  where: string,
  given: Readonly<Record<string, unknown>>,
  rules: Readonly<Record<string, Rule>>,
): void {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(rules, name)) throw unknownName(where, 'setting', name, Object.keys(rules));
    if (value === undefined || value === null) continue;
    const rule = rules[name]!;
    if (rule === 'any') continue;
    if (typeof rule === 'object' && 'names' in rule) {
      if (typeof value !== 'object') checkName(where, name, value, rule.names);
    } else if (Array.isArray(rule)) checkName(where, name, value, rule);
    else checkValue(where, name, value, rule as 'boolean' | { readonly from: number; readonly or?: string });
  }
}

function checkName(where: string, option: string, value: unknown, known: readonly string[]): void {
  if (typeof value === 'string' && known.includes(value)) return;
  const nearest = nearestNames(`${value}`, known);
  throw new AutoCircuitError({
    code: 'invalid-option',
    where,
    what: `${option} is not valid`,
    expected: `one of ${known.join(', ')}`,
    got: `${value}`,
    ...(nearest.length > 0 ? { fix: `did you mean ${nearest.join(' or ')}?` } : {}),
    fields: { option, got: value, nearest },
  });
}

function checkValue(
  where: string,
  option: string,
  value: unknown,
  rule: 'boolean' | { readonly from: number; readonly or?: string },
): void {
  const expected =
    rule === 'boolean' ? 'true or false' : `a whole number from ${rule.from}${rule.or ? `, or '${rule.or}'` : ''}`;
  const fits =
    rule === 'boolean'
      ? typeof value === 'boolean'
      : (Number.isSafeInteger(value) && (value as number) >= rule.from) || (rule.or !== undefined && value === rule.or);
  if (fits) return;
  throw new AutoCircuitError({
    code: 'invalid-option',
    where,
    what: `${option} is not valid`,
    expected,
    got: `${value}`,
    fields: { option, got: value },
  });
}

/** @throws AutoCircuitError `invalid-option` for anything but a contribution of this kind */
export function checkKind(value: unknown, kind: string, expected: string): void {
  if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind) return;
  throw new AutoCircuitError({
    code: 'invalid-option',
    where: 'task',
    what: `this is not ${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`,
    expected,
    got: typeof value === 'string' ? `"${value}"` : typeof value,
    fields: { option: kind, got: typeof value === 'string' ? value : typeof value },
  });
}

/** @throws AutoCircuitError `invalid-option` for anything but a list */
export function checkList(value: unknown, option: string): void {
  if (Array.isArray(value)) return;
  throw new AutoCircuitError({
    code: 'invalid-option',
    where: 'task',
    what: `${option} must be a list`,
    expected: `[…], also for one`,
    got: typeof value,
    fields: { option, got: typeof value },
  });
}
