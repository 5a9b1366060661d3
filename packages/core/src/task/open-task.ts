import { AutoCircuitError } from '../errors/error.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import type { ModelObject } from '../model/model.js';
import type { ObjectiveName } from '../objectives/names.js';
import { createPatchableModel } from '../patch/engine.js';
import { chooseObjective } from '../plugin/objective.js';
import { requireOneLength } from '../prompts/prompts.js';
import type { TokenizedPrompts } from '../prompts/tokenize.js';
import type { Prompt } from '../prompts/types.js';
import { promptsOfRun } from '../run/prompts-of-run.js';
import { checkCircuitRun } from '../run/run-circuits.js';
import { createSpanModel } from '../spans/span-model.js';
import { withSpans } from '../spans/spans.js';
import { checkSettings, GRAPH_RULES, OPEN_RULES } from './check-settings.js';
import type { OpenTaskRequest } from './requests.js';
import { isTask, taskPrompts } from './task-prompts.js';
import { TaskSession } from './task-session.js';

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
  const { prompts: tokenized, ...found } = await taskPrompts(data, tokenizer, {
    ...(request.bos === undefined ? {} : { bos: request.bos }),
    ...choice,
    unfit: request.skipUnfit ? 'skip' : 'refuse',
    model: request.model,
  });
  for (const line of [...found.warnings, ...unfitWarning(found.unfit)]) onWarning(line);
  const model = task?.outputs ? readAt(request.model, task.outputs) : request.model;
  const { spans } = request;
  const all = spans ? withSpans(tokenized, spans) : tokenized;
  const { positions = task?.tokenPositions && !spans ? 'each' : null, ...graphOptions } = request.graph ?? {};
  if (spans && positions === 'each') throw spansOrPositions();
  const graph = buildGraph(model.spec.layout, {
    ...DEFAULT_GRAPH_OPTIONS,
    ...(task?.splitQkv === undefined ? {} : { splitQkv: task.splitQkv }),
    ...graphOptions,
    positions:
      positions === 'each' ? requireOneLength(all, 'edges for each token position') : (spans?.names.length ?? null),
  });
  const chosen = request.length ?? request.limit ?? request.train ?? request.test;
  const prompts = promptsOfRun(all, graph, ablation, {
    ...choice,
    train: request.train ?? (chosen === undefined ? (task?.train ?? null) : null),
    test: request.test ?? null,
    batchSize: request.batchSize ?? task?.batchSize ?? 32,
    seed,
  });
  const asked = request.objective ?? task?.objective ?? defaultObjective(all, onWarning);
  const objective = typeof asked === 'object' && 'kind' in asked ? chooseObjective(asked) : asked;
  const owned = typeof request.backend === 'function';
  const backend = typeof request.backend === 'function' ? await request.backend() : request.backend;
  try {
    const patchable = await (spans ? createSpanModel : createPatchableModel)({
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

const spansOrPositions = (): AutoCircuitError =>
  new AutoCircuitError({
    code: 'conflicting-options',
    where: 'openTask',
    what: 'edges are those of spans or of each token position',
    expected: "spans, or a graph with positions: 'each'",
    got: 'both',
    fields: { options: ['spans', 'positions'] },
  });

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
