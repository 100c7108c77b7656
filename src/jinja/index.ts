/**
 * An implementation of Python's Jinja with the settings of transformers' chat templates: a template renders to the same
 * text as with jinja2, or is refused with the construct named. Independent of conversations and tokens.
 */
export { LimitError, PythonError, UnsupportedError } from "./errors.js";
export { jsonKey, jsonObject, parseJson, plainNumber, toTemplateValue } from "./json-reader.js";
export { compileTemplate, type RenderOptions, type Template } from "./template.js";
export { repeatedKeys } from "./repeated-keys.js";
export { PyDict } from "./dict.js";
export { PyFloat, PyTuple, type Value } from "./values.js";
