/** Random numbers that depend on what they are for, not on when they are drawn; averages of curves. */
export { movingAverage } from "./moving-average.js";
export { bernoulliMask } from "./philox-mask.js";
export { hashName, philox4x32, PhiloxStream, streams } from "./philox.js";
