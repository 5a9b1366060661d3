/** @file Values inside plain runs by their role, and gradients with respect to them. */
import type { Feeds, Results } from '../../backend/backend.js';
import { hostGradient, hostLosses } from '../../objectives/on-host.js';
import type { PromptBatch, Side } from '../../prompts/types.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import { objectiveFeeds } from '../exec/feeds.js';
import { type Cut, floats, joinFloats, tensorOf } from '../exec/micro-batches.js';
import type { RunContext } from '../exec/run-context.js';
import { outputShape, plainPlan, planCuts, runPlan } from '../exec/run-plan.js';
import { objectiveShape, type ProgramSpec } from '../programs/program-spec.js';
import { LOGITS, LOSSES } from '../programs/programs.js';
import { valueOutputName } from '../programs/read-values.js';
import type { ValueGradientRequest, ValueGradients } from '../requests/patchable-model.js';
import { startFeeds } from './gradient-plan.js';
import { type CleanLogits, denseTarget } from './mask-gradient.js';

type ByRole = Readonly<Record<string, Tensor<Float32Array>>>;
const inOrder = (roles: readonly string[]): readonly string[] => [...new Set(roles)].sort();

/** Values inside a plain run by their whole role, [prompts, …]. */
export async function readValues(
  context: RunContext,
  batch: PromptBatch,
  side: Side,
  roles: readonly string[],
): Promise<ByRole> {
  const spec: ProgramSpec = { kind: 'values', roles: inOrder(roles) };
  const chunks = await runPlan(context, batch, plainPlan(spec, side, cutsOfValues(context, spec, batch)));
  return byRole(context, spec, chunks, batch);
}

/** ∂M/∂ of values inside a plain run, by their whole role [prompts, …]. */
export async function valueGradients(
  context: RunContext,
  batch: PromptBatch,
  { input, objective, roles, start, backward = [] }: ValueGradientRequest,
  cleanLogits: CleanLogits,
): Promise<ValueGradients> {
  const shape = objectiveShape(objective);
  const spec = {
    kind: 'value-gradients',
    roles: inOrder(roles),
    objective: shape,
    startFed: start !== undefined,
    backward,
  } as const;
  const plan = { ...plainPlan(spec, input, cutsOfValues(context, spec, batch)), use: { big: true } };
  const inputFeed = (cut: Cut): Feeds => (start ? startFeeds(context.graph, batch, start, cut) : {});
  const withLoss = (dense: Tensor<Float32Array> | undefined) =>
    runPlan(context, batch, plan, (cut) => ({
      ...inputFeed(cut),
      ...Object.fromEntries(objectiveFeeds(context.model.spec, objective, batch, cut, dense)),
    }));
  if (objective.kind !== 'host') {
    const chunks = await withLoss(await denseTarget(context, { objective }, cleanLogits));
    const losses = joinFloats(chunks.map((results) => floats(results, LOSSES)));
    return { losses, gradients: byRole(context, spec, chunks, batch) };
  }
  const first = await runPlan(context, batch, { ...plan, spec: { ...spec, logitsOnly: true } }, inputFeed);
  const data = joinFloats(first.map((results) => floats(results, LOGITS)));
  const logits = floatTensor(data, outputShape(context.model.spec, batch.prompts.length, batch.length));
  const losses = Float32Array.from(hostLosses(objective, logits, batch));
  const chunks = await withLoss(hostGradient(objective, logits, batch));
  return { losses, gradients: byRole(context, spec, chunks, batch) };
}

function cutsOfValues(context: RunContext, spec: ProgramSpec, { prompts, length }: PromptBatch): readonly Cut[] {
  const results = context.programs.outputBytes(spec, prompts.length, length) / 4;
  return planCuts(context, spec, { prompts: prompts.length, length, results, tokens: context.budget.plain });
}

/** The outputs of a program that are values, joined along the prompts. */
function byRole(
  { programs }: RunContext,
  spec: ProgramSpec,
  chunks: readonly Results[],
  { prompts }: PromptBatch,
): ByRole {
  const prefix = valueOutputName('');
  const names = programs.program(spec).outputs.flatMap(({ name }) => (name.startsWith(prefix) ? [name] : []));
  return Object.fromEntries(
    names.map((name) => {
      const parts = chunks.map((chunk) => tensorOf(chunk, name));
      const data = joinFloats(parts.map((part) => part.data));
      return [name.slice(prefix.length), floatTensor(data, [prompts.length, ...parts[0]!.shape.slice(1)])];
    }),
  );
}
