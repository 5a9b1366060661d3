/** @file The drawing in the page: draws a set of edges, makes some stand out, says what lies under the pointer. */
import type { CircuitData } from '../drawing/circuit-data.js';
import { type CircuitLayout, circuitLayout } from '../drawing/circuit-layout.js';
import { placesOf, sizeAttributes } from '../drawing/circuit-svg.js';
import { type CurvePoints, curvePath, edgeCurve, edgeOpacity, edgesMarkup } from '../drawing/edge-curves.js';
import { backMarkup, nodesMarkup, rowsMarkup } from '../drawing/node-markup.js';
import { edgeNear, type SampledCurves, sampleCurves } from './edge-hit.js';
import { required } from './elements.js';

/** The drawing in the page. */
export interface Drawing {
  readonly svg: SVGSVGElement;
  layout(): CircuitLayout;
  /** Keys of the places that edges lead from and to. */
  on(): ReadonlySet<number>;
  show(edges: readonly number[]): void;
  /** These stand out and all others fade; null: none does. */
  light(edges: readonly number[] | null, nodes: readonly number[]): void;
  /** The edge under a point of the screen, or null. */
  edgeAt(clientX: number, clientY: number): number | null;
  elementOf(key: number): SVGGElement | null;
}

/** Takes over the drawing that the report was written with. */
export function createDrawing(svg: SVGSVGElement, data: CircuitData): Drawing {
  const group = (name: string): SVGGElement => required(`.${name}`, SVGGElement, svg);
  const [back, lines, lit, nodes, rows] = ['back', 'edges', 'lit', 'nodes', 'rows'].map(group) as [
    SVGGElement,
    SVGGElement,
    SVGGElement,
    SVGGElement,
    SVGGElement,
  ];
  let layout = circuitLayout(data, []);
  let shown: readonly number[] = [];
  let on: ReadonlySet<number> = new Set();
  let samples: SampledCurves | null = null;
  let drawn = false;
  // Where places do not change with the edges, a curve is made once.
  let paths: string[] = [];
  const curve = (edge: number): CurvePoints => edgeCurve(data, layout, edge);
  const pathOf = (edge: number): string => {
    paths[edge] ??= curvePath(curve(edge));
    return paths[edge];
  };
  const elements = (): NodeListOf<SVGGElement> => nodes.querySelectorAll<SVGGElement>('.node');

  function layOut(edges: readonly number[]): void {
    layout = circuitLayout(data, edges);
    paths = [];
    const host = document.createElement('div');
    host.innerHTML = `<svg ${sizeAttributes(layout)}></svg>`; // numbers only
    for (const { name, value } of host.firstElementChild!.attributes) svg.setAttribute(name, value);
    back.innerHTML = backMarkup(layout);
    rows.innerHTML = rowsMarkup(layout);
    nodes.innerHTML = nodesMarkup(data, layout, placesOf(data, edges));
  }

  return {
    svg,
    layout: () => layout,
    on: () => on,
    show(edges) {
      shown = edges;
      samples = null;
      on = placesOf(data, edges);
      if (drawn && data.positions === null) for (const node of elements()) setOn(node, on.has(keyOf(node)));
      else layOut(edges);
      drawn = true;
      lines.innerHTML = edgesMarkup(data, edges, pathOf);
      lines.style.strokeOpacity = `${edgeOpacity(edges.length)}`;
    },
    light(edges, picked) {
      svg.classList.toggle('dimmed', edges !== null);
      lit.innerHTML = edges === null ? '' : edgesMarkup(data, edges, pathOf);
      lit.style.strokeOpacity = edges === null || edges.length < 150 ? '.92' : '.6';
      const touched = edges === null ? null : placesOf(data, edges);
      for (const node of elements()) {
        const place = layout.places.get(keyOf(node))!;
        node.classList.toggle('faded', touched !== null && !touched.has(keyOf(node)));
        node.classList.toggle('picked', picked.includes(place.node));
        if (on.has(keyOf(node))) node.setAttribute('aria-pressed', `${picked.includes(place.node)}`);
      }
    },
    edgeAt(clientX, clientY) {
      const matrix = svg.getScreenCTM();
      if (!matrix) return null;
      const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(matrix.inverse());
      samples ??= sampleCurves(shown, curve);
      return edgeNear(samples, x, y, 5 / matrix.a);
    },
    elementOf: (key) => nodes.querySelector<SVGGElement>(`[data-key="${key}"]`),
  };
}

/** As `nodesMarkup` writes it. */
function setOn(node: SVGGElement, on: boolean): void {
  if (node.classList.contains('on') === on) return;
  node.classList.toggle('on', on);
  if (!on) node.removeAttribute('tabindex');
  node.removeAttribute(on ? 'aria-hidden' : 'aria-pressed');
  node.setAttribute(on ? 'aria-pressed' : 'aria-hidden', `${!on}`);
}

/** The key that stands on a node's element. */
export const keyOf = (element: Element): number => Number(element.getAttribute('data-key'));
