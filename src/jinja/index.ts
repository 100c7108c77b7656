/**
 * Jinja as Python has it, with the settings that transformers gives it for chat templates: a template renders to the
 * text that jinja2 renders, or is refused with the construct named. Knows nothing of conversations or tokens.
 */
export { LimitError, PythonError, UnsupportedError } from "./errors.js";
export { jsonKey, parseJson, plainNumber, toTemplateValue } from "./json-reader.js";
export { compileTemplate, type RenderOptions, type Template } from "./template.js";
export { PyDict } from "./dict.js";
export { PyFloat, PyTuple, type Value } from "./values.js";
