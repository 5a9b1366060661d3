import { describe, expect, it } from 'vitest';
import { buildGraph } from '../graph/build.js';
import { printProgram } from '../ir/program/print.js';
import type { ObjectiveShape } from '../objectives/fragment.js';
import { tinyTransformer } from '../testing/tiny-transformer.js';
import { makeProgram } from './make-program.js';
import { edgeSumGroups } from './modes/edge-sum-groups.js';
import { type GradientSpec, type ProgramSpec, programKey, type StoredSupply } from './programs/program-spec.js';
import type { PatchSupply } from './programs/programs.js';
import type { EdgeMeasure } from './requests/patchable-model.js';

const model = tinyTransformer();
const graph = buildGraph(model.spec.layout);
const SUPPLIES: readonly PatchSupply[] = ['fed', 'zero', 'fused'];
const STORED: readonly StoredSupply[] = ['fed', 'zero'];
const BOTH = [false, true] as const;
const OBJECTIVES: readonly ObjectiveShape[] = [
  { kind: 'kl' },
  ...(['logit', 'prob', 'logprob', 'logitExp'] as const).flatMap((tokenFunction): ObjectiveShape[] => [
    { kind: 'answers', tokenFunction },
    { kind: 'mse', tokenFunction },
  ]),
];
const measure = (name: string, factor: number): EdgeMeasure => ({
  name,
  of: (b, read, written) => b.mul(b.mean(b.mul(b.concat([...written], 0), read), 3), factor), // [sources, batch, pos]
});
const LEADER = edgeSumGroups(
  graph,
  graph.destinationBlocks.map(({ site }) => site),
).find(({ followers }) => followers.length > 0)!;

function gradients(): GradientSpec[] {
  const base = { kind: 'gradient', objective: { kind: 'kl' }, losses: false, backward: [] } as const;
  const plain = { ...base, forward: 'atZero', supply: 'fused', neurons: false } as const;
  const stop = { kind: 'stop', role: 'scale' } as const;
  return [
    ...SUPPLIES.flatMap((supply) =>
      BOTH.map((perItem) => ({ ...base, forward: 'patched', supply, perItem, neurons: false }) as const),
    ),
    ...SUPPLIES.flatMap((supply) => BOTH.map((neurons) => ({ ...base, forward: 'atZero', supply, neurons }) as const)),
    ...(['interpolatedInput', 'interpolatedActivations'] as const).flatMap((forward) =>
      STORED.flatMap((supply) => BOTH.map((neurons) => ({ ...base, forward, supply, neurons }) as const)),
    ),
    ...OBJECTIVES.slice(1).map((objective) => ({ ...plain, objective })),
    { ...plain, objective: { kind: 'host' } },
    { ...plain, objective: { kind: 'fragment', name: 'own', of: (b, logits) => b.sum(logits, -1) } },
    { ...plain, objective: { kind: 'fragment', name: 'own', of: (b, logits) => b.mean(logits, -1) } },
    { ...plain, losses: true },
    { ...plain, backward: [stop] },
    { ...plain, backward: [{ kind: 'stop', role: 'ln1.scale' }] },
    { ...plain, backward: [{ kind: 'scale', role: 'scale', factor: 0.5 }] },
    { ...plain, backward: [{ kind: 'scale', role: 'scale', factor: 0.25 }] },
  ];
}

/** Specs of every kind, with every field at every value that it can have here. */
const SPECS: readonly ProgramSpec[] = [
  ...(['last', 'all', 'not-first'] as const).map((positions) => ({ kind: 'plain', positions }) as const),
  { kind: 'capture' },
  { kind: 'capture', logits: true },
  { kind: 'project' },
  ...STORED.map((supply) => ({ kind: 'residuals', supply }) as const),
  ...SUPPLIES.flatMap((supply) => BOTH.map((perItem) => ({ kind: 'patched', supply, perItem }) as const)),
  ...(['noising', 'denoising'] as const).flatMap((base) =>
    STORED.flatMap((supply) =>
      [
        'one' as const,
        'together' as const,
        { start: 'L0.mlp', site: 'L0.mlp' },
        { start: 'L1.attn', site: 'L1.attn' },
        { start: LEADER.leader, site: LEADER.followers[0]! },
      ].map((masks) => ({ kind: 'sparse', base, supply, masks }) as const),
    ),
  ),
  ...gradients(),
  ...BOTH.flatMap((perItem) =>
    OBJECTIVES.map((objective) => ({ kind: 'constant-gradient', perItem, objective }) as const),
  ),
  { kind: 'values', roles: ['end.read'] },
  { kind: 'values', roles: ['attn.read', 'end.read'] },
  ...BOTH.map(
    (startFed) =>
      ({ kind: 'value-gradients', roles: ['end.read'], objective: { kind: 'kl' }, startFed, backward: [] }) as const,
  ),
  { kind: 'value-gradients', roles: ['end.read'], objective: { kind: 'host' }, startFed: false, backward: [] },
  { kind: 'edge-measure', measure: measure('mean', 1) },
  { kind: 'edge-measure', measure: measure('half of the mean', 0.5) },
];

/** Everything of a program but its name. */
const textOf = (spec: ProgramSpec): string => printProgram({ ...makeProgram(spec, { model, graph }), name: 'any' });

describe('the programs of the engine', () => {
  const texts = new Map<string, string>();
  it('have one key for each spec', () => {
    expect(new Set(SPECS.map(programKey)).size).toBe(SPECS.length);
  });

  it('have another key exactly where they are another program', () => {
    for (const spec of SPECS) {
      const text = textOf(spec);
      expect(texts.get(text), `${programKey(spec)} makes the program of`).toBeUndefined();
      texts.set(text, programKey(spec));
    }
  });

  it('are the same for the same spec, in whatever order its fields were written', () => {
    for (const [i, spec] of SPECS.entries()) {
      const reversed = Object.fromEntries(Object.entries(spec).reverse()) as ProgramSpec;
      expect(programKey(reversed)).toBe(programKey(spec));
      if (i % 5 === 0) expect(texts.get(textOf(reversed))).toBe(programKey(spec));
    }
  });
});
