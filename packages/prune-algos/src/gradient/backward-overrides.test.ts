import { createPatchableModel } from '@auto-circuit/core';
import {
  captureProgram,
  interpret,
  interpreterBackend,
  type Program,
  patchedProgram,
  patchInputName,
  plainProgram,
  sourceOutputName,
} from '@auto-circuit/core/backend';
import {
  type AnyValue,
  type BackwardOverride,
  buildGraph,
  edgesByName,
  floatTensor,
  type Graph,
  intTensor,
  type MaskGradientRequest,
  type ModelObject,
  ProgramBuilder,
  type PromptBatch,
  scorePlace,
  seededRandom,
  type Tensor,
} from '@auto-circuit/core/plugin';
import { microModel } from '@auto-circuit/core/testing';
import { randomGemma, randomGpt2, randomLlama, randomNeox } from '@auto-circuit/models';
import { describe, expect, it } from 'vitest';
import { gimRules } from './gim.js';
import { rulesThatHold } from './gradient-scores.js';
import { relpRules } from './relp.js';

const SMALL = {
  layers: 2,
  heads: 2,
  dModel: 8,
  dHead: 4,
  dMlp: 12,
  vocabulary: 7,
  positions: 6,
  epsilon: 1e-5,
} as const;
const scale = 15; // weights of standard deviation 0.3: nothing is nearly linear
const MODELS: Readonly<Record<string, ModelObject>> = {
  gpt2: randomGpt2({ ...SMALL, activation: 'gelu_new', mlp: true }, { scale }),
  'llama with grouped queries': randomLlama(
    { ...SMALL, heads: 4, dHead: 2, kvHeads: 2, activation: 'silu' },
    { scale },
  ),
  'gemma with norms after its blocks, caps and windows': randomGemma(
    {
      ...SMALL,
      heads: 4,
      dHead: 2,
      kvHeads: 2,
      activation: 'gelu_pytorch_tanh',
      windows: [2, null],
      attentionScale: 0.6,
      scoreCap: 3,
      logitCap: 5,
      norms: true,
    },
    { scale },
  ),
  'neox, side by side': randomNeox({ ...SMALL, dRotary: 2, activation: 'gelu', parallel: true }, { scale }),
};
const RULES: Readonly<Record<string, readonly BackwardOverride[]>> = {
  relp: relpRules(false),
  'relp, frozen pattern': relpRules(true),
  gim: gimRules(2),
};
const EDGES = ['Resid Start->A0.0.Q', 'Resid Start->A0.1.K', 'A0.1->A1.0.V', 'MLP 0->A1.1.Q', 'Resid Start->MLP 1', 'MLP 1->Resid End']; // biome-ignore format: a list

const random = seededRandom(4, 'backward-rules');
const tokens = (): number[] => Array.from({ length: 4 }, () => random.below(SMALL.vocabulary));
const BATCH: PromptBatch = {
  length: 4,
  prompts: [{ index: 0, clean: tokens(), corrupt: tokens(), answers: [0], wrongAnswers: [1] }],
};
const REQUEST: MaskGradientRequest = {
  input: 'clean',
  patch: { kind: 'resample', from: 'corrupt' },
  objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' },
};
const side = (name: 'clean' | 'corrupt'): Tensor =>
  intTensor(Int32Array.from(BATCH.prompts[0]![name] as number[]), [1, 4]);
const run = (model: ModelObject, program: Program, feeds: Readonly<Record<string, Tensor>>) =>
  interpret(program, feeds, model.weights, { precision: 'float64' });
const ruleOf = (rules: readonly BackwardOverride[], { role }: AnyValue) =>
  rules.find((rule) => role === rule.role || role?.endsWith(`.${rule.role}`));

const frozenName = ({ id }: Pick<AnyValue, 'id'>): string => `frozen ${id}`;

/** Where an edge lies in the scores of its module, and in the mask of its site. */
function placeOf(graph: Graph, edge: string) {
  const { module, offset } = scorePlace(graph, edgesByName(graph, edge)[0]!);
  const at = graph.destinationBlocks.findIndex((block) => block.module === module);
  const { site, sources } = graph.destinationBlocks[at]!;
  const before = graph.destinationBlocks.slice(0, at).filter((block) => block.site === site);
  const width = sources.stop - sources.start;
  const row = before.reduce((rows, { heads }) => rows + (heads ?? 1), 0) + Math.floor(offset / width);
  return { module, offset, site, row, source: offset % width };
}

/**
 * The same program, linear where the rules say so: with values f held at the clean run, which are inputs, `stop` puts f in place
 * of the value v, `scale` c·v + (1 − c)·f, and softmax at T becomes f + T·(softmax(x/T) − softmax(x₀/T)), whose derivative
 * is that at T without 1/T.
 */
function linearised(program: Program, rules: readonly BackwardOverride[]): Program {
  const b = new ProgramBuilder('linearised');
  const map: number[] = [];
  const held = (value: AnyValue): AnyValue => b.input(frozenName(value), 'float', value.shape);
  for (const value of program.values) {
    const copy = b.copy(value, value.inputs.map((id) => map[id]!)); // biome-ignore format: one line
    const rule = value.op === 'weight' ? undefined : ruleOf(rules, value);
    let own = copy;
    if (rule?.kind === 'stop') own = held(value);
    if (rule?.kind === 'scale') own = b.add(b.mul(copy, rule.factor), b.mul(held(value), 1 - rule.factor));
    if (rule?.kind === 'softmaxTemperature') {
      const input = program.values[value.inputs[0]!]!;
      const [now, before] = [b.value(map[input.id]!), held(input)].map((x) => b.softmax(b.div(x, rule.temperature)));
      own = b.add(held(value), b.mul(b.sub(now!, before!), rule.temperature));
    }
    map[value.id] = own.id;
  }
  for (const { name, id } of program.outputs) b.output(name, b.value(map[id]!));
  return b.build();
}

describe.each(Object.entries(MODELS))('%s', (_, model) => {
  const graph = buildGraph(model.spec.layout);
  const setting = { model, graph, simplified: false };

  it('names in its trace what rules go by', () => {
    const { values } = plainProgram(setting, 'last');
    const unnamed = (op: string, role: string) => values.filter((v) => v.op === op && !v.role?.endsWith(role));
    expect(values.filter((v) => v.op === 'softmax')).toHaveLength(SMALL.layers);
    expect([
      ...unnamed('softmax', '.attn.pattern'),
      ...unnamed('rsqrt', '.scale'),
      ...unnamed('sigmoid', '.mlp.slope'),
    ]).toEqual([]);
    const gated = model.weights.names.includes('L0.mlp.gate.W') ? ['mlp.gate', 'mlp.up'] : [];
    for (const role of ['attn.q', 'attn.k', 'attn.v', 'attn.scores', 'attn.z', 'mlp.slope', 'mlp.act', ...gated])
      expect(
        values.filter((v) => v.role?.endsWith(`.${role}`)),
        role,
      ).toHaveLength(SMALL.layers);
  });

  it.each(Object.entries(RULES))(
    '%s: scores are derivatives of the model made linear at the clean run',
    async (_name, rules) => {
      const backend = interpreterBackend({ precision: 'float64' });
      const patchable = await createPatchableModel({ model, graph, backend });
      const plain = await patchable.maskGradient(BATCH, { ...REQUEST, losses: true });
      const backward = rulesThatHold(patchable, rules);
      const changed = await patchable.maskGradient(BATCH, { ...REQUEST, losses: true, backward });
      await patchable.dispose();
      expect(changed.losses).toEqual(plain.losses); // forward values stay, to the last bit

      const corrupt = run(model, captureProgram(setting), { input: side('corrupt') });
      const program = patchedProgram({ ...setting, supply: 'fed', axes: { perItem: false, perPosition: false } });
      const masks = program.values.filter((v) => v.op === 'input' && v.attributes.name.startsWith('mask:'));
      const feeds = (edge: string, by: number): Record<string, Tensor> => {
        const place = placeOf(graph, edge);
        const filled = masks.map((mask) => {
          const { name } = mask.attributes as { name: string };
          const [rows, sources] = mask.shape as [number, number];
          const data = new Float64Array(rows * sources);
          if (name === `mask:${place.site}`) data[place.row * sources + place.source] = by;
          return [name, floatTensor(data, [rows, sources])] as const;
        });
        const patches = graph.sourceBlocks.map(
          ({ site }) => [patchInputName(site), corrupt[sourceOutputName(site)]!] as const,
        );
        return { input: side('clean'), ...Object.fromEntries([...filled, ...patches]) };
      };
      // everything that a rule needs frozen, at the clean run
      const wanted = program.values.flatMap((v) => {
        const rule = v.op === 'weight' ? undefined : ruleOf(rules, v);
        return rule ? [v.id, ...(rule.kind === 'softmaxTemperature' ? [v.inputs[0]!] : [])] : [];
      });
      expect(wanted.length).toBeGreaterThan(4);
      const outputs = [...new Set(wanted)].map((id) => ({ name: frozenName({ id }), id }));
      const kept = run(model, { ...program, outputs }, feeds(EDGES[0]!, 0));
      const linear = linearised(program, rules);
      const loss = (edge: string, by: number): number => {
        const { data } = run(model, linear, { ...feeds(edge, by), ...kept }).logits!;
        return data[1]! - data[0]!;
      };
      expect(Math.abs(loss(EDGES[0]!, 0) - plain.losses![0]!)).toBeLessThan(1e-5); // float32 of a loss of a few units

      let moved = 0;
      for (const edge of EDGES) {
        const { module, offset } = placeOf(graph, edge);
        const score = changed.tensors[module]!.data[offset]!;
        const slope = (loss(edge, STEP) - loss(edge, -STEP)) / (2 * STEP);
        // Central differences in float64 err by h²·f‴/6 < 1e-6 here; scores are float32 of numbers up to a few units.
        expect(Math.abs(score - slope), `${edge}: ${score} against ${slope}`).toBeLessThan(
          1e-5 * (1 + Math.abs(slope)),
        );
        if (Math.abs(score - plain.tensors[module]!.data[offset]!) > 1e-4) moved++;
      }
      expect(moved).toBeGreaterThan(2); // else the rules did nothing
    },
  );
});
const STEP = 1e-4;

it('leaves a linear model as it is', async () => {
  const model = microModel();
  const patchable = await createPatchableModel({
    model,
    graph: buildGraph(model.spec.layout),
    backend: interpreterBackend(),
  });
  const batch: PromptBatch = {
    length: 1,
    prompts: [{ index: 0, clean: [[0.25, 0.5]], corrupt: [[-0.5, 1]], answers: [0], wrongAnswers: [1] }],
  };
  const plain = await patchable.maskGradient(batch, REQUEST);
  for (const rules of Object.values(RULES)) {
    const backward = rulesThatHold(patchable, rules);
    expect(await patchable.maskGradient(batch, { ...REQUEST, backward })).toEqual(plain);
  }
  await patchable.dispose();
});
