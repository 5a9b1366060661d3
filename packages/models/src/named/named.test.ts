/** @file Named sizes: as many parameters as their publishers count, and no numbers. */
import { buildGraph, type GraphOptions } from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import { loadModel } from '../load-model.js';
import { errorWith } from '../testing/error-matcher.js';
import { namedShape } from './shape-only.js';
import { NAMED_SIZES, namedSize } from './sizes.js';

/** Of a model with pictures: all, less the picture tower, its projection to dModel and that one's norm. */
function textPart(all: number, dModel: number): number {
  return all - 416_866_032 - (1152 * dModel + 1152);
}
/** As the models' publishers count them (text part only; embeddings once where they are tied). */
const PUBLISHED: Readonly<Record<string, number>> = {
  distilgpt2: 81_912_576,
  gpt2: 124_439_808,
  'gpt2-medium': 354_823_168,
  'gpt2-large': 774_030_080,
  'gpt2-xl': 1_557_611_200,
  'pythia-14m': 14_067_712,
  'pythia-31m': 30_494_720,
  'pythia-70m': 70_426_624,
  'pythia-160m': 162_322_944,
  'pythia-410m': 405_334_016,
  'pythia-1b': 1_011_781_632,
  'pythia-1.4b': 1_414_647_808,
  'pythia-2.8b': 2_775_208_960,
  'pythia-6.9b': 6_857_302_016,
  'pythia-12b': 11_846_072_320,
  'smollm2-135m': 134_515_008,
  'smollm2-360m': 361_821_120,
  'smollm2-1.7b': 1_711_376_384,
  'llama-3.2-1b': 1_235_814_400,
  'llama-3.2-3b': 3_212_749_824,
  'llama-3.1-8b': 8_030_261_248,
  'qwen2.5-0.5b': 494_032_768,
  'qwen2.5-1.5b': 1_543_714_304,
  'qwen2.5-3b': 3_085_938_688,
  'qwen2.5-7b': 7_615_616_512,
  'qwen2.5-14b': 14_770_033_664,
  'mistral-7b': 7_241_732_096,
  'gemma-2-2b': 2_614_341_888,
  'gemma-2-9b': 9_241_705_984,
  'gemma-2-27b': 27_227_128_320,
  'gemma-3-270m': 268_098_176,
  'gemma-3-1b': 999_885_952,
  'gemma-3-4b': textPart(4_300_079_472, 2560),
  'gemma-3-12b': textPart(12_187_325_040, 3840),
  'gemma-3-27b': textPart(27_432_406_640, 5376),
  // of these, as transformers counts a model of the published config; OPT's table of positions begins with two rows that are never read
  'qwen3-0.6b': 596_049_920,
  'qwen3-1.7b': 1_720_574_976,
  'qwen3-4b': 4_022_468_096,
  'qwen3-8b': 8_190_735_360,
  'qwen3-14b': 14_768_307_200,
  'gemma-2b': 2_506_172_416,
  'gemma-7b': 8_537_680_896,
  'phi-1': 1_418_270_720,
  'phi-1.5': 1_418_270_720,
  'phi-2': 2_779_683_840,
  'phi-3-mini-4k': 3_821_079_552,
  'phi-4-mini': 3_836_021_760,
  'phi-4': 14_659_507_200,
  'olmo-1b': 1_176_764_416,
  'olmo-7b': 6_888_095_744,
  'olmo-2-1b': 1_484_916_736,
  'olmo-2-7b': 7_298_617_344,
  'olmo-2-13b': 13_716_198_400,
  'olmo-2-32b': 32_234_279_936,
  'olmo-3-7b': 7_298_011_136,
  'smollm3-3b': 3_075_098_624,
  'stablelm-2-1.6b': 1_644_515_328,
  'stablelm-2-12b': 12_143_185_920,
  'gpt-j-6b': 6_050_882_784,
  'gpt-neo-125m': 125_198_592,
  'gpt-neo-1.3b': 1_315_575_808,
  'gpt-neo-2.7b': 2_651_307_520,
  'opt-125m': 125_239_296 - 2 * 768,
  'opt-1.3b': 1_315_758_080 - 2 * 2048,
  'opt-2.7b': 2_651_596_800 - 2 * 2560,
  'opt-6.7b': 6_658_473_984 - 2 * 4096,
  'opt-13b': 12_853_473_280 - 2 * 5120,
  'bloom-560m': 559_214_592,
  'bloom-1.1b': 1_065_314_304,
  'bloom-1.7b': 1_722_408_960,
  'bloom-3b': 3_002_557_440,
  'bloom-7.1b': 7_069_016_064,
  'falcon-7b': 6_921_720_704,
  'falcon-40b': 41_303_293_952,
  'falcon-2-11b': 11_102_822_400,
  'falcon-rw-1b': 1_311_625_216,
  'granite-3.1-2b': 2_533_531_648,
  'granite-3.1-8b': 8_170_848_256,
  'starcoder2-3b': 3_030_371_328,
  'starcoder2-7b': 7_173_923_840,
  'starcoder2-15b': 15_957_889_024,
  'aya-23-8b': 8_028_033_024,
  'command-r-35b': 34_980_831_232,
  'command-r7b': 8_028_033_024,
  'mixtral-8x7b': 46_702_792_704,
  'mixtral-8x22b': 140_620_634_112,
  'qwen3-30b-a3b': 30_532_122_624,
  'qwen3-235b-a22b': 235_093_634_560,
  'olmoe-1b-7b': 6_919_161_856,
  'gpt-oss-20b': 20_914_757_184,
  'gpt-oss-120b': 116_829_156_672,
  'gpt-neox-20b': 20_554_567_680,
  'llama-2-7b': 6_738_415_616,
  'tinyllama-1.1b': 1_100_048_384,
  'mistral-nemo-12b': 12_247_782_400,
};

describe('named sizes', () => {
  it.each(Object.entries(PUBLISHED))('%s has the parameters that are published', (name, parameters) => {
    expect(namedShape(name, 'none')!.spec.parameters).toBe(parameters);
  });

  it('are all counted but the attention-only ones, which are counted here', () => {
    const attentionOnly = Object.keys(NAMED_SIZES).filter((name) => !(name in PUBLISHED));
    expect(attentionOnly).toEqual(['attn-only-1l', 'attn-only-2l', 'attn-only-3l', 'attn-only-4l']);
    attentionOnly.forEach((name, i) => {
      const [d, vocabulary, positions] = [512, 48_262, 1024];
      const layer = 2 * d + 4 * (d * d + d); // a norm; queries, keys, values and output with biases
      const expected = 2 * vocabulary * d + positions * d + (i + 1) * layer + 2 * d;
      expect(namedShape(name, 'none')!.spec.parameters).toBe(expected);
    });
  });

  it.each(Object.keys(NAMED_SIZES))('%s has as many nodes and edges as the formulas say', (name) => {
    const { layout } = namedShape(name, 'none')!.spec;
    if (layout.kind !== 'transformer') throw new Error('a transformer was expected');
    const { layers: L, heads: H, kvHeads: KV, mlp, parallel } = layout;
    const experts = layout.experts ?? new Array<number>(L).fill(0);
    const M = mlp ? 1 : 0;
    /** What a layer's MLP reads as, and what it writes as: one, or its experts, and the router that reads beside them. */
    const [readers, writers] = [(l: number) => (experts[l] ? experts[l]! + 1 : M), (l: number) => experts[l] || M];
    const total = (of: (l: number) => number): number => experts.reduce((sum, _, l) => sum + of(l), 0);
    /** Counted layer by layer: what a layer reads times the sources before it. */
    const edges = (inputs: number): number => {
      let [sum, before] = [0, 1];
      for (let l = 0; l < L; l++) {
        sum += inputs * before + readers(l) * (before + (parallel ? 0 : H));
        before += H + writers(l);
      }
      return sum + before;
    };
    const counted = (options: Partial<GraphOptions>) => {
      const all = { factorized: true, splitQkv: true, positions: null, kvInputs: 'query-head', ...options } as const;
      const graph = buildGraph(layout, all);
      return [graph.sources.length, graph.destinations.length, graph.edgesPerPosition];
    };
    const [sources, ofMlps] = [1 + L * H + total(writers), total(readers)];
    expect(counted({})).toEqual([sources, L * 3 * H + ofMlps + 1, edges(3 * H)]);
    expect(counted({ splitQkv: false })).toEqual([sources, L * H + ofMlps + 1, edges(H)]);
    if (KV < H)
      expect(counted({ kvInputs: 'kv-head' })).toEqual([sources, L * (H + 2 * KV) + ofMlps + 1, edges(H + 2 * KV)]);
  });

  it('GPT-2 small has the 32,491 edges that the literature counts', () => {
    expect(buildGraph(namedShape('gpt2', 'none')!.spec.layout).edgesPerPosition).toBe(32_491);
  });

  it('are known by other names and in any case, and a name that is none is none', () => {
    expect(namedSize('GPT2-small')?.name).toBe('gpt2');
    expect(namedSize('toString')).toBeUndefined();
    expect(namedShape('gpt5', 'all')).toBeUndefined();
  });

  it('processing unties the unembedding and takes the norms away', () => {
    const [raw, processed] = [namedShape('gpt2', 'none')!, namedShape('gpt2', 'all')!];
    // an unembedding with a bias comes, 25 norms of two vectors go
    expect(processed.spec.parameters - raw.spec.parameters).toBe(50_257 * 768 + 50_257 - 25 * 2 * 768);
    expect(processed.processing).toContain('fold-norm');
  });

  it('are loaded from the hub, where their weights are published', async () => {
    const hub = { offline: true, cacheDir: '/nonexistent' };
    await expect(loadModel('GPT2-small', { hub })).rejects.toThrow(
      errorWith('file-not-found', { model: 'openai-community/gpt2', partly: false }),
    );
    await expect(loadModel('attn-only-2l', { hub })).rejects.toThrow(
      errorWith('weights-not-published', { model: 'attn-only-2l' }),
    );
    await expect(loadModel('gpt-2', { hub })).rejects.toThrow(
      errorWith('unknown-name', { what: 'model', name: 'gpt-2', nearest: expect.arrayContaining(['gpt2']) }),
    );
  });

  it('have no numbers', () => {
    expect(() => namedShape('gpt2', 'none')!.weights.read('embed.W')).toThrow(
      errorWith('weights-not-published', { model: 'gpt2' }),
    );
  });
});

describe('names on the hub', () => {
  it('are of the form that the hub has, each of one size', () => {
    const names = Object.values(NAMED_SIZES).flatMap(({ hub }) => (hub === null ? [] : [hub]));
    // as its library checks them (validate_repo_id): letters, digits, -, _ and . ; no .., no --; at most 96 characters
    for (const name of names) {
      expect(name).toMatch(/^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*[A-Za-z0-9]$/);
      expect(name).not.toMatch(/\.\.|--|\.git$/);
      expect(name.length).toBeLessThanOrEqual(96);
    }
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
  });

  it('say the size that the name says', () => {
    // 1_6b and 1b6 are 1.6b
    const numbersIn = (name: string): readonly string[] =>
      name
        .toLowerCase()
        .replace(/(\d)[_b](\d)/g, '$1.$2')
        .match(/\d+(?:\.\d+)?/g) ?? [];
    const other = Object.entries(NAMED_SIZES).filter(([name, { hub }]) => {
      const size = numbersIn(name).at(-1);
      return hub !== null && size !== undefined && !numbersIn(hub.split('/')[1]!).includes(size);
    });
    expect(other.map(([name]) => name)).toEqual(['mistral-nemo-12b', 'command-r-35b']); // their names on the hub have no size
  });
});
