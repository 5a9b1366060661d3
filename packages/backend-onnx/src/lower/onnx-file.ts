/**
 * @file Writes ONNX model files: the part of the public onnx.proto3 that our programs need, as a protobuf descriptor,
 * and `encodeModel`.
 */
import protobuf from 'protobufjs/light.js';

/** `TensorProto.DataType`. */
export const ONNX_TYPES = Object.freeze({ float: 1, int32: 6, int64: 7, bool: 9, float16: 10, bfloat16: 16 });
/** The element types that our programs use. */
export type OnnxType = keyof typeof ONNX_TYPES;
/** Those of numbers that are written into a model; of 16 bits are only weights in files. */
export type WrittenType = Exclude<OnnxType, 'float16' | 'bfloat16'>;

/** One attribute of a node; the key says which of ONNX's attribute types it is. */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly text: string }
  | { readonly tensor: OnnxTensor };
/** The attributes of a node by name. */
export type OnnxAttributes = Readonly<Record<string, OnnxAttribute>>;

/** One operator call. */
export interface OnnxNode {
  readonly opType: string;
  /** '' is ONNX itself; `com.microsoft` holds onnxruntime's own operators. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: OnnxAttributes;
}

/** A constant: its bytes (little endian), or where they lie in a file beside the model. */
export type OnnxTensor = {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: readonly number[];
} & ({ readonly bytes: Uint8Array } | { readonly location: string; readonly offset: number; readonly length: number });

/** A graph input or output. Texts in the shape are symbols; without a shape the rank is open. */
export interface OnnxPort {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape?: readonly (number | string)[];
}

/** A graph, ready to be encoded. */
export interface OnnxModel {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
}

/** Gelu entered ONNX with opset 20; IR version 9 belongs to it. */
const OPSET = 20;
const IR_VERSION = 9;

const field = (id: number, type: string): protobuf.IField => ({ id, type });
const repeated = (id: number, type: string): protobuf.IField => ({ id, type, rule: 'repeated' });

/** Field numbers of onnx.proto3. */
const messages = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        irVersion: field(1, 'int64'),
        producerName: field(2, 'string'),
        graph: field(7, 'GraphProto'),
        opsetImport: repeated(8, 'OperatorSetIdProto'),
      },
    },
    OperatorSetIdProto: { fields: { domain: field(1, 'string'), version: field(2, 'int64') } },
    GraphProto: {
      fields: {
        node: repeated(1, 'NodeProto'),
        name: field(2, 'string'),
        initializer: repeated(5, 'TensorProto'),
        input: repeated(11, 'ValueInfoProto'),
        output: repeated(12, 'ValueInfoProto'),
      },
    },
    NodeProto: {
      fields: {
        input: repeated(1, 'string'),
        output: repeated(2, 'string'),
        name: field(3, 'string'),
        opType: field(4, 'string'),
        attribute: repeated(5, 'AttributeProto'),
        domain: field(7, 'string'),
      },
    },
    AttributeProto: {
      fields: {
        name: field(1, 'string'),
        f: field(2, 'float'),
        i: field(3, 'int64'),
        s: field(4, 'bytes'),
        t: field(5, 'TensorProto'),
        ints: repeated(8, 'int64'),
        type: field(20, 'int32'),
      },
    },
    TensorProto: {
      fields: {
        dims: repeated(1, 'int64'),
        dataType: field(2, 'int32'),
        name: field(8, 'string'),
        rawData: field(9, 'bytes'),
        externalData: repeated(13, 'StringStringEntryProto'),
        dataLocation: field(14, 'int32'),
      },
    },
    StringStringEntryProto: { fields: { key: field(1, 'string'), value: field(2, 'string') } },
    ValueInfoProto: { fields: { name: field(1, 'string'), type: field(2, 'TypeProto') } },
    TypeProto: { fields: { tensorType: field(1, 'TensorTypeProto') } },
    TensorTypeProto: { fields: { elemType: field(1, 'int32'), shape: field(2, 'TensorShapeProto') } },
    TensorShapeProto: { fields: { dim: repeated(1, 'DimensionProto') } },
    DimensionProto: {
      oneofs: { value: { oneof: ['dimValue', 'dimParam'] } },
      fields: { dimValue: field(1, 'int64'), dimParam: field(2, 'string') },
    },
  },
});
const ModelProto = messages.lookupType('ModelProto');

/** `TensorProto.DataLocation.EXTERNAL`. */
const EXTERNAL = 1;

const tensorProto = (tensor: OnnxTensor): object => ({
  name: tensor.name,
  dims: tensor.shape,
  dataType: ONNX_TYPES[tensor.type],
  ...('bytes' in tensor
    ? { rawData: tensor.bytes }
    : {
        dataLocation: EXTERNAL,
        externalData: [
          { key: 'location', value: tensor.location },
          { key: 'offset', value: String(tensor.offset) },
          { key: 'length', value: String(tensor.length) },
        ],
      }),
});

/** The numbers are `AttributeProto.AttributeType`. */
function attributeProto([name, attribute]: readonly [string, OnnxAttribute]): object {
  if ('float' in attribute) return { name, type: 1, f: attribute.float };
  if ('int' in attribute) return { name, type: 2, i: attribute.int };
  if ('text' in attribute) return { name, type: 3, s: Buffer.from(attribute.text) };
  if ('tensor' in attribute) return { name, type: 4, t: tensorProto(attribute.tensor) };
  return { name, type: 7, ints: attribute.ints };
}

const portProto = ({ name, type, shape }: OnnxPort): object => ({
  name,
  type: {
    tensorType: {
      elemType: ONNX_TYPES[type],
      ...(shape
        ? { shape: { dim: shape.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d })) } }
        : {}),
    },
  },
});

/** The bytes of a `.onnx` file. */
export function encodeModel(model: OnnxModel): Uint8Array {
  return ModelProto.encode({
    irVersion: IR_VERSION,
    producerName: 'auto-circuit',
    opsetImport: [
      { domain: '', version: OPSET },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: model.name,
      node: model.nodes.map(({ opType, domain, inputs, outputs, attributes }) => ({
        opType,
        domain,
        name: outputs[0],
        input: inputs,
        output: outputs,
        attribute: Object.entries(attributes).map(attributeProto),
      })),
      initializer: model.initializers.map(tensorProto),
      input: model.inputs.map(portProto),
      output: model.outputs.map(portProto),
    },
  } as unknown as protobuf.Message).finish();
}

/** The operators of a model in order, as `domain.OpType` (no domain: ONNX's own). */
export function operatorsOf(model: Uint8Array): string[] {
  const decoded = ModelProto.toObject(ModelProto.decode(model), { defaults: true }) as {
    graph: { node: { opType: string; domain: string }[] };
  };
  return decoded.graph.node.map(({ opType, domain }) => (domain === '' ? opType : `${domain}.${opType}`));
}
