/** @file The header of three lines: model and graph, task and prompts, backend. On stderr, since it is no result. */
import type { Graph, ModelObject } from '@auto-circuit/core';
import type { BackendInfo } from '@auto-circuit/core/backend';
import { countOf } from './numbers.js';
import type { Output } from './output.js';

/** The lines of the header. */
export interface Header {
  readonly model: string;
  readonly task?: string;
  readonly backend?: string;
}

/** Writes what is known, one line each. */
export function writeHeader(output: Output, header: Header): void {
  const { dim } = output.errorColors;
  for (const [label, text] of [
    ['model', header.model],
    ['task', header.task],
    ['backend', header.backend],
  ] as const) {
    if (text !== undefined) output.note(`${dim(label.padEnd(LABEL))}${wrapped(text, output)}`);
  }
}

const LABEL = 8;

/** On a terminal that is too narrow, breaks the line between its parts. */
function wrapped(text: string, { streams: { stderr } }: Output): string {
  const room = (stderr.isTTY && stderr.columns ? stderr.columns : Number.POSITIVE_INFINITY) - LABEL;
  const lines: string[] = [];
  for (const part of text.split(' · ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + part.length + 3 <= room) lines[lines.length - 1] = `${last} · ${part}`;
    else lines.push(part);
  }
  return lines.join(`\n${' '.repeat(LABEL)}`);
}

/** `micro · 12 sources, 40 destinations, 300 edges · weights: fold-norm, center-writes`. */
export function modelLine(model: ModelObject, graph: Graph): string {
  const positions = graph.options.positions === null ? '' : ` at ${graph.options.positions} positions`;
  const sizes = `${countOf(graph.sources.length, 'source')}, ${countOf(graph.destinations.length, 'destination')}, ${countOf(graph.edgeCount, 'edge')}${positions}`;
  const processing = model.processing.length ? `weights: ${model.processing.join(', ')}` : 'weights as they are';
  return [model.name, sizes, processing].join(' · ');
}

/** `onnx · cpu · 2 threads · onnxruntime-node 1.30.0`. */
export function backendLine(info: BackendInfo): string {
  return [info.backend, info.device, countOf(info.threads, 'thread'), info.runtime].join(' · ');
}
