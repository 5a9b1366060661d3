/**
 * @file A task, ready to work on: the model on a backend, its graph and its prompts, with everything at the defaults that the command
 * line has. Score, choose a circuit, measure it, patch edges: a script needs no more.
 *
 * @example
 * const task = await openTask({ data: ioiMini, ...(await loadModel('ioi-mini')), backend: onnxBackend });
 * const { scores } = await task.score(eap);
 * const [divergence] = await task.measure(task.circuit(scores, 30), [kl]);
 * await task.dispose();
 */
import type { Backend } from '../backend/backend.js';
import { AutoCircuitError } from '../errors/error.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import type { GraphOptions } from '../graph/types.js';
import type { ModelObject } from '../model/model.js';
import type { ObjectiveName } from '../objectives/names.js';
import { createPatchableModel } from '../patch/engine.js';
import type { AblationName } from '../patch/requests/ablations.js';
import { requireOneLength } from '../prompts/prompts.js';
import type { TokenizedPrompts } from '../prompts/tokenize.js';
import type { Prompt, Side } from '../prompts/types.js';
import { promptsOfRun } from '../run/prompts-of-run.js';
import { checkCircuitRun, type PatchType } from '../run/run-circuits.js';
import { checkSettings, GRAPH_RULES, OPEN_RULES } from './check-settings.js';
import { isTask, type TaskData, type TaskTokenizer, taskPrompts } from './task-prompts.js';
import { TaskSession } from './task-session.js';

/** What a task is opened with: data, model and backend; everything else has the default of the command line. */
export interface OpenTaskRequest {
  /** A task (its prompts and its defaults), or prompts of your own: a file's path or URL, or one that has been read. */
  readonly data: TaskData;
  readonly model: ModelObject;
  /** Needed for prompts of text. */
  readonly tokenizer?: TaskTokenizer | null;
  /** A backend, which stays yours, or what makes one (`onnxBackend`), which is disposed with the task. */
  readonly backend: Backend | (() => Promise<Backend>);

  /** What is patched in, everywhere: in scores, circuits and patches. Default: `resample`. */
  readonly ablation?: AblationName;
  /** Whose values an ablation takes. Default: `corrupt`. */
  readonly ablateFrom?: Side;
  /** `tree` (the default) patches all but the circuit into the clean run; `edge` the circuit into the corrupt run. */
  readonly patchType?: PatchType;
  /** Swaps the two sides of circuit runs. Default: false. */
  readonly reverse?: boolean;
  /** What gradients are taken of. Default: the task's; else the logit difference, or the answer's logit without wrong answers. */
  readonly objective?: ObjectiveName;
  /** Nodes and edges; `positions: 'each'` gives every token position its own edges. Default: the task's, Q, K and V apart. */
  readonly graph?: Partial<Omit<GraphOptions, 'positions'>> & { readonly positions?: 'each' | null };

  /** Whether a BOS token is put before prompts of text. Default: as the tokenizer does. */
  readonly bos?: boolean;
  /** Only prompts of so many tokens. Default: all. */
  readonly length?: number;
  /** Only the first so many. Default: all. */
  readonly limit?: number;
  /**
   * Leaves out prompts that do not fit the model or its tokenizer, with a warning that counts them, and takes the next ones.
   * Default: false, the first of them is refused.
   */
  readonly skipUnfit?: boolean;
  /** Prompts that scores and means are taken on. Default: the task's, else half. */
  readonly train?: number;
  /** Prompts that circuits are measured on; `same`: those of the scores. Default: the others. */
  readonly test?: number | 'same';
  /** Prompts a batch. Default: the task's, else 32. */
  readonly batchSize?: number;
  /** Where all randomness starts. Default: 0. */
  readonly seed?: number;

  /** Most resident memory of this process, in bytes. Default: half of the machine's, as an aim. */
  readonly memoryBytes?: number;
  /** Told of what is likely not meant, in one sentence. Default: `process.emitWarning`. */
  readonly onWarning?: (line: string) => void;
}

/**
 * Opens a task. Settings that are left out are those of `auto-circuit discover`, so the numbers are the same.
 * @throws AutoCircuitError for prompts that do not fit the model (`unfit-prompts`, `mixed-lengths`, `answer-not-one-token`, …), settings
 * that contradict each other, and backends that do not start
 */
export async function openTask(request: OpenTaskRequest): Promise<TaskSession> {
  checkSettings('openTask', { ...request }, OPEN_RULES);
  for (const option of ['data', 'model', 'backend'] as const) if (!request[option]) throw missing(option);
  checkSettings('openTask: graph', { ...request.graph }, GRAPH_RULES);
  const { data, tokenizer = null, ablation = 'resample', ablateFrom = 'corrupt', seed = 0 } = request;
  const task = isTask(data) ? data : null;
  const { patchType = 'tree', reverse = false } = request;
  const settings = { ablation, ablateFrom, patchType, reverse };
  checkCircuitRun(settings, false);
  const { onWarning = warnOnProcess } = request;
  const choice = { length: request.length ?? null, limit: request.limit ?? null };
  // prompts that length and limit leave out decide nothing
  const { prompts: all, ...found } = await taskPrompts(data, tokenizer, {
    ...(request.bos === undefined ? {} : { bos: request.bos }),
    ...choice,
    unfit: request.skipUnfit ? 'skip' : 'refuse',
    model: request.model,
  });
  for (const line of [...found.warnings, ...unfitWarning(found.unfit)]) onWarning(line);
  const model = task?.outputs ? readAt(request.model, task.outputs) : request.model;
  const { positions = task?.tokenPositions ? 'each' : null, ...graphOptions } = request.graph ?? {};
  const graph = buildGraph(model.spec.layout, {
    ...DEFAULT_GRAPH_OPTIONS,
    ...(task?.splitQkv === undefined ? {} : { splitQkv: task.splitQkv }),
    ...graphOptions,
    positions: positions === 'each' ? requireOneLength(all, 'edges for each token position') : null,
  });
  const chosen = request.length ?? request.limit ?? request.train ?? request.test;
  const prompts = promptsOfRun(all, graph, ablation, {
    ...choice,
    train: request.train ?? (chosen === undefined ? (task?.train ?? null) : null),
    test: request.test ?? null,
    batchSize: request.batchSize ?? task?.batchSize ?? 32,
    seed,
  });
  const objective = request.objective ?? task?.objective ?? defaultObjective(all, onWarning);
  const owned = typeof request.backend === 'function';
  const backend = typeof request.backend === 'function' ? await request.backend() : request.backend;
  try {
    const patchable = await createPatchableModel({
      model,
      graph,
      backend,
      ...(request.memoryBytes === undefined ? {} : { memoryBytes: request.memoryBytes }),
    });
    return new TaskSession({ model: patchable, prompts, settings, objective, seed, onWarning }, owned ? backend : null);
  } catch (error) {
    if (owned) await backend.dispose();
    throw error;
  }
}

/** The model with its outputs read elsewhere than it says itself. */
const readAt = (model: ModelObject, outputs: NonNullable<ModelObject['spec']['outputs']>): ModelObject =>
  Object.freeze({ ...model, spec: Object.freeze({ ...model.spec, outputs }) });

function defaultObjective(prompts: readonly Prompt[], onWarning: (line: string) => void): ObjectiveName {
  if (prompts.every(({ wrongAnswers }) => wrongAnswers.length > 0)) return 'logit-diff';
  onWarning(
    'some prompts have no wrong answers, so scores are gradients of the answer’s logit (objective answer-logit)',
  );
  return 'answer-logit';
}

const missing = (option: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'missing-option',
    where: 'openTask',
    what: `${option} is missing`,
    expected: 'data, model and backend',
    fields: { option },
  });
/** `2 prompts do not fit and are left out, the first as …`. */
function unfitWarning(unfit: TokenizedPrompts['unfit']): string[] {
  const [first] = unfit;
  if (first === undefined) return [];
  const left = unfit.length === 1 ? '1 prompt does not fit and is' : `${unfit.length} prompts do not fit and are`;
  return [`${left} left out, the first as ${first.error.message}`];
}

function warnOnProcess(line: string): void {
  process.emitWarning(line, 'AutoCircuitWarning');
}
