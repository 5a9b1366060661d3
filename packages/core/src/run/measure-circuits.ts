/**
 * @file Measures many circuits, a few neighbours at a time, so that only their outputs are in memory; each point is kept. Which
 * circuits are neighbours depends on the whole list, so a run that is taken up again runs the same ones together.
 */
import { z } from 'zod';
import { makeCircuit } from '../graph/circuit.js';
import type { PatchDescription } from '../patch/requests/ablations.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { BatchOutputs, MetricValue } from '../plugin/metric.js';
import type { PromptBatch } from '../prompts/types.js';
import {
  figuresSchema,
  type Measurement,
  numberSchema,
  parseBySchema,
  toJsonNumber,
  toJsonText,
} from '../run-folder/schemas.js';
import { PromptBootstrap } from '../statistics/bootstrap.js';
import { circuitReading } from './circuit-reading.js';
import type { MadeCircuit, SizedCircuit, SizePlan } from './circuits-to-measure.js';
import { chooseKept, type FaithfulnessScale, faithfulnessScale } from './faithfulness.js';
import {
  type ChosenMetric,
  type CircuitReading,
  type CircuitRunSettings,
  isScoreMetric,
  type MeasuredScores,
  measureOne,
  measureScores,
  metricText,
  metricUnit,
  outputsOfCircuits,
  type References,
  referenceOutputs,
} from './run-circuits.js';
import { nextSize } from './size-search.js';

const valueSchema = z.object({
  value: numberSchema,
  standardError: numberSchema.optional(),
  promptValues: z.array(numberSchema).optional(),
  promptWeights: z.array(numberSchema).optional(),
  parts: z.record(z.string(), numberSchema).optional(),
  figures: figuresSchema.optional(),
});
const referencesSchema = z.object({
  model: z.array(valueSchema),
  empty: z.array(valueSchema),
  faithfulness: z.enum(['logit-diff', 'kl', 'mse', 'none']),
});
const measuredSchema = z.object({
  edgesConnected: z.number(),
  /** By metric, in the order asked. */
  values: z.array(valueSchema),
  /** Absent where faithfulness says nothing on these prompts. */
  faithfulness: numberSchema.optional(),
  faithfulnessError: numberSchema.optional(),
  faithful: z.boolean(),
});
type Measured = z.infer<typeof measuredSchema>;
type ReferenceValues = z.infer<typeof referencesSchema>;

/** Where finished points are kept until all are there; a run folder's `partial/`. */
export interface PartialWork {
  /** What was written under a name, or null. */
  readPartial(name: string): Promise<string | null>;
  /** Keeps a text under a name, whole or not at all. */
  writePartial(name: string, text: string): Promise<void>;
}

/** A circuit with what it came to. */
interface MeasuredCircuit {
  readonly sized: SizedCircuit;
  readonly point: Measured;
}

/** What is measured, and how it is run. */
export interface MeasureSizesRequest {
  readonly model: PatchableModel;
  readonly batches: readonly PromptBatch[];
  readonly settings: CircuitRunSettings;
  /** What the ablation patches in. */
  readonly patch: PatchDescription;
  readonly metrics: readonly ChosenMetric[];
  /** Whether prompts on which faithfulness says nothing are an error. */
  readonly needFaithfulness: boolean;
  /** Where the resamples of the bootstrap start. */
  readonly seed: number;
  readonly partial?: PartialWork | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** The outputs that circuits are compared with, and the scale of faithfulness that follows from them. */
interface Prepared {
  readonly references: References;
  readonly scale: FaithfulnessScale | null;
  readonly reading: CircuitReading | null;
}

/** Measures circuits of rising size; what is measured is kept as partial work. */
export class SizeMeasurer {
  readonly #request: MeasureSizesRequest;
  readonly #bootstrap: PromptBootstrap;
  #prepared: Prepared | null = null;
  #scored: MeasuredScores | null = null;
  #referenceValues: ReferenceValues | null = null;

  constructor(request: MeasureSizesRequest) {
    this.#request = request;
    this.#bootstrap = new PromptBootstrap(request.seed);
  }

  /**
   * Runs the whole model and the empty circuit, unless an earlier process did. Done before scoring, so that prompts
   * on which nothing can be measured are found at once. @throws AutoCircuitError for those, when faithfulness is needed
   */
  async references(): Promise<ReferenceValues> {
    if (this.#referenceValues) return this.#referenceValues;
    const kept = await this.#request.partial?.readPartial('references.json');
    this.#referenceValues = kept
      ? parseBySchema(referencesSchema, kept, 'references.json')
      : await this.#makeReferenceValues();
    return this.#referenceValues;
  }

  async #makeReferenceValues(): Promise<ReferenceValues> {
    const { metrics, model, partial } = this.#request;
    const { references, scale } = await this.#prepare();
    const ofOutputs = metrics.filter((metric) => !isScoreMetric(metric)); // scores are not there yet
    const values = {
      model: ofOutputs.map((metric) => this.#value(metric, measureOne(metric, references.model, references, model))),
      empty: ofOutputs.map((metric) => this.#value(metric, measureOne(metric, references.empty, references, model))),
      faithfulness: scale?.by ?? ('none' as const),
    };
    await partial?.writePartial('references.json', toJsonText(values, 'references.json'));
    return values;
  }

  async #prepare(): Promise<Prepared> {
    if (this.#prepared) return this.#prepared;
    const { batches, metrics, model, needFaithfulness, patch, settings, signal } = this.#request;
    const references = await referenceOutputs(model, batches, settings, patch, signal);
    const scale = scaleOrNull(references, model.outputSize, needFaithfulness);
    const outputMetrics = metrics.flatMap(({ metric }) => (metric.kind === 'metric' ? [metric] : []));
    this.#prepared = { references, scale, reading: circuitReading(model, outputMetrics, references, scale) };
    return this.#prepared;
  }

  /**
   * Measures each circuit of a plan that has not been measured yet, and where the plan searches, those that a search comes to.
   * Gives measurements by rising size.
   */
  async measure({ first, between }: SizePlan, scored: MeasuredScores | null = null): Promise<MeasuredSizes> {
    const { model } = this.#request;
    this.#scored = scored;
    const { edgeCount } = model.graph;
    const { faithfulness } = await this.references();
    const done: MeasuredCircuit[] = [];
    const sizes = () => done.map(({ sized, point }) => ({ edges: sized.edges, faithful: point.faithful }));
    await this.#round(first, done);
    for (let searching = between !== undefined && faithfulness !== 'none'; searching; ) {
      const next = nextSize(between!, sizes(), edgeCount);
      if (next) await this.#round([next], done);
      done.sort((a, b) => a.sized.edges - b.sized.edges);
      searching = next !== null;
    }
    const circuits = done.map(({ sized }) => sized);
    return { circuits, measurements: await this.#measurements(done), auto: chooseKept(sizes(), edgeCount) };
  }

  /** Measures more circuits and puts them behind those that are done. */
  async #round(circuits: readonly SizedCircuit[], done: MeasuredCircuit[]): Promise<void> {
    const { signal, onProgress } = this.#request;
    const total = done.length + circuits.length;
    const next = (): void => {
      onProgress?.(done.length, total);
      signal?.throwIfAborted();
    };
    next();
    const before = done.length;
    for (const window of this.#windows(circuits)) {
      for await (const point of this.#points(window)) {
        done.push({ sized: circuits[done.length - before]!, point });
        if (done.length < total) next();
      }
    }
    onProgress?.(total, total);
  }

  /** One for each metric, in the order asked. */
  async #measurements(done: readonly MeasuredCircuit[]): Promise<Measurement[]> {
    const references = await this.references();
    const ends = this.#ends(references);
    return this.#request.metrics.map((chosen, m) => ({
      metric: metricText(chosen),
      unit: metricUnit(chosen),
      higherIsBetter: chosen.metric.higherIsBetter,
      model: ends[m]!.model,
      empty: ends[m]!.empty,
      points: done.map(({ sized: { requested, edges }, point }) => ({
        requested,
        edges,
        edgesConnected: point.edgesConnected,
        ...point.values[m]!,
        ...(references.faithfulness === 'logit-diff' ? faithfulnessOf(point) : {}),
      })),
    }));
  }

  /** What each metric gives of the whole model and of the empty circuit, in the order asked. */
  #ends({ model, empty }: ReferenceValues) {
    const { graph } = this.#request.model;
    const all = Array.from({ length: graph.edgeCount }, (_, edge) => edge);
    let output = 0;
    return this.#request.metrics.map((metric) => {
      if (isScoreMetric(metric)) {
        const of = (edges: readonly number[]) =>
          this.#value(metric, measureScores(metric, makeCircuit(graph, edges), this.#scored)).value;
        return { model: of(all), empty: of([]) };
      }
      const m = output++;
      return { model: model[m]!.value, empty: empty[m]!.value };
    });
  }

  /** Neighbours that may run together: as many as one run takes, and whose outputs take little memory. */
  #windows(circuits: readonly SizedCircuit[]): SizedCircuit[][] {
    const { model, batches } = this.#request;
    return model.maskWindows(batches, circuits.length).map(([start, stop]) => circuits.slice(start, stop));
  }

  /** The points of neighbours, each given when it is kept. */
  async *#points(circuits: readonly SizedCircuit[]): AsyncGenerator<Measured> {
    const { model, batches, settings, patch, signal, partial } = this.#request;
    const nameOf = ({ edges }: SizedCircuit): string => `point-${edges}.json`;
    const known: (Measured | null)[] = [];
    for (const sized of circuits) {
      const kept = await partial?.readPartial(nameOf(sized));
      known.push(kept ? parseBySchema(measuredSchema, kept, nameOf(sized)) : null);
    }
    if (known.every((point) => point !== null)) {
      yield* known;
      return;
    }
    const { reading, references } = await this.#prepare();
    const ends = new Map([
      [0, references.empty],
      [model.graph.edgeCount, references.model],
    ]);
    const sized = circuits.map(({ make }) => make());
    const connected = sized.map((made) => made.connected.edges);
    const run = connected.filter((edges) => !ends.has(edges.length));
    const made = run.length > 0 ? await outputsOfCircuits(model, batches, run, settings, patch, signal, reading) : [];
    for (const [i, one] of circuits.entries()) {
      const outputs = ends.get(connected[i]!.length) ?? made.shift()!;
      const point = known[i] ?? (await this.#point(sized[i]!, outputs));
      if (!known[i]) await partial?.writePartial(nameOf(one), toJsonText(point, nameOf(one)));
      yield point;
    }
  }

  async #point({ circuit, connected }: MadeCircuit, outputs: readonly BatchOutputs[]): Promise<Measured> {
    const { model, metrics } = this.#request;
    const { references, scale } = await this.#prepare();
    const faithfulness = scale?.of(outputs);
    const error = scale ? this.#bootstrap.standardError(scale.prompts(outputs)) : undefined;
    return {
      edgesConnected: connected.edges.length,
      values: metrics.map((metric) => {
        if (isScoreMetric(metric)) return this.#value(metric, measureScores(metric, circuit, this.#scored));
        return this.#value(metric, measureOne(metric, outputs, references, model));
      }),
      ...(faithfulness === undefined ? {} : { faithfulness: toJsonNumber(faithfulness, 'faithfulness') }),
      ...(error === undefined ? {} : { faithfulnessError: toJsonNumber(error, 'the standard error of faithfulness') }),
      faithful: faithfulness !== undefined && scale!.isFaithful(faithfulness),
    };
  }

  #value(
    { metric }: ChosenMetric,
    { value, standardError, prompts, parts, figures }: MetricValue,
  ): z.infer<typeof valueSchema> {
    const error = prompts ? this.#bootstrap.standardError(prompts) : standardError;
    const list = (name: string, numbers: readonly number[] | undefined) =>
      numbers ? { [name]: numbers.map((x) => toJsonNumber(x, `a prompt's ${metric.name}`)) } : {};
    return {
      value: toJsonNumber(value, metric.name),
      ...(error === undefined ? {} : { standardError: toJsonNumber(error, `the standard error of ${metric.name}`) }),
      ...list('promptValues', prompts?.values),
      ...list('promptWeights', prompts?.weights),
      ...(figures ? { figures: [...figures] as z.infer<typeof figuresSchema> } : {}),
      ...(parts ? { parts: mapped(parts, (x, name) => toJsonNumber(x, `${name} of ${metric.name}`)) } : {}),
    };
  }
}

const mapped = <A, B>(record: Readonly<Record<string, A>>, of: (value: A, name: string) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, of(value, name)]));

const faithfulnessOf = ({ faithfulness, faithfulnessError }: Measured) => ({
  faithfulness: faithfulness!,
  ...(faithfulnessError === undefined ? {} : { faithfulnessError }),
});

/** Measurements of all sizes, and the size to keep. */
export interface MeasuredSizes {
  /** What was measured, by rising size. */
  readonly circuits: readonly SizedCircuit[];
  readonly measurements: readonly Measurement[];
  /** The smallest faithful size, as `chooseKept` finds it: its index, and whether there is one. */
  readonly auto: { readonly index: number; readonly found: boolean };
}

/** Where faithfulness is not asked for, prompts on which it says nothing have none. */
function scaleOrNull(references: References, outputSize: number, needed: boolean): FaithfulnessScale | null {
  const scale = faithfulnessScale(references, outputSize);
  if (scale.kind === 'scale') return scale;
  if (needed) throw scale.error;
  return null;
}
