import { describe, expect, it } from 'vitest';
import { GraphWriter } from './graph-writer.js';

const PORT = { type: 'float', shape: [] } as const;
const finished = (writer: GraphWriter, outputs: readonly (readonly [name: string, from: string])[]) =>
  writer.finish(
    'graph',
    [{ name: 'in.x', ...PORT }],
    outputs.map(([name, from]) => ({ name, from, ...PORT })),
  );

describe('a graph', () => {
  it('holds equal constants once, and unlike ones apart', () => {
    const writer = new GraphWriter();
    expect(writer.constant('float', [2], [1, 2])).toBe(writer.constant('float', [2], [1, 2]));
    const names = [
      writer.constant('float', [2], [1, 2]),
      writer.constant('int32', [2], [1, 2]),
      writer.constant('float', [1, 2], [1, 2]),
      writer.int64s([1, 2]),
    ];
    expect(new Set(names).size).toBe(4);
  });
  it('gives an output its name without a node of its own', () => {
    const writer = new GraphWriter();
    const y = writer.node('Neg', ['in.x']);
    const { nodes } = finished(writer, [
      ['out.y', y],
      ['out.z', writer.node('Abs', [y])],
    ]);
    expect(nodes.map(({ opType, inputs, outputs }) => [opType, inputs, outputs])).toEqual([
      ['Neg', ['in.x'], ['out.y']],
      ['Abs', ['out.y'], ['out.z']],
    ]);
  });
  it('copies where one value has two names, or an input is an output', () => {
    const writer = new GraphWriter();
    const y = writer.node('Neg', ['in.x']);
    const { nodes } = finished(writer, [
      ['out.a', y],
      ['out.b', y],
      ['out.x', 'in.x'],
    ]);
    expect(nodes.map(({ opType, outputs }) => [opType, outputs[0]])).toEqual([
      ['Neg', 'out.a'],
      ['Identity', 'out.b'],
      ['Identity', 'out.x'],
    ]);
  });
  it('leaves out nodes and constants that nothing reads', () => {
    const writer = new GraphWriter();
    writer.node('Add', ['in.x', writer.constant('float', [], [5])]);
    const two = writer.constant('float', [], [2]);
    const { nodes, initializers } = finished(writer, [['out.y', writer.node('Mul', ['in.x', two])]]);
    expect(nodes.map(({ opType }) => opType)).toEqual(['Mul']);
    expect(initializers.map(({ name }) => name)).toEqual([two]);
  });
});
