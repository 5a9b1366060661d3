/** @file Reads an experiment file: JSON, or a module whose default export is a plain object. What is wrong is named by its key. */
import { existsSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import type { JsonOrigin } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { z } from 'zod';
import { type Experiment, experimentFileSchema } from './experiment-file.js';

/** An experiment file that was read. */
export interface OpenedExperiment {
  /** Absolute. */
  readonly path: string;
  readonly name: string;
  readonly experiment: Experiment;
}

/** @throws AutoCircuitError for a file that is not there, does not load, or holds something else, naming the key */
export async function readExperimentFile(cwd: string, file: string): Promise<OpenedExperiment> {
  const path = resolve(cwd, file);
  const value = await readValue(path, { where: 'experiment', path: file });
  const parsed = experimentFileSchema.safeParse(value);
  if (!parsed.success) {
    const { key, text } = foundIssue(parsed.error.issues[0]!);
    throw new AutoCircuitError({
      code: 'invalid-file',
      fields: { path: file, key },
      where: 'experiment',
      what: `${file}: ${text}`,
      fix: 'docs/experiments.md shows what a file may say',
    });
  }
  const experiment = parsed.data as Experiment;
  return { path, name: experiment.name ?? basename(path).replace(/(\.experiment)?\.\w+$/, ''), experiment };
}

async function readValue(path: string, origin: JsonOrigin): Promise<unknown> {
  if (!existsSync(path)) {
    throw new AutoCircuitError({
      code: 'file-not-found',
      fields: { path: origin.path },
      where: origin.where,
      what: `there is no file ${origin.path}`,
      fix: 'check the path; a first one: { "tasks": ["ioi-mini"], "algos": ["eap"] }',
    });
  }
  const { fileError, importFile, parseJson, readWholeText } = await import('@auto-circuit/core/run');
  if (!['.mjs', '.js'].includes(extname(path))) {
    try {
      return parseJson(await readWholeText(path), origin);
    } catch (cause) {
      throw fileError(origin.where, 'read', origin.path, cause);
    }
  }
  const { default: value } = await importFile(path, `experiment ${origin.path}`);
  if (isPlain(value)) return value;
  throw new AutoCircuitError({
    code: 'invalid-file',
    fields: { path: origin.path },
    where: origin.where,
    what: `${origin.path}: the default export is not a plain object of texts, numbers and lists`,
    fix: "write: export default { tasks: ['ioi-mini'], algos: ['eap'] }",
  });
}

/** Whether JSON could hold the same. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'function' || typeof value === 'bigint' || typeof value === 'symbol') return false;
  if (typeof value !== 'object' || value === null) return true;
  const plain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  return plain && Object.values(value).every(isPlain);
}

interface FoundIssue {
  /** `tasks[1].limit`; empty for the top level. */
  readonly key: string;
  /** `"tasks[1].limit" is wrong: expected number, got string`. */
  readonly text: string;
}

/** What is wrong and where; of a choice, what is wrong with the form that comes nearest. */
function foundIssue(issue: z.core.$ZodIssue, above: readonly PropertyKey[] = []): FoundIssue {
  const path = [...above, ...issue.path];
  if (issue.code === 'invalid_union') {
    const deeper = issue.errors.map((errors) => errors[0]!).find((one) => one.path.length > 0 || isAboutKeys(one));
    if (deeper) return foundIssue(deeper, path);
    const wanted = issue.errors.flatMap(([one]) => (one && 'expected' in one ? [String(one.expected)] : []));
    return found(path, `is wrong${wanted.length > 0 ? `: expected ${wanted.join(' or ')}` : ''}`);
  }
  if (issue.code === 'unrecognized_keys') return found([...path, issue.keys[0]!], 'is not a known key');
  const problem = issue.message.replace(/^Invalid (input|option): /, '').replace('received', 'got');
  return found(path, `is wrong: ${problem}`);
}

const isAboutKeys = (issue: z.core.$ZodIssue): boolean => issue.code === 'unrecognized_keys';

function found(path: readonly PropertyKey[], problem: string): FoundIssue {
  const parts = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`));
  const key = parts.join('').replace(/^\./, '');
  return { key, text: `${key === '' ? 'the top level' : `"${key}"`} ${problem}` };
}
