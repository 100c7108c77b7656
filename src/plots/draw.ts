/** Draws a specification as SVG, with vega, or as PNG, with resvg, which is an optional dependency with native parts. */
import type { TopLevelSpec } from "vega-lite";
import { CoxswainError, messageOf } from "../errors.js";

/** Pixels of a PNG per pixel of the picture, for screens of high density. */
const density = 2;

/** @param onWarning receives what vega warns of */
export async function drawSvg(specification: TopLevelSpec, onWarning: (text: string) => void): Promise<string> {
  const [{ View, parse, logger, Warn }, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  const log = logger(Warn, undefined, (_, __, parts) => onWarning(parts.map(String).join(" ")));
  const view = new View(parse(compile(specification, { logger: log }).spec), { renderer: "none", logger: log });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** @throws CoxswainError "machine" if the renderer is not installed, or there is no font */
export async function drawPng(svg: string): Promise<Uint8Array> {
  const { Resvg } = await import("@resvg/resvg-js").catch((error: unknown) => {
    throw new CoxswainError("machine", `PNG needs the package @resvg/resvg-js: ${messageOf(error)}`, {
      hint: "Install it with `npm install @resvg/resvg-js`, or write an SVG: --out FILE.svg.",
      cause: error,
    });
  });
  const font = { loadSystemFonts: true, defaultFontFamily: "DejaVu Sans" };
  const probe = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text y="9">0</text></svg>';
  if (new Resvg(probe, { font }).getBBox() === undefined)
    throw new CoxswainError("machine", "PNG needs a font for its labels, and this machine has none", {
      hint: "Install one (Debian and Ubuntu: apt-get install fonts-dejavu-core), or write an SVG: --out FILE.svg.",
    });
  const picture = new Resvg(svg, { font, background: "white", fitTo: { mode: "zoom", value: density } });
  return picture.render().asPng();
}
