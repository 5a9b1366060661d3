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
