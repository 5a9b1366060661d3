/**
 * @file A loss that a plugin wrote, as part of a program: what it is given, what it asks to be fed, and whether what it gives is a
 * loss for each prompt.
 */
import { calledMember, type PluginMember, pluginFailed, shown } from '../errors/plugin-failed.js';
import { ProgramBuilder } from '../ir/builder/builder.js';
import { type Dim, shapeKey, shapesEqual } from '../ir/program/dims.js';
import type { AnyValue } from '../ir/program/program.js';
import { answersRead } from '../prompts/output-positions.js';
import type { Prompt, PromptBatch } from '../prompts/types.js';
import { answerTokens } from './answers.js';
import type { FragmentObjective, ObjectiveBatch } from './objective.js';
import { promptTargets } from './output-rows.js';

/** The input through which a loss is given the reference logits. */
export const REFERENCE_INPUT = 'objective:reference';

/** The sizes of the logits. */
export interface LogitSizes {
  readonly positions: number;
  readonly outputs: number;
}

/** An input of a loss: what it is fed for some prompts, in their order. */
export interface FragmentInput {
  readonly name: string;
  /** Whether it is shaped like the logits, or one number for each prompt. */
  readonly dense: boolean;
  /** [prompts, positions, outputs], or [prompts]. */
  data(prompts: readonly Prompt[], sizes: LogitSizes): Float32Array;
}

/** A loss in a program. */
export interface TracedFragment {
  /** [batch]. */
  readonly losses: AnyValue;
  readonly inputs: readonly FragmentInput[];
  readonly usesReference: boolean;
}

/**
 * Appends the loss to a program.
 * @param logits [batch, outputs] or [batch, positions, outputs]
 * @throws AutoCircuitError `plugin-failed` where its code fails or gives anything but a loss for each prompt
 */
export function traceFragment(b: ProgramBuilder, objective: FragmentObjective, logits: AnyValue): TracedFragment {
  const { name } = objective;
  const member: PluginMember = { kind: 'objective', name, member: 'of' };
  const [batch, ...rest] = logits.shape as [Dim, ...Dim[]];
  const inputs: FragmentInput[] = [];
  const reference = b.input(REFERENCE_INPUT, 'float', ['batch', ...rest]); // [batch, positions?, outputs]
  const asked = new AskedInputs(b, rest, name, inputs);
  const given = calledMember(member, () => objective.of(b, logits, reference, asked));
  const known = typeof given === 'object' && given !== null && Array.isArray(given.shape);
  const shapes: Dim[][] = [[batch], ...(rest.length > 1 ? [[batch, rest[0]!]] : [])];
  const fits = known && given.dtype === 'float' && shapes.some((shape) => shapesEqual(given.shape, shape));
  if (!fits) {
    throw pluginFailed(member, {
      what: 'gives no loss for each prompt',
      expected: `a float value ${shapes.map((shape) => shapeKey(shape)).join(' or ')}`,
      got: known ? `${given.dtype}${shapeKey(given.shape)}` : shown(given),
      fix: 'sum or average over the outputs (axis −1)',
    });
  }
  const losses = given.shape.length === 1 ? given : b.mean(given, 1); // [batch]
  return { losses, inputs, usesReference: reaches(b, reference.id, losses.id) };
}

const asked = new WeakMap<FragmentObjective['of'], Map<number, Omit<TracedFragment, 'losses'>>>();

/** What a loss is fed, found by tracing it by itself. @param rank of the logits: 2, or 3 where several positions are read */
export function fragmentInputs(objective: FragmentObjective, rank: number): Omit<TracedFragment, 'losses'> {
  const known = asked.get(objective.of) ?? new Map<number, Omit<TracedFragment, 'losses'>>();
  asked.set(objective.of, known);
  const found = known.get(rank) ?? traceFragment(...standalone(objective, rank));
  known.set(rank, found);
  return found;
}

function standalone(objective: FragmentObjective, rank: number): [ProgramBuilder, FragmentObjective, AnyValue] {
  const b = new ProgramBuilder(`objective-${objective.name}`);
  const rest = rank === 3 ? ['positions', 'outputs'] : ['outputs'];
  return [b, objective, b.input('logits', 'float', ['batch', ...rest])];
}

/** Whether a value depends on another. */
function reaches(b: ProgramBuilder, from: number, to: number): boolean {
  const reached = new Set([from]);
  for (let id = from + 1; id <= to; id++) if (b.value(id).inputs.some((input) => reached.has(input))) reached.add(id);
  return reached.has(to);
}

/** Makes the inputs that a loss asks for, numbered in their order. */
class AskedInputs implements ObjectiveBatch {
  readonly #b: ProgramBuilder;
  readonly #rest: readonly Dim[];
  readonly #objective: string;
  readonly #inputs: FragmentInput[];
  readonly #once = new Map<string, AnyValue>();

  constructor(b: ProgramBuilder, rest: readonly Dim[], objective: string, inputs: FragmentInput[]) {
    this.#b = b;
    this.#rest = rest;
    this.#objective = objective;
    this.#inputs = inputs;
  }

  get answers(): AnyValue {
    return this.#kept('answers', () => this.#sides('answers'));
  }
  get wrongAnswers(): AnyValue {
    return this.#kept('wrongAnswers', () => this.#sides('wrongAnswers'));
  }
  get targets(): AnyValue {
    return this.#kept('targets', () =>
      this.#input(true, (prompts) => promptTargets({ prompts, length: 0 } satisfies PromptBatch).data),
    );
  }

  tokens(of: (prompt: Prompt) => readonly number[]): AnyValue {
    return this.#input(true, (prompts, { positions, outputs }) => {
      const data = new Float32Array(prompts.length * positions * outputs);
      prompts.forEach((prompt, i) => {
        for (const token of this.#tokensOf(prompt, of, outputs)) {
          for (let p = 0; p < positions; p++) data[(i * positions + p) * outputs + token] = 1;
        }
      });
      return data;
    });
  }

  number(of: (prompt: Prompt) => number): AnyValue {
    const member: PluginMember = { kind: 'objective', name: this.#objective, member: 'of' };
    return this.#input(false, (prompts) =>
      Float32Array.from(prompts, (prompt) => {
        const given: unknown = calledMember(member, () => of(prompt));
        if (typeof given === 'number' && Number.isFinite(given)) return given;
        throw pluginFailed(member, {
          what: `gives no number for prompt ${prompt.index}`,
          expected: 'a finite number',
          got: shown(given),
        });
      }),
    );
  }

  #kept(name: string, make: () => AnyValue): AnyValue {
    const made = this.#once.get(name) ?? make();
    this.#once.set(name, made);
    return made;
  }

  #tokensOf(prompt: Prompt, of: (prompt: Prompt) => readonly number[], outputs: number): readonly number[] {
    const member: PluginMember = { kind: 'objective', name: this.#objective, member: 'of' };
    const tokens: unknown = calledMember(member, () => of(prompt));
    const isToken = (token: unknown): boolean =>
      Number.isInteger(token) && Number(token) >= 0 && Number(token) < outputs;
    if (Array.isArray(tokens) && tokens.every(isToken)) return tokens as readonly number[];
    const wrong: unknown = Array.isArray(tokens) ? tokens.find((token) => !isToken(token)) : tokens;
    throw pluginFailed(member, {
      what: `names no tokens for prompt ${prompt.index}`,
      expected: `a list of token ids from 0 to ${outputs - 1}`,
      got: shown(wrong),
    });
  }

  /** Shares of the answers: [batch, positions?, outputs]. */
  #sides(side: 'answers' | 'wrongAnswers'): AnyValue {
    return this.#input(true, (prompts, { positions, outputs }) => {
      const data = new Float32Array(prompts.length * positions * outputs);
      prompts.forEach((prompt, i) => {
        answersRead(prompt, positions).forEach((sides, p) => {
          const tokens = answerTokens(sides, side, outputs);
          for (const token of tokens) data[(i * positions + p) * outputs + token]! += 1 / tokens.length;
        });
      });
      return data;
    });
  }

  #input(dense: boolean, data: FragmentInput['data']): AnyValue {
    const name = `objective:${this.#inputs.length}`;
    this.#inputs.push({ name, dense, data });
    return this.#b.input(name, 'float', ['batch', ...(dense ? this.#rest : [])]);
  }
}
