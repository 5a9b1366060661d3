import { afterAll, describe, expect, it } from 'vitest';
import type { Objective } from '../objectives/objective.js';
import type { GradientPoint, PromptGradients } from '../patch/requests/patchable-model.js';
import { runContract } from '../testing/contract.js';
import { objectiveContract } from '../testing/objective-contract.js';
import { pruneAlgoContext } from '../testing/prune-algo-contexts.js';
import { BUILT_IN_OBJECTIVES, chooseObjective, defineObjective, type ObjectiveDefinition } from './objective.js';

/** −(p(answers) − p(wrong answers)), which `prob-diff` is, as a program fragment. */
const asFragment = defineObjective({
  name: 'as-fragment',
  doc: 'minus the probability difference',
  options: { weight: { type: 'number', default: 1, doc: 'what it is multiplied by' } },
  needsWrongAnswers: true,
  of(b, logits, _reference, { answers, wrongAnswers }, { weight }) {
    const difference = b.sum(b.mul(b.softmax(logits), b.sub(answers, wrongAnswers)), -1);
    return b.mul(difference, -weight);
  },
});

/** The same on the host: ∂p_t/∂z_k = p_t (δ_tk − p_k). */
const onHost = defineObjective({
  name: 'on-host',
  doc: 'minus the probability difference, on the host',
  options: {},
  needsWrongAnswers: true,
  value: (logits, batch) => eachRow(logits, batch).map(({ p, w }) => -w.reduce((sum, x, t) => sum + x * p[t]!, 0)),
  gradient: (logits, batch) =>
    eachRow(logits, batch).flatMap(({ p, w }) => {
      const inner = w.reduce((sum, x, t) => sum + x * p[t]!, 0);
      return p.map((x, k) => -x * (w[k]! - inner));
    }),
});

function eachRow(
  logits: { data: ArrayLike<number>; shape: readonly number[] },
  batch: { prompts: readonly { answers: readonly number[]; wrongAnswers: readonly number[] }[] },
) {
  const size = logits.shape.at(-1)!;
  const positions = logits.data.length / (size * batch.prompts.length);
  return batch.prompts.map((prompt, i) => {
    const row = Array.from({ length: size }, (_, t) => logits.data[i * positions * size + t]!);
    const total = row.reduce((sum, z) => sum + Math.exp(z), 0);
    const p = row.map((z) => Math.exp(z) / total);
    const w = row.map((_, t) => share(prompt.answers, t) - share(prompt.wrongAnswers, t));
    return { p, w };
  });
}
const share = (tokens: readonly number[], token: number): number =>
  tokens.filter((t) => t === token).length / Math.max(1, tokens.length);

/** KL(clean ‖ run), as a fragment that compares with the reference. */
const klFragment = defineObjective({
  name: 'kl-fragment',
  doc: 'KL from the clean output',
  options: {},
  of(b, logits, reference) {
    const clean = b.logSoftmax(reference);
    return b.sum(b.mul(b.exp(clean), b.sub(clean, b.logSoftmax(logits))), -1);
  },
});

for (const objective of [...BUILT_IN_OBJECTIVES, asFragment, klFragment, onHost]) {
  runContract(objective.name, objectiveContract(objective), { describe, it });
}

describe('objectives of plugins', () => {
  const open = pruneAlgoContext({ ragged: true });
  afterAll(async () => (await open).dispose());
  const points: readonly (GradientPoint | undefined)[] = [
    undefined,
    { kind: 'mask', mask: 0.5 },
    { kind: 'input', alpha: 0.3 },
    { kind: 'activations', site: 'B0', alpha: 0.4 },
  ];
  const gradientsAt = async (objective: Objective, at?: GradientPoint): Promise<PromptGradients> => {
    const { model, batches, patch } = (await open).context;
    return model.maskGradient(batches[0]!, { input: 'clean', patch, objective, losses: true, ...(at ? { at } : {}) });
  };

  for (const [name, custom, standard] of [
    ['a fragment', asFragment, 'prob-diff'],
    ['a loss on the host', onHost, 'prob-diff'],
    ['a fragment that compares with the clean run', klFragment, 'kl'],
  ] as const) {
    it(`${name} has the gradients of the engine's own, wherever they are taken`, async () => {
      const own = BUILT_IN_OBJECTIVES.find((objective) => objective.name === standard)!;
      for (const at of points) {
        const sites = (await open).context.graph.sourceBlocks.map(({ site }) => site);
        const point = at?.kind === 'activations' ? { ...at, site: sites[1]! } : at;
        const [a, b] = await Promise.all([custom, own].map((d) => gradientsAt(chooseObjective(d).objective, point)));
        expectSame(a!, b!);
      }
    });

    it(`${name} has them between the two inputs, too`, async () => {
      const own = BUILT_IN_OBJECTIVES.find((objective) => objective.name === standard)!;
      const { model, batches, patch } = (await open).context;
      const all = async (definition: ObjectiveDefinition) => {
        const { objective } = chooseObjective(definition);
        const found: PromptGradients[] = [];
        const request = { input: 'clean', patch, objective } as const;
        for await (const one of model.gradientsBetween(batches[0]!, request, [0, 0.25, 0.5, 0.75])) found.push(one);
        return found;
      };
      const [a, b] = [await all(custom), await all(own)];
      a.forEach((one, i) => {
        expectSame(one, b[i]!);
      });
    });
  }

  it('takes its options, and says them in its text', async () => {
    const twice = chooseObjective(asFragment, { weight: 2 });
    expect(twice.text).toBe('as-fragment(weight=2)');
    expect(chooseObjective(asFragment).text).toBe('as-fragment');
    const [a, b] = [await gradientsAt(twice.objective), await gradientsAt(chooseObjective(asFragment).objective)];
    a.losses!.forEach((loss, i) => {
      expect(loss).toBeCloseTo(2 * b.losses![i]!, 6);
    });
  });

  it('refuses what is no loss, naming the objective and the member', async () => {
    const broken: readonly (readonly [ObjectiveDefinition, string, RegExp])[] = [
      [
        defineObjective({ name: 'all', doc: 'no sum over outputs', options: {}, of: (_b, logits) => logits }),
        'of',
        /no loss for each prompt/,
      ],
      [
        defineObjective({ name: 'later', doc: 'a promise', options: {}, of: (async () => 1) as never }),
        'of',
        /Promise/,
      ],
      [
        defineObjective({
          name: 'throws',
          doc: 'fails by itself',
          options: {},
          of: () => (null as never as { x: { y: never } }).x.y,
        }),
        'of',
        /TypeError/,
      ],
      [
        defineObjective({
          name: 'far',
          doc: 'an unknown token',
          options: {},
          of: (b, z, _r, batch) =>
            b.sum(
              b.mul(
                z,
                batch.tokens(() => [99]),
              ),
              -1,
            ),
        }),
        'of',
        /token ids/,
      ],
      [
        defineObjective({ name: 'short', doc: 'too few numbers', options: {}, value: () => [1], gradient: () => [1] }),
        'value',
        /each prompt/,
      ],
      [
        defineObjective({
          name: 'nan',
          doc: 'not a number',
          options: {},
          value: (_z, { prompts }) => prompts.map(() => 0),
          gradient: (z) => [...z.data].map(() => Number.NaN),
        }),
        'gradient',
        /finite/,
      ],
    ];
    for (const [definition, member, words] of broken) {
      const failed = gradientsAt(chooseObjective(definition).objective);
      await expect(failed, definition.name).rejects.toMatchObject({
        code: 'plugin-failed',
        fields: { plugin: definition.name, kind: 'objective', member },
      });
      await expect(failed, definition.name).rejects.toThrow(words);
    }
  });
});

/** In float64 both ways of adding the same terms differ by roundings of numbers of size 1. */
function expectSame(a: PromptGradients, b: PromptGradients): void {
  for (const [module, { data }] of Object.entries(b.tensors)) {
    data.forEach((x, i) => {
      expect(a.tensors[module]!.data[i]).toBeCloseTo(x, 6); // tensors come in float32
    });
  }
  b.losses?.forEach((x, i) => {
    expect(a.losses![i]).toBeCloseTo(x, 6);
  });
}
