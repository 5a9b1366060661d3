/** @file The report of one run: what it holds, and that it is safe and small. */
import { edgeAt, makeCircuit } from '@auto-circuit/core';
import type { Verification } from '@auto-circuit/core/run';
import { describe, expect, it } from 'vitest';
import { curveSvg } from './charts/curve.js';
import { type CircuitData, edgeName, edgesKept, edgesShown, numberOf } from './drawing/circuit-data.js';
import { circuitLayout, nodeLabel } from './drawing/circuit-layout.js';
import { escapeHtml, scriptJson, shortNumber } from './markup/text.js';
import { renderReport } from './report.js';
import { circuitDataOf, MOST_EDGES, rankedEdges } from './sections/circuit-data-of.js';
import { exampleInput } from './testing/example-input.js';

const dataOf = (html: string): CircuitData =>
  JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]!);

const withoutScript = (html: string): string => html.replaceAll(/<script>.*?<\/script>/gs, '');
/** Curves in the drawing of the file. */
const curvesIn = (html: string): number => (/<g class="edges".*?<\/g>/s.exec(html)![0].match(/M/g) ?? []).length;

describe('renderReport', () => {
  it('is one file that asks nothing of the network, and the same text for the same run', () => {
    const html = renderReport(exampleInput());
    expect(html).toBe(renderReport(exampleInput()));
    const outside = [...withoutScript(html).matchAll(/(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)/g)].map(
      ([, target]) => target,
    );
    expect(outside).toEqual(['data:,']);
    expect(withoutScript(html)).not.toMatch(/NaN|undefined|\[object/);
    expect(html.length).toBeLessThan(300_000);
  });

  it.each([
    ['gpt2', 'gpt2'],
    ['org/name', 'org/name'],
    ['/home/me/models/smollm2/', 'smollm2'],
    ['./smollm2', 'smollm2'],
    ['C:\\models\\smollm2', 'smollm2'],
  ])('names the model %s in the title as %s', (name, title) => {
    const input = exampleInput();
    const { asked } = input.run;
    const run = { ...input.run, asked: { ...asked, model: { ...asked.model, name } } };
    expect(renderReport({ ...input, run })).toContain(`<h1>ioi in ${title}</h1>`);
  });

  it('draws the kept circuit and holds the most important edges, falling', () => {
    const html = renderReport(exampleInput());
    expect(curvesIn(html)).toBe(100);
    const data = dataOf(html);
    expect(data.edges.source).toHaveLength(MOST_EDGES);
    expect(data.stops[data.start]).toBe(100);
    const sizes = data.edges.score.map((score) => Math.abs(numberOf(score)));
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    expect(html).toContain('>100</b><span>edges kept of 32,491 (0.308%)');
    expect(html).toContain('The drawing holds the 5,000 most important of 32,491 edges');
    expect(data.measured.every((size) => data.stops.includes(size))).toBe(true);
  });

  it('draws of a circuit too large to read its most important edges at first, and says so', () => {
    const input = exampleInput();
    const large = (size: number) => {
      const kept = rankedEdges(input, input.graph.edgeCount).numbers.slice(0, size);
      return renderReport({ ...input, circuit: makeCircuit(input.graph, kept) });
    };
    expect(curvesIn(large(150))).toBe(150);
    expect(large(150)).not.toContain('cannot be read in a drawing');
    const html = large(10_000);
    expect(curvesIn(html)).toBe(60);
    expect(html).toContain('the behaviour is spread over 10,000 edges (30.8% of the graph)');
    const [first, all] = [60, 10_000].map((size) => {
      const scores = rankedEdges(input, input.graph.edgeCount).scores.slice(0, size);
      return scores.reduce((sum, score) => sum + Math.abs(score), 0);
    }) as [number, number];
    const share = Number(((100 * first) / all).toPrecision(3));
    expect(html).toContain(`the 60 most important edges, which hold ${share}% of its importance`);
    // The map by layer: its shares add up to the whole.
    const shares = [...html.matchAll(/<title>(?:End|\d+), (?:Start|\d+): ([\d.]+)(?: × 10(\S+))?<\/title>/g)];
    expect(shares.length).toBeGreaterThan(80);
    const sum = shares.reduce((total, [, digits, power]) => total + (power ? 0 : Number(digits)), 0);
    expect(Math.abs(sum - 100)).toBeLessThan(shares.length * 0.005);
    expect(dataOf(html).stops[dataOf(html).start]).toBe(MOST_EDGES);
  });

  it('draws a circuit that was not chosen by importance alone as it is, and says so', () => {
    const input = exampleInput();
    const order = rankedEdges(input, input.graph.edgeCount).numbers;
    const chosen = [0, 1, 2, 40, 6000].map((rank) => order[rank]!);
    const grown = { ...input, circuit: makeCircuit(input.graph, chosen) };
    const html = renderReport(grown);
    expect(curvesIn(html)).toBe(5);
    expect(html).toContain('was not chosen by importance alone');
    expect(renderReport(input)).not.toContain('was not chosen by importance alone');
    const data = dataOf(html);
    expect(data.kept).toEqual([0, 1, 2, 40, MOST_EDGES]);
    expect(edgesKept(data, null).map((edge) => edgeName(data, edge))).toEqual(
      chosen.map((edge) => edgeAt(input.graph, edge).name),
    );
  });

  it('names edges in the page as the run does', () => {
    const { circuit, ...input } = exampleInput({ layers: 2, heads: 3, positions: 4 });
    const data = circuitDataOf({ circuit, ...input }, rankedEdges({ circuit, ...input }));
    const names = edgesShown(data, circuit.edges.length, null).map((edge) => edgeName(data, edge));
    expect(names.toSorted()).toEqual(circuit.edges.map((edge) => edgeAt(input.graph, edge).name).toSorted());
  });

  it('gives scores without a sign one colour, and does not say that they support the answer', () => {
    const input = exampleInput({ layers: 1, heads: 2 });
    const unsigned = renderReport({ ...input, run: { ...input.run, signed: false } });
    expect(withoutScript(unsigned)).not.toContain('supports the answer');
    expect(unsigned).toContain('these scores have no sign');
    expect(unsigned).not.toMatch(/class="edge (pos|neg)"/);
    expect(renderReport(input)).toMatch(/class="edge neg"/);
  });

  it('gives each token position a column, with its label', () => {
    const input = exampleInput({ layers: 1, heads: 2, positions: 3 });
    const labels = ['<u>', 'gave'];
    const html = renderReport({ ...input, run: { ...input.run, prompts: { ...input.run.prompts, labels } } });
    expect(html).toContain('&lt;u&gt;</text>');
    expect(html).toContain('<option value="1">1 gave</option><option value="2">2</option>');
    expect(html).not.toContain('<u>');
  });

  it('draws faithfulness with the standard errors of the logit difference, on its own scale', () => {
    const html = renderReport(exampleInput());
    // 0.15 logits of the 3.6 between the empty circuit and the whole model.
    expect(html).toMatch(/100 edges: 0\.844 ± 0\.0417 share of the logit difference/);
    expect(html.match(/class="error-band"/g)).toHaveLength(3);
  });

  it('lets no name out of its place', () => {
    const evil = '</script><script>alert(1)</script><img src=x onerror="alert(2)">\u2028';
    const html = renderReport(exampleInput({ layers: 1, heads: 2, dataName: evil }));
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html).not.toContain('<img');
    expect(dataOf(html).nodes[0]!.name).toBe('Resid Start');
    expect(scriptJson({ evil })).not.toMatch(/[<>&\u2028]/);
    expect(JSON.parse(scriptJson({ evil }))).toEqual({ evil });
    expect(escapeHtml(`<a b="c" d='e'>&`)).toBe('&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;');
  });

  it('has a line for each backend that made the numbers again, and none where none did', () => {
    const input = exampleInput({ layers: 1, heads: 2 });
    expect(renderReport({ ...input, verifications: [] })).toBe(renderReport(input));
    expect(renderReport(input)).not.toContain('Reproduced');
    const first: Verification = {
      format: 'auto-circuit verification 1',
      agrees: true,
      backend: { name: 'tfjs', device: 'wasm', threads: 2, runtime: '<tfjs> 4' },
      against: { name: 'onnx', device: 'cpu', threads: 2, runtime: 'onnxruntime' },
      scores: { difference: 1e-6, edge: 'A0.0->MLP 0', largest: 0.5, relative: 2e-6, tolerance: 1e-4, agrees: true },
      circuit: { edges: 1234, both: 1233, either: 1235, unexplained: 0, agrees: true },
      measurements: [{ metric: 'kl', unit: 'nats', difference: 3e-7, at: 10, tolerance: 1e-4, agrees: true }],
    };
    const second: Verification = {
      ...first,
      agrees: false,
      backend: first.against,
      scores: { ...first.scores, relative: 'inf', agrees: false },
      measurements: [{ ...first.measurements[0]!, agrees: false }],
    };
    const html = renderReport({ ...input, verifications: [first, second] });
    const rows = /<h2 id="verified-title">.*?<tbody>(.*?)<\/tbody>/s.exec(html)![1]!.split('</tr>');
    expect(rows).toHaveLength(3);
    expect(rows[0]).toContain('tfjs on wasm, &lt;tfjs&gt; 4');
    expect(rows[0]).toContain('1,233 of 1,234');
    expect(rows[0]).toContain('2.00 × 10⁻⁶ of the largest score');
    expect(rows[0]).toContain('kl 3.00 × 10⁻⁷ nats');
    expect(rows[0]).toMatch(/class="pos">agrees</);
    expect(rows[1]).toContain('onnx on cpu (the backend of this run)');
    expect(rows[1]).toContain('∞ of the largest score');
    expect(rows[1]).toMatch(/class="neg">differs: scores, kl</);
  });

  it('shows prompts with their answers and what was measured on each, and none where the run kept none', () => {
    const input = exampleInput({ layers: 1, heads: 2 });
    expect(renderReport(input)).not.toContain('clean prompt');
    const examples = [
      {
        at: 1,
        index: 7,
        clean: '<b>When',
        corrupt: 'Then',
        answers: [' Mary'],
        wrongAnswers: ['a', 'b', 'c', 'd', 'e'],
      },
    ];
    const run = { ...input.run, prompts: { ...input.run.prompts, examples } };
    const sized = (edges: number, promptValues: number[]) => ({
      requested: edges,
      edges,
      edgesConnected: edges,
      value: 0,
      promptValues,
    });
    const measurements = [
      { ...input.measurements[0]!, points: [sized(input.graph.edgeCount, [0, 0.25])] },
      {
        ...input.measurements[1]!,
        points: [sized(input.graph.edgeCount, [1, 2.345]), sized(2, [3, -0.5])],
      },
    ];
    const circuit = makeCircuit(input.graph, input.circuit.edges.slice(0, 2));
    const html = renderReport({ ...input, run, circuit, measurements });
    expect(html).toContain(
      '>&lt;b&gt;When</td><td class="text" data-label="corrupt prompt">Then</td><td data-label="answer"><code>Mary</code></td>',
    );
    expect(html).toContain(
      '<code>d</code> and 1 more</td><td class="n" data-label="model">2.35</td><td class="n" data-label="circuit">−0.500</td>',
    );
    // Without the whole model among the sizes its column is left out; so are both where clean and corrupt are exchanged.
    const part = measurements.map((m) => ({ ...m, points: m.points.slice(1) }));
    expect(renderReport({ ...input, run, circuit, measurements: part })).toContain(
      '1 more</td><td class="n" data-label="circuit">−0.500</td>',
    );
    const asked = { ...run.asked, reverse: true };
    expect(renderReport({ ...input, run: { ...run, asked }, circuit, measurements })).toContain('1 more</td></tr>');
  });

  it('has a title from the task, and says in words what the graph is', () => {
    const input = exampleInput({ layers: 2, heads: 3, positions: 4 });
    const html = renderReport(input, { task: 'indirect objects in a small world: 320 prompts' });
    expect(html).toContain('<h1>ioi: indirect objects in a small world</h1>');
    expect(html).toMatch(/gpt2 has 2 layers of 3 attention heads and an MLP: [\d,]+ edges between 9 source nodes and/);
    expect(html).toContain('heads read Q, K and V through separate edges; separate edges at every token position');
  });

  it('draws what training saw, and nothing where nothing was trained', () => {
    const input = exampleInput({ layers: 1, heads: 2 });
    expect(renderReport(input)).not.toContain('Training');
    const loss = Array.from({ length: 1000 }, (_, step) => (step === 0 ? Number.POSITIVE_INFINITY : 1 / step));
    const html = renderReport({ ...input, curves: { '<loss>': loss, 'never a number': [Number.NaN] } });
    const section = /<h2 id="training-title">Training<\/h2>(.*?)<\/section>/s.exec(html)![1]!;
    expect(section.match(/<figure/g)).toHaveLength(1);
    expect(section).toContain('aria-label="&lt;loss&gt; over 1,000 steps of training"');
    // The first step is infinite and is left out; the last is drawn at the right end.
    const path = /class="curve" d="(M[^"]*)"/.exec(section)![1]!;
    expect(path.match(/[ML]/g)).toHaveLength(299);
    expect(path).toMatch(/L438 [\d.]+$/);
  });

  it('shows infinite scores and runs without faithfulness, standard errors or kept edges', () => {
    const { standardErrors: _, ...input } = exampleInput({ layers: 1, heads: 2 });
    const [module, tensor] = Object.entries(input.scores)[0]!;
    const data = tensor.data.slice();
    data[0] = Number.POSITIVE_INFINITY;
    const measurements = input.measurements.map((m) => ({
      ...m,
      points: m.points.map(({ faithfulness: __, ...p }) => ({ ...p, value: 'inf' as const })),
    }));
    const infinite = { ...input, scores: { ...input.scores, [module]: { ...tensor, data } }, measurements };
    expect(renderReport(infinite)).toContain('>+∞</td>');
    const html = renderReport({ ...infinite, circuit: { ...input.circuit, edges: [] } });
    expect(curvesIn(html)).toBe(0);
    expect(withoutScript(html)).not.toMatch(/NaN|>Infinity/);
    expect(dataOf(html).edges.score[0]).toBe('inf');
  });
});

describe('circuitLayout', () => {
  const drawn = (options: Parameters<typeof exampleInput>[0]) => {
    const input = exampleInput(options);
    const data = circuitDataOf(input, rankedEdges(input));
    return { data, layout: circuitLayout(data, edgesShown(data, 40, null)) };
  };

  it('gives every node a place of its own, input lowest, output highest, a head one place for Q, K and V', () => {
    const { data, layout } = drawn({ layers: 2, heads: 3 });
    const places = [...layout.places.values()];
    expect(places).toHaveLength(2 + 2 * (3 + 1));
    expect(new Set(places.map(({ x, y }) => `${x} ${y}`)).size).toBe(places.length);
    const y = (name: string) => places.find(({ node }) => data.nodes[node]!.name === name)!.y;
    for (const { name } of data.nodes) {
      if (name !== 'Resid Start') expect(y(name)).toBeLessThan(y('Resid Start'));
      if (name !== 'Resid End') expect(y(name)).toBeGreaterThan(y('Resid End'));
    }
    const residual = drawn({ layers: 2, heads: 3, factorized: false }).layout.places.values();
    const spots = [...residual].map(({ x, y }) => `${x} ${y}`);
    expect(new Set(spots).size).toBe(spots.length);
    const query = data.destinations.find(([name]) => name === 'A1.2.Q')!;
    expect(data.nodes[query[1]]!.name).toBe('A1.2');
  });

  it('puts the experts of a layer in a row of their own, the router first', () => {
    const { data, layout } = drawn({ layers: 2, heads: 2, experts: [0, 3] });
    const spots = [...layout.places.values()].map(({ x, y }) => `${x} ${y}`);
    expect(new Set(spots).size).toBe(spots.length);
    const mixture = data.nodes.filter(({ name }) => name.startsWith('MLP 1'));
    expect(mixture.map(({ name, kind, column }) => [name, kind, column])).toEqual([
      ...[0, 1, 2].map((e) => [`MLP 1.E${e}`, 'mlp', e + 1]),
      ['MLP 1.Router', 'mlp', 0],
    ]);
    expect(new Set(mixture.map(({ row }) => row)).size).toBe(1);
    expect(data.rows[mixture[0]!.row]).toBe('MLP 1');
    expect(mixture.map(nodeLabel)).toEqual(['E0', 'E1', 'E2', 'Router']);
  });

  it('puts latents beside the MLP that they stand for, which is one node with what they leave', () => {
    const { data, layout } = drawn({ layers: 2, heads: 2, latents: { 'L0.mlp': [17, 3, 5] } });
    const spots = [...layout.places.values()].map(({ x, y }) => `${x} ${y}`);
    expect(new Set(spots).size).toBe(spots.length);
    const row = (name: string) => data.nodes.find((node) => node.name === name)!.row;
    expect(row('MLP 0 Latent 17')).toBe(row('MLP 0'));
    const [error] = data.sources.filter(([name]) => name === 'MLP 0 Error');
    expect(data.nodes[error![1]]!.name).toBe('MLP 0');
    const names = edgesShown(data, 5000, null).map((edge) => edgeName(data, edge));
    expect(names).toContain('MLP 0 Error->Resid End');
    expect(names).toContain('MLP 0 Latent 3->A1.0.Q');
    const stream = drawn({ layers: 2, heads: 3, factorized: false, latents: { 'L0.mid': [4, 9] } });
    const places = [...stream.layout.places.values()];
    expect(new Set(places.map(({ x, y }) => `${x} ${y}`)).size).toBe(places.length);
    const y = (name: string) => places.find(({ node }) => stream.data.nodes[node]!.name === name)!.y;
    expect(y('Resid Mid 0 Latent 9')).toBe(y('Resid Mid 0'));
  });

  it('keeps the nodes of a token position inside its column, without overlap', () => {
    const { layout } = drawn({ layers: 2, heads: 3, positions: 5 });
    const places = [...layout.places.values()];
    expect(places.length).toBeGreaterThan(10);
    for (const { position, x, half } of places) {
      const { left, width } = layout.columns[position!]!;
      expect(x - half).toBeGreaterThanOrEqual(left);
      expect(x + half).toBeLessThanOrEqual(left + width);
    }
    for (const a of places) {
      const near = places.filter((b) => b !== a && b.y === a.y && Math.abs(b.x - a.x) < a.half + b.half);
      expect(near).toEqual([]);
    }
  });

  it('puts MLPs to the right of the heads, in every column of token positions too', () => {
    for (const options of [
      { layers: 2, heads: 3 },
      { layers: 2, heads: 3, positions: 5 },
      { layers: 2, heads: 20 },
    ]) {
      const { data, layout } = drawn(options);
      const places = [...layout.places.values()];
      const of = (kind: string, position: number | null) =>
        places
          .filter((place) => data.nodes[place.node]!.kind === kind && place.position === position)
          .map(({ x }) => x);
      for (const position of new Set(places.map((place) => place.position))) {
        if (of('head', position).length && of('mlp', position).length)
          expect(Math.min(...of('mlp', position))).toBeGreaterThan(Math.max(...of('head', position)));
      }
    }
  });

  it('leaves out rows without edges in a large model, and says how many', () => {
    const input = exampleInput({ layers: 20, heads: 4 });
    const data = circuitDataOf(input, rankedEdges(input));
    const layout = circuitLayout(data, edgesShown(data, 8, null));
    const rows = layout.rows.reduce((sum, { folded }) => sum + 1 + folded, 0);
    expect(rows).toBe(data.rows.length);
    expect(layout.rows.length).toBeLessThan(20);
    const used = new Set([...layout.places.values()].filter(({ on }) => on).map(({ row }) => row));
    expect(layout.rows.filter((_, row) => !used.has(row)).every(({ label }) => /Start|End/.test(label))).toBe(true);
  });
});

describe('curveSvg', () => {
  it('has a logarithmic x axis with a place for 0', () => {
    const points = [0, 1, 10, 100].map((edges) => ({ edges, value: edges }));
    const series = [{ name: 's', points, colour: 0 }];
    const svg = curveSvg({ title: 't', unit: 'u', series, lines: [], kept: 10, total: 1000 });
    const x = [...svg.matchAll(/<circle[^>]*cx="([\d.]+)"/g)].map(([, cx]) => Number(cx));
    expect(x[2]! - x[1]!).toBeCloseTo(x[3]! - x[2]!, 0);
    expect(x[0]!).toBeLessThan(x[1]!);
    expect(svg).toContain('<title>kept: 10 edges</title>');
  });
});

describe('shortNumber', () => {
  it('shows three digits, whole numbers from 1,000 up, and powers of ten beyond', () => {
    expect([0.123456, 0.33, -12.345, 1234.5, 123456, 0.00001234, -2e9, 8, 0, Infinity].map(shortNumber)).toEqual([
      '0.123',
      '0.330',
      '−12.3',
      '1,235',
      '123,456',
      '1.23 × 10⁻⁵',
      '−2.00 × 10⁹',
      '8',
      '0',
      '∞',
    ]);
  });
});
