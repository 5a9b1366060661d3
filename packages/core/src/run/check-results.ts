/** @file Whether what metrics and algorithms give is what they promise: anything else is a sentence that names the plugin and the member. */
import { AutoCircuitError } from '../errors/error.js';
import { calledMember, type PluginMember, pluginFailed, refusePromise, shown } from '../errors/plugin-failed.js';
import type { Graph } from '../graph/types.js';
import type { MetricValue } from '../plugin/metric.js';
import type { PruneResult } from '../plugin/prune-algo.js';
import { toFileNodes } from '../run-folder/node-files.js';
import { figuresSchema } from '../run-folder/schemas.js';
import { toFileScores } from '../run-folder/score-files.js';

/**
 * What a metric measures, checked.
 * @param prompts how many there are
 * @throws AutoCircuitError `plugin-failed` for anything but a measurement, `not-finite` for NaN
 */
export function checkedMeasurement(metric: string, prompts: number, measure: () => unknown): MetricValue {
  const member: PluginMember = { kind: 'metric', name: metric, member: 'measure' };
  const given = calledMember(member, measure);
  if (!isRecord(given) || typeof given.value !== 'number') {
    throw pluginFailed(member, {
      what: 'gives no measurement',
      expected: 'an object { value: number, … }',
      got: shown(given),
    });
  }
  const { value, standardError, prompts: byPrompt, parts, figures } = given;
  if (standardError !== undefined && typeof standardError !== 'number') {
    const expected = 'a number from 0, or none';
    throw pluginFailed(member, { what: 'gives a standard error that is none', expected, got: shown(standardError) });
  }
  if (Number.isNaN(value) || Number.isNaN(standardError ?? 0)) throw notANumber(metric);
  if (typeof standardError === 'number' && standardError < 0) {
    throw pluginFailed(member, {
      what: 'gives a negative standard error',
      expected: 'a number from 0',
      got: shown(standardError),
    });
  }
  if (byPrompt !== undefined) checkPromptValues(member, prompts, byPrompt);
  if (parts !== undefined) checkParts(member, parts);
  if (figures !== undefined) checkFigures(member, figures);
  return given as unknown as MetricValue;
}

function checkPromptValues(member: PluginMember, prompts: number, given: unknown): void {
  const lists = isRecord(given) ? [['values', given.values] as const, ['weights', given.weights] as const] : [];
  if (lists.length === 0 || lists[0]![1] === undefined) {
    const expected = '{ values: number[], weights?: number[] }';
    throw pluginFailed(member, { what: 'gives "prompts" without values', expected, got: shown(given) });
  }
  for (const [name, list] of lists) {
    if (list === undefined) continue;
    const isList = Array.isArray(list) || ArrayBuffer.isView(list);
    const numbers = isList ? Array.from(list as unknown as ArrayLike<unknown>) : [];
    if (!isList || numbers.length !== prompts) {
      throw pluginFailed(member, {
        what: `gives "prompts.${name}" that are not one for each prompt`,
        expected: `${prompts} numbers`,
        got: shown(list),
      });
    }
    const at = numbers.findIndex((x) => typeof x !== 'number' || Number.isNaN(x));
    if (at < 0) continue;
    throw pluginFailed(member, {
      what: `gives something in "prompts.${name}" that is not a number`,
      expected: 'numbers (∞ is one)',
      got: `${shown(numbers[at])} at index ${at}`,
    });
  }
}

function checkParts(member: PluginMember, given: unknown): void {
  const wrong = isRecord(given)
    ? Object.entries(given).find(([, value]) => typeof value !== 'number' || Number.isNaN(value))
    : (['parts', given] as const);
  if (!wrong) return;
  throw pluginFailed(member, {
    what: 'gives "parts" that are not numbers by name',
    expected: '{ name: number, … }',
    got: `${wrong[0]}: ${shown(wrong[1])}`,
  });
}

/** Figures are plain data that JSON holds: anything else is a sentence that says where it is. */
function checkFigures(member: PluginMember, given: unknown): void {
  const issue = figuresSchema.safeParse(given).error?.issues[0];
  if (!issue) return;
  const [index, ...path] = issue.path;
  const at = path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | null)?.[key],
    (given as unknown[])[index as number],
  );
  const place =
    index === undefined
      ? 'figures'
      : `figures[${String(index)}]${path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')}`;
  throw pluginFailed(member, {
    what: `gives a figure that cannot be drawn: ${place}: ${issue.message}`,
    expected: 'a curve, bars, a heat map or a table, of finite numbers',
    got: typeof at === 'number' ? String(at) : shown(index === undefined ? given : at),
  });
}

/** What every metric of ours gives where a model overflows. */
const notANumber = (metric: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'not-finite',
    fields: { metric },
    where: 'measure',
    what: `the metric "${metric}" gave something that is not a number`,
    fix: 'check the model for overflow on these prompts, or choose another metric',
  });

/** What every algorithm of ours gives where numbers overflow, those of its options included. */
const noScores = (algo: string, part: string, cause: AutoCircuitError): AutoCircuitError =>
  new AutoCircuitError({
    code: 'not-finite',
    fields: { algo, part },
    where: algo,
    what: cause.parts.what,
    got: cause.parts.got!,
    fix: 'check the options for numbers that are too large, and the model for overflow on these prompts',
    cause,
  });

/**
 * What an algorithm gives, in the precision of the run's files.
 * @throws AutoCircuitError `plugin-failed` for anything but scores of every edge, `not-finite` for NaN
 */
export function checkedScores(algo: string, graph: Graph, given: unknown): PruneResult {
  const member: PluginMember = { kind: 'pruning algorithm', name: algo, member: 'score' };
  if (!isRecord(given) || !isRecord(given.scores)) {
    const expected = 'an object { scores, … } with a tensor for each destination module';
    throw pluginFailed(member, { what: 'gives no scores', expected, got: shown(given) });
  }
  const { scores, standardErrors, intervalFactor, nodes, curves, figures } = given as unknown as PruneResult;
  refusePromise(member, scores);
  const named = <T>(part: string, make: () => T): T => {
    try {
      return make();
    } catch (cause) {
      if (cause instanceof AutoCircuitError && cause.code === 'not-finite') throw cause;
      if (cause instanceof AutoCircuitError && cause.parts.got?.startsWith('NaN')) throw noScores(algo, part, cause);
      const got = cause instanceof Error ? cause.message : String(cause);
      throw pluginFailed(member, { what: `gives "${part}" that do not fit the graph`, got, cause });
    }
  };
  for (const [name, values] of Object.entries(curves ?? {})) {
    const at = Array.isArray(values) ? values.findIndex((x) => typeof x !== 'number' || Number.isNaN(x)) : -1;
    if (Array.isArray(values) && at < 0) continue;
    throw pluginFailed(member, {
      what: `gives a curve "${name}" that is no list of numbers`,
      expected: 'a number for each step',
      got: Array.isArray(values) ? `${shown(values[at])} at index ${at}` : shown(values),
    });
  }
  if (figures !== undefined) checkFigures(member, figures);
  return {
    scores: named('scores', () => toFileScores(graph, scores)),
    ...(standardErrors ? { standardErrors: named('standardErrors', () => toFileScores(graph, standardErrors)) } : {}),
    ...(standardErrors && intervalFactor !== undefined
      ? { intervalFactor: checkedFactor(member, intervalFactor) }
      : {}),
    ...(nodes ? { nodes: named('nodes', () => toFileNodes(graph, nodes)) } : {}),
    ...(curves ? { curves } : {}),
    ...(figures ? { figures } : {}),
  };
}

function checkedFactor(member: PluginMember, factor: unknown): number {
  if (typeof factor === 'number' && Number.isFinite(factor) && factor >= 1) return factor;
  throw pluginFailed(member, {
    what: 'gives an interval factor that is not usable',
    expected: 'a number of standard errors from 1',
    got: shown(factor),
  });
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
