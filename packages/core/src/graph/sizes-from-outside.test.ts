/** @file Sizes that files claim: counted before anything is built, so that a lie costs a sentence and no memory. */
import { describe, expect, it } from 'vitest';
import type { AutoCircuitError } from '../errors/error.js';
import { nearestNames, unknownName } from '../errors/names.js';
import { shortText, visibleText } from '../errors/shown-text.js';
import { parseJson } from '../files/json-file.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from './build.js';
import { parseCircuitJson } from './circuit-json.js';
import { fromEapIg } from './eap-ig-read.js';
import type { TransformerLayout } from './types.js';

const layout = (changes: Partial<TransformerLayout> = {}): TransformerLayout => ({
  kind: 'transformer',
  ...{ layers: 12, heads: 12, kvHeads: 12, dModel: 768, mlp: true, parallel: false, ...changes },
});
const refused = (work: () => unknown): AutoCircuitError & { readonly milliseconds: number } => {
  const started = performance.now();
  try {
    work();
  } catch (error) {
    return Object.assign(error as AutoCircuitError, { milliseconds: performance.now() - started });
  }
  throw new Error('nothing was refused');
};
/** Generous: each of these took seconds or all memory when it was built first. */
const AT_ONCE = 500;

describe('graphs', () => {
  it('of the largest model that is published are built', () => {
    const llama405 = layout({ layers: 126, heads: 128, kvHeads: 8, dModel: 16_384 });
    expect(buildGraph(llama405).edgeCount).toBeGreaterThan(390_000_000);
  });

  it.each([{ layers: 100_000 }, { layers: 2 ** 31 }, { heads: 2 ** 40, kvHeads: 1 }, { layers: 1, heads: 2 ** 20 }])(
    'of %o are refused at once',
    (sizes) => {
      const error = refused(() => buildGraph(layout({ kvHeads: 1, ...sizes })));
      expect(error).toMatchObject({ code: 'invalid-layout', fields: sizes.layers ? { layers: sizes.layers } : {} });
      expect(error.milliseconds).toBeLessThan(AT_ONCE);
    },
  );

  it('with edges of their own at a billion positions are refused', () => {
    const error = refused(() => buildGraph(layout(), { ...DEFAULT_GRAPH_OPTIONS, positions: 2 ** 30 }));
    expect(error).toMatchObject({ code: 'invalid-option', fields: { got: 2 ** 30 } });
  });
});

describe('circuit.json', () => {
  const circuit = (graph: Record<string, unknown>, edges: unknown[] = []) =>
    JSON.stringify({ graph: { layout: layout(), options: DEFAULT_GRAPH_OPTIONS, edges: 32_491, ...graph }, edges });

  it('of 100,000 layers, or with a wrong number of edges, is refused before it is built', () => {
    for (const graph of [{ layout: layout({ layers: 100_000 }) }, { layout: layout({ layers: 500 }) }, { edges: 5 }]) {
      const error = refused(() => parseCircuitJson(circuit(graph), 'c.json'));
      expect(['invalid-layout', 'invalid-file']).toContain(error.code);
      expect(error.milliseconds).toBeLessThan(AT_ONCE);
    }
  });

  it('whose names stand for more edges than a circuit can hold is refused', () => {
    const options = { ...DEFAULT_GRAPH_OPTIONS, positions: 2 ** 20 };
    const edges = Array.from({ length: 20 }, (_, l) => ({ edge: `A0.${l % 12}->MLP ${Math.floor(l / 12)}` }));
    const error = refused(() => parseCircuitJson(circuit({ options, edges: 32_491 * 2 ** 20 }, edges), 'c.json'));
    expect(error).toMatchObject({ code: 'memory-limit', fields: { path: 'c.json' } });
  });

  it('that names nothing, at great length, is refused at once and in few words', () => {
    const name = `A0.0->${'x'.repeat(2 ** 20)}`;
    const error = refused(() => parseCircuitJson(circuit({}, [{ edge: name }]), 'c.json'));
    expect(error.code).toBe('unknown-node');
    expect(error.message.length).toBeLessThan(20_000);
    expect(error.milliseconds).toBeLessThan(AT_ONCE);
  });
});

describe('EAP-IG graphs', () => {
  const cfg = (n_layers: number, n_heads: number, d_model: number) => ({ n_layers, n_heads, d_model });

  it('of 300 layers of 300 heads are refused before their edges are listed', () => {
    const sizes = { layers: 300, heads: 300, kvHeads: 300, dModel: 300 };
    const error = refused(() => fromEapIg({ cfg: cfg(300, 300, 300), nodes: {}, edges: {} }, layout(sizes), 'g.json'));
    expect(error).toMatchObject({ code: 'invalid-layout', where: 'graph' });
    const fewer = { ...sizes, layers: 100, heads: 100, kvHeads: 100 };
    const other = refused(() => fromEapIg({ cfg: cfg(100, 100, 300), nodes: {}, edges: {} }, layout(fewer), 'g.json'));
    expect(other).toMatchObject({ code: 'graph-mismatch', fields: { path: 'g.json', key: 'edges' } });
    for (const { milliseconds } of [error, other]) expect(milliseconds).toBeLessThan(AT_ONCE);
  });

  it('whose neurons would fill the memory are refused', () => {
    const dModel = 2 ** 20;
    const nodes = { input: { in_graph: true, neurons_scores: [1] } };
    const error = refused(() =>
      fromEapIg({ cfg: cfg(12, 12, dModel), nodes, edges: {} }, layout({ dModel }), 'g.json'),
    );
    expect(error).toMatchObject({ code: 'memory-limit', fields: { path: 'g.json' } });
  });
});

describe('texts', () => {
  it('nested without end are refused, whatever stands in them', () => {
    const origin = { where: 'x', path: 'f.json' };
    const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(refused(() => parseJson(deep, origin))).toMatchObject({ code: 'invalid-file', fields: { path: 'f.json' } });
    expect(parseJson(JSON.stringify(['[['.repeat(500), '\\"[[']), origin)).toHaveLength(2);
    expect(parseJson(`${'['.repeat(100)}${']'.repeat(100)}`, origin)).toBeInstanceOf(Array);
  });

  it('cannot move a cursor, hide a line or fill a screen', () => {
    expect(visibleText('a\u001b[2Jb\r\u0007\u009b\u202e\u2028ü 日本 \ud83d\ude00\ud83d\n\t')).toBe(
      'a\\u001b[2Jb\\u000d\\u0007\\u009b\\u202e\\u2028ü 日本 \ud83d\ude00\\ud83d\n\t',
    );
    expect(shortText('abc', 3)).toBe('abc');
    expect(shortText(`a${'-'.repeat(9998)}z`, 4)).toBe('a- … (9,996 characters) … -z');
    const error = unknownName('x', 'task', 'y'.repeat(2 ** 20), ['ioi', '\u001b[31m']);
    expect(error.message.length).toBeLessThan(7000);
    expect(error.message).not.toContain('\u001b');
  });

  it('of any length are compared with names at once', () => {
    const started = performance.now();
    expect(nearestNames('ioi'.repeat(2 ** 18), ['ioi', 'greater-than'])).toEqual([]);
    expect(nearestNames('greater-thn', ['ioi', 'greater-than'])).toEqual(['greater-than']);
    expect(performance.now() - started).toBeLessThan(AT_ONCE);
  });
});
