/**
 * @file Figures that a result may carry beyond what every run has: plain data with a title, drawn by the report.
 *
 * @example
 * const figures = [{ kind: 'bars', title: 'shares', unit: '%', bars: [{ name: 'A0.1', value: 62 }, { name: 'MLP 0', value: null }] }];
 */

/** What every figure has. */
interface FigureWords {
  readonly title: string;
  /** What the values are in. */
  readonly unit?: string | undefined;
  /** What it shows, in a sentence or two. */
  readonly doc?: string | undefined;
}
/** Lines over a number. */
export interface CurveFigure extends FigureWords {
  readonly kind: 'curve';
  /** What runs along the horizontal axis. */
  readonly along: string;
  /** Points by rising x; `error`: one standard error. */
  readonly lines: readonly {
    readonly name: string;
    readonly points: readonly { readonly x: number; readonly y: number; readonly error?: number | undefined }[];
  }[];
}
/** A bar for each name; null: there is no value. */
export interface BarsFigure extends FigureWords {
  readonly kind: 'bars';
  readonly bars: readonly { readonly name: string; readonly value: number | null }[];
}
/** A cell for each row and column; null: there is no value. */
export interface HeatMapFigure extends FigureWords {
  readonly kind: 'heat-map';
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** [rows][columns] */
  readonly values: readonly (readonly (number | null)[])[];
}
/** Words and numbers in rows; null: an empty cell. */
export interface TableFigure extends FigureWords {
  readonly kind: 'table';
  readonly columns: readonly string[];
  /** [rows][columns] */
  readonly rows: readonly (readonly (string | number | null)[])[];
}
/** A figure of a result. */
export type ResultFigure = CurveFigure | BarsFigure | HeatMapFigure | TableFigure;
