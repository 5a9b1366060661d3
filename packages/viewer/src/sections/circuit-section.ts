/** @file The section of the report that shows the circuit: controls, drawing, legend. */
import { type CircuitData, edgesAtFirst, edgeTotal } from '../drawing/circuit-data.js';
import { circuitSvg } from '../drawing/circuit-svg.js';
import { positionName } from '../drawing/node-markup.js';
import { sectionHtml } from '../markup/section.js';
import { count, edgesText, escapeHtml } from '../markup/text.js';

/** The section's HTML. */
export function circuitSection(data: CircuitData): string {
  const first = edgesAtFirst(data);
  const words = edgesText(first.length);
  const where = data.positions === null ? 'input below, output above' : 'a column for each token position, input below';
  const drawing = circuitSvg(data, first, `The circuit, ${where}. Arrow keys walk from node to node.`);
  return sectionHtml(
    'circuit',
    'Circuit',
    `<div class="controls needs-script" hidden>
<label for="size" class="grow">Edges <input id="size" type="range" list="measured" min="0" max="${data.stops.length - 1}" value="${data.first}" aria-valuetext="${words}"></label>
<datalist id="measured">${data.measured.map((size) => `<option value="${data.stops.indexOf(size)}"></option>`).join('')}</datalist>
<output id="shown" for="size">${words}</output>
<button id="kept" type="button">Kept circuit</button>
</div>
<div class="controls needs-script" hidden>
<label for="search">Find <input id="search" type="search" list="names" placeholder="node or edge" autocomplete="off" spellcheck="false"></label>
<datalist id="names">${data.nodes.map(({ name }) => `<option value="${escapeHtml(name)}"></option>`).join('')}</datalist>
${positionSelect(data)}<button id="save-svg" type="button">Save SVG</button>
<button id="save-png" type="button">Save PNG</button>
<span class="zoom" role="group" aria-label="Size of the drawing"><button id="zoom-out" type="button" aria-label="Smaller">−</button><button id="zoom-fit" type="button">Fit</button><button id="zoom-in" type="button" aria-label="Larger">+</button></span>
<span id="found" class="note" role="status"></span>
</div>
<div class="scroll drawing" tabindex="0" role="region" aria-label="Drawing of the circuit">${drawing}</div>
${legend(data)}`,
  );
}

function positionSelect(data: CircuitData): string {
  if (data.positions === null) return '';
  const options = data.positions.map(
    (_, position) => `<option value="${position}">${escapeHtml(positionName(data, position))}</option>`,
  );
  return `<label for="position">Position <select id="position"><option value="">all</option>${options.join('')}</select></label>\n`;
}

function legend(data: CircuitData): string {
  const colours = data.signed
    ? '<span class="pos"><i></i>supports the answer</span><span class="neg"><i></i>works against it</span>'
    : '<span class="plain"><i></i>important, for the answer or against it: these scores have no sign</span>';
  const less = edgeTotal(data) < data.total;
  const limit = less
    ? `<p class="note limit">The drawing holds the ${count(edgeTotal(data))} most important of ${count(data.total)} edges; all scores are in the run folder.</p>`
    : '';
  const part =
    data.first === data.start
      ? ''
      : `<p class="note">Drawn at first: the ${count(data.stops[data.first]!)} most important edges; the circuit that was kept has ${count(data.keptSize)}.</p>`;
  const grown =
    data.kept === null
      ? ''
      : '<p class="note">The circuit that was kept was not chosen by importance alone (--select). The slider shows the most important edges, “Kept circuit” that circuit.</p>';
  return `<p class="legend">${colours}<span>width: size of the score</span><span>marks at the slider: measured sizes</span><span>choose a node to see its edges</span></p>${part}${limit}${grown}`;
}
