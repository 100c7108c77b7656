/**
 * The columns of a Parquet file as a tree of structs, lists and maps, with the levels at which each is null, empty or
 * present (Dremel's definition and repetition levels; parquet-format, LogicalTypes.md, "Nested Types"). Pure.
 */
import type { SchemaElement, SchemaTree } from "hyparquet";
import { converterOf, type Convert } from "./values.js";

interface Levels {
  /** Definition level from which on it is not null. */
  readonly def: number;
  readonly rep: number;
}

export interface LeafNode extends Levels {
  readonly kind: "leaf";
  readonly name: string;
  readonly element: SchemaElement;
  /** From the root, as the pages' decoder needs it. */
  readonly path: readonly SchemaTree[];
  readonly convert: Convert;
  readonly leaves: readonly LeafNode[];
}

export interface StructNode extends Levels {
  readonly kind: "struct";
  readonly name: string;
  readonly fields: readonly ParquetNode[];
  readonly leaves: readonly LeafNode[];
}

export interface ListNode extends Levels {
  readonly kind: "list" | "map";
  readonly name: string;
  /** Definition level from which on it is not empty. */
  readonly filledDef: number;
  /** Of a map: a struct of key and value. */
  readonly item: ParquetNode;
  readonly leaves: readonly LeafNode[];
}

export type ParquetNode = LeafNode | StructNode | ListNode;

/** A column that cannot be read, and why. */
export interface UnreadColumn {
  readonly name: string;
  /** "binary data" */
  readonly type: string;
}

export interface ParquetColumns {
  readonly columns: readonly ParquetNode[];
  readonly unread: readonly UnreadColumn[];
}

class UnsupportedColumn extends Error {
  readonly type: string;
  constructor(type: string) {
    super(type);
    this.type = type;
  }
}

/** @param root as `parquetSchema` of hyparquet makes it */
export function columnsOf(root: SchemaTree): ParquetColumns {
  const columns: ParquetNode[] = [];
  const unread: UnreadColumn[] = [];
  for (const column of root.children) {
    try {
      columns.push(nodeOf(column, { def: 0, rep: 0 }, [root]));
    } catch (error) {
      if (!(error instanceof UnsupportedColumn)) throw error;
      unread.push({ name: column.element.name, type: error.type });
    }
  }
  return { columns, unread };
}

function nodeOf(tree: SchemaTree, around: Levels, above: readonly SchemaTree[]): ParquetNode {
  const { name, repetition_type: repetition } = tree.element;
  if (repetition === "REPEATED") {
    // Without LIST around it: a list that is never null, of items that are never null.
    const inner = { def: around.def + 1, rep: around.rep + 1 };
    const item = contentOf(tree, inner, above);
    return { kind: "list", name, ...inner, def: around.def, filledDef: inner.def, item, leaves: item.leaves };
  }
  return contentOf(tree, { def: around.def + (repetition === "OPTIONAL" ? 1 : 0), rep: around.rep }, above);
}

/** @param levels of the node itself */
function contentOf(tree: SchemaTree, levels: Levels, above: readonly SchemaTree[]): ParquetNode {
  const { element, children } = tree;
  const path = [...above, tree];
  const { name } = element;
  if (children.length === 0) return leafOf(tree, levels, path);
  const [repeated] = children;
  const isMap = annotatedAs("MAP", element) || element.converted_type === "MAP_KEY_VALUE";
  const isAnnotated = isMap || annotatedAs("LIST", element);
  if (isAnnotated && children.length === 1 && repeated?.element.repetition_type === "REPEATED") {
    const inner = { def: levels.def + 1, rep: levels.rep + 1 };
    const item = isMap ? contentOf(repeated, inner, path) : itemOf(repeated, name, inner, path);
    if (!isMap || isKeyed(item))
      return {
        kind: isMap ? "map" : "list",
        name,
        ...levels,
        rep: inner.rep,
        filledDef: inner.def,
        item,
        leaves: item.leaves,
      };
  }
  if (element.logical_type?.type === "VARIANT") throw new UnsupportedColumn("VARIANT");
  const fields = children.map((child) => nodeOf(child, levels, path));
  return { kind: "struct", name, ...levels, fields, leaves: fields.flatMap(({ leaves }) => leaves) };
}

const annotatedAs = (
  type: "LIST" | "MAP",
  { logical_type: logical, converted_type: converted }: SchemaElement,
): boolean => logical?.type === type || converted === type;

function isKeyed(item: ParquetNode): boolean {
  if (item.kind !== "struct") return false;
  const [key] = item.fields;
  if (item.fields.length !== 2 || key?.kind !== "leaf") return false;
  return true;
}

/** The items of a list: below the repeated group, unless that is itself the item, as older writers have it. */
function itemOf(repeated: SchemaTree, list: string, inner: Levels, above: readonly SchemaTree[]): ParquetNode {
  const [only, ...others] = repeated.children;
  const isItem =
    only === undefined ||
    others.length > 0 ||
    only.element.repetition_type === "REPEATED" ||
    ["array", `${list}_tuple`].includes(repeated.element.name);
  return isItem ? contentOf(repeated, inner, above) : nodeOf(only, inner, [...above, repeated]);
}

function leafOf({ element }: SchemaTree, levels: Levels, path: readonly SchemaTree[]): LeafNode {
  const convert = converterOf(element);
  if (typeof convert !== "function") throw new UnsupportedColumn(convert.unsupported);
  const leaves: LeafNode[] = [];
  const leaf: LeafNode = { kind: "leaf", name: element.name, ...levels, element, path, convert, leaves };
  leaves.push(leaf);
  return leaf;
}
