/** Pictures of runs' curves: the public interface of `plots/`. vega is loaded when a picture is drawn. */
export { drawPng, drawSvg } from "./draw.js";
export { plotSpecification, type PlottedRun, type PlotOptions } from "./specification.js";
