/**
 * @file What is timed: a table of cases, each a function that does the work once and what its time is divided by. All go through
 * the public interface, as an algorithm would.
 */
import {
  allEdges,
  buildGraph,
  createPatchableModel,
  DEFAULT_GRAPH_OPTIONS,
  flattenScores,
  maskFromEdges,
  unflattenScores,
} from '@auto-circuit/core';
import { edgeEnds, layerSite, seededRandom, siteText } from '@auto-circuit/core/plugin';
import { edgeSelection } from '@auto-circuit/core/run';
import { loadModel } from '@auto-circuit/models';
import { acdcOrder, acdcSearch, subnetworkProbing } from '@auto-circuit/prune-algos';
import { gpt2Small, randomBatch } from './gpt2-small.mjs';

/** By name; the rest of `gpt2-small:24` is its number of layers. */
const MODELS = {
  'gpt2-small': (layers) => gpt2Small({ layers: Number(layers ?? 12) }),
  smollm2: async () => {
    const folder = process.env.SMOLLM2_DIR;
    if (!folder) throw new Error('SMOLLM2_DIR must name a folder with SmolLM2-135M');
    return (await loadModel(folder, { process: 'none' })).model;
  },
};
export async function openModel(text) {
  const [name, layers] = text.split(':');
  if (!MODELS[name]) throw new Error(`unknown model "${name}"; known: ${Object.keys(MODELS).join(', ')}`);
  return MODELS[name](layers);
}

const RESAMPLE = { kind: 'resample', from: 'corrupt' };
const LOGIT_DIFF = { kind: 'answers', tokenFunction: 'logit', value: 'diff' };

/**
 * Everything a case needs. `keep`: whether pass 1 may be kept; the cases that are asked for once pay for it every time.
 * `positions`: whether each token position has edges of its own. `way`: how masks are run, else the cheapest.
 * @param backend made by the caller, who disposes it
 */
export async function setting(model, backend, { prompts, length, positions, microBatchTokens, keep, way, onDebug }) {
  const graph = buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, positions: positions ? length : null });
  const patchable = await createPatchableModel({
    model,
    graph,
    backend,
    onDebug,
    ...(keep ? {} : { keepBytes: 0 }),
    ...(microBatchTokens ? { microBatchTokens } : {}),
    ...(way ? { way } : {}),
  });
  const batch = randomBatch(prompts, length, model.spec.outputSize);
  const tokens = {
    dtype: 'int',
    shape: [prompts, length],
    data: Int32Array.from(batch.prompts.flatMap((prompt) => prompt.clean)),
  };
  return { graph, patchable, batch, tokens };
}

/** The strongest edges by EAP on this very batch, grown from the output, so that they are connected. */
async function circuitOf({ graph, patchable, batch }, size) {
  const { tensors } = await patchable.maskGradient(batch, { input: 'clean', patch: RESAMPLE, objective: LOGIT_DIFF });
  const sums = Object.fromEntries(
    Object.entries(tensors).map(([module, { shape, data }]) => {
      const edges = data.length / shape[0];
      const sum = new Float32Array(edges);
      for (const [i, x] of data.entries()) sum[i % edges] += x;
      return [module, { dtype: 'float', shape: shape.slice(1), data: sum }];
    }),
  );
  const scores = unflattenScores(graph, flattenScores(graph, sums));
  return edgeSelection(graph, scores, 'greedy').edges(size);
}
const patchedUnder = ({ patchable, batch }, mask) =>
  patchable.patchedRun(batch, { input: 'clean', patch: RESAMPLE, mask });
/** All but the circuit is patched. */
const treeMask = (graph, edges) => maskFromEdges(graph, edges, { inside: 0, outside: 1 });
const treePatch = (size) => async (s) => {
  const mask = treeMask(s.graph, await circuitOf(s, Math.min(size, s.graph.edgeCount)));
  return { run: () => patchedUnder(s, mask) };
};

/** Every so many-th edge between random heads and MLPs, the input and the output. */
function treePatchAmong({ edges, heads, mlps }) {
  return ({ graph, patchable, batch }) => {
    const random = seededRandom(5);
    const nodes = (isKind) => random.shuffled(graph.sources.map(({ name }) => name).filter(isKind));
    const chosen = new Set([
      ...nodes((name) => /^A\d/.test(name)).slice(0, heads),
      ...nodes((name) => name.startsWith('MLP')).slice(0, mlps),
      ...['Resid Start', 'Resid End'],
    ]);
    const among = allEdges(graph).filter(
      ({ source, destination }) => chosen.has(source.name) && chosen.has(destination.name.replace(/\.[QKV]$/, '')),
    );
    const step = Math.max(1, Math.floor(among.length / edges));
    const kept = among.filter((_, i) => i % step === 0).map(({ number }) => number);
    return { run: () => patchedUnder({ patchable, batch }, treeMask(graph, kept)) };
  };
}

/** Progress told by an algorithm, as the times between its steps. */
function timedSteps() {
  const steps = [];
  let last = performance.now();
  return {
    steps,
    report() {
      const now = performance.now();
      steps.push(now - last);
      last = now;
    },
  };
}

/**
 * Each gives {run} (timed as a whole, divided by `per`), or {steps}, which does work for a while and gives milliseconds a step.
 * `doc` stands in the table's legend, `peer` is the Python library's case of the same work.
 */
export const CASES = {
  plain: {
    doc: 'tokens to logits at the last position',
    open: (s) => ({ run: () => s.patchable.run(s.tokens) }),
  },
  patched: {
    doc: 'second pass of an edge patch of 100 random edges; the first is kept, as for every mask but the first',
    keep: true,
    peer: ['ac_masked', '--edges', '100'],
    open(s) {
      const random = seededRandom(2);
      const edges = Array.from({ length: 100 }, () => random.below(s.graph.edgeCount));
      const mask = maskFromEdges(s.graph, edges, { inside: 1, outside: 0 });
      return { run: () => patchedUnder(s, mask) };
    },
  },
  dense: {
    doc: 'tree patch of a circuit of half of the edges, drawn at random: every source is mixed into every row',
    keep: true,
    peer: ['ac_masked', '--edges', '16245'],
    open(s) {
      const random = seededRandom(4);
      const kept = allEdges(s.graph)
        .map(({ number }) => number)
        .filter(() => random.uniform() < 0.5);
      const mask = treeMask(s.graph, kept);
      return { run: () => patchedUnder(s, mask) };
    },
  },
  'dense-by-item': {
    doc: 'the same with a mask for each prompt',
    keep: true,
    open(s) {
      const random = seededRandom(4);
      const tensors = Object.fromEntries(
        Object.entries(treeMask(s.graph, []).tensors).map(([module, { data, shape }]) => {
          const own = Float32Array.from({ length: data.length * s.batch.prompts.length }, () => random.uniform());
          return [module, { dtype: 'float', shape: [s.batch.prompts.length, ...shape], data: own }];
        }),
      );
      return { run: () => patchedUnder(s, { perItem: true, tensors }) };
    },
  },
  eap: {
    doc: 'both forward passes, the backward pass, scores of every edge for every prompt',
    peer: ['ac_eap'],
    open: (s) => ({
      run: () => s.patchable.maskGradient(s.batch, { input: 'clean', patch: RESAMPLE, objective: LOGIT_DIFF }),
    }),
  },
  'edge-ig': {
    doc: 'mask gradients at 0, ¼, ½, ¾ and 1',
    keep: true,
    peer: ['ac_eap_ig', '--ig', '4'],
    open: (s) => ({
      async run() {
        for (const mask of [0, 0.25, 0.5, 0.75, 1]) {
          await s.patchable.maskGradient(s.batch, {
            input: 'clean',
            patch: RESAMPLE,
            objective: LOGIT_DIFF,
            at: { kind: 'mask', mask },
          });
        }
      },
    }),
  },
  'eap-ig': {
    doc: 'mask gradients at five inputs between corrupt and clean, as many in one run as it takes; the first pass kept',
    keep: true,
    open: ({ patchable, batch }) => ({
      async run() {
        const alphas = [0, 0.2, 0.4, 0.6, 0.8];
        const request = { input: 'clean', patch: RESAMPLE, objective: LOGIT_DIFF };
        for await (const _ of patchable.gradientsBetween(batch, request, alphas));
      },
    }),
  },
  'circuit-100': {
    doc: 'tree patch of a circuit of 100 edges, the first pass kept',
    keep: true,
    peer: ['ac_masked', '--edges', '100'],
    open: treePatch(100),
  },
  'circuit-1000': {
    doc: 'tree patch of a circuit of 1,000 edges, the first pass kept',
    keep: true,
    peer: ['ac_masked', '--edges', '1000'],
    open: treePatch(1000),
  },
  'few-mlps-100': {
    doc: 'tree patch of a circuit of 100 edges between 22 heads and 3 MLPs, the first pass kept',
    keep: true,
    peer: ['ac_masked', '--edges', '100'],
    open: treePatchAmong({ edges: 100, heads: 22, mlps: 3 }),
  },
  'few-mlps-1000': {
    doc: 'tree patch of a circuit of 1,000 edges between 69 heads and 8 MLPs, the first pass kept',
    keep: true,
    peer: ['ac_masked', '--edges', '1000'],
    open: treePatchAmong({ edges: 1000, heads: 69, mlps: 8 }),
  },
  'sizes-10': {
    doc: 'tree patches of ten circuits from 1 edge to all but one, by random scores; first pass included',
    keep: true,
    peer: ['ac_run_circuits_tree'],
    open(s) {
      const random = seededRandom(3);
      const count = s.graph.edgeCount;
      const scores = unflattenScores(
        s.graph,
        Float64Array.from({ length: count }, () => random.uniform()),
      );
      const selection = edgeSelection(s.graph, scores, 'top');
      const masks = Array.from({ length: 10 }, (_, i) =>
        treeMask(s.graph, selection.edges(Math.round(1 + (i * (count - 2)) / 9))),
      );
      return {
        async run() {
          const fresh = { ...s.batch }; // another object, so that nothing of it is kept
          await s.patchable.patchedRuns(fresh, { input: 'clean', patch: RESAMPLE, masks });
        },
      };
    },
  },
  'curve-10': {
    doc: 'tree patches of ten circuits from 10 to 1,000 edges, grown from the output by EAP; the first pass kept',
    keep: true,
    async open(s) {
      const sizes = [10, 20, 50, 100, 200, 300, 400, 500, 700, 1000];
      const masks = [];
      for (const size of sizes) masks.push(treeMask(s.graph, await circuitOf(s, Math.min(size, s.graph.edgeCount))));
      return { run: () => s.patchable.patchedRuns(s.batch, { input: 'clean', patch: RESAMPLE, masks }) };
    },
  },
  acdc: {
    doc: 'ACDC for each edge visited: all edges into 6 random destinations, one threshold',
    keep: true,
    peer: ['ac_acdc'],
    async open(s) {
      const chosen = sampledDestinations(s.graph, 6);
      const order = acdcOrder(s.graph).filter((edge) => chosen(edge));
      return {
        per: order.length,
        run: () =>
          acdcSearch(contextOf({ ...s, batch: { ...s.batch } }), {
            faithfulness: 'kl',
            taus: [0.01],
            prompts: 'first-batch',
            order,
          }),
      };
    },
  },
  'acdc-sites': {
    doc: 'one candidate edge of ACDC, 32 at once, nothing removed yet (but before an MLP, half of the edges into its heads): the mean over 9 edges drawn from all',
    keep: true,
    peer: ['ac_acdc'],
    open: (s) => ({ steps: () => candidateTimes(s, () => true) }),
  },
  'acdc-mlps': {
    doc: 'the same for edges into MLPs, half of the edges into the heads of their layer removed',
    keep: true,
    open: (s) => ({ steps: () => candidateTimes(s, (at) => at.kind === 'mlp') }),
  },
  probing: {
    doc: 'subnetwork probing for each optimiser step (KL, tree patch)',
    keep: true,
    peer: ['ac_sp'],
    open: (s) => ({
      async steps() {
        const { steps, report } = timedSteps();
        const defaults = Object.fromEntries(
          Object.entries(subnetworkProbing.options).map(([name, { default: value }]) => [name, value]),
        );
        const context = { ...contextOf(s), progress: { report } };
        await subnetworkProbing.score(context, { ...defaults, epochs: 8 });
        return steps.slice(2); // the first ones compile
      },
    }),
  },
};

/** Milliseconds of a candidate edge where it is tried with 31 others, the mean over 9 edges into sites of a kind. */
async function candidateTimes({ graph, patchable, batch }, isKind) {
  const blockOf = (edge) => graph.destinationBlocks[edgeEnds(graph, edge).destination.block];
  const siteOf = (edge) => blockOf(edge).site;
  const random = seededRandom(7);
  const edges = Array.from({ length: graph.edgeCount }, (_, n) => n);
  const kind = edges.filter((edge) => isKind(blockOf(edge).at));
  let sum = 0;
  for (let i = 0; i < 9; i++) {
    const edge = kind[random.below(kind.length)];
    const site = siteOf(edge);
    const position = Math.floor(edge / graph.edgesPerPosition);
    const here = edges.filter((n) => Math.floor(n / graph.edgesPerPosition) === position && siteOf(n) === site);
    const variants = here.slice(0, 32).map((n) => [n]);
    // ACDC comes to an MLP after the heads of its layer.
    const { at } = blockOf(edge);
    const heads = at.kind === 'mlp' ? siteText(layerSite(at.layer, 'attn')) : site;
    const removed = site === heads ? [] : edges.filter((n) => n % 2 === 0 && siteOf(n) === heads);
    const mask = maskFromEdges(graph, removed, { inside: 1, outside: 0 });
    const run = async () => {
      for await (const _ of patchable.patchedVariants(batch, { input: 'clean', patch: RESAMPLE, mask, variants }));
    };
    await run(); // compiles
    const start = performance.now();
    for (let n = 0; n < 3; n++) await run();
    const ms = (performance.now() - start) / 3 / variants.length;
    console.error(`${site}${graph.options.positions === null ? '' : `@${position}`}: ${ms.toFixed(1)} ms an edge`);
    sum += ms;
  }
  return [sum / 9];
}

function contextOf({ graph, patchable, batch }) {
  return {
    model: patchable,
    graph,
    batches: [batch],
    objective: LOGIT_DIFF,
    patch: RESAMPLE,
    seed: 0,
    progress: { report() {} },
  };
}

/** Whether an edge leads to one of so many random destinations. */
function sampledDestinations(graph, count) {
  const wanted = new Set(seededRandom(5).shuffled(graph.destinations).slice(0, count));
  return (edge) => wanted.has(edgeEnds(graph, edge).destination);
}
