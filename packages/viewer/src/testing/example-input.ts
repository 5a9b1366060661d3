/** @file A made-up run of a model of GPT-2's shape, for tests of the report: what it shows is drawn from a seed, not found. */
import {
  buildGraph,
  DEFAULT_GRAPH_OPTIONS,
  edgeEnds,
  makeCircuit,
  seededRandom,
  topEdges,
  unflattenScores,
} from '@auto-circuit/core/plugin';
import type { ReportInput } from '@auto-circuit/core/run';

interface ExampleOptions {
  readonly layers?: number;
  readonly heads?: number;
  readonly positions?: number | null;
  readonly factorized?: boolean;
  readonly latents?: Readonly<Record<string, readonly number[]>>;
  /** By layer; 0 for a whole MLP. */
  readonly experts?: readonly number[];
  readonly dataName?: string;
  readonly seed?: number;
  readonly algo?: string;
}

/** A made-up finished run, as a report gets it. */
export function exampleInput({
  layers = 12,
  heads = 12,
  positions = null,
  factorized = true,
  latents,
  experts,
  dataName = 'ioi',
  seed = 3,
  algo = 'eap-ig',
}: ExampleOptions = {}): ReportInput {
  const layout = {
    kind: 'transformer',
    layers,
    heads,
    kvHeads: heads,
    dModel: 64,
    mlp: true,
    parallel: false,
  } as const;
  const nodes = { ...layout, ...(latents ? { latents } : {}), ...(experts ? { experts } : {}) };
  const graph = buildGraph(nodes, {
    ...DEFAULT_GRAPH_OPTIONS,
    positions,
    factorized,
  });
  const random = seededRandom(seed);
  const flat = Float32Array.from({ length: graph.edgeCount }, (_, number) => {
    const { source } = edgeEnds(graph, number);
    const weight = source.index % 7 === 3 ? 1 : 0.1;
    return random.normal() * Math.exp(1.2 * random.normal()) * 0.02 * weight;
  });
  const scores = unflattenScores(graph, flat);
  const standardErrors = unflattenScores(
    graph,
    flat.map((score) => Math.abs(score) / 9),
  );
  const circuit = makeCircuit(graph, topEdges(graph, scores, Math.min(100, graph.edgeCount)).edges);
  const sizes = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, graph.edgeCount].filter(
    (n, i, all) => n <= graph.edgeCount && all.indexOf(n) === i,
  );
  const faithful = (edges: number): number => (edges === 0 ? 0 : 1 / (1 + (30 / edges) ** 1.4));
  const point = (edges: number, value: number, standardError: number) => ({
    requested: edges,
    edges,
    edgesConnected: Math.round(edges * 0.9),
    value,
    standardError,
    faithfulness: faithful(edges),
  });
  return {
    graph,
    scores,
    standardErrors,
    circuit,
    measurements: [
      {
        metric: 'kl',
        unit: 'nats',
        higherIsBetter: false,
        model: 0,
        empty: 2.1,
        points: sizes.map((n) => point(n, 2.1 * (1 - faithful(n)), 0.08 * (1 - faithful(n)))),
      },
      {
        metric: 'logit-diff',
        unit: 'logits',
        higherIsBetter: true,
        model: 3.4,
        empty: -0.2,
        points: sizes.map((n) => point(n, -0.2 + 3.6 * faithful(n), 0.15)),
      },
    ],
    run: {
      format: 'auto-circuit run 1',
      asked: {
        model: { name: 'gpt2', key: 'a3f1', processing: ['fold-norm', 'center-writes', 'center-unembed'] },
        data: { name: dataName, hash: '5d2c', bos: 'off' },
        graph: { ...layout, ...graph.options },
        algo: { name: algo, options: { steps: 5 } },
        metrics: [
          { name: 'kl', options: {} },
          { name: 'logit-diff', options: {} },
        ],
        objective: 'logit-diff',
        ablation: 'resample',
        ablateFrom: 'corrupt',
        patchType: 'tree',
        reverse: false,
        select: 'threshold',
        rankBy: 'absolute',
        sizes: { by: 'rule', rule: 'log' },
        keep: 'auto',
        batchSize: 32,
        limit: null,
        length: null,
        train: null,
        test: null,
        seed,
        backend: { name: 'onnx', device: 'cpu', threads: 2 },
      },
      sources: {},
      graph: { sources: graph.sources.length, destinations: graph.destinations.length, edges: graph.edgeCount },
      prompts: { train: 50, test: 50, lengths: { '15': 60, '16': 40 } },
      versions: { core: '0.1.0', node: '20.20.0' },
      runtime: 'onnxruntime-node 1.23.0',
    },
  };
}

/** A run whose report has every section, with what is computed beside it. */
export function exampleFigures() {
  const input = exampleInput({ layers: 3, heads: 4 });
  const examples = Array.from({ length: 3 }, (_, at) => ({
    at,
    index: 2 * at,
    clean: 'When Mary and John went to the store, John gave a drink to',
    corrupt: 'When Mary and John went to the store, Anna gave a drink to',
    answers: [' Mary'],
    wrongAnswers: [' John'],
  }));
  const measurements = input.measurements.map((measurement) => ({
    ...measurement,
    points: measurement.points.map((point) => ({ ...point, promptValues: [1.5, 2.25, -0.75] })),
  }));
  const backend = { name: 'onnx', device: 'cpu', threads: 2, runtime: 'onnxruntime-node 1.23.0' };
  const full: ReportInput = {
    ...input,
    run: { ...input.run, prompts: { ...input.run.prompts, examples } },
    measurements,
    curves: { loss: Array.from({ length: 50 }, (_, step) => 1 / (1 + step)) },
    figures: [
      {
        kind: 'curve',
        title: 'Accuracy by layer',
        along: 'layer',
        lines: ['probe', 'chance'].map((name, i) => ({
          name,
          points: [0, 1, 2].map((x) => ({ x, y: i === 0 ? 0.4 + 0.2 * x : 0.5, error: 0.05 })),
        })),
      },
      {
        kind: 'bars',
        title: 'Share by kind',
        unit: '%',
        bars: [
          { name: 'heads', value: 61.2 },
          { name: 'MLPs', value: 38.8 },
        ],
      },
      {
        kind: 'heat-map',
        title: 'Attention of A1.2',
        rows: ['to', 'gave'],
        columns: ['Mary', 'John', 'gave'],
        values: [
          [0.7, 0.2, 0.1],
          [-0.1, 0.9, null],
        ],
        doc: 'From each token (rows) to earlier ones (columns).',
      },
      {
        kind: 'table',
        title: 'Roles',
        columns: ['head', 'role', 'score'],
        rows: [
          ['A1.2', 'name mover', 3.2],
          ['A0.1', 'duplicate token', 1.1],
        ],
      },
    ],
    verifications: [
      {
        format: 'auto-circuit verification 1',
        agrees: true,
        backend: { ...backend, name: 'tfjs', device: 'wasm' },
        against: backend,
        scores: {
          difference: 1e-6,
          edge: 'A0.0->MLP 0',
          largest: 0.5,
          relative: 2e-6,
          tolerance: 1e-4,
          agrees: true,
        },
        circuit: { edges: 100, both: 100, either: 100, unexplained: 0, agrees: true },
        measurements: [{ metric: 'kl', unit: 'nats', difference: 3e-7, at: 10, tolerance: 1e-4, agrees: true }],
      },
    ],
  };
  return {
    input: full,
    figures: {
      task: 'indirect objects: which of two people receives; 256 prompts',
      areas: [{ metric: 'kl', area: 2.1, from: 1, to: input.graph.edgeCount }],
      known: [
        {
          name: 'paper',
          doc: 'the circuit of a paper',
          edges: 12,
          area: 0.9,
          points: Array.from({ length: 20 }, (_, i) => ({
            falsePositiveRate: i / 19,
            truePositiveRate: (i / 19) ** 0.2,
          })),
        },
      ],
    },
  };
}
