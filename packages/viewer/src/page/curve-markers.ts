/** @file A line in each curve over circuit size at the size that the drawing shows, with a dot on a curve that stands alone. */

/** @returns moves the lines */
export function createCurveMarkers(): (edges: number) => void {
  const curves = [...document.querySelectorAll<SVGSVGElement>('svg[data-edges]')].map(markerOf);
  return (edges) => {
    for (const move of curves) move(edges);
  };
}

function markerOf(svg: SVGSVGElement): (edges: number) => void {
  const [zero = 0, first = 0, decade = 0] = (svg.dataset.edges ?? '').split(' ').map(Number);
  const marker = svg.querySelector<SVGGElement>('.at');
  const line = marker?.querySelector('line');
  const dot = marker?.querySelector('circle');
  const series = svg.querySelectorAll('.series');
  const dots = series.length === 1 ? [...series[0]!.querySelectorAll('.dot')].map(centre) : [];
  return (edges) => {
    if (!marker || !line || !dot) return;
    const x = edges < 1 ? zero : first + decade * Math.log10(edges);
    marker.removeAttribute('hidden');
    line.setAttribute('x1', `${x}`);
    line.setAttribute('x2', `${x}`);
    const y = heightAt(dots, x);
    dot.toggleAttribute('hidden', y === null);
    if (y === null) return;
    dot.setAttribute('cx', `${x}`);
    dot.setAttribute('cy', `${y}`);
  };
}

const centre = (dot: Element): readonly [number, number] => [
  Number(dot.getAttribute('cx')),
  Number(dot.getAttribute('cy')),
];

/** On the line through the dots; null outside of it. */
function heightAt(dots: readonly (readonly [number, number])[], x: number): number | null {
  const after = dots.findIndex(([at]) => at >= x - 0.06);
  if (after < 0) return null;
  const [bx, by] = dots[after]!;
  if (Math.abs(bx - x) < 0.06) return by;
  if (after === 0) return null;
  const [ax, ay] = dots[after - 1]!;
  return ay + ((by - ay) * (x - ax)) / (bx - ax);
}
