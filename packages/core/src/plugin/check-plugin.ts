/** @file Whether an object that claims to be a plugin is one; anything else is one sentence about the first thing amiss. */
import { AutoCircuitError } from '../errors/error.js';
import { type Contribution, type ContributionKind, PLUGIN_API_VERSION, type Plugin } from './contributions.js';
import { parseOptionValue, type ValueRule } from './option-values.js';

/**
 * Checks the shape of a plugin from outside our type checker.
 * @param where names it in sentences: its package or file.
 * @throws AutoCircuitError on another API version, or for the first field that is missing or of the wrong kind.
 */
export function checkPlugin(candidate: unknown, where: string): Plugin {
  if (!isRecord(candidate) || !Array.isArray(candidate.contributes)) {
    throw new AutoCircuitError({
      code: 'invalid-plugin',
      fields: { plugin: where },
      where,
      what: 'the default export is not a plugin',
      expected: 'an object with a name and a list "contributes"',
      got: candidate === undefined ? 'no default export' : typeName(candidate),
      fix: 'write: export default definePlugin({ name, contributes: [...] })',
    });
  }
  if (candidate.apiVersion !== PLUGIN_API_VERSION) {
    throw new AutoCircuitError({
      code: 'invalid-plugin',
      fields: { plugin: where, apiVersion: candidate.apiVersion },
      where,
      what: 'the plugin was made for another version of the plugin API',
      expected: `${PLUGIN_API_VERSION} (this auto-circuit)`,
      got: `${String(candidate.apiVersion)} (the plugin)`,
      fix: 'install matching versions of the two',
    });
  }
  field(where, 'name', FIELD_CHECKS.text, candidate.name);
  for (const [i, contribution] of candidate.contributes.entries()) checkContribution(contribution, where, i);
  return candidate as unknown as Plugin;
}

function checkContribution(candidate: unknown, where: string, i: number): void {
  const place = `contributes[${i}]`;
  if (!isRecord(candidate))
    throw wrongField(where, place, 'an object made by definePruneAlgo, defineMetric, …', candidate);
  const { kind } = candidate;
  if (typeof kind !== 'string' || !Object.hasOwn(CONTRIBUTION_FIELDS, kind)) {
    throw wrongField(where, `${place}.kind`, `one of ${Object.keys(CONTRIBUTION_FIELDS).join(', ')}`, kind);
  }
  field(where, `${place}.name`, FIELD_CHECKS.name, candidate.name);
  const named = `${kind} "${String(candidate.name)}"`;
  field(where, `${named}: doc`, FIELD_CHECKS.text, candidate.doc);
  for (const [name, check] of Object.entries(CONTRIBUTION_FIELDS[kind as ContributionKind])) {
    field(where, `${named}: ${name}`, FIELD_CHECKS[check], candidate[name]);
  }
  checkExplained(candidate, where, named);
  if (kind === 'objective') checkObjective(candidate, where, named);
  if (isRecord(candidate.options)) checkOptionTable(candidate.options, where, named);
}

/** What explains it may be left out, but not be of another form: help and the reference print it. */
function checkExplained(
  { formula, use, papers }: Readonly<Record<string, unknown>>,
  where: string,
  named: string,
): void {
  if (formula !== undefined) field(where, `${named}: formula`, FIELD_CHECKS.text, formula);
  if (use !== undefined) field(where, `${named}: use`, FIELD_CHECKS.text, use);
  if (papers !== undefined) field(where, `${named}: papers`, FIELD_CHECKS.papers, papers);
}

/** One of the three forms. */
function checkObjective(candidate: Readonly<Record<string, unknown>>, where: string, named: string): void {
  const { of, standard, value, gradient } = candidate;
  if (standard !== undefined && isRecord(standard)) return;
  if (of !== undefined || (value === undefined && gradient === undefined)) {
    field(where, `${named}: of`, FIELD_CHECKS.function, of);
    return;
  }
  field(where, `${named}: value`, FIELD_CHECKS.function, value);
  field(where, `${named}: gradient`, FIELD_CHECKS.function, gradient);
}

/** @throws AutoCircuitError for an option without type or doc, or whose default breaks its own rule. */
function checkOptionTable(table: Readonly<Record<string, unknown>>, where: string, named: string): void {
  for (const [name, spec] of Object.entries(table)) {
    const place = `${named}: option "${name}"`;
    if (!/^[a-z][A-Za-z0-9-]*$/.test(name))
      throw wrongField(where, place, 'a name of letters, digits and dashes', name);
    if (!isRecord(spec)) throw wrongField(where, place, 'an object { type, default, doc }', spec);
    field(where, `${place}: doc`, FIELD_CHECKS.text, spec.doc);
    if (typeof spec.type !== 'string' || !OPTION_TYPES.includes(spec.type)) {
      throw wrongField(where, `${place}: type`, `one of ${OPTION_TYPES.join(', ')}`, spec.type);
    }
    if (spec.type === 'enum') field(where, `${place}: values`, FIELD_CHECKS.texts, spec.values);
    const given = spec.default;
    const textForNumber = typeof given === 'string' && spec.type !== 'string' && spec.type !== 'enum';
    if (textForNumber) throw wrongField(where, `${place}: default`, `a value of type ${spec.type}`, given);
    parseOptionValue(spec as unknown as ValueRule, given, where, `${place}: default`, name);
  }
}

const OPTION_TYPES: readonly string[] = ['int', 'number', 'string', 'boolean', 'enum'] satisfies ValueRule['type'][];

interface FieldCheck {
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
}
const FIELD_CHECKS = {
  text: { expected: 'a text', fits: (v) => typeof v === 'string' && v.trim() !== '' },
  name: {
    expected: 'a name of letters, digits and . - _ +',
    fits: (v) => typeof v === 'string' && /^[A-Za-z0-9][\w.+-]*$/.test(v),
  },
  texts: {
    expected: 'a list of at least one text',
    fits: (v) => Array.isArray(v) && v.length > 0 && v.every((x) => typeof x === 'string'),
  },
  papers: {
    expected:
      'a list of { title, authors, year, url }, the year a whole number and the url one that begins with https://',
    fits: (v) => Array.isArray(v) && v.every(isPaper),
  },
  flag: { expected: 'true or false', fits: (v) => typeof v === 'boolean' },
  textOrFunction: {
    expected: 'a text, or a function of the options',
    fits: (v) => typeof v === 'function' || (typeof v === 'string' && v.trim() !== ''),
  },
  function: { expected: 'a function', fits: (v) => typeof v === 'function' },
  table: { expected: 'an option table ({} for none)', fits: isRecord },
  model: { expected: 'a model name or a model object', fits: (v) => typeof v === 'string' || isRecord(v) },
  data: {
    expected: 'a path, a file URL or a generator { count, seed, generate }',
    fits: (v) => typeof v === 'string' || v instanceof URL || (isRecord(v) && typeof v.generate === 'function'),
  },
} as const satisfies Readonly<Record<string, FieldCheck>>;

/** What each kind must have beside kind, name and doc. */
const CONTRIBUTION_FIELDS: {
  readonly [K in ContributionKind]: Readonly<
    Partial<Record<keyof Extract<Contribution, { kind: K }>, keyof typeof FIELD_CHECKS>>
  >;
} = {
  'prune-algo': { options: 'table', score: 'function' },
  metric: {
    options: 'table',
    higherIsBetter: 'flag',
    needsWrongAnswers: 'flag',
    unit: 'textOrFunction',
    measure: 'function',
  },
  'score-metric': { options: 'table', higherIsBetter: 'flag', unit: 'textOrFunction', measure: 'function' },
  objective: { options: 'table' },
  selection: { options: 'table', select: 'function' },
  ablation: { options: 'table', patch: 'function' },
  task: { model: 'model', data: 'data' },
  architecture: { modelTypes: 'texts', load: 'function' },
  backend: { options: 'table', create: 'function', probe: 'function' },
  executor: { options: 'table', run: 'function' },
};

function field(where: string, place: string, check: FieldCheck, value: unknown): void {
  if (!check.fits(value)) throw wrongField(where, place, check.expected, value);
}

function wrongField(where: string, place: string, expected: string, value: unknown): AutoCircuitError {
  const got = typeof value === 'string' ? `"${value}"` : value === undefined ? 'nothing' : typeName(value);
  return new AutoCircuitError({
    code: 'invalid-plugin',
    fields: { plugin: where, key: place },
    where,
    what: `${place} is not usable`,
    expected,
    got,
  });
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function isPaper(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { title, authors, year, url } = value;
  const texts = [title, authors, url].every((v) => typeof v === 'string' && v.trim() !== '');
  return texts && Number.isInteger(year) && `${url}`.startsWith('https://');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
