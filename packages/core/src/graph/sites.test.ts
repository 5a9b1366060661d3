import { describe, expect, it } from 'vitest';
import { graphOf } from '../testing/patched-logits.js';
import { tinyTransformer } from '../testing/tiny-transformer.js';
import { blocksAt, blocksBySite } from './site-blocks.js';
import {
  END_SITE,
  isLatentSite,
  latentSite,
  latentsOf,
  layerOf,
  layerSite,
  parseSite,
  START_SITE,
  siteText,
  withoutLatents,
} from './sites.js';

const SITES = {
  start: START_SITE,
  end: END_SITE,
  'L0.attn': layerSite(0, 'attn'),
  'L12.mlp': layerSite(12, 'mlp'),
  'L3.mid': layerSite(3, 'mid'),
  'L3.post': layerSite(3, 'post'),
  'L3.mlp.latents': latentsOf(layerSite(3, 'mlp')),
};

describe('sites', () => {
  it.each(Object.entries(SITES))('%s is written and read as the same site', (text, site) => {
    expect(siteText(site)).toBe(text);
    expect(parseSite(text)).toEqual(site);
  });
  it.each([
    '',
    'L3',
    'L3.',
    'L.mlp',
    'L03.mlp',
    'L3.mlp2',
    'L3.ln1',
    'l3.mlp',
    'L3.mlp.latents.latents',
    'start.latents',
    ' end',
  ])('no site is read in "%s"', (text) => expect(parseSite(text)).toBeNull());
  it('knows layers, and the site that latents stand for', () => {
    expect([START_SITE, END_SITE, layerSite(4, 'mid')].map(layerOf)).toEqual([null, null, 4]);
    const latents = latentsOf(layerSite(4, 'mid'));
    expect([latents, layerSite(4, 'mid'), START_SITE].map(isLatentSite)).toEqual([true, false, false]);
    expect([latents, START_SITE].map(withoutLatents)).toEqual([layerSite(4, 'mid'), START_SITE]);
    expect(latentSite('L4.mid')).toBe(siteText(latents));
  });
});

describe('blocks of a graph', () => {
  const layout = { ...tinyTransformer().spec.layout, latents: { 'L0.mlp': [4, 2] } };
  const graph = graphOf({ ...tinyTransformer(), spec: { ...tinyTransformer().spec, layout } });
  it('hold their site as text and as data', () => {
    for (const block of [...graph.sourceBlocks, ...graph.destinationBlocks])
      expect(parseSite(block.site)).toEqual(block.at);
    expect(graph.sourceBlocks.map(({ site }) => site)).toEqual([
      ...['start', 'L0.attn', 'L0.mlp.latents', 'L0.mlp', 'L1.attn', 'L1.mlp'],
    ]);
  });
  it('are found by site, in the order of reading', () => {
    expect([...blocksBySite(graph).keys()]).toEqual(['L0.attn', 'L0.mlp', 'L1.attn', 'L1.mlp', 'end']);
    expect(blocksAt(graph, 'L1.attn').map(({ input }) => input)).toEqual(['q', 'k', 'v']);
    expect(blocksAt(graph, 'L7.attn')).toEqual([]);
  });
});
