import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { smallGraph, stagedGraph } from '../testing/graphs.js';
import { edgeAt, edgeNamesIn, edgesByName } from './edges.js';
import { destinationNamed, sourceNamed } from './node-names.js';
import { type PeerDialect, peerName, readPeerName } from './peer-names.js';
import type { Graph } from './types.js';

const split = smallGraph({}, { layers: 12, heads: 12, kvHeads: 12 });
const joint = smallGraph({ splitQkv: false }, { layers: 12, heads: 12, kvHeads: 12 });
const residual = smallGraph({ factorized: false });
const grouped = smallGraph({ kvInputs: 'kv-head' });
const named = (graph: Graph, name: string): string[] =>
  edgesByName(graph, name).map((number) => edgeAt(graph, number).name);

describe('names of nodes in other tools', () => {
  it.each([
    ['input', 'Resid Start'],
    ['hook_embed', 'Resid Start'],
    ['blocks.0.hook_resid_pre', 'Resid Start'],
    ['resid start', 'Resid Start'],
    ['a9.h8', 'A9.8'],
    ['L9H8', 'A9.8'],
    ['l9h8', 'A9.8'],
    ['L9.H8', 'A9.8'],
    ['9.8', 'A9.8'],
    ['a11.11', 'A11.11'],
    ['blocks.9.attn.hook_z.8', 'A9.8'],
    ['blocks.9.attn.hook_z[8]', 'A9.8'],
    ['blocks.9.attn.hook_result[:, :, 8]', 'A9.8'],
    ['m3', 'MLP 3'],
    ['MLP3', 'MLP 3'],
    ['mlp 3', 'MLP 3'],
    ['blocks.3.hook_mlp_out', 'MLP 3'],
  ])('are understood of sources: %s', (peer, own) => {
    expect(sourceNamed(split, peer).name).toBe(own);
  });

  it.each([
    ['logits', 'Resid End'],
    ['blocks.11.hook_resid_post', 'Resid End'],
    ['a9.h8<q>', 'A9.8.Q'],
    ['a9.h8<k>', 'A9.8.K'],
    ['a9.h8<v>', 'A9.8.V'],
    ['L9H8.Q', 'A9.8.Q'],
    ['9.8.k', 'A9.8.K'],
    ['blocks.9.hook_q_input.8', 'A9.8.Q'],
    ['blocks.9.hook_v_input[8]', 'A9.8.V'],
    ['m3', 'MLP 3'],
    ['blocks.3.hook_mlp_in', 'MLP 3'],
  ])('are understood of destinations: %s', (peer, own) => {
    expect(destinationNamed(split, peer).name).toBe(own);
  });

  it('are understood of joint inputs and of the residual graph', () => {
    expect(destinationNamed(joint, 'L9H8').name).toBe('A9.8');
    expect(destinationNamed(joint, 'blocks.9.hook_attn_in[8]').name).toBe('A9.8');
    expect(sourceNamed(residual, 'blocks.1.hook_resid_mid').name).toBe('Resid Mid 1');
    expect(destinationNamed(residual, 'blocks.0.hook_resid_post').name).toBe('Resid Post 0');
    expect(sourceNamed(residual, 'blocks.1.hook_resid_pre').name).toBe('Resid Post 0');
    expect(destinationNamed(residual, 'blocks.1.hook_resid_post').name).toBe('Resid End');
  });

  it.each([
    [sourceNamed, split, 'a9.h8<q>', ['A9.8']],
    [sourceNamed, split, 'blocks.3.hook_mlp_in', ['MLP 3']],
    [destinationNamed, split, 'blocks.3.hook_mlp_out', ['MLP 3']],
    [destinationNamed, split, 'L9H8', ['A9.8.Q', 'A9.8.K', 'A9.8.V']],
    [destinationNamed, split, 'blocks.9.attn.hook_z[8]', ['A9.8.Q', 'A9.8.K', 'A9.8.V']],
    [destinationNamed, joint, 'a9.h8<q>', ['A9.8']],
    [destinationNamed, grouped, 'a1.h1<k>', ['A1.kv0.K']],
    [destinationNamed, grouped, 'L1H1', ['A1.1.Q', 'A1.kv0.K', 'A1.kv0.V']],
  ] as const)('that do not fit are refused with the names that do (%#)', (find, graph, name, nearest) => {
    expect(errorOf(() => find(graph, name))).toMatchObject({ code: 'unknown-node', fields: { name, nearest } });
  });

  it.each([
    [sourceNamed, 'L12H0'],
    [sourceNamed, 'm12'],
    [sourceNamed, 'a0.h12'],
    [sourceNamed, 'logits'],
    [destinationNamed, 'input'],
    [destinationNamed, 'blocks.9.hook_q_input'],
    [destinationNamed, 'blocks.3.hook_resid_post'],
    [destinationNamed, 'a9.h8<z>'],
    [sourceNamed, 'L9 H8'],
    [sourceNamed, '98'],
  ] as const)('of nodes that are not there find none (%#: %s)', (find, name) => {
    expect(errorOf(() => find(split, name))).toMatchObject({ code: 'unknown-node', fields: { name } });
  });

  it('of heads mean nothing in toy models, whose nodes no other tool has', () => {
    expect(errorOf(() => sourceNamed(stagedGraph(), 'L0H1'))).toMatchObject({ code: 'unknown-node' });
    expect(named(stagedGraph(), 'input->logits')).toEqual(['Resid Start->Resid End']);
  });
});

describe('hooks that mean no node by themselves', () => {
  it.each([
    [split, 'blocks.1.attn.hook_z', { parts: { fix: expect.stringContaining('"blocks.1.attn.hook_z[0]"') } }],
    [split, 'attn.hook_result', { parts: { fix: expect.stringContaining('"blocks.0.attn.hook_result[0]"') } }],
    [split, 'hook_resid_mid', { parts: { fix: expect.stringContaining('"blocks.0.hook_resid_mid"') } }],
    [split, 'blocks.0.hook_resid_mid', { fields: { needs: 'residual' } }],
  ] as const)('%#: say what to write', (graph, name, error) => {
    expect(errorOf(() => sourceNamed(graph, name))).toMatchObject({ code: 'unknown-node', ...error });
  });
});

describe('edges by names of other tools', () => {
  it('are split at commas between them, not at those in brackets', () => {
    expect(edgeNamesIn('a0.h1->m1, ,blocks.2.attn.hook_z[:, :, 2]->logits')).toEqual([
      'a0.h1->m1',
      'blocks.2.attn.hook_z[:, :, 2]->logits',
    ]);
    expect(edgeNamesIn(' , ')).toEqual([]);
  });

  it.each([
    ['a9.h8->m11', 'A9.8->MLP 11'],
    ['input->a0.h0<q>', 'Resid Start->A0.0.Q'],
    ['L5H5->L6H9.Q', 'A5.5->A6.9.Q'],
    ['blocks.3.hook_mlp_out -> blocks.9.hook_k_input[8]', 'MLP 3->A9.8.K'],
    ['A5.5->logits', 'A5.5->Resid End'],
    ['m0 -> MLP 3', 'MLP 0->MLP 3'],
  ])('may mix dialects: %s', (peer, own) => {
    expect(named(split, peer)).toEqual([own]);
  });

  it('keep their position', () => {
    const byPosition = smallGraph({ positions: 3 });
    expect(named(byPosition, 'a0.h1->m1@2')).toEqual(['A0.1->MLP 1@2']);
    expect(named(byPosition, 'a0.h1->m1')).toHaveLength(3);
  });

  it('are refused where the source is not upstream', () => {
    expect(errorOf(() => edgesByName(split, 'm3->m3'))).toMatchObject({
      code: 'unknown-edge',
      fields: { name: 'MLP 3->MLP 3' },
    });
  });
});

describe('our names in other tools', () => {
  it.each<PeerDialect>(['eap-ig', 'transformer-lens', 'shorthand'])('come back from %s', (dialect) => {
    for (const graph of [split, joint]) {
      for (const { name } of graph.sources) {
        const peer = peerName(name, dialect, 'source', 12)!;
        expect(sourceNamed(graph, peer).name).toBe(name);
      }
      for (const { name } of graph.destinations) {
        const peer = peerName(name, dialect, 'destination', 12)!;
        expect(destinationNamed(graph, peer).name).toBe(name);
      }
    }
  });

  it('are written as the other tools write them', () => {
    const all = (name: string, side: 'source' | 'destination') =>
      (['eap-ig', 'transformer-lens', 'shorthand'] as const).map((dialect) => peerName(name, dialect, side, 12));
    expect(all('A9.8', 'source')).toEqual(['a9.h8', 'blocks.9.attn.hook_result[8]', 'L9H8']);
    expect(all('A9.8.Q', 'destination')).toEqual(['a9.h8<q>', 'blocks.9.hook_q_input[8]', 'L9H8.Q']);
    expect(all('MLP 3', 'source')).toEqual(['m3', 'blocks.3.hook_mlp_out', 'MLP3']);
    expect(all('MLP 3', 'destination')).toEqual(['m3', 'blocks.3.hook_mlp_in', 'MLP3']);
    expect(all('Resid Start', 'source')).toEqual(['input', 'blocks.0.hook_resid_pre', 'input']);
    expect(all('Resid End', 'destination')).toEqual(['logits', 'blocks.11.hook_resid_post', 'logits']);
    expect(all('Resid Mid 3', 'source')).toEqual([null, 'blocks.3.hook_resid_mid', null]);
  });

  it.each(['MLP 3 Latent 17', 'MLP 3 Error', 'A3.kv1.K', 'B0.1', 'nothing'])('are none for %s', (name) => {
    expect(peerName(name, 'eap-ig', 'source', 12)).toBeNull();
    expect(readPeerName(name)).toBeNull();
  });
});
