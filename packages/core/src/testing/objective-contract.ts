/** @file The contract of an objective: a finite loss for each prompt, of that prompt alone, whose gradient is the loss's. */
import { gradient } from '../ir/autodiff/gradient.js';
import { uniformAt } from '../numeric/counter-random.js';
import type { FragmentObjective, HostObjective, Objective } from '../objectives/objective.js';
import { hostGradient, interpretFragment } from '../objectives/on-host.js';
import { objectiveOnLogits } from '../objectives/on-logits.js';
import { chooseObjective, type ObjectiveDefinition } from '../plugin/objective.js';
import { parseOptions } from '../plugin/option-values.js';
import type { Prompt, PromptBatch } from '../prompts/types.js';
import { floatTensor, type Tensor } from '../tensor/tensor.js';
import { type ContractCheck, require, requireSentence, thrownBy } from './contract.js';
import { contributionChecks } from './contribution-checks.js';

/** How an objective is tried. */
export interface ObjectiveContractOptions {
  /** Options other than the defaults to run the suite with. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Prompts other than made-up ones, where the objective reads more of them than answers and targets. */
  readonly prompts?: readonly Prompt[];
  /** Numbers of one output. Default 7. */
  readonly outputSize?: number;
  /** Whether it follows from the logits alone, as an entropy does. Default: it reads answers, targets or the clean run. */
  readonly ofLogitsAlone?: boolean;
}

type Logits = Tensor<Float64Array>;
/** Central differences: truncation is h²/6 · f‴ ≈ 2e-11 for losses of size 1, rounding 2⁻⁵³ · |f| / h ≈ 1e-11. */
const STEP = 1e-5;
/** Ten times both, and as much again for third derivatives above 1. */
const TOLERANCE = 1e-8;
/** Of a gradient that is kept in float32: one rounding is 6e-8 of the number. */
const FLOAT32 = 2 ** -23;

/**
 * Every check of an objective: name, doc and options; a finite loss for each prompt; the same twice; a prompt's loss and its
 * gradient depend on that prompt's logits alone, and on what is known of it; the gradient is that of the loss, by finite differences in float64; several
 * positions; a sentence where prompts lack the wrong answers that it needs.
 */
export function objectiveContract(
  definition: ObjectiveDefinition,
  { options, prompts = PROMPTS, outputSize = 7, ofLogitsAlone = false }: ObjectiveContractOptions = {},
): ContractCheck[] {
  const values = parseOptions(definition.options, options ?? {}, definition.name);
  const { objective, needsWrongAnswers } = chooseObjective(definition, values);
  const batch: PromptBatch = { length: 3, prompts: prompts.map((prompt) => withTargets(prompt, outputSize)) };
  const logits = madeLogits(batch.prompts.length, outputSize, 0);
  const cleanLogits = madeLogits(batch.prompts.length, outputSize, 1);
  const lossesOf = (z: Logits, of = batch): Float64Array =>
    objectiveOnLogits(objective, z, of, { cleanLogits: rowsOf(cleanLogits, of.prompts.length) });
  const check = (name: string, run: () => Promise<void> | void): ContractCheck => ({ name, run: async () => run() });
  return [
    ...contributionChecks(definition),
    check('gives a finite loss for each prompt', () => {
      const losses = lossesOf(logits);
      require(losses.length ===
        batch.prompts.length, 'not one loss for each prompt', `${batch.prompts.length}`, `${losses.length}`);
      require(losses.every(Number.isFinite), 'a loss is not a finite number', 'numbers', `${[...losses]}`);
    }),
    check('gives the same twice, and leaves its logits alone', () => {
      const before = [...logits.data];
      const [first, second] = [lossesOf(logits), lossesOf(logits)];
      require(first.every((x, i) => x === second[i]), 'the same logits gave other losses');
      require(logits.data.every((x, i) => x === before[i]), 'the objective changed the logits');
    }),
    check('a prompt’s loss depends on its own logits alone', () => {
      const before = lossesOf(logits);
      const moved = floatTensor(
        logits.data.map((x, i) => (i < outputSize ? x + 0.5 : x)),
        logits.shape,
      );
      const after = lossesOf(moved);
      for (let i = 1; i < before.length; i++)
        require(same(
          before[i]!,
          after[i]!,
        ), `the loss of prompt ${i} moved with the logits of prompt 0`, `${before[i]}`, `${after[i]}`);
      const alone = lossesOf(rowsOf(logits, 1), { ...batch, prompts: batch.prompts.slice(0, 1) });
      require(same(alone[0]!, before[0]!), 'a prompt by itself has another loss', `${before[0]}`, `${alone[0]}`);
    }),
    check('reads answers, targets or the clean run', () => {
      const turned = { ...batch, prompts: batch.prompts.map((prompt) => otherAnswers(prompt, outputSize)) };
      const others = objectiveOnLogits(objective, logits, turned, {
        cleanLogits: madeLogits(batch.prompts.length, outputSize, 3),
      });
      const moved = lossesOf(logits).some((x, i) => !same(x, others[i]!));
      if (ofLogitsAlone) require(!moved, 'losses do not follow from the logits alone');
      else require(moved, 'losses are the same for other answers, other targets and another clean run');
    }),
    check('its gradient is that of the loss', () => {
      const analytic = gradientOf(objective, logits, batch, cleanLogits);
      if (!analytic) return;
      for (let at = 0; at < logits.data.length; at++) {
        const prompt = Math.floor(at / outputSize);
        const [up, down] = [STEP, -STEP].map((h) => lossesOf(nudged(logits, at, h))[prompt]!);
        const difference = (up! - down!) / (2 * STEP);
        const allowed = TOLERANCE * Math.max(1, Math.abs(difference)) + FLOAT32 * Math.abs(difference);
        require(Math.abs(analytic[at]! - difference) <=
          allowed, `the gradient at output ${at % outputSize} of prompt ${prompt} is not that of the loss`, `${difference}`, `${analytic[at]}`);
      }
    }),
    check('takes outputs at several positions', () => {
      const several = { ...batch, prompts: batch.prompts.map((prompt) => atTwoPositions(prompt)) };
      const z = madeLogits(2 * batch.prompts.length, outputSize, 2);
      const shaped = floatTensor(z.data, [batch.prompts.length, 2, outputSize]);
      const losses = objectiveOnLogits(objective, shaped, several, { cleanLogits: shaped });
      require(losses.length === batch.prompts.length &&
        losses.every(Number.isFinite), 'not a finite loss for each prompt', 'numbers', `${[...losses]}`);
    }),
    check('says so where it needs wrong answers, and does without where it does not', async () => {
      const lacking = { ...batch, prompts: batch.prompts.map((prompt) => ({ ...prompt, wrongAnswers: [] })) };
      if (!needsWrongAnswers) {
        require(lossesOf(logits, lacking).every(Number.isFinite), 'a loss is not a finite number');
        return;
      }
      if (objective.kind === 'host') return; // runs refuse such prompts before they ask it
      const error = await thrownBy(() => lossesOf(logits, lacking), 'prompts without wrong answers');
      requireSentence(error, 'prompts without wrong answers', /wrong answers/);
    }),
  ];
}

/** ∂(own loss)/∂logits [prompts · outputs]; null for the engine's own, whose gradients other tests check. */
function gradientOf(objective: Objective, logits: Logits, batch: PromptBatch, reference: Logits): Float64Array | null {
  if (objective.kind === 'host')
    return Float64Array.from(hostGradient(objective satisfies HostObjective, logits, batch).data);
  if (objective.kind !== 'fragment') return null;
  const fragment: FragmentObjective = objective;
  const { gradients } = interpretFragment(fragment, logits, batch, reference, (b, losses, z) => {
    b.output('gradients', gradient(b, b.sum(losses, 0), [z])[0]!);
  });
  return gradients!;
}

const same = (a: number, b: number): boolean => Math.abs(a - b) <= 64 * Number.EPSILON * Math.max(1, Math.abs(a));

/** In [−2, 2): [prompts, outputs]. */
const madeLogits = (prompts: number, outputs: number, salt: number): Logits =>
  floatTensor(
    Float64Array.from({ length: prompts * outputs }, (_, i) => 4 * uniformAt(11, salt, i) - 2),
    [prompts, outputs],
  );
const rowsOf = ({ data, shape }: Logits, prompts: number): Logits =>
  floatTensor(data.slice(0, prompts * shape.at(-1)!), [prompts, shape.at(-1)!]);
function nudged({ data, shape }: Logits, at: number, by: number): Logits {
  const copy = data.slice();
  copy[at]! += by;
  return floatTensor(copy, shape);
}

const PROMPTS: readonly Prompt[] = [
  { index: 0, clean: [1, 2, 3], corrupt: [1, 4, 3], answers: [1], wrongAnswers: [2] },
  { index: 1, clean: [2, 2, 5], corrupt: [2, 1, 5], answers: [0, 3], wrongAnswers: [4] },
  { index: 2, clean: [3, 0, 1], corrupt: [3, 5, 1], answers: [5], wrongAnswers: [1, 6, 2] },
];
const withTargets = (prompt: Prompt, outputs: number): Prompt =>
  prompt.targets
    ? prompt
    : { ...prompt, targets: [Array.from({ length: outputs }, (_, i) => uniformAt(12, prompt.index, i))] };
/** Every answer another one. */
const otherAnswers = (prompt: Prompt, outputs: number): Prompt => ({
  ...prompt,
  answers: prompt.answers.map((answer) => (answer + 1) % outputs),
  wrongAnswers: prompt.wrongAnswers.map((answer) => (answer + 1) % outputs),
  ...(prompt.targets ? { targets: prompt.targets.map((row) => row.toReversed()) } : {}),
});
const atTwoPositions = (prompt: Prompt): Prompt => ({
  ...prompt,
  byPosition: [prompt, prompt],
  ...(prompt.targets ? { targets: [prompt.targets[0]!, prompt.targets[0]!] } : {}),
});
