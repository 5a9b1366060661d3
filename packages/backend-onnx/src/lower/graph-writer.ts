/** @file Collects the nodes and constants of one ONNX graph, and gives each its name. */
import type { DType } from '@auto-circuit/core/backend';
import type { OnnxAttributes, OnnxModel, OnnxNode, OnnxPort, OnnxTensor, WrittenType } from './onnx-file.js';

/** How program dtypes appear in ONNX. int stays int32: every kernel we use takes it, and feeds need no BigInt. */
export const ONNX_DTYPE: Readonly<Record<DType, WrittenType>> = Object.freeze({
  float: 'float',
  int: 'int32',
  bool: 'bool',
});

const TO_BYTES: Readonly<Record<WrittenType, (data: readonly number[]) => ArrayBufferLike>> = {
  float: (data) => Float32Array.from(data).buffer,
  int32: (data) => Int32Array.from(data).buffer,
  int64: (data) => BigInt64Array.from(data, (n) => BigInt(n)).buffer,
  bool: (data) => Uint8Array.from(data, (n) => (n ? 1 : 0)).buffer,
};

/** Constants of at most this many numbers are compared, so that equal ones are stored once. */
const SHARED = 4096;

/** Writes one graph. Nodes are kept in the order in which they were asked for. */
export class GraphWriter {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers: OnnxTensor[] = [];
  readonly #constants = new Map<string, string>();
  readonly #produced = new Set<string>();
  #count = 0;

  #fresh(): string {
    return `v${this.#count++}`;
  }

  /** Appends a node with one output; returns the output's name. */
  node(opType: string, inputs: readonly string[], attributes: OnnxAttributes = {}, domain = ''): string {
    const output = this.#fresh();
    this.#produced.add(output);
    this.#nodes.push({ opType, domain, inputs, outputs: [output], attributes });
    return output;
  }

  /** A small constant inside the model; the same numbers twice give the same name. */
  constant(type: WrittenType, shape: readonly number[], data: readonly number[]): string {
    if (data.length > SHARED) return this.initializer(this.tensor(type, shape, data));
    const key = `${type} [${shape}] ${data}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.initializer(this.tensor(type, shape, data));
    this.#constants.set(key, name);
    return name;
  }
  /** Numbers as an attribute or an initializer holds them. */
  tensor(type: WrittenType, shape: readonly number[], data: readonly number[]): OnnxTensor {
    return { name: '', type, shape, bytes: new Uint8Array(TO_BYTES[type](data)) };
  }
  int64s(data: readonly number[]): string {
    return this.constant('int64', [data.length], data);
  }

  /** A constant inside the model or in a file. */
  initializer(tensor: DistributiveOmit<OnnxTensor, 'name'>): string {
    const name = this.#fresh();
    this.#initializers.push({ ...tensor, name } as OnnxTensor);
    return name;
  }

  /**
   * The finished graph. Outputs get their names: the node that produces one is renamed, or a copy is added where one value has
   * several names. What nothing reads is left out.
   */
  finish(
    name: string,
    inputs: readonly OnnxPort[],
    outputs: readonly (OnnxPort & { readonly from: string })[],
  ): OnnxModel {
    const renamed = new Map<string, string>();
    const copies: OnnxNode[] = [];
    for (const output of outputs) {
      if (this.#produced.has(output.from) && !renamed.has(output.from)) renamed.set(output.from, output.name);
      else
        copies.push({ opType: 'Identity', domain: '', inputs: [output.from], outputs: [output.name], attributes: {} });
    }
    const read = new Set(outputs.map((o) => o.from));
    const reversed: OnnxNode[] = [];
    for (const node of [...this.#nodes].reverse()) {
      if (!node.outputs.some((output) => read.has(output))) continue;
      for (const input of node.inputs) read.add(input);
      reversed.push(node);
    }
    const finalName = (n: string): string => renamed.get(n) ?? n;
    const nodes = [...reversed.reverse(), ...copies].map((n) => ({
      ...n,
      inputs: n.inputs.map(finalName),
      outputs: n.outputs.map(finalName),
    }));
    const ports = outputs.map(({ from: _from, ...port }) => port);
    return { name, nodes, initializers: this.#initializers.filter((i) => read.has(i.name)), inputs, outputs: ports };
  }
}

type DistributiveOmit<T, K extends string> = T extends unknown ? Omit<T, K> : never;
