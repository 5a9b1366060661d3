/** @file The drawing in the page: draws a set of edges, makes some stand out, says what lies under the pointer. */
import type { CircuitData } from '../drawing/circuit-data.js';
import { type CircuitLayout, circuitLayout, samePlaces } from '../drawing/circuit-layout.js';
import { circuitParts, placesOf, sizeAttributes } from '../drawing/circuit-svg.js';
import { edgeOpacity, edgesMarkup } from '../drawing/edge-lines.js';
import { edgeRoute, routePath, routePoints } from '../drawing/edge-route.js';
import { edgeNear } from './edge-hit.js';
import { required } from './elements.js';

/** The drawing in the page. */
export interface Drawing {
  readonly svg: SVGSVGElement;
  layout(): CircuitLayout;
  /** Keys of the places that edges lead from and to. */
  on(): ReadonlySet<number>;
  /** @param most only so many of the edges get a line; nodes are those of all */
  show(edges: readonly number[], most?: number): void;
  /** These stand out and all others fade; null: none does. */
  light(edges: readonly number[] | null, nodes: readonly number[]): void;
  /** The edge under a point of the screen, or null. */
  edgeAt(clientX: number, clientY: number): number | null;
  elementOf(key: number): SVGGElement | null;
}

/** Takes over the drawing that the report was written with. @param resized called when its size has changed */
export function createDrawing(svg: SVGSVGElement, data: CircuitData, resized: () => void): Drawing {
  const group = (name: string): SVGGElement => required(`.${name}`, SVGGElement, svg);
  const groups = {
    back: group('back'),
    edges: group('edges'),
    moves: group('moves'),
    nodes: group('nodes'),
    rows: group('rows'),
  };
  const lit = group('lit');
  let layout = circuitLayout(data, []);
  let shown: readonly number[] = [];
  let on: ReadonlySet<number> = new Set();
  let written: Partial<Record<keyof typeof groups, string>> = {};
  /** By edge, as long as places do not change. */
  let paths: string[] = [];
  const pathOf = (edge: number): string => {
    paths[edge] ??= routePath(edgeRoute(data, layout, edge));
    return paths[edge];
  };
  let sized = false;
  let lines: Map<number, readonly number[]> | null = null;
  const elements = (): NodeListOf<SVGGElement> => groups.nodes.querySelectorAll<SVGGElement>('.node');

  function takeSize(): void {
    const host = document.createElement('div');
    host.innerHTML = `<svg ${sizeAttributes(layout)}></svg>`; // numbers only
    for (const { name, value } of host.firstElementChild!.attributes) svg.setAttribute(name, value);
    resized();
  }

  return {
    svg,
    layout: () => layout,
    on: () => on,
    show(edges, most = edges.length) {
      shown = edges.slice(0, most);
      lines = null;
      on = placesOf(data, edges);
      const next = circuitLayout(data, edges);
      if (!samePlaces(layout, next)) paths = [];
      // The page is not laid out anew for the same size.
      const resizes = !sized || next.width !== layout.width || next.height !== layout.height;
      layout = next;
      const parts = circuitParts(data, edges, layout, pathOf, shown);
      for (const name of Object.keys(groups) as (keyof typeof groups)[]) {
        // What has not changed is not parsed again: mostly all but the edges.
        if (written[name] !== parts[name]) groups[name].innerHTML = parts[name];
      }
      written = parts;
      groups.edges.style.strokeOpacity = `${edgeOpacity(shown.length)}`;
      if (resizes) takeSize();
      sized = true;
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
        node.setAttribute('aria-pressed', `${picked.includes(place.node)}`);
      }
    },
    edgeAt(clientX, clientY) {
      const matrix = svg.getScreenCTM();
      if (!matrix) return null;
      const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(matrix.inverse());
      lines ??= new Map(shown.map((edge) => [edge, routePoints(edgeRoute(data, layout, edge))]));
      return edgeNear(lines, x, y, 5 / matrix.a);
    },
    elementOf: (key) => groups.nodes.querySelector<SVGGElement>(`[data-key="${key}"]`),
  };
}

/** The key that stands on a node's element. */
export const keyOf = (element: Element): number => Number(element.getAttribute('data-key'));
