import { describe, expect, it } from 'vitest';
import { blocksBySite } from '../../graph/site-blocks.js';
import { graphOf } from '../../testing/patched-logits.js';
import { tinyTransformer } from '../../testing/tiny-transformer.js';
import * as names from './names.js';

describe('where a run starts from', () => {
  const before = (parallel: boolean) => {
    const graph = graphOf(tinyTransformer({ parallel }));
    return [...blocksBySite(graph).keys()].map((site) => [site, names.residualSiteBefore(graph, site)]);
  };
  it('is the residual stream after the module before', () => {
    expect(before(false)).toEqual([
      ['L0.attn', 'start'],
      ['L0.mlp', 'L0.mid'],
      ['L1.attn', 'L0.post'],
      ['L1.mlp', 'L1.mid'],
      ['end', 'L1.post'],
    ]);
  });
  it('is the layer before where attention and MLP stand in parallel', () => {
    expect(before(true)).toEqual([
      ['L0.attn', 'start'],
      ['L0.mlp', 'start'],
      ['L1.attn', 'L0.post'],
      ['L1.mlp', 'L0.post'],
      ['end', 'L1.post'],
    ]);
  });
});

it('no two inputs or symbols of a program share a name', () => {
  const [site, module] = ['L0.attn', 'blocks.0.hook_q_input'];
  const symbols = [
    names.writtenSymbol(site),
    names.readSymbol(module),
    names.readTogetherSymbol(site),
    names.columnsSymbol(site, 'start'),
    names.CACHED_SYMBOL,
    names.MASKS,
  ];
  const inputs = [
    ...[names.writtenInput, names.stackedInput, names.stackedPickInput, names.kvInput].map((name) => name(site)),
    ...[names.edgeSumInput, names.cachedEdgeSumInput, names.residualInput].map((name) => name(site)),
    ...[names.readInput(module), names.kvInput(module), names.pickInput(module, 'q'), names.pickInput(module, 'k')],
    ...[names.columnsInput(site, 'start'), names.columnsInput('L0.mlp', 'start'), names.CACHED_INPUT],
  ];
  for (const list of [symbols, inputs]) expect(new Set(list).size).toBe(list.length);
});
